"""A Messages database written by hand, row by row, so that each test shows the very rows that it is about."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from jarvis_resources.imessage.messages import History, read_history
from jarvis_resources.tables import MESSAGES

NOON = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)
APPLE_EPOCH = datetime(2001, 1, 1, tzinfo=UTC)
MY_NUMBER = "+15555550100"

DDL = """
CREATE TABLE message (ROWID INTEGER PRIMARY KEY AUTOINCREMENT, guid TEXT UNIQUE NOT NULL, text TEXT,
  handle_id INTEGER DEFAULT 0, attributedBody BLOB, service TEXT, error INTEGER DEFAULT 0, date INTEGER,
  is_from_me INTEGER DEFAULT 0, is_sent INTEGER DEFAULT 0, cache_has_attachments INTEGER DEFAULT 0,
  item_type INTEGER DEFAULT 0, other_handle INTEGER DEFAULT 0, share_direction INTEGER DEFAULT 0,
  associated_message_guid TEXT, associated_message_type INTEGER DEFAULT 0, balloon_bundle_id TEXT,
  message_summary_info BLOB, is_spam INTEGER DEFAULT 0, thread_originator_guid TEXT, thread_originator_part TEXT,
  date_retracted INTEGER DEFAULT 0, date_edited INTEGER DEFAULT 0, schedule_type INTEGER DEFAULT 0);
CREATE TABLE handle (ROWID INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, country TEXT, service TEXT NOT NULL,
  person_centric_id TEXT, UNIQUE (id, service));
CREATE TABLE chat (ROWID INTEGER PRIMARY KEY AUTOINCREMENT, guid TEXT UNIQUE NOT NULL, style INTEGER,
  chat_identifier TEXT, service_name TEXT, account_login TEXT, last_addressed_handle TEXT, display_name TEXT,
  group_id TEXT, original_group_id TEXT, is_filtered INTEGER DEFAULT 0);
CREATE TABLE chat_message_join (chat_id INTEGER, message_id INTEGER, message_date INTEGER DEFAULT 0,
  PRIMARY KEY (chat_id, message_id));
CREATE TABLE chat_handle_join (chat_id INTEGER, handle_id INTEGER, UNIQUE (chat_id, handle_id));
CREATE TABLE message_attachment_join (message_id INTEGER, attachment_id INTEGER, UNIQUE (message_id, attachment_id));
CREATE TABLE chat_recoverable_message_join (chat_id INTEGER, message_id INTEGER, delete_date INTEGER,
  PRIMARY KEY (chat_id, message_id));
"""


def nanoseconds(when: datetime) -> int:
    """A moment as chat.db writes it."""
    return (when - APPLE_EPOCH) // timedelta(microseconds=1) * 1000


class ChatDb:
    """Writes rows; every method answers the ROWID or the guid that the next row needs."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("PRAGMA synchronous=OFF")  # a test's database need not survive a power cut
        self.connection.executescript(DDL)
        self._minutes = 0

    def insert(self, table: str, **values: Any) -> int:
        columns = ", ".join(values)
        marks = ", ".join("?" for _ in values)
        row = self.connection.execute(
            f"INSERT INTO {table} ({columns}) VALUES ({marks})", list(values.values())
        ).lastrowid
        assert row is not None
        return row

    def handle(
        self, name: str, service: str = "iMessage", person: str | None = None, country: str | None = None
    ) -> int:
        return self.insert("handle", id=name, service=service, person_centric_id=person, country=country)

    def chat(
        self, *handles: int, group: bool = False, identifier: str = "", service: str = "iMessage", **values: Any
    ) -> int:
        number = self.connection.execute("SELECT COUNT(*) FROM chat").fetchone()[0] + 1
        if not identifier and not group and handles:
            identifier = self.connection.execute("SELECT id FROM handle WHERE ROWID = ?", handles[:1]).fetchone()[0]
        identifier = identifier or f"chat{number}"
        values = {
            "guid": f"{service};{'+' if group else '-'};{identifier}#{number}", "style": 43 if group else 45,
            "chat_identifier": identifier, "service_name": service, "account_login": f"P:{MY_NUMBER}",
            "last_addressed_handle": MY_NUMBER, **values,
        }  # fmt: skip
        chat = self.insert("chat", **values)
        for handle in handles:
            self.insert("chat_handle_join", chat_id=chat, handle_id=handle)
        return chat

    def message(self, text: str | None = None, *, chats: list[int] | int = (), **values: Any) -> str:  # type: ignore[assignment]
        """A message one minute after the one before, in no chat, one, or several."""
        self._minutes += 1
        number = self.connection.execute("SELECT COUNT(*) FROM message").fetchone()[0] + 1
        values = {
            "guid": f"M{number}", "text": text, "service": "iMessage",
            "date": nanoseconds(NOON + timedelta(minutes=self._minutes)), **values,
        }  # fmt: skip
        row = self.insert("message", **values)
        for chat in [chats] if isinstance(chats, int) else chats:
            self.insert("chat_message_join", chat_id=chat, message_id=row)
        return str(values["guid"])

    def row_of(self, guid: str) -> int:
        row: int = self.connection.execute("SELECT ROWID FROM message WHERE guid = ?", [guid]).fetchone()[0]
        return row

    def read(self, **options: Any) -> History:
        return read_history(self.path, **options)

    def messages(self) -> pd.DataFrame:
        """The table of messages by guid."""
        return frame(self.read()).set_index("guid", drop=False)


def frame(history: History) -> pd.DataFrame:
    """The messages of a history as the house passes tables."""
    return MESSAGES.to_pandas(history.messages)
