"""What had been said before a trigger: the earlier messages of its segment, as a list and as text.

A context ends where the trigger's turn begins, so nothing later than my reply can be in it; a message that was edited
after my reply stands in it as it read then. Masking a context for a split is the business of ``masking``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from jarvis_assets.pairs.lists import joined, lists, offsets_of, ranges, strings
from jarvis_resources.tables import Type

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from jarvis_assets.pairs.timeline import Timeline

CONTEXT_MESSAGES = 50
"""Most messages in a context: what the design defines; ``settings.context_messages`` overrides it."""
ME = "me"
"""Speaker of my own messages in a context."""
_BATCH = 16_384
"""Contexts made at a time: of 50 messages each, their lists and texts are 120 MB."""


@dataclass(frozen=True)
class Contexts:
    """Contexts of n triggers, aligned: ``entries`` (column type ``CONTEXT``), and the same as ``texts``."""

    entries: pa.ChunkedArray
    texts: pa.ChunkedArray


def contexts(
    timeline: Timeline,
    segments: NDArray[np.int64],
    trigger_turns: NDArray[np.int64],
    reply_micros: NDArray[np.int64],
    *,
    limit: int = CONTEXT_MESSAGES,
    people: pd.DataFrame | None = None,
) -> Contexts:
    """The up to ``limit`` messages before each trigger's turn in its segment.

    ``trigger_turns`` and ``reply_micros`` (µs since 1970) are aligned; ``segments`` has a number per turn. ``people``
    lends its display names to the text form.
    """
    ends = timeline.first[trigger_turns]
    begins = np.maximum(segment_starts(timeline, segments)[ends], ends - limit) if len(ends) else ends
    lines = _Lines.of(timeline, people)
    edits_before = offsets_of(timeline.edited.astype(np.int64))
    entries, texts = [], []
    for start in range(0, len(ends), _BATCH):
        part = slice(start, start + _BATCH)
        sizes = ends[part] - begins[part]
        offsets, shown = offsets_of(sizes), ranges(begins[part], sizes)
        seen = lines.text.take(shown)
        if (edits_before[ends[part]] > edits_before[begins[part]]).any():
            seen = _as_seen(timeline, seen, shown, np.repeat(reply_micros[part], sizes))
        spoken = pa.StructArray.from_arrays(
            [lines.guid.take(shown), lines.speaker.take(shown), seen], names=["guid", "speaker", "text"]
        )
        entries.append(lists(offsets, spoken))
        texts.append(joined(offsets, pc.binary_join_element_wise(lines.label.take(shown), seen, ": ")))
    return Contexts(pa.chunked_array(entries, Type.CONTEXT.arrow), pa.chunked_array(texts, pa.string()))


def _as_seen(
    timeline: Timeline, texts: pa.StringArray, positions: NDArray[np.int64], micros: NDArray[np.int64]
) -> pa.StringArray:
    """``texts`` of the messages at ``positions`` as they stood at ``micros``."""
    edited = timeline.edited[positions]
    # A loop over edited messages in contexts: few messages are ever edited.
    stood = [timeline.text_seen(at, when) for at, when in zip(positions[edited], micros[edited], strict=True)]
    return pc.replace_with_mask(texts, pa.array(edited), pa.array(stood, pa.string()))


@dataclass(frozen=True)
class _Lines:
    """What each message of a timeline contributes to a context."""

    guid: pa.StringArray
    speaker: pa.StringArray
    label: pa.StringArray
    """The speaker in the text form."""
    text: pa.StringArray

    @classmethod
    def of(cls, timeline: Timeline, people: pd.DataFrame | None) -> _Lines:
        rows = timeline.messages
        speaker = rows["person_id"].fillna("unknown").mask(rows["is_from_me"], ME)
        who, speakers = pd.factorize(speaker)
        labels = speaker_labels([person for person in speakers if person != ME], people) | {ME: "Me"}
        number = pa.array(who)
        return cls(
            guid=strings(rows["guid"]),
            speaker=pa.array(speakers.tolist(), pa.string()).take(number),
            label=pa.array([labels[person] for person in speakers], pa.string()).take(number),
            text=strings(rows["text"]),
        )


def segment_starts(timeline: Timeline, segments: NDArray[np.int64]) -> NDArray[np.int64]:
    """Per message, the position of the first message of its segment."""
    of_message = segments[timeline.turn]
    conversation = pd.factorize(timeline.messages["conversation_id"])[0]
    begins = np.ones(len(of_message), dtype=bool)
    begins[1:] = (of_message[1:] != of_message[:-1]) | (conversation[1:] != conversation[:-1])
    return np.maximum.accumulate(np.where(begins, np.arange(len(of_message)), 0))


def speaker_labels(person_ids: Sequence[str], people: pd.DataFrame | None) -> dict[str, str]:
    """How each person is called in the text form: ``Them (Ana)``, or by the start of the id where no name is known."""
    names: dict[str, str] = {}
    if people is not None:
        known = people[people["display_name"].notna()]
        names = dict(zip(known["person_id"], known["display_name"], strict=True))
    return {person: f"Them ({names.get(person) or person[:6]})" for person in person_ids}
