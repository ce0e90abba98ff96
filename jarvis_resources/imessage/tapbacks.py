"""Tapbacks: what a row's association says, and tapbacks that arrived as text.

Between an iPhone and anything else a tapback travels as a message, ``Loved “See you at six”``, in the language of the
sender's phone. It is one only if its quote is what somebody said earlier in the same conversation and the words around
it are a tapback's (``tapback_wordings.py``): people also write such sentences themselves. Words that we do not know count where
nobody but a machine writes so: always around the whole of an earlier message, again and again. They leave the kind
open, unless there is an emoji. Rows must be in chronological order.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from jarvis_resources.imessage.tapback_wordings import (
    MOST_AROUND,
    Wording,
    may_be_tapback,
    read_about_thing,
    read_wording,
    things,
    without_emoji,
)

_TARGET_FORM = r"^(?:p:\d+/|bp:)"
"""A tapback on part N of a message is written ``p:N/GUID``, one on a balloon ``bp:GUID``, some bare."""

_CLOSING = {
    "“": "”“", "„": "“”‟", "‟": "”", "”": "”“", '"': '"', "«": "»", "»": "«»", "‹": "›", "›": "‹", "‘": "’", "‚": "‘’",
    "’": "’", "'": "'", "「": "」", "『": "』", "《": "》", "〈": "〉", "״": "״", "＂": "＂", "〝": "〞〟",
}  # fmt: skip
"""Each mark that opens a quotation somewhere, and those that close it."""
_OPENING = "".join(mark for mark in _CLOSING if mark not in "'’")
_ENDING = "".join(mark for mark in sorted(set("".join(_CLOSING.values()))) if mark not in "'’")
_OPENS = re.compile(rf"[{_OPENING}]|(?<!\S)['’]")
_CLOSES = re.compile(rf"[{_ENDING}]|['’](?!\S)")
"""An apostrophe quotes only at the edge of a word."""
_MARK = re.compile(f"[{(_OPENING + _ENDING).replace('‘', '')}]")
_ONE_QUOTE = re.compile(
    rf"([^{_OPENING}{_ENDING}'’]*)([{_OPENING}])([^{_OPENING}{_ENDING}]*)([{_ENDING}])([^{_OPENING}{_ENDING}'’]*)"
)
"""Nearly every text that quotes: one pair of marks, which leaves one reading."""
_QUOTES = rf"[{_OPENING}]|(?:^|\s)['’]"
"""Cheap test in Arrow that leaves a few rows for the exact work."""

_INVISIBLE = "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u2060\u2066\u2067\u2068\u2069\ufeff\ufffc"
_EDGES = _INVISIBLE + " \t\n\r\u00a0\u2007\u2009\u200a\u202f\u3000"
"""What may stand between a mark and what it quotes."""

_CUT = re.compile(r"(?:…|\.\.\.)$")
_LEAST_OF_CUT = 8
"""Characters of a quote that was cut short: fewer would fit anything."""
_RECENT_ROWS, _RECENT_MESSAGES = 20_000, 200
"""How far back a quote is sought that is not exactly what was said: rows of the history, messages of the conversation."""

_LEAST_OF_FRAME, _PURITY = 3, 0.9
"""Different messages that an unknown wording must quote, and the share of its uses that quote one."""


@dataclass(frozen=True)
class TextTapback:
    """A message that is a tapback, and the message it is on, both as places in the history."""

    place: int
    target: int | None
    """None: the attachment that it is on is gone."""
    kind: str | None
    """One of ``tables.TAPBACKS``; None: a tapback in words that we do not know."""
    removed: bool


_Use = tuple[int, str, bool]
"""One use of an unknown wording: its place, what it quotes, whether there is an emoji."""


def target_guids(associated: pa.ChunkedArray) -> pa.ChunkedArray:
    """``associated_message_guid`` in any of its forms → the guid of the message."""
    return pc.replace_substring_regex(associated, _TARGET_FORM, "")


def reads_as_tapback(text: str) -> bool:
    """Whether a text alone is worded as a tapback; with its history at hand, ``find_text_tapbacks`` knows better."""
    about = read_about_thing(text) if len(text) <= MOST_AROUND else None
    return bool(about and not about[1]) or any(read_wording(around) for _, around in _quotes_in(text))


def marks() -> str:
    """Pattern (RE2) of a quotation mark or a thing: a text without one is no tapback, which is cheap to know."""
    return f"{_QUOTES}|{things()}"


def find_text_tapbacks(
    text: pa.ChunkedArray,
    conversation: npt.NDArray[np.int64],
    attachments: npt.NDArray[np.int64],
    eligible: npt.NDArray[np.bool_],
) -> list[TextTapback]:
    """Tapbacks among the texts of a history in chronological order.

    ``conversation`` is −1 outside conversations, ``eligible`` marks ordinary messages: only they can be tapbacks sent as
    text. The target is the latest earlier message of the conversation with the quoted text, or with an attachment. The
    loops run over the few texts that quote something, what they quote, and attachments.
    """
    maybe = pc.fill_null(pc.match_substring_regex(text, marks()), False).to_numpy()
    places = np.flatnonzero(maybe & eligible & (conversation >= 0))
    known: dict[int, list[tuple[str, Wording]]] = {}
    on_things: list[tuple[int, Wording, bool]] = []
    unknown: defaultdict[str, list[_Use]] = defaultdict(list)
    for place, said in zip(places.tolist(), text.take(pa.array(places)).to_pylist(), strict=True):
        spans = list(_quotes_in(said))
        readings = [(quote, wording) for quote, around in spans if (wording := read_wording(around))]
        if readings:
            known[place] = readings
        elif spans:
            quote, around = spans[0]
            frame = without_emoji(around)
            unknown[frame].append((place, quote, frame != around))
        elif len(said) <= MOST_AROUND and (about := read_about_thing(said)):
            on_things.append((place, *about))

    recurring = [uses for frame, uses in unknown.items() if len(uses) >= _LEAST_OF_FRAME and may_be_tapback(frame)]
    quotes = {quote for readings in known.values() for quote, _ in readings}
    quotes.update(quote for uses in recurring for _, quote, _ in uses)
    exact = _Exact(text, conversation, quotes)
    found = [tapback for place, readings in known.items() if (tapback := _on_quote(place, readings, exact))]
    for uses in recurring:
        found += _recurring(uses, exact)
    found += _on_things(on_things, conversation, attachments)
    return sorted(found, key=lambda tapback: tapback.place)


def _quotes_in(text: str) -> Iterator[tuple[str, str]]:
    """Every (quote, what is around it) that a text can be read as, the longest quote first."""
    if one := _ONE_QUOTE.fullmatch(text):
        before, opener, inside, closer, after = one.groups()
        quote = inside.strip(_EDGES)
        if quote and closer in _CLOSING[opener] and len(before) + len(after) <= MOST_AROUND:
            yield quote, f"{before} {after}"
        return
    opening = [match.start() for match in _OPENS.finditer(text, 0, MOST_AROUND + 1)]
    if not opening:
        return
    late = max(opening[0] + 1, len(text) - MOST_AROUND - 1)
    closing = [match.start() for match in _CLOSES.finditer(text, late)]
    least = len(text) - MOST_AROUND - 1
    spans = [
        (first - last, first, last)
        for first in opening
        for last in closing
        if last - first >= least and last > first and text[last] in _CLOSING[text[first]]
    ]
    for _, first, last in sorted(spans):
        around = f"{text[:first]} {text[last + 1 :]}"
        if (quote := text[first + 1 : last].strip(_EDGES)) and _balanced(around):
            yield quote, around


def _balanced(around: str) -> bool:
    """Whether the words around a quote take no mark from it, as ``Liked “Liked`` does: they have pairs or none."""
    return len(_MARK.findall(around)) % 2 == 0


class _Exact:
    """Where in each conversation what is quoted was said."""

    def __init__(self, text: pa.ChunkedArray, conversation: npt.NDArray[np.int64], quotes: set[str]) -> None:
        self._text = text
        self._conversation = conversation
        self._said_at: defaultdict[tuple[int, str], list[int]] = defaultdict(list)
        if not quotes:
            return
        places = np.flatnonzero(pc.is_in(text, value_set=pa.array(sorted(quotes), pa.string())).to_numpy())
        rooms = conversation[places].tolist()
        for place, room, said in zip(places.tolist(), rooms, text.take(pa.array(places)).to_pylist(), strict=True):
            self._said_at[room, said].append(place)

    def before(self, place: int, quote: str) -> int | None:
        """The latest earlier message of the conversation whose text this is."""
        earlier = self._said_at.get((int(self._conversation[place]), quote), [])
        count = bisect_left(earlier, place)
        return earlier[count - 1] if count else None

    def nearly_before(self, place: int, quote: str) -> int | None:
        """The same among recent messages, whatever its white space, where the quote may be cut short with an ellipsis."""
        start = max(0, place - _RECENT_ROWS)
        rows = start + np.flatnonzero(self._conversation[start:place] == self._conversation[place])[-_RECENT_MESSAGES:]
        sought = _folded(quote)
        stem = _CUT.sub("", sought).rstrip()
        is_cut = stem != sought and len(stem) >= _LEAST_OF_CUT
        texts = self._text.take(pa.array(rows)).to_pylist()
        for row, said in zip(reversed(rows.tolist()), reversed(texts), strict=True):
            if said and ((folded := _folded(said)) == sought or (is_cut and folded.startswith(stem))):
                return int(row)
        return None


def _folded(text: str) -> str:
    """Without differences that a message may get on its way: white space, invisible characters."""
    return " ".join("".join(character for character in text if character not in _INVISIBLE).split())


def _on_quote(place: int, readings: list[tuple[str, Wording]], exact: _Exact) -> TextTapback | None:
    for find in (exact.before, exact.nearly_before):
        for quote, wording in readings:
            target = find(place, quote)
            if target is not None:
                return TextTapback(place, target, wording.kind, wording.removed)
    return None


def _recurring(uses: list[_Use], exact: _Exact) -> list[TextTapback]:
    """The uses of an unknown wording, if they are a machine's."""
    said = [(place, quote, emoji, exact.before(place, quote)) for place, quote, emoji in uses]
    hits = [one for one in said if one[3] is not None]
    if len({quote for _, quote, _, _ in hits}) < _LEAST_OF_FRAME or len(hits) < _PURITY * len(said):
        return []
    return [TextTapback(place, target, "emoji" if emoji else None, False) for place, _, emoji, target in hits]


def _on_things(
    on_things: list[tuple[int, Wording, bool]], conversation: npt.NDArray[np.int64], attachments: npt.NDArray[np.int64]
) -> list[TextTapback]:
    """Tapbacks on the latest attachment. Where a person could say the same, there must be one."""
    if not on_things:
        return []
    shown_at: defaultdict[int, list[int]] = defaultdict(list)
    shown = np.flatnonzero(attachments > 0)
    for place, room in zip(shown.tolist(), conversation[shown].tolist(), strict=True):
        shown_at[room].append(place)
    found = []
    for place, wording, ambiguous in on_things:
        earlier = shown_at.get(int(conversation[place]), [])
        count = bisect_left(earlier, place)
        if count or not ambiguous:
            found.append(TextTapback(place, earlier[count - 1] if count else None, wording.kind, wording.removed))
    return found
