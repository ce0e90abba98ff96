"""The last messages with somebody, read while Messages runs."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from handmade import NOON, ChatDb

from jarvis_resources.errors import ChatDatabaseError
from jarvis_resources.imessage.live import LiveReader


@pytest.fixture
def talk(chat_db: ChatDb) -> ChatDb:
    """Ana on two services, beside a group and somebody else."""
    ana, sms = chat_db.handle("+14155550123"), chat_db.handle("+14155550123", "SMS")
    bo = chat_db.handle("bo@example.org")
    direct, by_sms = chat_db.chat(ana), chat_db.chat(sms, service="SMS")
    group, other = chat_db.chat(ana, bo, group=True), chat_db.chat(bo)
    chat_db.message("lunch?", chats=direct, handle_id=ana)
    chat_db.message("sure", chats=by_sms, is_from_me=1)
    chat_db.message(chats=direct, handle_id=ana, associated_message_type=2000)
    chat_db.message("in the group", chats=group, handle_id=ana)
    chat_db.message("from Bo", chats=other, handle_id=bo)
    chat_db.message("\ufffc", chats=direct, handle_id=ana)
    chat_db.message("at noon", chats=[direct, by_sms], handle_id=ana)
    return chat_db


def test_recent_messages_go_both_ways_and_come_oldest_first(talk: ChatDb) -> None:
    recent = LiveReader(talk.path).recent(["(415) 555-0123"])
    assert [(message.text, message.is_from_me) for message in recent] == [
        ("lunch?", False),
        ("sure", True),
        ("at noon", False),
    ]
    assert recent[0].sent_at == NOON + timedelta(minutes=1)


def test_the_limit_keeps_the_newest(talk: ChatDb) -> None:
    assert [message.text for message in LiveReader(talk.path).recent(["+14155550123"], limit=2)] == ["sure", "at noon"]


def test_the_count_is_of_what_was_said_in_direct_chats(talk: ChatDb) -> None:
    assert LiveReader(talk.path).count(["+14155550123"]) == 4
    assert LiveReader(talk.path).count(["bo@example.org"]) == 1


def test_a_count_with_a_ceiling_stops_there_and_is_exact_below(talk: ChatDb) -> None:
    assert [LiveReader(talk.path).count(["+14155550123"], at_most=ceiling) for ceiling in (1, 4, 9)] == [1, 4, 4]


def test_it_looks_as_far_back_as_the_texts_are(talk: ChatDb) -> None:
    for _ in range(150):
        talk.message(chats=1, handle_id=1, associated_message_type=2000)
    assert [message.text for message in LiveReader(talk.path).recent(["+14155550123"], limit=1)] == ["at noon"]


def test_somebody_unknown_has_no_messages(talk: ChatDb) -> None:
    assert LiveReader(talk.path).recent(["nobody@example.org"]) == []
    assert LiveReader(talk.path).count([]) == 0


def test_a_message_just_arrived_in_the_wal_is_seen(talk: ChatDb) -> None:
    talk.connection.execute("PRAGMA journal_mode=WAL")
    reader = LiveReader(talk.path)
    before = reader.count(["bo@example.org"])
    talk.message("new", chats=4, handle_id=3)
    assert reader.recent(["bo@example.org"])[-1].text == "new"
    assert reader.count(["bo@example.org"]) == before + 1


def test_whether_it_can_be_read_is_asked_not_assumed(talk: ChatDb, tmp_path: Path) -> None:
    assert LiveReader(talk.path).available()
    missing = LiveReader(tmp_path / "missing.db")
    assert not missing.available()
    with pytest.raises(ChatDatabaseError):
        missing.recent(["+14155550123"])
