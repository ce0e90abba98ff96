"""Apple's typedstream archives, read into plain objects: the container format of ``message.attributedBody``.

What belongs here is the format itself: tags, integers, shared strings, back-references, classes, objects. What an
archived attributed string means is ``typedstream.py``'s business. Every read is bounded by the blob, the work by
``_MOST_VALUES``, and whatever the bytes are, the outcome is an object or a ``TypedstreamError``.

The format is NeXTSTEP's ``NSArchiver``; its only description is in readers such as python-typedstream, against
which the tests compare this one.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field

SIGNATURE = b"\x04\x0bstreamtyped"
"""Streamer version 4 and the little-endian signature, with its length before it."""

_INT16, _INT32, _FLOAT, _NEW, _NIL, _END, _INT64 = 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87
_FIRST_REFERENCE = 0x92
"""Heads below it (from 0x80) are tags; from it on they are references, counted from here."""

_MOST_DEPTH = 48
"""Nested objects and structs allowed. A real body needs five; Python's own stack holds several times this."""

_MOST_VALUES = 100_000
"""Values and classes allowed in one archive, half a second's work. A real body has some ten for each of its runs."""
_MOST_ANCESTORS = 8
"""Classes in a line of descent. A real body has four: NSDecimalNumber, NSNumber, NSValue, NSObject."""
_LONGEST_ENCODING = 64
"""Bytes in the types of one group of values. A real body needs seven (``[1234c]``)."""

_INTEGERS = frozenset(b"silqSILQ")
_UNSIGNED = frozenset(b"SILQ")
_ARRAY = re.compile(rb"\[(\d{1,9})(.+)\]", re.DOTALL)
_STRUCT_NAME = re.compile(rb"\{[^={}\[\]]*=?")


class TypedstreamError(ValueError):
    """A blob is not a whole, well-formed archive. ``reason`` is a short phrase that quotes nothing of the blob."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ArchivedClass:
    """A class by its name and its superclasses' names, its own first."""

    lineage: tuple[bytes, ...]


@dataclass(slots=True, eq=False, repr=False)
class ArchivedObject:
    """An object: its class, and its groups of values as (type encoding, values), in the order they were written."""

    cls: ArchivedClass | None = None
    groups: list[tuple[bytes, list[Value]]] = field(default_factory=list)

    def is_a(self, name: bytes) -> bool:
        """Whether the object is of that class or of a subclass of it."""
        return self.cls is not None and name in self.cls.lineage


Value = int | float | bytes | ArchivedClass | ArchivedObject | None
"""What a group holds: "+", "*" and byte arrays are bytes, "@" an object, "#" a class, nil None."""


def read_integer(blob: bytes, at: int, *, signed: bool) -> tuple[int, int]:
    """The integer at ``at`` and the position after it; raises ``TypedstreamError``, ``IndexError`` past the end."""
    head = blob[at]
    if head < _INT16 - 1 or head >= _FIRST_REFERENCE:
        return (head - 256 if signed and head >= 0x80 else head), at + 1
    width = {_INT16: 2, _INT32: 4, _INT64: 8}.get(head)
    if width is None:
        raise TypedstreamError("a tag where a number should be")
    end = at + 1 + width
    if end > len(blob):
        raise IndexError
    return int.from_bytes(blob[at + 1 : end], "little", signed=signed), end


def unarchive(blob: bytes) -> Value:
    """The one value of an archive, which in a message body is its attributed string.

    Raises ``TypedstreamError`` when the blob is no archive, is cut short, breaks the format anywhere, or goes on after
    that value.
    """
    try:
        return _Reader(blob).only_value()
    except IndexError as error:
        raise TypedstreamError("ends too early") from error


class _Reader:
    """A cursor over one blob, with the tables that back-references point into."""

    def __init__(self, blob: bytes) -> None:
        self.blob = blob
        self.at = len(SIGNATURE)
        self.strings: list[bytes] = []
        self.objects: list[bytes | ArchivedClass | ArchivedObject] = []
        self.splits: dict[bytes, list[bytes]] = {}
        self.depth = 0
        self.values_left = _MOST_VALUES

    def only_value(self) -> Value:
        if not self.blob.startswith(SIGNATURE):
            raise TypedstreamError("ends too early" if SIGNATURE.startswith(self.blob) else "not a typedstream")
        self.integer(signed=False)  # the system's version; 1000 since Mac OS X
        _, values = self.group()
        if len(values) != 1 or self.at != len(self.blob):
            raise TypedstreamError("more than one value")
        return values[0]

    # -- the alphabet ------------------------------------------------------------------------------------------

    def take(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self.blob):
            raise IndexError
        taken = self.blob[self.at : end]
        self.at = end
        return taken

    def integer(self, *, signed: bool) -> int:
        value, self.at = read_integer(self.blob, self.at, signed=signed)
        return value

    def real(self, width: int) -> float:
        if self.blob[self.at] != _FLOAT:
            return float(self.integer(signed=True))
        self.at += 1
        value: float = struct.unpack("<f" if width == 4 else "<d", self.take(width))[0]
        return value

    def reference(self, known: int) -> int:
        """Index into a table of ``known`` entries; numbers count from −110, the first head that is no tag."""
        index = self.integer(signed=True) + (256 - _FIRST_REFERENCE)
        if not 0 <= index < known:
            raise TypedstreamError("a reference to nothing")
        return index

    def string(self) -> bytes | None:
        if self.blob[self.at] == _NIL:
            self.at += 1
            return None
        return self.take(self.integer(signed=False))

    def shared_string(self) -> bytes | None:
        head = self.blob[self.at]
        if head == _NIL:
            self.at += 1
            return None
        if head != _NEW:
            return self.strings[self.reference(len(self.strings))]
        self.at += 1
        string = self.string()
        if string is None:
            raise TypedstreamError("a shared string without content")
        self.strings.append(string)
        return string

    # -- values ------------------------------------------------------------------------------------------------

    def group(self) -> tuple[bytes, list[Value]]:
        """A shared string of type encodings, then one value for each."""
        encodings = self.shared_string()
        if not encodings:
            raise TypedstreamError("values without a type")
        return encodings, self.values_of(encodings)

    def values_of(self, encodings: bytes) -> list[Value]:
        single = self.splits.get(encodings)
        if single is None:
            single = self.splits[encodings] = split_encodings(encodings)
        return [self.value(encoding) for encoding in single]

    def value(self, encoding: bytes) -> Value:
        self.spend()
        kind = encoding[0]
        if kind == 0x40:  # @
            return self.object()
        if kind == 0x2B:  # +
            return self.string()
        if kind in _INTEGERS:
            return self.integer(signed=kind not in _UNSIGNED)
        if kind in b"cCB":
            return int.from_bytes(self.take(1), "little", signed=kind == 0x63)
        if kind in b"fd":
            return self.real(4 if kind == 0x66 else 8)
        if kind in b"%:":
            return self.shared_string()
        if kind == 0x2A:  # *
            return self.c_string()
        if kind == 0x23:  # #
            return self.archived_class()
        if kind == 0x5B:  # [
            return self.byte_array(encoding)
        if kind == 0x7B:  # {
            return self.struct(encoding)
        raise TypedstreamError("an unknown type of value")

    def c_string(self) -> bytes | None:
        head = self.blob[self.at]
        if head == _NIL:
            self.at += 1
            return None
        if head == _NEW:
            self.at += 1
            string = self.shared_string()
            if string is None:
                raise TypedstreamError("a shared string without content")
            self.objects.append(string)
            return string
        known = self.objects[self.reference(len(self.objects))]
        if not isinstance(known, bytes):
            raise TypedstreamError("a reference to the wrong kind of thing")
        return known

    def archived_class(self) -> ArchivedClass | None:
        """A chain of classes, the most derived first, that ends with nil or with a class seen before."""
        places: list[tuple[int, bytes]] = []
        while self.blob[self.at] == _NEW:
            self.at += 1
            self.spend()
            name = self.shared_string()
            if name is None:
                raise TypedstreamError("a class without a name")
            self.integer(signed=True)  # the class's version: no class in a message body has a second layout
            places.append((len(self.objects), name))
            self.objects.append(b"")  # numbered now, known once its superclasses are
        parent: ArchivedClass | None = None
        if self.blob[self.at] == _NIL:
            self.at += 1
        else:
            known = self.objects[self.reference(len(self.objects))]
            if not isinstance(known, ArchivedClass):
                raise TypedstreamError("a reference to the wrong kind of thing")
            parent = known
        for place, name in reversed(places):
            parent = ArchivedClass((name, *parent.lineage) if parent else (name,))
            if len(parent.lineage) > _MOST_ANCESTORS:
                raise TypedstreamError("nests too deeply")
            self.objects[place] = parent
        return parent

    def object(self) -> ArchivedObject | None:
        head = self.blob[self.at]
        if head == _NIL:
            self.at += 1
            return None
        if head != _NEW:
            known = self.objects[self.reference(len(self.objects))]
            if not isinstance(known, ArchivedObject):
                raise TypedstreamError("a reference to the wrong kind of thing")
            return known
        self.at += 1
        self.descend()
        archived = ArchivedObject()
        self.objects.append(archived)
        archived.cls = self.archived_class()
        while self.blob[self.at] != _END:
            archived.groups.append(self.group())
        self.at += 1
        self.depth -= 1
        return archived

    def byte_array(self, encoding: bytes) -> bytes:
        """``[12c]``: the only arrays that bodies hold; others could ask for endless work and are refused."""
        match = _ARRAY.fullmatch(encoding)
        if match is None or match[2] not in (b"c", b"C"):
            raise TypedstreamError("an unknown type of value")
        return self.take(int(match[1]))

    def struct(self, encoding: bytes) -> ArchivedObject:
        """``{name=fields}``, as an object without a class."""
        self.descend()
        name = _STRUCT_NAME.match(encoding)
        fields = encoding[name.end() if name else 1 : -1]
        values = self.values_of(fields) if fields else []
        self.depth -= 1
        return ArchivedObject(None, [(fields, values)])

    def spend(self) -> None:
        self.values_left -= 1
        if self.values_left < 0:
            raise TypedstreamError("holds too many values")

    def descend(self) -> None:
        self.depth += 1
        if self.depth > _MOST_DEPTH:
            raise TypedstreamError("nests too deeply")


def split_encodings(encodings: bytes) -> list[bytes]:
    """``iI[4c]{p=ff}`` as its single encodings; raises ``TypedstreamError`` when brackets do not match."""
    if len(encodings) == 1:
        return [encodings]
    if len(encodings) > _LONGEST_ENCODING:
        raise TypedstreamError("an unknown type of value")
    parts: list[bytes] = []
    start = depth = 0
    for at, kind in enumerate(encodings):
        if kind in b"[{":
            depth += 1
        elif kind in b"]}":
            depth -= 1
        if depth < 0:
            raise TypedstreamError("an unknown type of value")
        if depth == 0:
            parts.append(encodings[start : at + 1])
            start = at + 1
    if depth:
        raise TypedstreamError("an unknown type of value")
    return parts
