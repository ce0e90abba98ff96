"""What had been said before a trigger: the earlier messages of its segment, as a list and as text.

A context ends where the trigger's turn begins, so nothing later than my reply can be in it; a message that was edited
after my reply stands in it as it read then. Masking a context for a split is the business of ``splits``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from jarvis_assets.pairs.timeline import Timeline

CONTEXT_MESSAGES = 50
"""Most messages in a context: what the design defines; ``settings.context_messages`` overrides it."""
ME = "me"
"""Speaker of my own messages in a context."""

Entry = dict[str, str]
"""One message of a context: guid, speaker ('me' or a person_id), text."""


@dataclass(frozen=True)
class Contexts:
    """Contexts of n triggers, aligned: their messages, and the same as text."""

    entries: list[list[Entry]]
    texts: list[str]


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
    if len(trigger_turns) == 0:
        return Contexts([], [])
    starts = segment_starts(timeline, segments)
    ends = timeline.first[trigger_turns]
    begins = np.maximum(starts[ends], ends - limit)
    entries, lines = _rendered(timeline, people)
    edits_before = np.concatenate([[0], np.cumsum(timeline.edited)])
    has_edits = edits_before[ends] > edits_before[begins]

    listed: list[list[Entry]] = []
    texts: list[str] = []
    # A loop over pairs: each context is a list of its own. The entries themselves are shared between contexts.
    for a, b, edited, micros in zip(
        begins.tolist(), ends.tolist(), has_edits.tolist(), reply_micros.tolist(), strict=True
    ):
        part, shown = entries[a:b], lines[a:b]
        if edited:
            for at in (a + np.flatnonzero(timeline.edited[a:b])).tolist():
                text = timeline.text_seen(at, micros)
                part[at - a] = {**part[at - a], "text": text}
                shown[at - a] = lines[at].removesuffix(entries[at]["text"]) + text
        listed.append(part)
        texts.append("\n".join(shown))
    return Contexts(listed, texts)


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


def _rendered(timeline: Timeline, people: pd.DataFrame | None) -> tuple[list[Entry], list[str]]:
    """Every message as a context entry and as a line of text."""
    rows = timeline.messages
    mine = rows["is_from_me"].to_numpy()
    speaker = rows["person_id"].fillna("unknown").mask(rows["is_from_me"], ME)
    labels = {**speaker_labels(speaker[~mine].unique().tolist(), people), ME: "Me"}
    entries = [
        {"guid": guid, "speaker": who, "text": text}
        for guid, who, text in zip(rows["guid"], speaker, rows["text"], strict=True)
    ]
    lines = (speaker.map(labels) + ": " + rows["text"]).tolist()
    return entries, lines
