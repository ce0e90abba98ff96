"""Texts to typedstream bodies, as Messages stores them in ``message.attributedBody``.

Here belongs the archiver: an attributed string with its runs (part numbers, links, mentions, attachments, bold) to
bytes. Reading typedstreams back is ``jarvis_resources.imessage.typedstream``; the tests hold the two, and an
independent decoder, against each other. The format: Apple's NSArchiver, version 4, little endian, with two tables of
back-references (strings; objects, classes and C strings) that both start at 0x92.
"""

from __future__ import annotations

import plistlib
from collections.abc import Sequence
from dataclasses import dataclass

_HEADER = b"\x04\x0bstreamtyped\x81\xe8\x03"
_NEW, _NIL, _END, _FIRST_REFERENCE = 0x84, 0x85, 0x86, 0x92
_INT16, _INT32, _INT64 = 0x81, 0x82, 0x87

PART = "__kIMMessagePartAttributeName"
LINK = "__kIMLinkAttributeName"
MENTION = "__kIMMentionConfirmedMention"
TRANSFER = "__kIMFileTransferGUIDAttributeName"
FILENAME = "__kIMFilenameAttributeName"
DIRECTION = "__kIMBaseWritingDirectionAttributeName"
BOLD = "__kIMTextBoldAttributeName"
DETECTED = "__kIMDataDetectedAttributeName"
CODE = "__kIMOneTimeCodeAttributeName"


@dataclass(frozen=True)
class Url:
    """The value of a link attribute (an NSURL)."""

    address: str


@dataclass(frozen=True)
class Detected:
    """The value of a data-detector attribute (an NSData that holds a binary plist)."""

    text: str


@dataclass(frozen=True)
class Code:
    """The value of a one-time code's attribute (an NSDictionary): the code, and how the text shows it."""

    code: str
    shown: str


Value = int | str | Url | Detected | Code


@dataclass(frozen=True)
class Run:
    """A stretch of text with one set of attributes; the runs of a body, joined, are its text."""

    text: str
    attributes: tuple[tuple[str, Value], ...] = ((PART, 0),)


_SUPERCLASSES: dict[str, tuple[tuple[str, int], ...]] = {
    name: (*chain, ("NSObject", 0))
    for name, chain in {
        "NSAttributedString": (("NSAttributedString", 0),),
        "NSMutableAttributedString": (("NSMutableAttributedString", 0), ("NSAttributedString", 0)),
        "NSString": (("NSString", 1),),
        "NSMutableString": (("NSMutableString", 1), ("NSString", 1)),
        "NSDictionary": (("NSDictionary", 0),),
        "NSNumber": (("NSNumber", 0), ("NSValue", 0)),
        "NSURL": (("NSURL", 0),),
        "NSMutableData": (("NSMutableData", 0), ("NSData", 0)),
    }.items()
}
"""Each class with its ancestors and their archived versions, as macOS writes them."""


class _Archiver:
    """Writes one object graph; a string, class or object met before becomes a back-reference."""

    def __init__(self) -> None:
        self.out = bytearray(_HEADER)
        self._strings: dict[str, int] = {}
        self._objects: dict[tuple[str, str], int] = {}
        self._count = 0

    def number(self, value: int, *, signed: bool = True) -> None:
        """An integer in its shortest form: a byte, or a tag for two, four or eight bytes."""
        if -110 <= value <= 127:
            self.out.append(value & 0xFF)
            return
        for tag, width in ((_INT16, 2), (_INT32, 4), (_INT64, 8)):
            half = 1 << (8 * width - 1)
            if (-half <= value < half) if signed else value < 2 * half:
                self.out.append(tag)
                self.out += value.to_bytes(width, "little", signed=signed)
                return
        raise ValueError("an integer of more than eight bytes")

    def shared(self, text: str) -> None:
        """A type encoding or a class name."""
        if (known := self._strings.get(text)) is not None:
            self.number_reference(known)
            return
        self._strings[text] = len(self._strings)
        self.out.append(_NEW)
        self.raw(text.encode())

    def number_reference(self, index: int) -> None:
        """A back-reference; those past 110 need two bytes more."""
        reference = index + _FIRST_REFERENCE - 0x100
        self.number(reference)

    def raw(self, data: bytes) -> None:
        """Bytes with their length before them."""
        self.number(len(data), signed=False)
        self.out += data

    def remember(self, kind: str, name: str) -> None:
        """Gives the next object number to what is about to be written."""
        self._objects[kind, name] = self._count
        self._count += 1

    def begin(self, class_name: str, key: str = "") -> None:
        """Opens a new object; ``key`` lets ``again`` refer to it."""
        self.out.append(_NEW)
        self.remember("object", key or f"#{self._count}")
        for name, version in _SUPERCLASSES[class_name]:
            if (known := self._objects.get(("class", name))) is not None:
                self.number_reference(known)
                return
            self.out.append(_NEW)
            self.shared(name)
            self.number(version)
            self.remember("class", name)
        self.out.append(_NIL)

    def end(self) -> None:
        """Closes the object opened last."""
        self.out.append(_END)

    def again(self, key: str) -> bool:
        """Writes a reference to the object called ``key``, if there is one."""
        if (known := self._objects.get(("object", key))) is None:
            return False
        self.number_reference(known)
        return True

    def string(self, text: str, class_name: str = "NSString", *, key: str = "") -> None:
        """A string object."""
        if key and self.again(key):
            return
        self.begin(class_name, key)
        self.shared("+")
        self.raw(text.encode("utf-8", "surrogatepass"))
        self.end()

    def c_string(self, text: str) -> None:
        """A C string (type ``*``), which takes an object number of its own."""
        if (known := self._objects.get(("c", text))) is not None:
            self.number_reference(known)
            return
        self.out.append(_NEW)
        self.remember("c", text)
        self.shared(text)

    def value(self, value: Value) -> None:
        """An attribute's value as an object."""
        if isinstance(value, int):
            encoding = "i" if 0 <= value < 0x8000_0000 else "q"
            self.begin("NSNumber")
            self.shared("*")
            self.c_string(encoding)
            self.shared(encoding)
            self.number(value)
            self.end()
        elif isinstance(value, Url):
            self.begin("NSURL")
            self.shared("c")
            self.number(0)
            self.shared("@")
            self.string(value.address)
            self.end()
        elif isinstance(value, Detected):
            data = plistlib.dumps({"dd-result": value.text, "version": 1}, fmt=plistlib.FMT_BINARY)
            self.begin("NSMutableData")
            self.shared("i")
            self.number(len(data))
            self.shared(f"[{len(data)}c]")
            self.out += data
            self.end()
        elif isinstance(value, Code):
            self.dictionary((("displayCode", value.shown), ("code", value.code)))
        else:
            self.string(value)

    def dictionary(self, items: Sequence[tuple[str, Value]]) -> None:
        """A dictionary object; its keys are shared."""
        self.begin("NSDictionary")
        self.shared("i")
        self.number(len(items))
        for name, value in items:
            self.shared("@")
            self.string(name, key=name)
            self.shared("@")
            self.value(value)
        self.end()


def utf16_length(text: str) -> int:
    """Length in UTF-16 code units, in which Messages counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def encode(runs: Sequence[Run], *, mutable: bool = False) -> bytes:
    """The body whose runs are ``runs``; equal attributes are written once and referred to after.

    ``mutable``: archive the mutable classes, as about half of real bodies do. No runs make the empty string, which
    has no attributes.
    """
    archive = _Archiver()
    archive.shared("@")
    archive.begin("NSMutableAttributedString" if mutable else "NSAttributedString")
    archive.shared("@")
    archive.string("".join(run.text for run in runs), "NSMutableString" if mutable else "NSString")
    seen: dict[tuple[tuple[str, Value], ...], int] = {}
    for run in runs:
        archive.shared("iI")
        is_new = run.attributes not in seen
        archive.number(seen.setdefault(run.attributes, len(seen) + 1))
        archive.number(utf16_length(run.text), signed=False)
        if not is_new:
            continue
        archive.shared("@")
        archive.dictionary(run.attributes)
    archive.end()
    return bytes(archive.out)
