"""Every row of chat.db becomes one row of the table: none lost, none doubled, each with its sender, place and time."""

from __future__ import annotations

import plistlib
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from handmade import NOON, ChatDb, frame, nanoseconds

from jarvis_resources import tables
from jarvis_resources.errors import ChatDatabaseError
from jarvis_resources.imessage import rows as rows_module
from jarvis_resources.imessage.messages import read_history
from jarvis_resources.imessage.rows import UNKNOWN_TIME, unix_microseconds
from jarvis_resources.imessage.sample.typedstream_writer import Run, encode


def test_the_tables_are_as_declared(chat_db: ChatDb) -> None:
    ana = chat_db.handle("ana@example.org")
    chat = chat_db.chat(ana)
    for number in range(5):
        chat_db.message(f"message {number}", chats=chat, handle_id=ana, is_from_me=number % 2)
    history = chat_db.read()
    assert tables.violations(tables.MESSAGES, frame(history)) == []
    assert tables.violations(tables.PEOPLE, history.people) == []
    assert tables.violations(tables.CONVERSATIONS, history.conversations) == []


def test_a_history_without_messages_is_three_empty_tables(chat_db: ChatDb) -> None:
    history = chat_db.read()
    assert (len(history.messages), len(history.people), len(history.conversations)) == (0, 0, 0)
    assert tables.violations(tables.MESSAGES, frame(history)) == []
    assert history.report.rows == 0


def test_batches_join_without_a_seam(chat_db: ChatDb, monkeypatch: pytest.MonkeyPatch) -> None:
    ana = chat_db.handle("ana@example.org")
    chat = chat_db.chat(ana)
    for number in range(23):
        chat_db.message(f"message {number}", chats=chat, handle_id=ana)
    chat_db.message(chats=chat)
    whole = chat_db.read()
    monkeypatch.setattr(rows_module, "_SPAN", 5)
    seen: list[tuple[int, int]] = []
    batched = chat_db.read(progress=lambda done, total: seen.append((done, total)))
    assert batched.messages.equals(whole.messages)
    assert batched.report == whole.report
    assert seen == [(5, 24), (10, 24), (15, 24), (20, 24), (24, 24)]


def test_rows_in_no_chat_are_kept_without_a_conversation(chat_db: ChatDb) -> None:
    orphan = chat_db.message("hi", handle_id=chat_db.handle("ana@example.org"))
    history = chat_db.read()
    row = frame(history).set_index("guid").loc[orphan]
    assert row["kind"] == "normal"
    assert row[["conversation_id"]].isna().all()
    assert row["person_id"] == history.people["person_id"][0]


def test_a_row_in_two_chats_is_one_row(chat_db: ChatDb) -> None:
    a, b = chat_db.handle("+14155550123"), chat_db.handle("+14155550123", "SMS")
    chat_db.message("hi", chats=[chat_db.chat(a), chat_db.chat(b, service="SMS")], handle_id=a)
    assert len(chat_db.messages()) == 1


def test_who_sent_a_row_is_said_by_is_from_me_not_by_its_handle(chat_db: ChatDb) -> None:
    ana = chat_db.handle("ana@example.org")
    chat = chat_db.chat(ana)
    mine = chat_db.message("mine", chats=chat, handle_id=ana, is_from_me=1)
    theirs = chat_db.message("theirs", chats=chat, handle_id=ana)
    messages = chat_db.messages()
    assert messages["is_from_me"].tolist() == [True, False]
    assert messages["person_id"].isna().tolist() == [True, False]
    assert mine != theirs


def test_a_sender_without_a_handle_is_the_only_other_person_of_a_direct_chat(chat_db: ChatDb) -> None:
    ana, bo = chat_db.handle("ana@example.org"), chat_db.handle("bo@example.org")
    direct = chat_db.message("hi", chats=chat_db.chat(ana), handle_id=0)
    group = chat_db.message("hi", chats=chat_db.chat(ana, bo, group=True), handle_id=0)
    messages = chat_db.messages()
    assert messages["person_id"].isna()[[direct, group]].tolist() == [False, True]
    assert messages["is_group"].tolist() == [False, True]


def test_a_shared_location_is_mine_by_who_received_it(chat_db: ChatDb) -> None:
    chat_db.message(item_type=4, other_handle=3, share_direction=0)
    chat_db.message(item_type=4, other_handle=3, share_direction=1, is_from_me=1)
    chat_db.message(item_type=4, other_handle=0, share_direction=0)
    assert chat_db.messages()["is_from_me"].tolist() == [True, False, False]


def test_dates_in_seconds_and_in_nanoseconds_are_the_same_time(chat_db: ChatDb) -> None:
    old = chat_db.message("old", date=nanoseconds(NOON) // 10**9)
    new = chat_db.message("new", date=nanoseconds(NOON))
    messages = chat_db.messages()
    assert messages["sent_at"][old] == messages["sent_at"][new] == NOON


def test_a_date_that_is_nothing_is_unknown_not_2001(chat_db: ChatDb) -> None:
    for date in (0, None, -5, 2**62, "when"):
        chat_db.message("x", date=date)
    assert chat_db.messages()["sent_at"].isna().tolist() == [True, True, True, True, True]


def test_times_keep_their_microseconds() -> None:
    apple = np.array([736_257_600_123_456_789, 736_257_600, 0, -1, 2**63 - 1], np.int64)
    first = datetime(2024, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)
    unix = unix_microseconds(apple).tolist()
    assert unix[0] == (first - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert unix[1] * 1000 == unix[0] // 1_000_000 * 1_000_000_000
    assert unix[2:] == [UNKNOWN_TIME] * 3


def test_the_order_is_that_of_time_then_row_with_unknown_times_last(chat_db: ChatDb) -> None:
    for guid, date in [("c", 30), ("undated", 0), ("a", 10), ("b1", 20), ("b2", 20)]:
        chat_db.message("x", guid=guid, date=date)
    assert chat_db.messages()["guid"].tolist() == ["a", "b1", "b2", "c", "undated"]


def test_the_thread_s_root_is_the_originator_never_the_previous_row(chat_db: ChatDb) -> None:
    root = chat_db.message("lunch?")
    reply = chat_db.message("sure", thread_originator_guid=root, thread_originator_part="0:0:6")
    outside = chat_db.message("bye", thread_originator_guid="")
    messages = chat_db.messages()
    assert messages["thread_root_guid"][reply] == root
    assert messages["thread_root_guid"].isna()[[root, outside]].all()


def test_attachments_are_counted(chat_db: ChatDb) -> None:
    chat_db.message("none")
    row = chat_db.row_of(chat_db.message("two"))
    for attachment in (1, 2):
        chat_db.insert("message_attachment_join", message_id=row, attachment_id=attachment)
    assert chat_db.messages()["attachment_count"].tolist() == [0, 2]


def test_counts_are_of_what_was_said(chat_db: ChatDb) -> None:
    ana = chat_db.handle("ana@example.org")
    chat = chat_db.chat(ana)
    chat_db.message("hi", chats=chat, handle_id=ana)
    chat_db.message("hello", chats=chat, is_from_me=1)
    chat_db.message(chats=chat, handle_id=ana, associated_message_type=2000)
    chat_db.message(chats=chat, handle_id=ana, item_type=3)
    history = chat_db.read()
    person, conversation = history.people.iloc[0], history.conversations.iloc[0]
    assert (person["message_count"], conversation["message_count"], conversation["my_message_count"]) == (1, 2, 1)
    assert person["first_at"] == person["last_at"] == conversation["first_at"]
    assert conversation["last_at"] == frame(history)["sent_at"][1]


def test_an_old_schema_is_read_and_says_what_it_hides(tmp_path: Path, chat_db: ChatDb) -> None:
    chat_db.message("from long ago")
    for column in (
        "thread_originator_guid",
        "date_edited",
        "date_retracted",
        "schedule_type",
        "is_spam",
        "attributedBody",
    ):
        chat_db.connection.execute(f"ALTER TABLE message DROP COLUMN {column}")
    for table in ("chat_recoverable_message_join", "message_attachment_join", "chat_handle_join"):
        chat_db.connection.execute(f"DROP TABLE {table}")
    history = chat_db.read()
    assert frame(history)["text"].tolist() == ["from long ago"]
    assert any("Inline replies" in loss for loss in history.report.losses)
    assert any("Attachments" in loss for loss in history.report.losses)


def test_a_database_with_nothing_but_messages_is_read(chat_db: ChatDb) -> None:
    chat_db.message("hi", is_from_me=1)
    for table in (
        "chat",
        "handle",
        "chat_message_join",
        "chat_handle_join",
        "message_attachment_join",
        "chat_recoverable_message_join",
    ):
        chat_db.connection.execute(f"DROP TABLE {table}")
    history = chat_db.read()
    assert frame(history)["text"].tolist() == ["hi"]
    assert "Messages belong to no conversation." in history.report.losses


def test_a_schema_without_what_a_history_needs_is_refused(chat_db: ChatDb) -> None:
    chat_db.connection.execute("ALTER TABLE message RENAME COLUMN date TO moment")
    with pytest.raises(ChatDatabaseError, match="no column `date`"):
        chat_db.read()


def test_damage_met_while_reading_has_its_sentence(chat_db: ChatDb, tmp_path: Path) -> None:
    for _ in range(300):
        chat_db.message("a message long enough to fill pages " * 8)
    torn = tmp_path / "torn.db"
    whole = chat_db.path.read_bytes()
    torn.write_bytes(whole[: len(whole) // 2] + b"\xff" * (len(whole) - len(whole) // 2))
    with pytest.raises(ChatDatabaseError, match="truncated or damaged"):
        read_history(torn)


def test_text_that_is_not_utf8_stops_nothing(chat_db: ChatDb) -> None:
    chat_db.message(
        "fine", thread_originator_guid=b"\xff\xfe", service=7, attributedBody="text", handle_id="x", error="y"
    )
    chat_db.connection.execute("INSERT INTO message (guid, text, date) VALUES ('bad', CAST(x'636166e9' AS TEXT), 9)")
    messages = chat_db.messages()
    assert messages["kind"]["bad"] == "corrupt"
    assert len(messages) == 2


def test_a_database_in_utf16_is_read_alike(tmp_path: Path, chat_db: ChatDb) -> None:
    chat_db.message("naïve 冄 👍🏽")
    wide = sqlite3.connect(tmp_path / "wide.db")
    wide.execute("PRAGMA encoding='UTF-16le'")
    wide.executescript("\n".join(chat_db.connection.iterdump()))
    wide.close()
    assert frame(read_history(tmp_path / "wide.db")).equals(frame(chat_db.read()))


def test_the_text_at_any_time_is_asked_by_guid(chat_db: ChatDb) -> None:
    entries = [{"d": second, "t": encode([Run(text)])} for second, text in ((60.0, "first"), (120.0, "second"))]
    summary = plistlib.dumps({"ec": {"0": entries}, "otr": {"0": {}}}, fmt=plistlib.FMT_BINARY)
    edited = chat_db.message("second", date=60 * 10**9 * 10**3, date_edited=9, message_summary_info=summary)
    plain = chat_db.message("plain")
    history = chat_db.read()
    start = datetime(2001, 1, 1, 0, 1, tzinfo=UTC)
    assert history.text_at(edited, start + timedelta(seconds=59)) == "first"
    assert history.text_at(edited, start + timedelta(seconds=60)) == "second"
    assert history.text_at(plain, start) == "plain"
    with pytest.raises(KeyError):
        history.text_at("no such message", start)
