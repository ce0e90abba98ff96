"""The file of an index: what FAISS writes, then our row numbers and notes, then a checksum of it all.

FAISS trusts what it reads, and a flipped byte can make it crash; so nothing is handed to it before the checksum is
right. FAISS reads from the front and ignores what follows, so its part can be mapped into memory as it lies.

    FAISS's bytes | int64 row of each slot | notes (JSON) | lengths of the last two | SHA-256 of all before | magic
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from jarvis_resources.errors import JarvisError
from jarvis_resources.files import replacing, told_of

_MAGIC = b"JARVIDX2"
_LENGTHS = struct.Struct("<QQ")
"""Bytes of the row numbers, bytes of the notes."""
_TAIL = _LENGTHS.size + hashlib.sha256().digest_size + len(_MAGIC)
_CHUNK_BYTES = 1 << 20


def write_index(path: Path, index: Any, rows: npt.NDArray[np.int64], notes: Mapping[str, Any]) -> None:
    """Replace ``path`` by a FAISS ``index``, the row of each of its slots and ``notes`` (JSON), mode 0600.

    Raises ``JarvisError`` when the disk is full or may not be written.
    """
    faiss: Any = import_module("faiss")  # its stubs lack what writes through Python
    with told_of(path), replacing(path) as sink:
        digest = hashlib.sha256()
        put = _both(sink, digest.update)
        faiss.write_index(index, faiss.PyCallbackIOWriter(put))
        numbers = np.ascontiguousarray(rows, "<i8").tobytes()
        words = json.dumps(notes, sort_keys=True).encode()
        for part in (numbers, words, _LENGTHS.pack(len(numbers), len(words))):
            put(part)
        sink.write(digest.digest() + _MAGIC)


def read_index(path: Path, *, mmap: bool, verify: bool) -> tuple[Any, npt.NDArray[np.int64], dict[str, Any]]:
    """The index at ``path``, the row of each slot, and the notes.

    With ``mmap`` its vectors stay on the disk until they are looked at. ``verify`` reads the whole file once to compare
    its checksum; leave it out only for a file that was just verified otherwise. Raises ``JarvisError`` naming the file
    when it is missing, truncated, changed, or something else.
    """
    import faiss

    try:
        with path.open("rb") as source:
            rows, notes = _read_end(source, verify)
        index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC if mmap else 0)
    except FileNotFoundError as error:
        raise _unusable(path, "is missing") from error
    except OSError as error:
        raise _unusable(path, f"cannot be read ({error.strerror})") from error
    except (ValueError, RuntimeError) as error:
        raise _unusable(path, "is damaged, or an earlier version's") from error
    return index, rows, notes


def _read_end(source: IO[bytes], verify: bool) -> tuple[npt.NDArray[np.int64], dict[str, Any]]:
    """Row numbers and notes; raises ``ValueError`` when the file is not what was written."""
    size = source.seek(0, 2)
    if size < _TAIL:
        raise ValueError("too short")
    source.seek(size - _TAIL)
    tail = source.read(_TAIL)
    numbers, words = _LENGTHS.unpack_from(tail)
    if not tail.endswith(_MAGIC) or numbers + words + _TAIL > size:
        raise ValueError("not an index")
    if verify and _checksum(source, size - _TAIL + _LENGTHS.size) != tail[_LENGTHS.size : -len(_MAGIC)]:
        raise ValueError("changed")
    source.seek(size - _TAIL - words - numbers)
    return np.frombuffer(source.read(numbers), "<i8").astype(np.int64), json.loads(source.read(words))


def _checksum(source: IO[bytes], length: int) -> bytes:
    """SHA-256 of the first ``length`` bytes."""
    digest = hashlib.sha256()
    source.seek(0)
    while length and (chunk := source.read(min(length, _CHUNK_BYTES))):
        digest.update(chunk)
        length -= len(chunk)
    return digest.digest()


def _both(sink: IO[bytes], note: Callable[[bytes], None]) -> Callable[[bytes], int]:
    """Write to ``sink`` what is also told to ``note``."""

    def put(part: bytes) -> int:
        note(part)
        return sink.write(part)

    return put


def _unusable(path: Path, what: str) -> JarvisError:
    return JarvisError(f"The index {path.name} {what}; run `jarvis mine` to make it again.")
