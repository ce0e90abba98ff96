"""One little history in the schema of every generation: read as far as it goes, and what it lacks said once.

Each generation adds columns and tables to the one before. A row that a generation cannot express is not in its database.
"""

from __future__ import annotations

import plistlib
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from handmade import DDL, MY_NUMBER, NOON, frame, nanoseconds

from jarvis_resources.imessage.messages import History, read_history
from jarvis_resources.imessage.sample.typedstream_writer import Run, encode
from jarvis_resources.imessage.schema import open_readonly, probe

IOS_6 = {
    "message": "ROWID INTEGER PRIMARY KEY AUTOINCREMENT, guid TEXT UNIQUE NOT NULL, text TEXT, handle_id INTEGER, "
    "subject TEXT, attributedBody BLOB, service TEXT, account TEXT, error INTEGER, date INTEGER, is_from_me INTEGER, "
    "is_sent INTEGER, is_system_message INTEGER, is_service_message INTEGER, cache_has_attachments INTEGER, "
    "cache_roomnames TEXT",
    "handle": "ROWID INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, country TEXT, service TEXT NOT NULL, "
    "uncanonicalized_id TEXT",
    "chat": "ROWID INTEGER PRIMARY KEY AUTOINCREMENT, guid TEXT UNIQUE NOT NULL, style INTEGER, chat_identifier TEXT, "
    "service_name TEXT, room_name TEXT, account_login TEXT",
    "chat_message_join": "chat_id INTEGER, message_id INTEGER, PRIMARY KEY (chat_id, message_id)",
    "chat_handle_join": "chat_id INTEGER, handle_id INTEGER, UNIQUE (chat_id, handle_id)",
    "attachment": "ROWID INTEGER PRIMARY KEY AUTOINCREMENT, guid TEXT UNIQUE NOT NULL, filename TEXT, mime_type TEXT",
    "message_attachment_join": "message_id INTEGER, attachment_id INTEGER, UNIQUE (message_id, attachment_id)",
}
"""Table → columns."""

ADDED: dict[str, dict[str, str]] = {
    "iOS 6": {},
    "iOS 9": {
        "message": "item_type INTEGER DEFAULT 0, other_handle INTEGER DEFAULT 0, group_title TEXT, group_action_type "
        "INTEGER DEFAULT 0, share_status INTEGER DEFAULT 0, share_direction INTEGER DEFAULT 0, is_audio_message INTEGER",
        "chat": "display_name TEXT, group_id TEXT, is_filtered INTEGER DEFAULT 0, last_addressed_handle TEXT",
    },
    "iOS 10": {
        "message": "associated_message_guid TEXT, associated_message_type INTEGER DEFAULT 0, balloon_bundle_id TEXT, "
        "payload_data BLOB, expressive_send_style_id TEXT, message_summary_info BLOB",
    },
    "iOS 11": {
        "message": "destination_caller_id TEXT",
        "chat_message_join": "message_date INTEGER DEFAULT 0",
    },
    "Big Sur": {
        "message": "thread_originator_guid TEXT, thread_originator_part TEXT, reply_to_guid TEXT, "
        "is_spam INTEGER DEFAULT 0",
        "handle": "person_centric_id TEXT",
    },
    "Ventura": {
        "message": "date_edited INTEGER, date_retracted INTEGER DEFAULT 0, part_count INTEGER",
        "chat_recoverable_message_join": "chat_id INTEGER, message_id INTEGER, delete_date INTEGER, "
        "PRIMARY KEY (chat_id, message_id)",
    },
    "macOS 15": {
        "message": "associated_message_emoji TEXT, schedule_type INTEGER DEFAULT 0, schedule_state INTEGER DEFAULT 0",
        "attachment": "emoji_image_content_identifier TEXT, emoji_image_short_description TEXT",
    },
    "macOS 27": {
        "message": "filter_action INTEGER DEFAULT 0, filter_sub_action INTEGER DEFAULT 0, date_updated INTEGER",
        "chat_lookup": "chat INTEGER, identifier TEXT, domain TEXT, priority INTEGER",
        "chat_service": "chat INTEGER, service TEXT",
    },
}
"""Generation → what is new in it: new columns of a table, or a new table's columns."""

ENDS: dict[str, tuple[str, ...]] = {
    "iOS 9": (
        "System rows cannot be told from messages.",
        "Groups have no names.",
        "Groups are known again only by their members.",
        "Chats filtered as junk cannot be told from others.",
    ),
    "iOS 10": (
        "Tapbacks are known only where they arrived as text.",
        "App cards cannot be told from messages.",
    ),
    "Big Sur": (
        "Inline replies are not recorded, so no pair is gold.",
        "Single messages filtered as junk cannot be told from others.",
        "Apple's own word on which handles are one person is not recorded.",
    ),
    "Ventura": (
        "Edits are not recorded; a text is read as it stands.",
        "Unsent messages cannot be told from messages.",
    ),
    "macOS 15": ("Messages that wait to be sent cannot be told from those sent.",),
}
"""Generation → the losses that it ends."""

GENERATIONS = list(ADDED)
ANA, ANA_TOO, BO = "+14155550123", "ana@example.org", "bo@example.org"


def body(text: str) -> bytes:
    return encode([Run(text)])


def edits(*texts: str) -> bytes:
    versions = [{"d": 7.4e8 + 60 * place, "t": body(text)} for place, text in enumerate(texts)]
    return plistlib.dumps({"ec": {"0": versions}, "otr": {"0": {"lo": 0, "le": 1}}}, fmt=plistlib.FMT_BINARY)


UNSENT = plistlib.dumps({"otr": {"0": {"lo": 0, "le": 1}}, "rp": [0]}, fmt=plistlib.FMT_BINARY)


@dataclass(frozen=True)
class Row:
    """A message, the generation since which it can be, and what a reader should make of it."""

    guid: str
    since: str
    sender: str | None
    """A handle; None: me."""
    kind: str
    text: str | None
    values: Mapping[str, Any] = field(default_factory=dict)
    group: bool = False
    also: str = ""
    """``attachment`` or ``deleted``: what another table says of it."""


HISTORY = (
    Row("plain", "iOS 6", ANA, "normal", "lunch on Friday?", {"text": "lunch on Friday?"}),
    Row("rich", "iOS 6", None, "normal", "sure, at noon", {"attributedBody": body("sure, at noon")}),
    Row("sms", "iOS 6", ANA, "tapback", "Loved “sure, at noon”", {"text": "Loved “sure, at noon”"}),
    Row("trip", "iOS 6", BO, "normal", "who drives?", {"text": "who drives?"}, group=True),
    Row("photo", "iOS 6", ANA, "attachment_only", None, {"text": "\ufffc", "cache_has_attachments": 1}, also="attachment"),
    Row("failed", "iOS 6", None, "failed", "no signal here", {"text": "no signal here", "error": 22}),
    Row("rename", "iOS 9", BO, "system", None, {"item_type": 2, "group_title": "Trip"}, group=True),
    Row("heart", "iOS 10", ANA, "tapback", None, {"associated_message_type": 2000, "associated_message_guid": "p:0/rich"}),
    Row("game", "iOS 10", ANA, "app", None, {"balloon_bundle_id": "com.example.game", "text": "\ufffd"}),
    Row("reply", "Big Sur", None, "normal", "make it one", {"text": "make it one", "thread_originator_guid": "plain"}),
    Row("junk", "Big Sur", BO, "spam", "win a prize", {"text": "win a prize", "is_spam": 1}),
    Row("edited", "Ventura", ANA, "normal", "at six", {"text": "at six", "date_edited": ..., "message_summary_info": edits("at fvie", "at six")}),
    Row("unsent", "Ventura", ANA, "unsent", None, {"date_retracted": ..., "message_summary_info": UNSENT}),
    Row("deleted", "Ventura", ANA, "deleted", "forget that", {"text": "forget that"}, also="deleted"),
    Row("later", "macOS 15", None, "scheduled", "happy birthday", {"text": "happy birthday", "schedule_type": 2, "is_sent": 0}),
    Row("promotion", "macOS 27", BO, "spam", "half price", {"text": "half price", "filter_action": 3}),
)  # fmt: skip


def has(generation: str, since: str) -> bool:
    return GENERATIONS.index(generation) >= GENERATIONS.index(since)


def expressible(generation: str) -> list[Row]:
    return [row for row in HISTORY if has(generation, row.since)]


def sent_at(row: Row) -> datetime:
    return NOON + timedelta(minutes=HISTORY.index(row))


def apple_date(generation: str, when: datetime) -> int:
    return nanoseconds(when) if has(generation, "iOS 11") else nanoseconds(when) // 10**9


def write(path: Path, generation: str) -> None:
    tables = dict(IOS_6)
    for since, added in ADDED.items():
        if has(generation, since):
            for table, columns in added.items():
                # A primary key comes last in a table's definition, so new columns go before it.
                known, key, rest = tables.get(table, "").partition(", PRIMARY KEY")
                tables[table] = (f"{known}, " if known else "") + columns + key + rest
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(";".join(f"CREATE TABLE {name} ({columns})" for name, columns in tables.items()))
        for handle, person in ((ANA, "A"), (ANA_TOO, "A"), (BO, "B")):
            insert(connection, "handle", id=handle, service="iMessage", person_centric_id=person)
        named = {"display_name": "Trip", "group_id": "G1"}
        for number, (style, identifier, values) in enumerate(((45, ANA, {}), (43, "chat100", named)), 1):
            guid = f"iMessage;{'+' if style == 43 else '-'};{identifier}"
            insert(connection, "chat", guid=guid, style=style, chat_identifier=identifier, service_name="iMessage",
                   account_login=f"P:{MY_NUMBER}", **values)  # fmt: skip
            for handle in (1,) if number == 1 else (1, 3):
                insert(connection, "chat_handle_join", chat_id=number, handle_id=handle)
        for row in expressible(generation):
            add(connection, generation, row)
        connection.commit()


def add(connection: sqlite3.Connection, generation: str, row: Row) -> None:
    date = apple_date(generation, sent_at(row))
    values = {name: date if value is ... else value for name, value in row.values.items()}
    values.setdefault("date_edited", (None, 0)[HISTORY.index(row) % 2])  # both mean that it was not
    number = insert(
        connection, "message", guid=row.guid, service="iMessage", date=date, is_from_me=int(row.sender is None),
        handle_id={None: 0, ANA: 1, BO: 3}[row.sender], **{"is_sent": 1, "error": 0, **values},
    )  # fmt: skip
    chat = 2 if row.group else 1
    if row.also == "deleted":
        insert(connection, "chat_recoverable_message_join", chat_id=chat, message_id=number, delete_date=date)
    else:
        insert(connection, "chat_message_join", chat_id=chat, message_id=number, message_date=date)
    if row.also == "attachment":
        insert(connection, "attachment", guid="A1", mime_type="image/jpeg")
        insert(connection, "message_attachment_join", message_id=number, attachment_id=1)


def insert(connection: sqlite3.Connection, table: str, **values: Any) -> int:
    """Insert those values for which the generation has a column."""
    known = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
    values = {name: value for name, value in values.items() if name in known}
    marks = ", ".join("?" for _ in values)
    row = connection.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", list(values.values()))
    return row.lastrowid or 0


@pytest.fixture(params=GENERATIONS)
def generation(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def history(generation: str, tmp_path: Path) -> History:
    write(tmp_path / "chat.db", generation)
    return read_history(tmp_path / "chat.db")


@pytest.fixture
def messages(history: History) -> pd.DataFrame:
    return frame(history).set_index("guid", drop=False)


def test_every_row_has_its_kind_and_text(generation: str, messages: pd.DataFrame) -> None:
    read = {guid: (kind, None if pd.isna(text) else text) for guid, kind, text in
            zip(messages["guid"], messages["kind"], messages["text"], strict=True)}  # fmt: skip
    assert read == {row.guid: (row.kind, row.text) for row in expressible(generation)}


def test_every_date_is_right_in_seconds_and_in_nanoseconds(generation: str, messages: pd.DataFrame) -> None:
    assert dict(messages["sent_at"]) == {row.guid: sent_at(row).astimezone(UTC) for row in expressible(generation)}
    assert messages["edited_at"].notna().sum() == has(generation, "Ventura")


def test_every_row_has_its_sender_and_conversation(generation: str, history: History, messages: pd.DataFrame) -> None:
    handles = dict(zip(history.people["person_id"], history.people["handles"], strict=True))
    for row in expressible(generation):
        read = messages.loc[row.guid]
        assert read["is_from_me"] == (row.sender is None)
        assert read["is_group"] == row.group
        assert pd.isna(read["person_id"]) if row.sender is None else row.sender in handles[read["person_id"]]
    assert messages["conversation_id"].nunique() == 2
    assert messages["conversation_id"].notna().all()


def test_handles_are_merged_by_apple_s_word_where_there_is_one(generation: str, history: History) -> None:
    people = [set(handles) for handles in history.people["handles"]]
    assert ({ANA, ANA_TOO} in people) == has(generation, "Big Sur")
    assert {BO} in people


def test_what_a_generation_has_is_used(generation: str, history: History, messages: pd.DataFrame) -> None:
    assert messages.loc["photo", "attachment_count"] == 1
    assert messages.loc["sms", "tapback_target_guid"] == "rich"
    if has(generation, "iOS 9"):
        assert "Trip" in set(history.conversations["display_name"])
    if has(generation, "iOS 10"):
        assert messages.loc["heart", "tapback_target_guid"] == "rich"
    if has(generation, "Big Sur"):
        assert messages.loc["reply", "thread_root_guid"] == "plain"
    if has(generation, "Ventura"):
        assert [version["text"] for version in messages.loc["edited", "edit_history"]] == ["at fvie", "at six"]


def test_each_loss_is_said_once_and_nothing_else_is(generation: str, history: History) -> None:
    lost = [loss for end, losses in ENDS.items() if not has(generation, end) for loss in losses]
    assert sorted(history.report.losses) == sorted(lost)


@pytest.mark.parametrize(
    "gone",
    [("handle",), ("chat",), ("chat_message_join",), ("chat", "chat_message_join"), ("chat_handle_join",),
     ("chat", "chat_handle_join"), ("message_attachment_join",)],
)  # fmt: skip
def test_tables_that_are_not_there_cost_what_they_held(tmp_path: Path, gone: tuple[str, ...]) -> None:
    write(tmp_path / "chat.db", "macOS 27")
    with closing(sqlite3.connect(tmp_path / "chat.db")) as connection:
        for table in gone:
            connection.execute(f"DROP TABLE {table}")
    history = read_history(tmp_path / "chat.db")
    assert len(history.messages) == len(HISTORY)
    assert len(history.report.losses) == 1


@pytest.mark.parametrize("column", ["text", "attributedBody", "service", "error", "handle_id", "message_summary_info"])
def test_a_column_that_is_not_there_costs_what_it_held(tmp_path: Path, column: str) -> None:
    write(tmp_path / "chat.db", "macOS 27")
    with closing(sqlite3.connect(tmp_path / "chat.db")) as connection:
        connection.execute(f"ALTER TABLE message DROP COLUMN {column}")
    history = read_history(tmp_path / "chat.db")
    assert len(history.messages) == len(HISTORY)
    assert len(history.report.losses) == 1


def test_names_in_other_letters_and_another_order_are_the_same_columns(tmp_path: Path) -> None:
    write(tmp_path / "chat.db", "macOS 27")
    with closing(sqlite3.connect(tmp_path / "chat.db")) as connection:
        names = [row[1] for row in connection.execute("PRAGMA table_info(message)")]
        shuffled = ", ".join(f"{name} AS {name.upper()}" for name in sorted(names))
        connection.executescript(
            f"CREATE TABLE odd AS SELECT {shuffled} FROM message ORDER BY guid; DROP TABLE message;"
            "ALTER TABLE odd RENAME TO message;"
        )
    history = read_history(tmp_path / "chat.db")
    assert history.report.losses == ()
    assert set(frame(history)["guid"]) == {row.guid for row in HISTORY}


def test_values_of_the_wrong_type_stop_nothing(tmp_path: Path) -> None:
    write(tmp_path / "chat.db", "macOS 27")
    with closing(sqlite3.connect(tmp_path / "chat.db")) as connection:
        connection.executescript(
            "UPDATE message SET date = 'yesterday', error = 'none', handle_id = x'ff', text = 42 WHERE guid = 'plain';"
            "UPDATE message SET attributedBody = 'text', service = 7, thread_originator_guid = 3 WHERE guid = 'reply';"
            "UPDATE chat SET style = 'group', display_name = x'fffe', is_filtered = 'no'; UPDATE handle SET country = 5;"
        )
    read = frame(read_history(tmp_path / "chat.db")).set_index("guid")
    assert len(read) == len(HISTORY)
    assert read.loc["plain", "text"] == "42"
    assert pd.isna(read.loc["plain", "sent_at"])


def test_the_tables_of_the_other_tests_lose_nothing(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "chat.db")) as connection:
        connection.executescript(DDL)
    with closing(open_readonly(tmp_path / "chat.db")) as connection:
        assert probe(connection).losses == ()
