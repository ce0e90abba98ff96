"""A turn: one thing said by one sender, with pauses of five minutes at most."""

from __future__ import annotations

import pandas as pd
import pytest

from jarvis_assets.pairs.turns import build_turns
from jarvis_resources import tables


def texts(turns: pd.DataFrame) -> list[str]:
    return turns["text"].tolist()


def test_a_burst_is_one_turn(chat):
    first = chat.say("ana", 0, "hey")
    second = chat.say("ana", 1, "you up?")
    turns = build_turns(chat.messages)
    assert texts(turns) == ["hey\nyou up?"]
    assert turns["turn_id"].tolist() == [first]
    assert turns["message_guids"].tolist() == [[first, second]]
    assert turns["message_count"].tolist() == [2]
    assert (turns["ended_at"] - turns["started_at"]).dt.total_seconds().tolist() == [60.0]


def test_a_pause_of_five_minutes_still_joins_and_a_longer_one_does_not(chat):
    chat.say("ana", 0, "one")
    chat.say("ana", 5, "two")
    chat.say("ana", 10.1, "three")
    assert texts(build_turns(chat.messages)) == ["one\ntwo", "three"]


def test_the_gap_is_a_setting(chat):
    chat.say("ana", 0, "one")
    chat.say("ana", 5, "two")
    assert len(build_turns(chat.messages, gap_seconds=60)) == 2


def test_another_senders_message_ends_a_turn(chat):
    chat.say("ana", 0, "one")
    chat.say("me", 0.5, "yes")
    chat.say("ana", 1, "two")
    assert texts(build_turns(chat.messages)) == ["one", "yes", "two"]


@pytest.mark.parametrize("kind", ["tapback", "system", "attachment_only", "app", "unsent"])
def test_what_is_not_said_does_not_break_a_turn(chat, kind):
    chat.say("ana", 0, "one")
    chat.say("me", 0.5, "Loved it", kind=kind)
    chat.say("ana", 1, "two")
    assert texts(build_turns(chat.messages)) == ["one\ntwo"]


def test_inline_threads_are_kept_apart_within_a_burst(chat):
    root = chat.say("me", 0, "who is in?")
    chat.say("ana", 1, "me", thread_root_guid=root)
    chat.say("ana", 1.2, "by the way, where is my coat")
    chat.say("ana", 1.4, "and my sister", thread_root_guid=root)
    turns = build_turns(chat.messages)
    assert texts(turns) == ["who is in?", "me\nand my sister", "by the way, where is my coat"]
    assert turns["thread_root_guid"].fillna("-").tolist() == ["-", root, "-"]


def test_another_senders_message_in_another_thread_ends_a_turn_too(chat):
    root = chat.say("me", 0, "who is in?")
    chat.say("ana", 1, "me")
    chat.say("bo", 1.2, "not me", thread_root_guid=root)
    chat.say("ana", 1.4, "and my sister")
    assert texts(build_turns(chat.messages)) == ["who is in?", "me", "not me", "and my sister"]


def test_conversations_do_not_mix(chat):
    chat.say("ana", 0, "one")
    chat.say("ana", 1, "elsewhere", conversation_id="d2")
    chat.say("ana", 2, "two")
    assert texts(build_turns(chat.messages)) == ["one\ntwo", "elsewhere"]


def test_messages_without_a_date_a_conversation_or_a_text_are_left_out(chat):
    chat.say("ana", 0, "undated", sent_at=pd.NaT)
    chat.say("ana", 0, "nowhere", conversation_id=None)
    chat.say("ana", 0, None)
    assert build_turns(chat.messages).empty


def test_order_is_by_time_and_not_by_rowid(chat):
    chat.say("ana", 1, "second")
    chat.say("ana", 0, "first")
    assert texts(build_turns(chat.messages)) == ["first\nsecond"]


def test_every_spoken_message_is_in_exactly_one_turn_and_the_table_is_valid(chat):
    for minute in range(60):
        chat.say(("ana", "me", "bo")[minute * 7 % 3], minute * 2.4, f"text {minute}", is_group=True)
    turns = build_turns(chat.messages)
    members = [guid for guids in turns["message_guids"] for guid in guids]
    assert sorted(members) == sorted(chat.messages["guid"])
    assert tables.violations(tables.TURNS, turns) == []


def test_no_messages_give_an_empty_table(chat):
    turns = build_turns(chat.messages)
    assert turns.empty
    assert tables.violations(tables.TURNS, turns) == []
