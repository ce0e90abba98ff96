"""What is counted before anything is mined: who, where, when, and which inline replies answer someone else."""

from __future__ import annotations

import shutil
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jarvis_assets.doctor.volume import count, how_to_read, require_readable
from jarvis_assets.doctor.words import histogram
from jarvis_resources.errors import ChatDatabaseError
from jarvis_resources.settings import Settings
from tests.imessage.handmade import ChatDb, nanoseconds

SMS = "3d0d7e5fb2ce288813306e4d4636395e047a3d28"
"""SHA-1 of "HomeDomain-Library/SMS/sms.db", an iOS backup's name for the database."""
ANA, BEN = "+14155550101", "+14155550102"


def test_messages_are_counted_by_side_and_place(chat_db: ChatDb, settings: Settings) -> None:
    ana, ben = chat_db.handle(ANA), chat_db.handle(BEN)
    direct, group = chat_db.chat(ana), chat_db.chat(ana, ben, group=True)
    chat_db.message("hi", chats=direct, handle_id=ana)
    chat_db.message("hey", chats=direct, is_from_me=1)
    chat_db.message("who's in?", chats=group, handle_id=ben)
    chat_db.message("nobody knows where", handle_id=ana)
    found = count(chat_db.path, settings)
    assert (found.rows, found.messages, found.mine, found.theirs) == (4, 4, 1, 3)
    assert (found.direct, found.in_groups, found.groups, found.placeless) == (2, 1, 1, 1)
    assert (found.my_unthreaded_direct, found.my_unthreaded_groups) == (1, 0)


def test_what_nobody_said_is_a_row_but_no_message(chat_db: ChatDb, settings: Settings) -> None:
    chat = chat_db.chat(chat_db.handle(ANA))
    said = chat_db.message("see you", chats=chat)
    chat_db.message("Loved “see you”", chats=chat, associated_message_type=2000, associated_message_guid=said)
    chat_db.message(None, chats=chat, item_type=2)
    chat_db.message("regretted", chats=chat, date_retracted=1)
    deleted = chat_db.message("thrown away", chats=chat)
    chat_db.insert("chat_recoverable_message_join", chat_id=chat, message_id=chat_db.row_of(deleted))
    found = count(chat_db.path, settings)
    assert (found.rows, found.messages) == (5, 1)


def test_a_person_is_one_on_every_service_and_a_message_in_two_chats_is_one(
    chat_db: ChatDb, settings: Settings
) -> None:
    blue, green = chat_db.handle(ANA), chat_db.handle("(415) 555-0101", service="SMS", country="us")
    chats = [chat_db.chat(blue), chat_db.chat(green, service="SMS")]
    chat_db.message("on iMessage", chats=chats[0], handle_id=blue)
    chat_db.message("on SMS", chats=chats[1], handle_id=green)
    chat_db.message("in both", chats=chats, handle_id=blue)
    found = count(chat_db.path, settings)
    assert [person.messages for person in found.people] == [3]


def test_a_card_of_the_address_book_makes_two_handles_one_person(chat_db: ChatDb, settings: Settings) -> None:
    for handle in (ANA, "ana@example.com"):
        chat_db.message("hi", chats=chat_db.chat(chat_db.handle(handle)))
    assert [person.messages for person in count(chat_db.path, settings).people] == [1, 1]
    book = chat_db.path.with_name("chat.db.contacts")
    book.mkdir()
    with sqlite3.connect(book / "AddressBook-v22.abcddb") as cards:
        cards.executescript(f"""
            CREATE TABLE ZABCDRECORD (Z_PK, ZFIRSTNAME);
            CREATE TABLE ZABCDPHONENUMBER (ZOWNER, ZFULLNUMBER);
            CREATE TABLE ZABCDEMAILADDRESS (ZOWNER, ZADDRESS);
            INSERT INTO ZABCDRECORD VALUES (1, 'Ana');
            INSERT INTO ZABCDPHONENUMBER VALUES (1, '{ANA}');
            INSERT INTO ZABCDEMAILADDRESS VALUES (1, 'ana@example.com');
        """)
    assert [person.messages for person in count(chat_db.path, settings).people] == [2]


def test_short_codes_are_no_people(chat_db: ChatDb, settings: Settings) -> None:
    chat_db.message("Your code is 123456", chats=chat_db.chat(chat_db.handle("262966", service="SMS")))
    found = count(chat_db.path, settings)
    assert found.people == ()
    assert found.automated == 1


@pytest.mark.parametrize(
    ("root_is_mine", "they_wrote_on", "answers_someone_else"),
    [(False, False, True), (True, False, False), (True, True, True)],
    ids=["their root", "my root", "my root, then they wrote in the thread"],
)
def test_a_gold_candidate_answers_someone_else(
    chat_db: ChatDb, settings: Settings, root_is_mine: bool, they_wrote_on: bool, answers_someone_else: bool
) -> None:
    ana = chat_db.handle(ANA)
    chat = chat_db.chat(ana)
    root = chat_db.message("dinner?", chats=chat, is_from_me=int(root_is_mine), handle_id=ana)
    if they_wrote_on:
        chat_db.message("where?", chats=chat, handle_id=ana, thread_originator_guid=root)
    chat_db.message("at eight", chats=chat, is_from_me=1, thread_originator_guid=root)
    found = count(chat_db.path, settings)
    assert found.inline_replies == 1
    assert found.gold_candidates == int(answers_someone_else)


def test_a_reply_from_them_after_mine_makes_no_candidate(chat_db: ChatDb, settings: Settings) -> None:
    ana = chat_db.handle(ANA)
    chat = chat_db.chat(ana)
    root = chat_db.message("dinner?", chats=chat, is_from_me=1)
    chat_db.message("or lunch", chats=chat, is_from_me=1, thread_originator_guid=root)
    chat_db.message("lunch", chats=chat, handle_id=ana, thread_originator_guid=root)
    assert count(chat_db.path, settings).gold_candidates == 0


def test_candidates_in_groups_are_counted_apart(chat_db: ChatDb, settings: Settings) -> None:
    ana, ben = chat_db.handle(ANA), chat_db.handle(BEN)
    group = chat_db.chat(ana, ben, group=True)
    root = chat_db.message("who drives?", chats=group, handle_id=ben)
    chat_db.message("me", chats=group, is_from_me=1, thread_originator_guid=root)
    found = count(chat_db.path, settings)
    assert (found.gold_candidates_direct, found.gold_candidates_groups) == (0, 1)


def test_months_have_no_gap_and_an_undated_message_is_in_none(chat_db: ChatDb, settings: Settings) -> None:
    chat = chat_db.chat(chat_db.handle(ANA))
    chat_db.message("in March", chats=chat, date=nanoseconds(datetime(2024, 3, 31, 23, 59, tzinfo=UTC)))
    chat_db.message("in May", chats=chat, is_from_me=1, date=nanoseconds(datetime(2024, 5, 1, tzinfo=UTC)))
    chat_db.message("never", chats=chat, date=0)
    found = count(chat_db.path, settings)
    assert (found.months.first, found.months.theirs, found.months.mine) == ("2024-03", (1, 0, 0), (0, 0, 1))
    assert (found.first_day, found.last_day, found.undated) == ("2024-03-31", "2024-05-01", 1)


def test_dates_in_seconds_are_of_an_old_system(chat_db: ChatDb, settings: Settings) -> None:
    chat = chat_db.chat(chat_db.handle(ANA))
    chat_db.message("in 2012", chats=chat, date=nanoseconds(datetime(2012, 6, 1, tzinfo=UTC)) // 10**9)
    assert count(chat_db.path, settings).first_day == "2012-06-01"


def test_names_stay_out_unless_the_owner_shows_them(chat_db: ChatDb, home: Path) -> None:
    from jarvis_resources.settings import load_settings

    chat_db.message("hi", chats=chat_db.chat(chat_db.handle(ANA)))
    assert [person.name for person in count(chat_db.path, load_settings()).people] == [None]
    assert [person.name for person in count(chat_db.path, load_settings(show_text=True)).people] == [ANA]


def test_an_empty_database_counts_nothing(chat_db: ChatDb, settings: Settings) -> None:
    found = count(chat_db.path, settings)
    assert (found.rows, found.messages, found.people, found.months.first) == (0, 0, (), None)
    assert found.a_month_lately is None


def test_a_database_without_inline_replies_says_so(chat_db: ChatDb, settings: Settings) -> None:
    chat_db.message("hi", chats=chat_db.chat(chat_db.handle(ANA)), is_from_me=1)
    chat_db.connection.execute("ALTER TABLE message DROP COLUMN thread_originator_guid")
    found = count(chat_db.path, settings)
    assert (found.mine, found.inline_replies, found.gold_candidates) == (1, 0, 0)
    assert any("no pair is gold" in loss for loss in found.losses)


@pytest.mark.parametrize("table", ["chat_message_join", "chat", "handle", "chat_recoverable_message_join"])
def test_a_lacking_table_is_no_error(chat_db: ChatDb, settings: Settings, table: str) -> None:
    chat_db.message("hi", chats=chat_db.chat(chat_db.handle(ANA)))
    chat_db.connection.execute(f"DROP TABLE {table}")
    assert count(chat_db.path, settings).messages == 1


def test_an_ios_backup_is_counted(chat_db: ChatDb, settings: Settings, tmp_path: Path) -> None:
    chat_db.message("from the phone", chats=chat_db.chat(chat_db.handle(ANA)))
    backup = tmp_path / "backup"
    (backup / SMS[:2]).mkdir(parents=True)
    (backup / "Manifest.db").touch()
    shutil.copyfile(chat_db.path, backup / SMS[:2] / SMS)
    assert count(backup, settings).messages == 1


def test_counting_leaves_no_file_beside_the_database(chat_db: ChatDb, settings: Settings) -> None:
    chat_db.connection.execute("PRAGMA journal_mode=WAL")
    chat_db.message("hi", chats=chat_db.chat(chat_db.handle(ANA)))
    chat_db.connection.close()
    before = sorted(chat_db.path.parent.iterdir())
    assert count(chat_db.path, settings).messages == 1
    assert sorted(chat_db.path.parent.iterdir()) == before


def test_a_missing_database_says_how_to_grant_permission(tmp_path: Path) -> None:
    with pytest.raises(ChatDatabaseError) as caught:
        require_readable(tmp_path / "chat.db")
    assert "Full Disk Access" in how_to_read(caught.value)


def test_a_locked_database_says_how_to_grant_permission(
    chat_db: ChatDb, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from jarvis_resources.imessage import schema

    monkeypatch.setattr(schema.open_in_place, "__kwdefaults__", {"timeout_seconds": 0.05})
    chat_db.connection.execute("BEGIN EXCLUSIVE")
    with pytest.raises(ChatDatabaseError) as caught:
        count(chat_db.path, settings)
    said = how_to_read(caught.value)
    assert "locked by another program" in said
    assert "Full Disk Access" in said


def test_a_text_file_is_not_a_matter_of_permission(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Dear diary")
    with pytest.raises(ChatDatabaseError) as caught:
        require_readable(tmp_path / "notes.txt")
    assert "Full Disk Access" not in how_to_read(caught.value)


def test_every_person_is_in_one_band_of_the_histogram(chat_db: ChatDb, settings: Settings) -> None:
    for number, messages in enumerate((1, 9, 10, 50)):
        handle = chat_db.handle(f"+1415555020{number}")
        chat = chat_db.chat(handle)
        for _ in range(messages):
            chat_db.message("hi", chats=chat, handle_id=handle)
    bands = dict(histogram(count(chat_db.path, settings)))
    assert bands == {"1 – 9": 2, "10 – 49": 1, "50 – 99": 1, "100 – 999": 0, "1,000 – 9,999": 0, "≥ 10,000": 0}
