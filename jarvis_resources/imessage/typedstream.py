"""Message bodies: the text and the attribute runs of an archived ``NSAttributedString``.

``decode_text`` is the fast road that a million rows take: it knows the few beginnings that Messages writes, reads the
text behind them by its length, and falls back to the full reader for any other beginning. ``decode`` reads the
whole archive and gives the runs: parts, mentions, links, one-time codes, attachments, a voice note's transcript. Which
text a row has when it has several is decided in ``bodies.py``.

A wrong length is caught by what follows the text: 0x86, then the type of the first run or the end of the archive. UTF-8
helps: it knows 0x86 only inside a character, so a text cut before such a byte ends inside a character, and one that
goes on past its own end has that byte where a character should begin.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
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

__all__ = [
    "BEFORE_NOTHING",
    "BEFORE_RUNS",
    "BEGINNINGS",
    "TRANSCRIPT",
    "AttributedBody",
    "Run",
    "TypedstreamError",
    "decode",
    "decode_text",
]

PART = "__kIMMessagePartAttributeName"
"""Index of the message's part that a run belongs to: the target of tapbacks, replies and edits."""
TRANSFER = "__kIMFileTransferGUIDAttributeName"
"""``attachment.guid`` of the attachment that a run stands for."""
MENTION = "__kIMMentionConfirmedMention"
"""Handle of the person that a run mentions."""
LINK = "__kIMLinkAttributeName"
"""Address that a run links to."""
ONE_TIME_CODE = "__kIMOneTimeCodeAttributeName"
"""One-time code that a run holds: a dictionary of ``code`` and ``displayCode``, the code as it stands in the text."""
TRANSCRIPT = "IMAudioTranscription"
"""What was said in the voice note that a run stands for."""

_HEAD = SIGNATURE + b"\x81\xe8\x03\x84\x01@\x84\x84\x84"
_PLAIN = b"\x12NSAttributedString\x00\x84\x84\x08NSObject\x00\x85\x92\x84\x84\x84"
_MUTABLE = (
    b"\x19NSMutableAttributedString\x00\x84\x84\x12NSAttributedString\x00\x84\x84\x08NSObject\x00\x85\x92\x84\x84\x84"
)
BEGINNINGS = (
    _HEAD + _PLAIN + b"\x08NSString\x01\x94\x84\x01+",
    _HEAD + _MUTABLE + b"\x0fNSMutableString\x01\x84\x84\x08NSString\x01\x95\x84\x01+",
    _HEAD + _PLAIN + b"\x0fNSMutableString\x01\x84\x84\x08NSString\x01\x94\x84\x01+",
    _HEAD + _MUTABLE + b"\x08NSString\x01\x95\x84\x01+",
)
"""Every byte before the text's length, for each combination of mutable and plain classes, the usual ones first."""

BEFORE_RUNS, BEFORE_NOTHING = b"\x86\x84\x02iI", b"\x86\x86"
"""What follows a text: its end, then the type of the first run, or the end of the attributed string and of the blob."""
_UTF16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
"""Byte-order marks, neither of which can begin UTF-8, to encodings."""

Scalar = str | int | float | bytes | None
Attribute = Scalar | Mapping[str, Scalar]
_NO_ATTRIBUTES: Mapping[str, Attribute] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of the text and what holds for it."""

    text: str
    attributes: Mapping[str, Attribute]

    @property
    def part(self) -> int:
        """Index of the part it belongs to; 0 where the body does not say."""
        part = self.attributes.get(PART)
        return part if isinstance(part, int) else 0


@dataclass(frozen=True)
class AttributedBody:
    """A body as archived: its text, unstripped and with U+FFFC where attachments stand, and its runs in order.

    What its runs say is given once each, in the order of the text.
    """

    text: str
    runs: tuple[Run, ...]

    @cached_property
    def parts(self) -> dict[int, str]:
        """Text of each part by its index."""
        pieces: dict[int, list[str]] = defaultdict(list)
        for run in self.runs:
            pieces[run.part].append(run.text)
        return {part: "".join(texts) for part, texts in pieces.items()}

    @property
    def transcript(self) -> str | None:
        """What was said in its voice notes; None when nothing was transcribed."""
        return "\n".join(self._every(TRANSCRIPT)) or None

    @property
    def transfer_guids(self) -> tuple[str, ...]:
        """``attachment.guid`` of its attachments."""
        return self._every(TRANSFER)

    @property
    def mentions(self) -> tuple[str, ...]:
        """Handles of the people it mentions."""
        return self._every(MENTION)

    @property
    def links(self) -> tuple[str, ...]:
        """Addresses it links to."""
        return self._every(LINK)

    @property
    def one_time_codes(self) -> tuple[str, ...]:
        """One-time codes it holds, without the separators they are shown with."""
        return self._every(ONE_TIME_CODE)

    def _every(self, key: str) -> tuple[str, ...]:
        found = (run.attributes.get(key) for run in self.runs)
        values = (value.get("code") if isinstance(value, Mapping) else value for value in found)
        return tuple(dict.fromkeys(value for value in values if isinstance(value, str) and value))


def decode_text(blob: bytes) -> str:
    """The text of a body, exactly as archived.

    Behind a known beginning it reads no further than ``BEFORE_RUNS``, so a body damaged or cut later keeps its text;
    behind any other beginning the whole archive must be sound. Raises ``TypedstreamError`` when the text is not there
    whole.
    """
    for beginning in BEGINNINGS:
        if blob.startswith(beginning):
            at = len(beginning)
            try:
                length = blob[at]
                if length < 0x80:
                    at += 1
                else:
                    length, at = read_integer(blob, at, signed=False)
            except IndexError as error:
                raise TypedstreamError("ends too early") from error
            end = at + length
            if not blob.startswith(BEFORE_RUNS, end):
                _check_end(blob[end:])
            raw = blob[at:end]
            try:
                return raw.decode()
            except UnicodeDecodeError:
                return _text(raw)
    return decode(blob).text


def _check_end(rest: bytes) -> None:
    """Whether a blob that goes on like this after its text has no runs, or was cut between them and the text."""
    if not rest:
        raise TypedstreamError("ends too early")
    if rest != BEFORE_NOTHING and not BEFORE_RUNS.startswith(rest):
        raise TypedstreamError("the text's length is wrong")


def decode(blob: bytes) -> AttributedBody:
    """A body's text and runs; raises ``TypedstreamError`` when any of it is damaged."""
    archived = unarchive(blob)
    if not isinstance(archived, ArchivedObject) or not archived.is_a(b"NSAttributedString") or not archived.groups:
        raise TypedstreamError("not an attributed string")
    encoding, (string, *_) = archived.groups[0]
    if encoding != b"@" or not isinstance(string, ArchivedObject) or not string.is_a(b"NSString"):
        raise TypedstreamError("no text")
    text = _text(_only_bytes(string))
    return AttributedBody(text, tuple(_runs(archived, text)))


def _runs(archived: ArchivedObject, text: str) -> Iterator[Run]:
    """The runs: (dictionary, length in UTF-16 units); the first use of a dictionary's number carries the dictionary.

    A character that two runs share, half each, belongs to the first.
    """
    units = text.encode("utf-16-le")
    if units and len(archived.groups) == 1:
        yield Run(text, _NO_ATTRIBUTES)
    groups = iter(archived.groups[1:])
    plain = _PlainValues()
    dictionaries: dict[Value, Mapping[str, Attribute]] = {}
    start = end = 0
    for encoding, values in groups:
        if encoding != b"iI":
            raise TypedstreamError("runs that cannot be read")
        number, length = values
        if number not in dictionaries:
            _, (dictionary, *_) = next(groups, (b"@", [0]))
            dictionaries[number] = plain.attributes(dictionary)
        assert isinstance(length, int)
        end += 2 * length
        if end > len(units):
            raise TypedstreamError("runs longer than the text")
        inside = end < len(units) and 0xDC <= units[end + 1] <= 0xDF
        yield Run(units[start : end + 2 * inside].decode("utf-16-le"), dictionaries[number])
        start = end + 2 * inside
    if len(archived.groups) > 1 and end != len(units):
        raise TypedstreamError("runs shorter than the text")


def _text(raw: bytes) -> str:
    """UTF-8, or UTF-16 where a byte-order mark says so: what Messages writes for texts that UTF-8 cannot hold.

    Those are halves of surrogate pairs; each becomes U+FFFD, as a screen shows it.
    """
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        if raw[:2] not in _UTF16 or len(raw) % 2:
            raise TypedstreamError("the text is not UTF-8") from error
        return raw[2:].decode(_UTF16[raw[:2]], "replace")


def _only_bytes(archived: ArchivedObject) -> bytes:
    """The content of an archived string."""
    if len(archived.groups) == 1:
        encoding, values = archived.groups[0]
        if encoding == b"+" and isinstance(values[0], bytes):
            return values[0]
    raise TypedstreamError("a string without content")


class _PlainValues:
    """Archived objects as plain values: each is read once, however often the archive refers to it.

    Looks one dictionary into a dictionary, no deeper: objects may hold each other in circles.
    """

    def __init__(self) -> None:
        self.outer: dict[ArchivedObject, Mapping[str, Attribute]] = {}
        self.inner: dict[ArchivedObject, Mapping[str, Scalar]] = {}
        self.scalars: dict[ArchivedObject, Scalar] = {}

    def attributes(self, value: Value) -> Mapping[str, Attribute]:
        """What a run's dictionary says; nil says nothing."""
        if value is None:
            return _NO_ATTRIBUTES
        if not isinstance(value, ArchivedObject) or not value.is_a(b"NSDictionary"):
            raise TypedstreamError("a run without its attributes")
        if value not in self.outer:
            self.outer[value] = {name: self.attribute(item) for name, item in self.items(value)}
        return self.outer[value]

    def attribute(self, value: Value) -> Attribute:
        """A string, number, address, data or dictionary of these; None for what is none of them."""
        if not isinstance(value, ArchivedObject) or not value.is_a(b"NSDictionary"):
            return self.scalar(value)
        if value not in self.inner:
            self.inner[value] = {name: self.scalar(item) for name, item in self.items(value)}
        return self.inner[value]

    def items(self, dictionary: ArchivedObject) -> Iterator[tuple[str, Value]]:
        """An archived dictionary holds a count, then keys and values in turn."""
        count, *rest = _values(dictionary) or [None]
        if not isinstance(count, int) or len(rest) != 2 * count:
            raise TypedstreamError("a dictionary that cannot be read")
        for key, item in zip(rest[::2], rest[1::2], strict=True):
            name = self.scalar(key)
            if isinstance(name, str):
                yield name, item

    def scalar(self, value: Value) -> Scalar:
        if not isinstance(value, ArchivedObject):
            return None
        if value not in self.scalars:
            self.scalars[value] = _scalar(value)
        return self.scalars[value]


def _scalar(archived: ArchivedObject) -> Scalar:
    if archived.is_a(b"NSString"):
        return _text(_only_bytes(archived))
    values = _values(archived)
    if archived.is_a(b"NSNumber"):
        numbers = [value for value in values if isinstance(value, int | float)]
        return numbers[-1] if numbers else None
    if archived.is_a(b"NSData"):
        return next((value for value in values if isinstance(value, bytes)), None)
    if archived.is_a(b"NSURL"):
        address = values[-1] if values else None
        if isinstance(address, ArchivedObject) and address.is_a(b"NSString"):
            return _scalar(address)
    return None


def _values(archived: ArchivedObject) -> list[Value]:
    return [value for _, group in archived.groups for value in group]
