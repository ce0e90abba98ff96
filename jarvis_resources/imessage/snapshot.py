"""One consistent copy of chat.db in a folder of ours, taken without touching the original.

The database is in WAL mode while Messages runs, and the latest messages may lie only in ``chat.db-wal``. SQLite's
backup through a read-only connection sees both; where macOS refuses that connection although the file can be read,
the files are copied; reading the main file alone is the last resort and says that it may be stale. All later
reading happens on the copy.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from jarvis_resources.errors import ChatDatabaseError
from jarvis_resources.imessage.diagnosis import code_of, damaged, explained, refuse_unlike_sqlite
from jarvis_resources.imessage.ios_backup import database_in
from jarvis_resources.imessage.schema import beside, is_unattended, open_in_place, open_readonly, probe
from jarvis_resources.imessage.snapshot_record import (
    Method,
    Record,
    State,
    digest_of,
    forget,
    recall,
    remember,
    settled_state,
    state_of,
)

Progress = Callable[[int, int], None]

_PAGES_A_STEP = 512
"""Pages that the backup copies between two flushes and reports of progress: 2 MiB at Apple's page size of 4 KiB.

Flushed all at once, a large copy keeps another program's commits waiting for the disk."""
_PATIENCE_SECONDS = 5.0
"""How long to wait for another program's lock."""
_COPY_ATTEMPTS = 3
"""How often to copy again when the files changed under the copy."""
_PAUSE_SECONDS = 0.2
"""Time between them: a checkpoint of Messages is over by then."""
_WAL_HEADER_BYTES = 32
"""Head of a ``-wal``; its salts change whenever the ``-wal`` starts over."""
_WORTH_COPYING = frozenset(
    {sqlite3.SQLITE_AUTH, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY}
)
"""Refusals of a connection after which the file itself may still be readable (macOS 26.3 answers 23 despite access)."""
_ODD_VALUE = re.compile(r"(?:NULL|TEXT|NUMERIC|non-\w+) value in |CHECK constraint failed in ")
"""Findings of the check about what a row holds, which reading takes as it comes; all others are damage."""


@dataclass(frozen=True)
class Snapshot:
    """A verified copy of chat.db in one file."""

    path: Path
    method: Method
    digest: str
    """Of the content, 32 hex digits: equal digests mean nothing changed."""
    size: int
    """Bytes."""
    stale: bool
    """Whether the newest messages may be missing."""
    warnings: tuple[str, ...]
    reused: bool = False
    """Whether the source was unchanged, so that the copy of an earlier call is the snapshot."""


def take_snapshot(source: Path, folder: Path, *, progress: Progress | None = None) -> Snapshot:
    """Copy the database at ``source`` to ``folder``/chat.db: verified, one file, mode 0600, replaced atomically.

    ``source`` may be a folder of Messages or of an iOS backup. It is opened read-only and left as it was; unchanged since
    the copy in ``folder`` was made, it is not copied again. ``progress`` is called with pages done and pages in all.
    Raises ``ChatDatabaseError``, with a sentence of its own for each cause: missing, a folder without a database, empty,
    a text file, encrypted, truncated or damaged, no Messages database, no permission, locked, disk full.
    """
    source, target = database_in(source), folder / "chat.db"
    refuse_unlike_sqlite(source)
    with explained(source):
        state, settled = settled_state(source)
        if known := recall(target, source, state):
            return _snapshot(target, known, reused=True)
    _require_room(source, folder)
    with explained(source), _aside(target) as aside:
        method, warnings = _copy_somehow(source, aside, progress)
        _make_single_file(aside)
        _verify(aside, source)
        with aside.open("rb+") as file:
            os.fsync(file.fileno())
        forget(target)
        record = Record(digest_of(aside), method, warnings)
        aside.replace(target)
        if settled and method != "immutable":
            remember(target, source, state, record)
    return _snapshot(target, record)


def _snapshot(path: Path, record: Record, *, reused: bool = False) -> Snapshot:
    return Snapshot(
        path=path,
        method=record.method,
        digest=record.digest,
        size=path.stat().st_size,
        stale=record.method == "immutable",
        warnings=record.warnings,
        reused=reused,
    )


def _copy_somehow(source: Path, aside: Path, progress: Progress | None) -> tuple[Method, tuple[str, ...]]:
    """Back up; if the connection is refused, copy the files; if the copy is torn, read the main file alone.

    Answers the way that worked and what to warn of.
    """
    try:
        _back_up(source, aside, progress)
        return "backup", ()
    except sqlite3.Error as error:
        if code_of(error) not in _WORTH_COPYING:
            raise
        refusal = error
    if _copy_files(source, aside):
        if refusal.sqlite_errorcode == sqlite3.SQLITE_READONLY_ROLLBACK:
            return "copy", ()  # what a crash left half written is taken back in the copy, not in the original
        return "copy", ("SQLite was refused access, so the files were copied.",)
    if any(name.endswith("-journal") for name, *_ in state_of(source)):
        raise refusal  # the main file alone is half written
    _start_anew(aside)
    _copy_pages(open_readonly(source, immutable=True), aside, progress)
    return "immutable", (
        "Only the main file could be read; the newest messages may be missing until Messages is quit.",
    )


def _back_up(source: Path, aside: Path, progress: Progress | None) -> None:
    """SQLite's backup; where nobody has the database open, through a connection that needs no file beside it."""
    if is_unattended(source):
        before, _ = settled_state(source)
        try:
            _copy_pages(open_in_place(source), aside, progress)
        except sqlite3.Error:
            if state_of(source) == before:
                raise
        if state_of(source) == before:
            return
        _start_anew(aside)  # Messages woke up while we read without locks: once more, with them
    _copy_pages(open_readonly(source, timeout_seconds=_PATIENCE_SECONDS), aside, progress)


def _copy_pages(original: sqlite3.Connection, aside: Path, progress: Progress | None) -> None:
    """All pages within one read transaction, so that a message arriving meanwhile neither tears nor restarts it.

    In WAL mode a reader keeps no writer waiting, only a checkpoint that insists on emptying the ``-wal``.
    """

    with closing(original), closing(sqlite3.connect(aside, isolation_level=None)) as copy, aside.open("rb+") as file:

        def step(_status: int, remaining: int, total: int) -> None:
            os.fsync(file.fileno())
            if progress is not None:
                progress(total - remaining, total)

        original.execute("BEGIN")
        original.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        copy.execute("PRAGMA synchronous=OFF")  # nobody needs half a copy; what it needs flushed is flushed here
        copy.execute("PRAGMA journal_mode=OFF")
        original.backup(copy, pages=_PAGES_A_STEP, progress=step)


def _copy_files(source: Path, aside: Path) -> bool:
    """Copy the database, its ``-wal`` and its journal; False when they would not hold still or do not open whole.

    Rows added to the ``-wal`` meanwhile do no harm: SQLite reads it up to the last whole transaction.
    """
    for attempt in range(_COPY_ATTEMPTS):
        if attempt:
            time.sleep(_PAUSE_SECONDS)
        _start_anew(aside)
        settled_state(source)
        before = _anchors(source)
        shutil.copyfile(source, aside)
        for suffix in ("-wal", "-journal"):
            with suppress(FileNotFoundError):
                _copy_privately(beside(source, suffix), beside(aside, suffix))
        if _anchors(source) == before and _opens_whole(aside):
            return True
    return False


def _anchors(source: Path) -> tuple[State, bytes]:
    """What stays the same while rows are only added to the ``-wal``: the other files, and the head of the ``-wal``."""
    wal = beside(source, "-wal")
    state = tuple(file for file in state_of(source) if file[0] != wal.name)
    try:
        with wal.open("rb") as file:
            return state, file.read(_WAL_HEADER_BYTES)
    except FileNotFoundError:
        return state, b""


def _opens_whole(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(path)) as connection:
            return _is_whole(connection)
    except sqlite3.DatabaseError:
        return False


def _is_whole(connection: sqlite3.Connection) -> bool:
    """Whether every page and row can be read.

    It is the quick check: comparing every index with its table as well takes several times as long, and a copy of the
    pages has the very indexes of its source.
    """
    return all(found == "ok" or _ODD_VALUE.match(found) for (found,) in connection.execute("PRAGMA quick_check"))


def _make_single_file(path: Path) -> None:
    """Fold the ``-wal`` in and leave WAL mode, which a backup inherits from its source."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("PRAGMA journal_mode=DELETE").fetchone()


def _verify(path: Path, source: Path) -> None:
    with closing(open_readonly(path)) as connection:
        if not _is_whole(connection):
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
        size = sum(size for _, size, _ in state_of(source))
    if free < size:
        raise ChatDatabaseError(
            f"The disk of {folder} has {free >> 20} MiB free and the copy of {source} needs {(size >> 20) + 1}: "
            "free some space and try again."
        )


def _start_anew(aside: Path) -> None:
    """An empty file of mode 0600, and nothing of SQLite's beside it."""
    _remove_database(aside)
    os.close(os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _copy_privately(source: Path, target: Path) -> None:
    with source.open("rb") as read, os.fdopen(os.open(target, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as written:
        shutil.copyfileobj(read, written)


def _remove_database(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        beside(path, suffix).unlink(missing_ok=True)


@contextmanager
def _aside(target: Path) -> Iterator[Path]:
    """A fresh file in the target's folder; it and SQLite's files beside it are gone afterwards."""
    _sweep(target)
    aside = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        _start_anew(aside)
        yield aside
    finally:
        _remove_database(aside)


def _sweep(target: Path) -> None:
    """Remove what processes that were killed left of their copies: private, and as large as the history."""
    for left in target.parent.glob(f".{target.name}*.part*"):
        owner = re.search(r"\.(\d+)\.part", left.name)
        if owner and not _is_running(int(owner[1])):
            left.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return process != os.getpid()
