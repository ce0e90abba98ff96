"""Tapbacks: what a row's association says, and tapbacks that arrived as text.

Between an iPhone and anything else a tapback travels as a message, ``Loved “See you at six”``. It is one only if
its quote is what somebody said earlier in the same conversation: people also write such sentences themselves. Rows must
be in chronological order. Only Apple's English wordings are known here.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from jarvis_resources.tables import TAPBACKS

_TARGET_FORM = r"^(?:p:\d+/|bp:)"
"""A tapback on part N of a message is written ``p:N/GUID``, one on a balloon ``bp:GUID``, some bare."""

_WHAT = r"(?:[“\"](?P<quote>.+)[”\"]|an? (?P<thing>image|photo|movie|video|attachment|audio message|sticker))"
_EMOJI = r"[^\x00-\x7f]\S*"
_ADDED = re.compile(
    rf"(?:(?P<verb>Loved|Liked|Disliked|Laughed at|Emphasi[sz]ed|Questioned)|Reacted {_EMOJI} to) {_WHAT}", re.DOTALL
)
_REMOVED = re.compile(
    rf"Removed (?:an? (?P<mark>heart|like|dislike|laugh|exclamation(?: mark| point)?|question mark)|{_EMOJI}) from {_WHAT}",
    re.DOTALL,
)
_MAYBE = r"^(?:Loved|Liked|Disliked|Laughed|Emphasi[sz]ed|Questioned|Reacted|Removed) (?s:.*)(?:[”\"]|[a-z])$"
"""Cheap test in Arrow that leaves a handful of rows for the exact patterns."""

_KIND = {
    "Loved": "loved", "Liked": "liked", "Disliked": "disliked", "Laughed at": "laughed", "Emphasized": "emphasized",
    "Emphasised": "emphasized", "Questioned": "questioned", "heart": "loved", "like": "liked", "dislike": "disliked",
    "laugh": "laughed", "exclamation": "emphasized", "exclamation mark": "emphasized",
    "exclamation point": "emphasized", "question mark": "questioned",
}  # fmt: skip


@dataclass(frozen=True)
class TextTapback:
    """A message that is a tapback, and the message it is on, both as places in the history."""

    place: int
    target: int | None
    """None: the attachment that it is on is gone."""
    kind: str
    """One of ``tables.TAPBACKS``."""
    removed: bool


def target_guids(associated: pa.ChunkedArray) -> pa.ChunkedArray:
    """``associated_message_guid`` in any of its forms → the guid of the message."""
    return pc.replace_substring_regex(associated, _TARGET_FORM, "")


def find_text_tapbacks(
    text: pa.ChunkedArray,
    conversation: npt.NDArray[np.int64],
    attachments: npt.NDArray[np.int64],
    eligible: npt.NDArray[np.bool_],
) -> list[TextTapback]:
    """Tapbacks among the texts of a history in chronological order.

    ``conversation`` is −1 outside conversations, ``eligible`` marks ordinary messages: only they can be tapbacks sent as
    text. The target is the latest earlier message of the conversation with the quoted text, or with an attachment. The
    loops run over the few candidates, what they quote, and attachments.
    """
    maybe = pc.fill_null(pc.match_substring_regex(text, _MAYBE), False).to_numpy() & eligible & (conversation >= 0)
    candidates = []
    for place in np.flatnonzero(maybe).tolist():
        said = text[place].as_py()
        if match := _ADDED.fullmatch(said) or _REMOVED.fullmatch(said):
            candidates.append((place, match))
    if not candidates:
        return []

    quotes = pa.array(sorted({match["quote"].strip() for _, match in candidates if match["quote"]}), pa.string())
    quoted = pc.is_in(text, value_set=quotes).to_numpy()
    said_at: dict[tuple[int, str], list[int]] = {}
    for place in np.flatnonzero(quoted).tolist():
        said_at.setdefault((int(conversation[place]), text[place].as_py()), []).append(place)
    shown_at: dict[int, list[int]] = {}
    for place in np.flatnonzero(attachments > 0).tolist():
        shown_at.setdefault(int(conversation[place]), []).append(place)

    found = []
    for place, match in candidates:
        where = int(conversation[place])
        quote = match["quote"]
        earlier = said_at.get((where, quote.strip()), []) if quote else shown_at.get(where, [])
        before = bisect_left(earlier, place)
        # "Loved an image" is nobody's own sentence, so it needs no image that is still there; a quote needs its origin.
        if before or not quote:
            named = match.groupdict()
            kind = _KIND.get(named.get("verb") or named.get("mark") or "", "emoji")
            assert kind in TAPBACKS
            target = earlier[before - 1] if before else None
            found.append(TextTapback(place, target, kind, match.re is _REMOVED))
    return found
