"""A turn: one thing said by one sender, with pauses of five minutes at most."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jarvis_assets.pairs.turns import build_turns
from jarvis_resources import tables
from tests.pairs.random_chats import chats


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


def test_five_minutes_are_five_minutes_to_the_microsecond(chat):
    for begin in range(0, 4_000, 40):
        chat.say("ana", 0, "one", sent_at=chat.at(begin) + pd.Timedelta(microseconds=begin * 7 + 1))
        chat.say("ana", 0, "two", sent_at=chat.at(begin + 5) + pd.Timedelta(microseconds=begin * 7 + 1))
        chat.say("ana", 0, "late", sent_at=chat.at(begin + 10) + pd.Timedelta(microseconds=begin * 7 + 2))
    assert texts(build_turns(chat.messages)) == ["one\ntwo", "late"] * 100


def turns_one_by_one(messages: pd.DataFrame) -> list[list[str]]:
    """The definition, word for word and slowly: the guids of each turn."""
    rows: list[dict[str, Any]] = [
        row
        for row in messages.to_dict("records")
        if row["kind"] == "normal"
        and isinstance(row["text"], str)
        and row["text"]
        and isinstance(row["conversation_id"], str)
        and not pd.isna(row["sent_at"])
    ]
    rows.sort(key=lambda row: (row["conversation_id"], row["sent_at"], row["rowid"]))
    found: list[list[dict[str, Any]]] = []
    running: dict[object, list[dict[str, Any]]] = {}
    before: tuple[object, object] | None = None
    for row in rows:
        place = (row["conversation_id"], "me" if row["is_from_me"] else row["person_id"])
        if place != before:
            running.clear()
        before = place
        thread = row["thread_root_guid"] if isinstance(row["thread_root_guid"], str) else None
        turn = running.get(thread)
        if turn is None or row["sent_at"] - turn[-1]["sent_at"] > pd.Timedelta(minutes=5):
            turn = running[thread] = []
            found.append(turn)
        turn.append(row)
    return [[row["guid"] for row in turn] for turn in found]


@given(chats())
@settings(max_examples=40, deadline=None)
def test_any_history_is_cut_as_the_definition_says(messages):
    turns = build_turns(messages)
    assert turns["message_guids"].tolist() == turns_one_by_one(messages)
    text, sent = messages.set_index("guid")["text"], messages.set_index("guid")["sent_at"]
    for turn in turns.itertuples():
        assert turn.turn_id == turn.message_guids[0]
        assert turn.text == "\n".join(text[turn.message_guids])
        assert (turn.started_at, turn.ended_at) == (sent[turn.message_guids[0]], sent[turn.message_guids[-1]])


@given(chats(), st.integers(0, 40))
@settings(max_examples=30, deadline=None)
def test_a_growing_history_only_ever_lengthens_a_turn(messages, size):
    ordered = messages.sort_values(["sent_at", "rowid"], kind="stable", na_position="first")
    early, late = ordered.iloc[:size], ordered.iloc[size:]
    grown = {guids[0]: guids for guids in build_turns(messages)["message_guids"]}
    for guids in build_turns(early)["message_guids"]:
        assert grown[guids[0]][: len(guids)] == guids
        assert set(grown[guids[0]][len(guids) :]) <= set(late["guid"])
