"""Message bodies: the text and the attribute runs of an archived ``NSAttributedString``.

``decode_text`` is the fast road that a million rows take: it knows the few beginnings that Messages writes, reads the
text behind them by its length, and falls back to the full reader for any other beginning. ``decode`` reads the
whole archive and gives the runs: parts, mentions, links, attachments, a voice note's transcript. Which text a row has
when it has several is decided in ``bodies.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from jarvis_resources.imessage.archive import (
    SIGNATURE,
    ArchivedObject,
    TypedstreamError,
    Value,
    read_integer,
    unarchive,
)

__all__ = ["AttributedBody", "Run", "TypedstreamError", "decode", "decode_text"]

PART = "__kIMMessagePartAttributeName"
"""Index of the message's part that a run belongs to: the target of tapbacks, replies and edits."""
TRANSFER = "__kIMFileTransferGUIDAttributeName"
"""``attachment.guid`` of the attachment that a run stands for."""
MENTION = "__kIMMentionConfirmedMention"
"""Handle of the person that a run mentions."""
LINK = "__kIMLinkAttributeName"
"""Address that a run links to."""
TRANSCRIPT = "IMAudioTranscription"
"""What was said in the voice note that a run stands for."""

_HEAD = SIGNATURE + b"\x81\xe8\x03\x84\x01@\x84\x84\x84"
_PLAIN = b"\x12NSAttributedString\x00\x84\x84\x08NSObject\x00\x85\x92\x84\x84\x84"
_MUTABLE = (
    b"\x19NSMutableAttributedString\x00\x84\x84\x12NSAttributedString\x00\x84\x84\x08NSObject\x00\x85\x92\x84\x84\x84"
)
_BEGINNINGS = (
    _HEAD + _PLAIN + b"\x08NSString\x01\x94\x84\x01+",
    _HEAD + _MUTABLE + b"\x0fNSMutableString\x01\x84\x84\x08NSString\x01\x95\x84\x01+",
    _HEAD + _PLAIN + b"\x0fNSMutableString\x01\x84\x84\x08NSString\x01\x94\x84\x01+",
    _HEAD + _MUTABLE + b"\x08NSString\x01\x95\x84\x01+",
)
"""Every byte before the text's length, for each combination of mutable and plain classes, the usual ones first."""

_END_OF_OBJECT = 0x86
_BOM = b"\xff\xfe"

Scalar = str | int | float | bytes | None
_NO_ATTRIBUTES: Mapping[str, Scalar] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of the text and what holds for it."""

    text: str
    attributes: Mapping[str, Scalar]

    @property
    def part(self) -> int:
        """Index of the part it belongs to; 0 where the body does not say."""
        part = self.attributes.get(PART)
        return part if isinstance(part, int) else 0


@dataclass(frozen=True)
class AttributedBody:
    """A body as archived: its text, unstripped and with U+FFFC where attachments stand, and its runs in order."""

    text: str
    runs: tuple[Run, ...]

    @cached_property
    def parts(self) -> dict[int, str]:
        """Text of each part by its index."""
        parts: dict[int, str] = {}
        for run in self.runs:
            parts[run.part] = parts.get(run.part, "") + run.text
        return parts

    @property
    def transcript(self) -> str | None:
        """What was said in its voice notes; None when nothing was transcribed."""
        return "\n".join(self._every(TRANSCRIPT)) or None

    @property
    def transfer_guids(self) -> tuple[str, ...]:
        """``attachment.guid`` of its attachments, in the order they stand in the text."""
        return self._every(TRANSFER)

    @property
    def mentions(self) -> tuple[str, ...]:
        """Handles of the people it mentions."""
        return self._every(MENTION)

    def _every(self, key: str) -> tuple[str, ...]:
        found = (run.attributes.get(key) for run in self.runs)
        return tuple(value for value in found if isinstance(value, str) and value)


def decode_text(blob: bytes) -> str:
    """The text of a body, exactly as archived.

    Reads no further than the text's end, so a body damaged only in its runs keeps its text; raises
    ``TypedstreamError`` when the text itself is not there whole.
    """
    for beginning in _BEGINNINGS:
        if blob.startswith(beginning):
            at = len(beginning)
            try:
                length = blob[at]
                if length < 0x80:
                    at += 1
                else:
                    length, at = read_integer(blob, at, signed=False)
                end = at + length
                closed = blob[end] == _END_OF_OBJECT
            except IndexError as error:
                raise TypedstreamError("ends too early") from error
            if not closed:
                raise TypedstreamError("the text's length is wrong")
            return _utf8(blob[at:end])
    return _text_of(_attributed_string(blob))


def decode(blob: bytes) -> AttributedBody:
    """A body's text and runs.

    Runs are (dictionary, length in UTF-16 units); the first use of a dictionary's number carries the dictionary. Raises
    ``TypedstreamError`` when any of it is damaged.
    """
    archived = _attributed_string(blob)
    text = _text_of(archived)
    units = text.encode("utf-16-le", "surrogatepass")
    dictionaries: dict[Value, Mapping[str, Scalar]] = {}
    runs: list[Run] = []
    at = 0
    groups = archived.groups[1:]
    for position, (encoding, values) in enumerate(groups):
        if encoding != b"iI":
            continue
        number, length = values
        if number not in dictionaries:
            following = groups[position + 1][1][0] if position + 1 < len(groups) else None
            dictionaries[number] = _attributes(following)
        assert isinstance(length, int)
        end = min(at + 2 * max(length, 0), len(units))
        runs.append(Run(units[at:end].decode("utf-16-le", "replace"), dictionaries[number]))
        at = end
    if at < len(units):
        # Nothing is said of what follows the last run; it is text all the same.
        runs.append(Run(units[at:].decode("utf-16-le", "replace"), _NO_ATTRIBUTES))
    return AttributedBody(text, tuple(runs))


def _attributed_string(blob: bytes) -> ArchivedObject:
    value = unarchive(blob)
    if not isinstance(value, ArchivedObject) or not value.is_a("NSAttributedString") or not value.groups:
        raise TypedstreamError("not an attributed string")
    return value


def _text_of(archived: ArchivedObject) -> str:
    string = archived.groups[0][1][0]
    raw = _first_bytes(string) if isinstance(string, ArchivedObject) and string.is_a("NSString") else None
    if raw is None:
        raise TypedstreamError("no text")
    return _utf8(raw)


def _utf8(raw: bytes) -> str:
    """UTF-8, or UTF-16 where a byte-order mark says so (seen in bodies that came from other systems)."""
    try:
        return raw[2:].decode("utf-16-le") if raw.startswith(_BOM) else raw.decode()
    except UnicodeDecodeError as error:
        raise TypedstreamError("the text is not UTF-8") from error


def _first_bytes(archived: ArchivedObject) -> bytes | None:
    return next((value for value in archived.values() if isinstance(value, bytes)), None)


def _attributes(value: Value) -> Mapping[str, Scalar]:
    """An archived dictionary of strings to scalars: a count, then keys and values in turn."""
    if not isinstance(value, ArchivedObject) or not value.is_a("NSDictionary"):
        raise TypedstreamError("a run without its attributes")
    items = value.values()[1:]
    attributes: dict[str, Scalar] = {}
    for key, item in zip(items[::2], items[1::2], strict=False):
        name = _scalar(key)
        if isinstance(name, str):
            attributes[name] = _scalar(item)
    return attributes


def _scalar(value: Value) -> Scalar:
    """A string, number, address or data as a Python value; None for what is none of these.

    Looks one level deep on purpose: objects may refer to each other in circles.
    """
    if not isinstance(value, ArchivedObject):
        return None
    if value.is_a("NSString"):
        raw = _first_bytes(value)
        return None if raw is None else raw.decode("utf-8", "replace")
    if value.is_a("NSNumber"):
        numbers = [item for item in value.values() if isinstance(item, int | float)]
        return numbers[-1] if numbers else None
    if value.is_a("NSData"):
        return _first_bytes(value)
    if value.is_a("NSURL"):
        address = value.values()[-1] if value.groups else None
        return _scalar(address) if isinstance(address, ArchivedObject) and address.is_a("NSString") else None
    return None
