"""The last messages with somebody, read from the living chat.db at the moment of an answer.

Each call opens the database read-only and closes it again, so nothing is ever held open beside Messages. Only what
serving needs is here; the history as a whole is read from a snapshot by ``messages.py``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from jarvis_resources.errors import ChatDatabaseError
from jarvis_resources.imessage.bodies import read_bodies
from jarvis_resources.imessage.chats import read_chats
from jarvis_resources.imessage.diagnosis import explained, refuse_unlike_sqlite
from jarvis_resources.imessage.handles import normalise_handle
from jarvis_resources.imessage.ios_backup import database_in
from jarvis_resources.imessage.kinds import BIT, LINK_CARD, evidence_sql
from jarvis_resources.imessage.people import read_people
from jarvis_resources.imessage.rows import UNKNOWN_TIME, unix_microseconds
from jarvis_resources.imessage.schema import Schema, open_in_place, probe

_TIMEOUT_SECONDS = 0.25
"""How long a call waits for a lock: an answer is due in milliseconds."""

_PLAIN = BIT["normal"] | LINK_CARD
"""Evidence that leaves a row an ordinary message."""
_SPOKEN = _PLAIN | BIT["app"] | BIT["spam"]
"""Evidence that leaves a row something that was said."""


@dataclass(frozen=True)
class LiveMessage:
    """One ordinary message of a direct conversation."""

    text: str
    is_from_me: bool
    sent_at: datetime | None


class LiveReader:
    """Reads the living chat.db; raises ``ChatDatabaseError`` where that cannot be done."""

    def __init__(self, chat_db: Path, country: str = "US") -> None:
        self._path = chat_db.expanduser()
        self._country = country

    def available(self) -> bool:
        """Whether there is a Messages database that can be read right now."""
        try:
            with self._open():
                return True
        except ChatDatabaseError:
            return False

    def recent(self, handles: Sequence[str], limit: int = 20) -> list[LiveMessage]:
        """The last ``limit`` messages with a text, both ways, with the person of these handles; oldest first."""
        found: list[LiveMessage] = []
        with self._open() as (connection, schema):
            chat_rows = self._direct_chats(connection, schema, handles)
            # Not every row is a message with a text, so it is not known beforehand how far back to look.
            for newest in (4 * limit, 64 * limit, None):
                rows = connection.execute(_query(schema, chat_rows, _PLAIN, newest)).fetchall()
                found = _messages(rows)
                if len(found) >= limit:
                    break
        return found[:limit][::-1]

    def count(self, handles: Sequence[str], at_most: int | None = None) -> int:
        """How many messages went both ways with the person of these handles in direct chats.

        Counting stops at ``at_most``, which spares reading a long history to learn that it is not short.
        """
        with self._open() as (connection, schema):
            chat_rows = self._direct_chats(connection, schema, handles)
            newest = None if at_most is None else 4 * at_most
            total = _count(connection, _query(schema, chat_rows, _SPOKEN, newest))
            if at_most is not None and total < at_most:
                total = _count(connection, _query(schema, chat_rows, _SPOKEN, None))
        return total if at_most is None else min(total, at_most)

    @contextmanager
    def _open(self) -> Iterator[tuple[sqlite3.Connection, Schema]]:
        path = database_in(self._path)
        refuse_unlike_sqlite(path)
        with explained(path), closing(open_in_place(path, timeout_seconds=_TIMEOUT_SECONDS)) as connection:
            yield connection, probe(connection)

    def _direct_chats(self, connection: sqlite3.Connection, schema: Schema, handles: Sequence[str]) -> list[int]:
        """ROWIDs of the direct chats with the person of these handles, whatever the handle of the chat."""
        chats = read_chats(connection, schema)
        people = read_people(connection, schema, chats, self._country)
        wanted = {people.of_handle.get(normalise_handle(handle, self._country), -1) for handle in handles} - {-1}
        return [chat.row for chat in chats if not chat.is_group and people.members(chat, self._country) & wanted]


def _query(schema: Schema, chat_rows: Sequence[int], allowed: int, newest: int | None) -> str:
    """SELECT of the messages in these chats whose evidence stays within ``allowed``, newest first.

    ``newest`` looks only at so many rows of each chat, by the index that Messages keeps on their dates.
    """
    if not chat_rows or not schema.has("chat_message_join"):
        chosen = "SELECT 0 WHERE 0"
    elif newest is None or not schema.has("chat_message_join", "message_date"):
        chosen = f"SELECT message_id FROM chat_message_join WHERE chat_id IN ({', '.join(map(str, chat_rows))})"
    else:
        chosen = " UNION ALL ".join(
            f"SELECT * FROM (SELECT message_id FROM chat_message_join WHERE chat_id = {row} "
            f"ORDER BY message_date DESC, message_id DESC LIMIT {newest})"
            for row in chat_rows
        )
    text, body = (f"CAST({schema.column('message', name)} AS BLOB)" for name in ("text", "attributedBody"))
    return (
        f"SELECT {text}, {body}, message.is_from_me <> 0, CAST(message.date AS INTEGER) FROM message "
        f"WHERE message.ROWID IN ({chosen}) AND {evidence_sql(schema)} & ~{allowed} = 0 "
        f"AND {schema.column('message', 'date_retracted', '0')} = 0 ORDER BY message.date DESC, message.ROWID DESC"
    )


def _count(connection: sqlite3.Connection, query: str) -> int:
    total: int = connection.execute(f"SELECT COUNT(*) FROM ({query})").fetchone()[0]
    return total


def _messages(batch: Sequence[tuple[bytes | None, bytes | None, int, int | None]]) -> list[LiveMessage]:
    if not batch:
        return []
    plain, blobs, from_me, dates = zip(*batch, strict=True)
    texts = read_bodies(pa.array(blobs, pa.binary()), pa.array(plain, pa.binary())).texts.to_pylist()
    times = unix_microseconds(np.array([date or 0 for date in dates], np.int64)).tolist()
    return [
        LiveMessage(text, bool(mine), None if time == UNKNOWN_TIME else datetime.fromtimestamp(time / 1e6, UTC))
        for text, mine, time in zip(texts, from_me, times, strict=True)
        if text is not None
    ]
