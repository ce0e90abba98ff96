"""What a snapshot was taken of, so that an unchanged source makes no new one.

Beside the copy lies a small record: the state of the source's files as they were before copying, and the copy's
digest. The copy is used again only if the source's files are the very same and the copy still has its digest. Every
doubt (no record, a damaged one, times too fresh or too coarse to tell two writes apart) ends in a new copy.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from jarvis_resources.imessage.schema import beside

Method = Literal["backup", "copy", "immutable"]
"""How a copy was made."""

State = tuple[tuple[str, int, str], ...]
"""Of each file of a database that has anything in it: name, bytes, and a mark that any write changes.

The mark of a ``-wal`` is its content, since opening it may alter its times. That of any other file is its inode, its time
of content and its time of status (ns); the latter cannot be set back, so not even a file restored with its old date
passes for unchanged."""

_SECOND = 10**9
_FINE_NS, _COARSE_NS = 50_000_000, 2 * _SECOND
"""How far apart two writes differ in a file's time for certain: a kernel's tick, or FAT's two seconds."""
_UNSTABLE = (slice(18, 20), slice(24, 28), slice(40, 44), slice(92, 100))
"""Bytes of SQLite's header that say how and how often a file was written, not what is in it."""
_HEADER_BYTES = 100
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Record:
    """What is remembered of a snapshot."""

    digest: str
    method: Method
    warnings: tuple[str, ...]


def state_of(database: Path) -> State:
    """The state of a database's files; raises ``OSError``."""
    found = []
    for suffix in ("", "-wal", "-journal"):
        path = beside(database, suffix)
        try:
            status = path.stat()
            if suffix == "-wal":
                mark = hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
            else:
                mark = f"{status.st_ino} {status.st_mtime_ns} {status.st_ctime_ns}"
        except FileNotFoundError:
            if not suffix:
                raise
        else:
            if not suffix or status.st_size:
                found.append((path.name, status.st_size, mark))
    return tuple(found)


def settled_state(database: Path) -> tuple[State, bool]:
    """The state, and whether every write from now on will show in it; waits a moment where that is enough."""
    margin = _COARSE_NS if all(moment % _SECOND == 0 for moment in _times(database)) else _FINE_NS
    if margin == _FINE_NS and time.time_ns() - max(_times(database)) < margin:
        time.sleep(margin / _SECOND)
    state, began = state_of(database), time.time_ns()
    return state, began - max(_times(database)) >= margin


def _times(database: Path) -> tuple[int, int]:
    status = database.stat()
    return status.st_mtime_ns, status.st_ctime_ns


def digest_of(copy: Path) -> str:
    """blake2b of a single-file database's content, 32 hex digits: the same whether its rows came from a ``-wal`` or not."""
    with copy.open("rb") as file:
        header = bytearray(file.read(_HEADER_BYTES))
        for place in _UNSTABLE:
            header[place] = bytes(place.stop - place.start)
        content = hashlib.blake2b(header, digest_size=16)
        while chunk := file.read(_CHUNK_BYTES):
            content.update(chunk)
    return content.hexdigest()


def remember(copy: Path, source: Path, state: State, record: Record) -> None:
    """Write the record of ``copy``, mode 0600, replaced atomically."""
    entry = {
        "source": os.fsdecode(source.resolve()), "state": state, "copy": state_of(copy), "digest": record.digest,
        "method": record.method, "warnings": record.warnings,
    }  # fmt: skip
    target = _record_of(copy)
    aside = target.with_name(f".{target.name}.{os.getpid()}.part")
    aside.unlink(missing_ok=True)
    with os.fdopen(os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        json.dump(entry, file, indent=1)
    aside.replace(target)


def forget(copy: Path) -> None:
    """From now on nothing is known of ``copy``."""
    _record_of(copy).unlink(missing_ok=True)


def recall(copy: Path, source: Path, state: State) -> Record | None:
    """The record of ``copy`` if it is whole and of the same source in the same state, else None."""
    try:
        entry: dict[str, Any] = json.loads(_record_of(copy).read_bytes())
        same = entry["source"] == os.fsdecode(source.resolve()) and _listed(entry["state"]) == state
        if same and _listed(entry["copy"]) == state_of(copy) and entry["digest"] == digest_of(copy):
            return Record(entry["digest"], entry["method"], tuple(entry["warnings"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass  # no copy, no record, or a damaged one: nothing is known
    return None


def _listed(entry: Any) -> State:
    return tuple(tuple(file) for file in entry)


def _record_of(copy: Path) -> Path:
    return copy.with_name(f"{copy.name}.json")
