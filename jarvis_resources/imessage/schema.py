"""Which tables and columns a Messages database has, asked of the database itself, never of the system's version.

Apple adds columns with nearly every release, and an old backup lacks what a new Mac has. ``probe`` finds out once;
queries are then built from ``Schema.column``, which answers a constant for a column that is not there, and
``Schema.losses`` says in words what goes unseen for that.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from jarvis_resources.errors import ChatDatabaseError

_TABLES = (
    "message", "handle", "chat", "chat_message_join", "chat_handle_join", "attachment", "message_attachment_join",
    "chat_recoverable_message_join",
)  # fmt: skip

_HEADER_FORMATS = slice(18, 20)
"""Where a SQLite header says how the file is written and how it is read."""
_WAL = 2
"""The format of write-ahead logging there."""

_REQUIRED = ("guid", "date", "is_from_me")
"""Columns of ``message`` without which there is no history to speak of; all are there since iOS 6."""

_LOSSES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Rows whose text is stored only as a rich body have none.", "message", ("message.attributedBody",)),
    ("Rows that have no rich body have no text.", "message", ("message.text",)),
    ("Which service carried a message is not recorded.", "message", ("message.service",)),
    ("Messages that failed cannot be told from those sent.", "message", ("message.error",)),
    ("Who sent a message is known only in direct chats.", "message", ("message.handle_id",)),
    ("System rows cannot be told from messages.", "message", ("message.item_type",)),
    ("Tapbacks are known only where they arrived as text.", "message", ("message.associated_message_type",)),
    ("App cards cannot be told from messages.", "message", ("message.balloon_bundle_id",)),
    ("Inline replies are not recorded, so no pair is gold.", "message", ("message.thread_originator_guid",)),
    ("Single messages filtered as junk cannot be told from others.", "message",
     ("message.is_spam", "message.filter_action")),
    ("Edits are not recorded; a text is read as it stands.", "message", ("message.date_edited",)),
    ("What an edited message said before is not recorded.", "message.date_edited", ("message.message_summary_info",)),
    ("Unsent messages cannot be told from messages.", "message", ("message.date_retracted",)),
    ("Messages that wait to be sent cannot be told from those sent.", "message", ("message.schedule_type",)),
    ("Attachments are not counted.", "message", ("message_attachment_join",)),
    ("People cannot be told apart.", "message", ("handle",)),
    ("Apple's own word on which handles are one person is not recorded.", "handle", ("handle.person_centric_id",)),
    ("Messages belong to no conversation.", "message", ("chat",)),
    ("Messages belong to no conversation.", "message", ("chat_message_join",)),
    ("Members of groups are known only by the chat's name.", "chat", ("chat_handle_join",)),
    ("Groups have no names.", "chat", ("chat.display_name",)),
    ("Groups are known again only by their members.", "chat", ("chat.group_id", "chat.original_group_id")),
    ("Chats filtered as junk cannot be told from others.", "chat", ("chat.is_filtered",)),
)  # fmt: skip
"""A loss; the table or column without which it would not show, or another loss says it all; and the tables or columns
of which one must be there to avoid it. Losses that no table of ours would show are left out."""


@dataclass(frozen=True)
class Schema:
    """The columns of each table that a database has."""

    columns: dict[str, frozenset[str]]
    losses: tuple[str, ...]
    """One sentence for each thing that lacking columns hide."""

    def has(self, table: str, column: str | None = None) -> bool:
        """Whether there is that table, and in it that column (names as Apple writes them)."""
        return table in self.columns and (column is None or column.lower() in self.columns[table])

    def column(self, table: str, column: str, absent: str = "NULL") -> str:
        """SQL for a column that is never null: ``absent`` stands in for the column and for its nulls.

        With ``absent`` left at NULL the column's own nulls stay.
        """
        if not self.has(table, column):
            return absent
        return f"{table}.{column}" if absent == "NULL" else f"COALESCE({table}.{column}, {absent})"


def open_readonly(
    path: Path, *, immutable: bool = False, unlocked: bool = False, timeout_seconds: float = 5.0
) -> sqlite3.Connection:
    """A connection that cannot write; text that is not UTF-8 is read with U+FFFD in its place.

    ``immutable`` also promises SQLite that nobody else writes, so it neither locks nor looks for a ``-wal``;
    ``unlocked`` reads the ``-wal`` without a lock and without the ``-shm`` that readers share. Raises
    ``sqlite3.Error``; macOS refuses permission only at the first query.
    """
    options = ("&immutable=1" if immutable else "") + ("&vfs=unix-none" if unlocked else "")
    address = f"file:{quote(os.fsencode(path.absolute()))}?mode=ro{options}"
    connection = sqlite3.connect(address, uri=True, timeout=timeout_seconds, isolation_level=None)
    connection.text_factory = _forgiving_text
    if unlocked:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")  # keeps the index of the -wal in memory, not in a file
    return connection


def open_in_place(path: Path, *, timeout_seconds: float = 5.0) -> sqlite3.Connection:
    """A read-only connection to a database that others may use, which leaves no file beside it that was not there.

    What others write while nobody seemed to have it open may be read half: who must know asks again afterwards.
    Raises what ``open_readonly`` raises, and ``OSError``.
    """
    unattended = is_unattended(path)
    immutable = unattended and is_quiet(path)
    return open_readonly(
        path, immutable=immutable, unlocked=unattended and not immutable, timeout_seconds=timeout_seconds
    )


def is_quiet(path: Path) -> bool:
    """Whether a database is in WAL mode but nothing is in its ``-wal``: an immutable connection misses nothing.

    A plain read-only one would leave a ``-wal`` and a ``-shm`` of its own beside the original. Raises ``OSError``.
    """
    wal = beside(path, "-wal")
    return _is_wal(path) and not (wal.exists() and wal.stat().st_size)


def is_unattended(path: Path) -> bool:
    """Whether a database is in WAL mode but nobody has it open: nothing is in its ``-wal``, or no ``-shm`` goes with it.

    Such rows without readers are what a crash leaves, or a copy of the two files. Raises ``OSError``.
    """
    return _is_wal(path) and (is_quiet(path) or not beside(path, "-shm").exists())


def beside(path: Path, suffix: str) -> Path:
    """The file that SQLite keeps beside a database: beside its real place, where ``path`` is a link to it."""
    real = path.resolve()
    return real.with_name(real.name + suffix)


def _is_wal(path: Path) -> bool:
    with path.open("rb") as file:
        return _WAL in file.read(_HEADER_FORMATS.stop)[_HEADER_FORMATS]


def _forgiving_text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def probe(connection: sqlite3.Connection) -> Schema:
    """The schema of an open database; raises ``ChatDatabaseError`` when it is no Messages database."""
    columns = {}
    for table in _TABLES:
        names = frozenset(row[1].lower() for row in connection.execute(f"PRAGMA table_info({table})"))
        if names:
            columns[table] = names
    if "message" not in columns:
        raise ChatDatabaseError(
            "This SQLite database has no table `message`, so it is no Messages database: give the path of a chat.db."
        )
    message = columns["message"]
    lacking = [name for name in _REQUIRED if name not in message]
    if not {"text", "attributedbody"} & message:
        lacking.append("text")
    if lacking:
        raise ChatDatabaseError(
            f"The table `message` of this database has no column `{lacking[0]}`: give the path of a chat.db made by Messages."
        )
    found = Schema(columns, ())
    lost = (loss for loss, shown_by, any_of in _LOSSES if _there(found, shown_by) and not _any(found, any_of))
    return Schema(columns, tuple(dict.fromkeys(lost)))


def _any(schema: Schema, names: Iterable[str]) -> bool:
    return any(_there(schema, name) for name in names)


def _there(schema: Schema, name: str) -> bool:
    table, _, column = name.partition(".")
    return schema.has(table, column or None)
