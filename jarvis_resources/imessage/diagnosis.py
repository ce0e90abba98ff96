"""What went wrong with a chat.db, in one sentence for the owner.

Every failure to read a database becomes a ``ChatDatabaseError`` here and nowhere else, so that one cause has one
sentence wherever it strikes. Sentences name the file and the way out; they never quote what is in the database.
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jarvis_resources.errors import ChatDatabaseError

SQLITE_MAGIC = b"SQLite format 3\0"
_LEAST_DATABASE = 512
"""Bytes: the smallest page that SQLite knows, hence the smallest database."""
_HEAD = 4096
"""Bytes looked at to tell a text file from an encrypted one."""

_DENIED = frozenset({sqlite3.SQLITE_AUTH, sqlite3.SQLITE_PERM})
_LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_FORMAT})
_PRIMARY = 0xFF
"""An extended result code's low byte is the primary code."""


def code_of(error: sqlite3.Error) -> int:
    """SQLite's primary result code of an error; 0 when the error came from Python's side."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & _PRIMARY


def permission_denied(path: Path) -> ChatDatabaseError:
    """macOS, or the file's mode, keeps us from reading."""
    return ChatDatabaseError(
        f"No permission to read {path}: open System Settings > Privacy & Security > Full Disk Access, switch it on "
        "for your terminal app, restart that app, and try again."
    )


def damaged(path: Path) -> ChatDatabaseError:
    """The file is SQLite but cannot be read to its end."""
    return ChatDatabaseError(
        f"{path} is truncated or damaged: copy chat.db again together with its chat.db-wal, or restore it from a backup."
    )


def explain(error: sqlite3.Error | OSError, path: Path) -> ChatDatabaseError:
    """The sentence for an error of SQLite or of the file system met at ``path``."""
    if isinstance(error, OSError):
        if error.errno in (errno.EACCES, errno.EPERM):
            return permission_denied(path)
        if error.errno == errno.ENOENT:
            return ChatDatabaseError(f"There is no file {path}: give the path of your chat.db with --chat-db.")
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return _disk_full(path)
        return ChatDatabaseError(f"{path} cannot be read ({error.strerror}): check the disk it is on and try again.")
    code = code_of(error)
    if code in _DENIED:
        return permission_denied(path)
    if code in _LOCKED:
        return ChatDatabaseError(f"{path} is locked by another program: quit Messages, wait a minute, and try again.")
    if code == sqlite3.SQLITE_FULL:
        return _disk_full(path)
    if code == sqlite3.SQLITE_NOTADB:
        return ChatDatabaseError(
            f"{path} is encrypted or is no SQLite database: make an unencrypted backup, or give the Mac's own chat.db."
        )
    if code == sqlite3.SQLITE_CANTOPEN:
        return permission_denied(path)
    if code in _DAMAGED:
        return damaged(path)
    return ChatDatabaseError(f"{path} cannot be read ({type(error).__name__}): check the disk it is on and try again.")


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what SQLite or the file system raises inside the block into its one sentence."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise explain(error, path) from error


def refuse_unlike_sqlite(path: Path) -> None:
    """Raise ``ChatDatabaseError`` unless ``path`` is a file that begins as a SQLite database does."""
    with explained(path):
        if path.is_dir():
            raise ChatDatabaseError(f"{path} is a folder, not a database: give the path of the chat.db inside it.")
        size = path.stat().st_size
        if not path.is_file():
            raise ChatDatabaseError(f"{path} is not a file: give the path of a chat.db.")
        with path.open("rb") as file:
            head = file.read(_HEAD)
    if not head:
        raise ChatDatabaseError(f"{path} is empty: give the path of a chat.db that holds messages.")
    if head.startswith(SQLITE_MAGIC):
        if size < _LEAST_DATABASE:
            raise damaged(path)
        return
    if _looks_like_text(head):
        raise ChatDatabaseError(f"{path} is a text file, not a SQLite database: give the path of a chat.db.")
    raise ChatDatabaseError(
        f"{path} is encrypted or is no SQLite database: make an unencrypted backup, or give the Mac's own chat.db."
    )


def _looks_like_text(head: bytes) -> bool:
    try:
        # A character may be cut at the end of the head; one that is wrong before it may not.
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:
            return False
        text = head[: error.start].decode("utf-8")
    return all(character.isprintable() or character.isspace() for character in text)


def _disk_full(path: Path) -> ChatDatabaseError:
    return ChatDatabaseError(f"No space left on the disk to copy {path}: free as much as the file is large, try again.")
