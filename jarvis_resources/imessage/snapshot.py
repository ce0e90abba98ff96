"""One consistent copy of chat.db in a folder of ours, taken without touching the original.

The database is in WAL mode while Messages runs, and the latest messages may lie only in ``chat.db-wal``. SQLite's
backup through a read-only connection sees both; where macOS refuses that connection although the file can be read,
the files are copied; reading the main file alone is the last resort and says that it may be stale. All later
reading happens on the copy.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from jarvis_resources.errors import ChatDatabaseError
from jarvis_resources.imessage.diagnosis import code_of, damaged, explained, refuse_unlike_sqlite
from jarvis_resources.imessage.schema import is_quiet, open_readonly, probe

Progress = Callable[[int, int], None]
Method = Literal["backup", "copy", "immutable"]

_PAGES_A_STEP = 8192
"""Pages that the backup copies between two reports of progress: 32 MiB at Apple's page size of 4 KiB."""
_COPY_ATTEMPTS = 3
"""How often to copy again when the files changed under the copy."""
_WORTH_COPYING = frozenset(
    {sqlite3.SQLITE_AUTH, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY}
)
"""Refusals of a connection after which the file itself may still be readable (macOS 26.3 answers 23 despite access)."""


@dataclass(frozen=True)
class Snapshot:
    """A verified copy of chat.db in one file."""

    path: Path
    method: Method
    digest: str
    """blake2b of the file's content, 32 hex digits: equal digests mean nothing changed."""
    size: int
    """Bytes."""
    stale: bool
    """Whether the newest messages may be missing."""
    warnings: tuple[str, ...]


def take_snapshot(source: Path, folder: Path, *, progress: Progress | None = None) -> Snapshot:
    """Copy the database at ``source`` to ``folder``/chat.db: verified, one file, mode 0600, replaced atomically.

    ``progress`` is called with pages done and pages in all. The source is opened read-only and left as it was. Raises
    ``ChatDatabaseError``, with a sentence of its own for each cause: missing, a folder, empty, a text file, encrypted,
    truncated or damaged, no Messages database, no permission, locked, disk full.
    """
    source = source.expanduser()
    refuse_unlike_sqlite(source)
    _require_room(source, folder)
    with explained(source), _aside(folder / "chat.db") as aside:
        taken = _copy_somehow(source, aside, progress)
        _make_single_file(aside)
        _verify(aside, source)
        with aside.open("rb+") as file:
            digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
            os.fsync(file.fileno())
        target = folder / "chat.db"
        aside.replace(target)
        return replace(taken, path=target, digest=digest, size=target.stat().st_size)


def _copy_somehow(source: Path, aside: Path, progress: Progress | None) -> Snapshot:
    """Back up; if the connection is refused, copy the files; if the copy is torn, read the main file alone."""
    try:
        _back_up(source, aside, progress)
        return Snapshot(aside, "backup", "", 0, False, ())
    except sqlite3.Error as error:
        if code_of(error) not in _WORTH_COPYING:
            raise
    if _copy_files(source, aside):
        return Snapshot(aside, "copy", "", 0, False, ("SQLite was refused access, so the files were copied.",))
    _remove_database(aside)
    _back_up(source, aside, progress, immutable=True)
    warning = "Only the main file could be read; the newest messages may be missing until Messages is quit."
    return Snapshot(aside, "immutable", "", 0, True, (warning,))


def _back_up(source: Path, aside: Path, progress: Progress | None, *, immutable: bool = False) -> None:
    """SQLite's backup within one read transaction, so that a message arriving meanwhile neither tears nor restarts it."""
    quiet = is_quiet(source)
    before = _stamp(source)

    def report(_status: int, remaining: int, total: int) -> None:
        if progress is not None:
            progress(total - remaining, total)

    with closing(open_readonly(source, immutable=immutable or quiet)) as original:
        original.execute("BEGIN")
        original.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        with closing(sqlite3.connect(aside)) as copy:
            original.backup(copy, pages=_PAGES_A_STEP, progress=report)
    if quiet and not immutable and (_stamp(source) != before or not is_quiet(source)):
        # Messages woke up while we read without locks: once more, with them.
        _remove_database(aside)
        with closing(open_readonly(source)) as original, closing(sqlite3.connect(aside)) as copy:
            original.backup(copy, pages=_PAGES_A_STEP, progress=report)


def _copy_files(source: Path, aside: Path) -> bool:
    """Copy the database and its ``-wal``; False when they would not hold still or the copy does not open whole."""
    for _ in range(_COPY_ATTEMPTS):
        _remove_database(aside)
        before = _stamp(source)
        shutil.copyfile(source, aside)
        wal = _beside(source, "-wal")
        if wal.exists():
            shutil.copyfile(wal, _beside(aside, "-wal"))
        if _stamp(source) == before and _opens_whole(aside):
            return True
    return False


def _opens_whole(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(path)) as connection:
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")
    except sqlite3.DatabaseError:
        return False


def _make_single_file(path: Path) -> None:
    """Fold the ``-wal`` in and leave WAL mode, which a backup inherits from its source."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE").fetchone()


def _verify(path: Path, source: Path) -> None:
    with closing(open_readonly(path)) as connection:
        if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise damaged(source)
        probe(connection)


def _require_room(source: Path, folder: Path) -> None:
    """Make the folder; refuse where it cannot be written or has no room for the copy."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
        writable = os.access(folder, os.W_OK | os.X_OK)
    except OSError as error:
        raise ChatDatabaseError(
            f"Cannot write to {folder} ({error.strerror}); set JARVIS_HOME to a folder of yours."
        ) from error
    if not writable:
        raise ChatDatabaseError(f"Cannot write to {folder}; set JARVIS_HOME to a folder of yours.")
    with explained(source):
        size = sum(path.stat().st_size for path in _files(source))
    if free < size:
        raise ChatDatabaseError(
            f"The disk of {folder} has {free >> 20} MiB free and the copy of {source} needs {(size >> 20) + 1}: "
            "free some space and try again."
        )


def _stamp(source: Path) -> tuple[tuple[str, int, int], ...]:
    """Names, sizes and times of the database's files: equal stamps mean that nobody wrote in between."""
    return tuple((path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in _files(source))


def _files(source: Path) -> Iterator[Path]:
    yield source
    wal = _beside(source, "-wal")
    if wal.exists():
        yield wal


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _remove_database(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        _beside(path, suffix).unlink(missing_ok=True)


@contextmanager
def _aside(target: Path) -> Iterator[Path]:
    """A fresh file of mode 0600 in the target's folder; it and SQLite's files beside it are gone afterwards."""
    aside = target.with_name(f".{target.name}.{os.getpid()}.part")
    _remove_database(aside)
    try:
        os.close(os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        yield aside
    finally:
        _remove_database(aside)
