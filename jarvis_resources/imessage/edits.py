"""What a message said before it was edited, and what was taken back.

Edits live in ``message_summary_info``, a binary property list: ``ec`` holds for each part its versions, ``otr`` names
the parts as sent, ``rp`` those unsent. Here they become one history of whole texts. How a body is decoded is not this
module's business, nor which rows have a summary worth reading. What was unsent is in no history: it was taken back.
"""

from __future__ import annotations

import plistlib
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any
from xml.parsers.expat import ExpatError

from jarvis_resources.imessage.bodies import visible_text
from jarvis_resources.imessage.typedstream import AttributedBody, TypedstreamError, decode_text

APPLE_EPOCH = datetime(2001, 1, 1, tzinfo=UTC)
"""Dates in chat.db count from here."""


_INTEGER, _REAL, _DATA, _ASCII, _UTF16, _ARRAY, _DICT = 0x1, 0x2, 0x4, 0x5, 0x6, 0xA, 0xD
"""Kinds of object in a binary property list that can be long: the upper half of an object's first byte."""
_MOST_VERSIONS = 256
"""Versions allowed in one message. Messages lets a part be edited five times."""


@dataclass(frozen=True)
class Version:
    """One version of one part: its raw text (None where it cannot be decoded), and since when it stood."""

    since: datetime
    text: str | None


@dataclass(frozen=True)
class Summary:
    """What ``message_summary_info`` says of edits."""

    versions: dict[int, tuple[Version, ...]]
    """Part → its versions, first as sent. Only parts that were edited."""
    parts: frozenset[int]
    """Parts as sent, where it says."""
    unsent: frozenset[int]
    """Parts taken back."""

    @property
    def wholly_unsent(self) -> bool:
        """Whether nothing is left of the message."""
        return bool(self.unsent) and self.unsent >= (self.parts | self.versions.keys())


class SummaryError(ValueError):
    """A ``message_summary_info`` is damaged."""


def read_summary(blob: bytes) -> Summary:
    """The summary in a property list; raises ``SummaryError`` when it is damaged.

    Unknown keys are passed over: Apple keeps more there than edits.
    """
    try:
        _check_objects(blob)
        root = plistlib.loads(blob)
        edited = root.get("ec") or {}
        if sum(len(entries) for entries in edited.values()) > _MOST_VERSIONS:
            raise ValueError("more versions than Messages allows")
        texts: dict[bytes, str | None] = {}
        versions = {int(part): _versions(entries, texts) for part, entries in edited.items()}
        parts = frozenset(int(part) for part in root.get("otr") or {})
        unsent = frozenset(int(part) for part in root.get("rp") or ())
    except (plistlib.InvalidFileException, ExpatError, ValueError, TypeError, LookupError, AttributeError,
            OverflowError, RecursionError, struct.error) as error:  # fmt: skip
        # plistlib lets each of these through for some damaged file.
        raise SummaryError("not a property list of edits") from error
    return Summary({part: entries for part, entries in versions.items() if entries}, parts, unsent)


def _check_objects(blob: bytes) -> None:
    """Refuses a binary property list whose objects lie over each other: reading it can take endless time and memory.

    An object is as long as its first bytes say; those of an honest file add up to less than the file.
    """
    if not blob.startswith(b"bplist00"):
        return
    offset_size, reference_size, count, _, table = struct.unpack(">6xBBQQQ", blob[-32:])
    if not offset_size or table + count * offset_size > len(blob):
        raise ValueError("a table of objects beyond the file")
    units = {_INTEGER: 1, _REAL: 1, _DATA: 1, _ASCII: 1, _UTF16: 2, _ARRAY: reference_size, _DICT: 2 * reference_size}
    room = len(blob)
    for at in range(table, table + count * offset_size, offset_size):
        start = int.from_bytes(blob[at : at + offset_size], "big")
        kind, length = blob[start] >> 4, blob[start] & 0xF
        if kind in (_INTEGER, _REAL):
            length = 1 << length
        elif length == 0xF:
            length = int.from_bytes(blob[start + 2 : start + 2 + (1 << (blob[start + 1] & 3))], "big")
        room -= 1 + length * units.get(kind, 0)
    if room < 0:
        raise ValueError("objects that overlap")


def _versions(entries: Sequence[Mapping[str, Any]], texts: dict[bytes, str | None]) -> tuple[Version, ...]:
    """A part's versions, oldest first; ``texts`` are those decoded so far, since a file may repeat one at no cost."""
    versions = []
    for entry in entries:
        since = APPLE_EPOCH + timedelta(microseconds=int(float(entry["d"]) * 1e6))
        body = entry.get("t")
        if not isinstance(body, bytes):
            versions.append(Version(since, None))
            continue
        if body not in texts:
            try:
                texts[body] = decode_text(body)
            except TypedstreamError:
                texts[body] = None
        versions.append(Version(since, texts[body]))
    return tuple(sorted(versions, key=lambda version: version.since))


def history(summary: Summary, body: AttributedBody | None) -> list[dict[str, Any]] | None:
    """Every text the message had as ``{"sent_at", "text"}``, oldest first; None when it was never edited.

    At each edit the parts are put together as they stood then; parts never edited come from ``body``. Unsent parts are
    left out. A version that cannot be decoded has the text None.
    """
    edited = {part: versions for part, versions in summary.versions.items() if part not in summary.unsent}
    moments = sorted({version.since for versions in edited.values() for version in versions})
    if not moments:
        return None
    fixed = {
        part: text
        for part, text in (body.parts if body else {}).items()
        if part not in summary.versions.keys() | summary.unsent
    }
    order: list[str | tuple[Version, ...]] = []
    for is_edited, parts in groupby(sorted({*fixed, *edited}), key=edited.__contains__):
        if is_edited:
            order.extend(edited[part] for part in parts)
        else:
            order.append("".join(fixed[part] for part in parts))
    entries = []
    for moment in moments:
        texts = [piece if isinstance(piece, str) else _standing(piece, moment) for piece in order]
        whole = None if None in texts else visible_text("".join(text for text in texts if text is not None))
        entries.append({"sent_at": moment, "text": whole})
    return entries


def _standing(versions: Sequence[Version], moment: datetime) -> str | None:
    """A part's text at a moment: its latest version by then, or the first."""
    return next((version for version in reversed(versions) if version.since <= moment), versions[0]).text


def text_at(text: str | None, history: Sequence[dict[str, Any]] | None, when: datetime | None) -> str | None:
    """What a message said at a moment: the last version sent by then, else the first; ``text`` if never edited.

    A moment without a time zone is in UTC; one that is unknown (None, NaT) is now. Missing texts and histories may be
    None or NaN, as in a table of messages; a missing text comes back as None.
    """
    if history is None or isinstance(history, float) or len(history) == 0 or when is None or when != when:
        return text if isinstance(text, str) else None
    moment = _in_utc(when)
    ordered = sorted(history, key=lambda version: _in_utc(version["sent_at"]))
    sent = [version for version in ordered if _in_utc(version["sent_at"]) <= moment]
    said = (sent[-1] if sent else ordered[0])["text"]
    return said if isinstance(said, str) else None


def _in_utc(when: datetime) -> datetime:
    return when if when.tzinfo else when.replace(tzinfo=UTC)
