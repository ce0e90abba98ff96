"""Which tables and columns a Messages database has, asked of the database itself, never of the system's version.

Apple adds columns with nearly every release, and an old backup lacks what a new Mac has. ``probe`` finds out once;
queries are then built from ``Schema.column``, which answers a constant for a column that is not there, and
``Schema.losses`` says in words what goes unseen for that.
"""

from __future__ import annotations

import sqlite3
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

_LOSSES: dict[tuple[str, str | None], str] = {
    ("message", "attributedBody"): "Rows whose text is stored only as a rich body have none.",
    ("message", "associated_message_type"): "Tapbacks are known only where they arrived as text.",
    ("message", "thread_originator_guid"): "Inline replies are not recorded, so no pair is gold.",
    ("message", "date_edited"): "Edits are not recorded; a text is read as it stands.",
    ("message", "balloon_bundle_id"): "App cards cannot be told from messages.",
    ("message", "item_type"): "System rows cannot be told from messages.",
    ("message", "handle_id"): "Who sent a message is known only in direct chats.",
    ("handle", None): "People cannot be told apart.",
    ("chat", None): "Messages belong to no conversation.",
    ("chat_message_join", None): "Messages belong to no conversation.",
    ("chat_handle_join", None): "Members of groups are known only by the chat's name.",
    ("message_attachment_join", None): "Attachments are not counted.",
}
"""What is lost where a table (None) or a column is not there. Losses that no table of ours would show are left out."""


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


def open_readonly(path: Path, *, immutable: bool = False, timeout_seconds: float = 5.0) -> sqlite3.Connection:
    """A connection that cannot write; text that is not UTF-8 is read with U+FFFD in its place.

    ``immutable`` also promises SQLite that nobody else writes, so it neither locks nor looks for a ``-wal``. Raises
    ``sqlite3.Error``; macOS refuses permission only at the first query.
    """
    address = f"file:{quote(str(path.absolute()))}?mode=ro" + ("&immutable=1" if immutable else "")
    connection = sqlite3.connect(address, uri=True, timeout=timeout_seconds, isolation_level=None)
    connection.text_factory = _forgiving_text
    return connection


def is_quiet(path: Path) -> bool:
    """Whether a database is in WAL mode but nobody has it open: there is no ``-wal`` with anything in it.

    A plain read-only connection would then leave a ``-wal`` and a ``-shm`` of its own beside the original; an immutable
    one does not, and misses nothing. Raises ``OSError``.
    """
    with path.open("rb") as file:
        formats = file.read(_HEADER_FORMATS.stop)[_HEADER_FORMATS]
    wal = path.with_name(path.name + "-wal")
    return _WAL in formats and not (wal.exists() and wal.stat().st_size)


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
    losses = dict.fromkeys(sentence for (table, column), sentence in _LOSSES.items() if not found.has(table, column))
    return Schema(columns, tuple(losses))
