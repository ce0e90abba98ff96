"""A pair's context: what had been said before the trigger, and nothing later than the reply."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jarvis_assets.pairs.context import contexts
from jarvis_assets.pairs.pair_rows import pair_rows
from jarvis_assets.pairs.timeline import Timeline
from jarvis_assets.pairs.turns import build_turns
from jarvis_resources.errors import JarvisError
from jarvis_resources.imessage.edits import text_at
from tests.pairs.random_chats import chats


@pytest.fixture
def pairs(chat):
    """Each of my turns beside the turn before it; everything in one segment unless told."""

    def run(numbers=None, **rest):
        turns = build_turns(chat.messages)
        timeline = Timeline.of(turns, chat.messages)
        mine = turns["is_from_me"].to_numpy()
        replies = np.flatnonzero(mine[1:] & ~mine[:-1]) + 1
        sure = np.ones(len(replies))
        return pair_rows(
            turns,
            timeline,
            response_turns=replies,
            trigger_positions=timeline.last[replies - 1],
            confidence=sure,
            coherence=sure,
            segments=np.zeros(len(turns), dtype=np.int64) if numbers is None else np.array(numbers),
            source="semantic",
            **rest,
        )

    return run


def test_it_holds_the_earlier_messages_oldest_first(chat, pairs):
    chat.say("ana", 0, "back from work")
    chat.say("me", 1, "how was it")
    chat.say("ana", 2, "long. pizza?")
    chat.say("me", 3, "pizza")
    last = pairs().iloc[-1]
    assert [(entry["speaker"], entry["text"]) for entry in last["context"]] == [
        ("ana", "back from work"),
        ("me", "how was it"),
    ]
    assert last["context_text"] == "Them (ana): back from work\nMe: how was it"


def test_names_are_used_where_they_are_known(chat, pairs):
    chat.say("ana", 0, "back from work")
    chat.say("me", 1, "how was it")
    chat.say("ana", 2, "long")
    chat.say("me", 3, "poor you")
    people = pd.DataFrame({"person_id": ["ana"], "display_name": ["Ana Lima"]})
    assert pairs(people=people).iloc[-1]["context_text"].startswith("Them (Ana Lima): back")


def test_it_never_holds_the_trigger_the_reply_or_anything_later(chat, pairs):
    for minute in range(80):
        chat.say(("ana", "me", "bo", "ana")[minute * 5 % 4], minute * 2, f"text {minute}", is_group=True)
    sent = chat.messages.set_index("guid")["sent_at"]
    found = pairs()
    assert len(found) > 10
    for row in found.itertuples():
        inside = [entry["guid"] for entry in row.context]
        assert not set(inside) & {*row.trigger_guids, *row.response_guids}
        assert all(sent[guid] <= row.trigger_at for guid in inside)
        assert sent[inside].is_monotonic_increasing


def test_it_stops_at_fifty_messages_or_where_told(chat, pairs):
    for number in range(130):
        chat.say("me" if number % 2 else "ana", number * 0.5, f"text {number}")
    found = pairs()
    assert found["context"].map(len).max() == 50
    assert [entry["text"] for entry in found.iloc[-1]["context"]] == [f"text {number}" for number in range(78, 128)]
    assert pairs(context_messages=3)["context"].map(len).max() == 3


def test_it_stops_at_the_segments_edge(chat, pairs):
    for number in range(6):
        chat.say("me" if number % 2 else "ana", number, f"text {number}")
    last = pairs(numbers=[0, 0, 1, 1, 1, 1]).iloc[-1]
    assert [entry["text"] for entry in last["context"]] == ["text 2", "text 3"]


def test_another_conversation_with_the_same_segment_number_stays_out(chat, pairs):
    chat.say("ana", 0, "elsewhere", conversation_id="d0")
    chat.say("ana", 1, "here?")
    chat.say("me", 2, "here")
    assert pairs().iloc[-1]["context"] == []


def test_a_message_edited_after_my_reply_reads_as_it_did(chat, pairs):
    versions = [{"sent_at": chat.at(0), "text": "at six"}, {"sent_at": chat.at(30), "text": "at nine"}]
    chat.say("ana", 0, "at nine", edited_at=chat.at(30), edit_history=versions)
    chat.say("me", 1, "ok")
    chat.say("ana", 2, "bring wine")
    chat.say("me", 3, "will do")
    chat.say("ana", 60, "where are you?")
    chat.say("me", 61, "nearly there")
    before, after = pairs().iloc[1], pairs().iloc[2]
    assert before["context"][0]["text"] == "at six"
    assert before["context_text"].startswith("Them (ana): at six\n")
    assert after["context"][0]["text"] == "at nine"


@given(chats(), st.data())
@settings(max_examples=40, deadline=None)
def test_of_any_history_it_holds_what_was_said_before_and_how_it_read_then(messages, data):
    turns = build_turns(messages)
    n = len(turns)
    if n < 2:
        return
    where = np.cumsum(data.draw(st.lists(st.sampled_from([0, 0, 0, 1]), min_size=n, max_size=n)))
    replies = np.array(data.draw(st.lists(st.integers(1, n - 1), min_size=1, max_size=6)))
    triggers = np.array([data.draw(st.integers(0, reply - 1)) for reply in replies])
    limit = data.draw(st.sampled_from([1, 3, 50]))
    timeline = Timeline.of(turns, messages)
    replied = timeline.micros[timeline.first[replies]]
    found = contexts(timeline, where, triggers, replied, limit=limit)

    rows = messages.set_index("guid")
    turn_of = {guid: at for at, guids in enumerate(turns["message_guids"]) for guid in guids}
    for entries, text, trigger, micros in zip(
        found.entries.to_pylist(), found.texts.to_pylist(), triggers, replied, strict=True
    ):
        assert len(entries) <= limit
        begins, when = turns["started_at"].iloc[trigger], pd.Timestamp(micros, unit="us", tz="UTC")
        for entry in entries:
            row, turn = rows.loc[entry["guid"]], turn_of[entry["guid"]]
            assert row["kind"] == "normal"
            assert row["sent_at"] <= begins
            assert row["conversation_id"] == turns["conversation_id"].iloc[trigger]
            assert where[turn] == where[trigger]
            assert turn != trigger
            assert entry["speaker"] == ("me" if row["is_from_me"] else row["person_id"])
            assert entry["text"] == (text_at(row["text"], row["edit_history"], when) or "")
        assert rows.loc[[entry["guid"] for entry in entries], "sent_at"].is_monotonic_increasing
        said = [
            f"{'Me' if entry['speaker'] == 'me' else 'Them (' + entry['speaker'] + ')'}: {entry['text']}"
            for entry in entries
        ]
        assert text == "\n".join(said)


def test_a_conversation_of_any_length_is_cut_into_contexts_batch_by_batch(chat, monkeypatch):
    for number in range(60):
        chat.say("me" if number % 2 else "ana", number, f"text {number}")
    turns = build_turns(chat.messages)
    timeline, where = Timeline.of(turns, chat.messages), np.zeros(60, dtype=np.int64)
    asked = (np.arange(60), timeline.micros)
    whole = contexts(timeline, where, *asked)
    monkeypatch.setattr("jarvis_assets.pairs.context._BATCH", 7)
    parts = contexts(timeline, where, *asked)
    assert whole.entries.num_chunks == 1
    assert parts.entries.num_chunks == 9
    assert parts.entries.to_pylist() == whole.entries.to_pylist()
    assert parts.texts.to_pylist() == whole.texts.to_pylist()


def test_turns_of_another_history_are_refused(chat):
    chat.say("ana", 0, "coming?")
    chat.say("me", 1, "yes")
    turns = build_turns(chat.messages)
    chat.say("ana", 2, "great")
    with pytest.raises(JarvisError, match="materialise turns again"):
        Timeline.of(turns, chat.messages)
