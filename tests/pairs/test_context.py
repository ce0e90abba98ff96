"""A pair's context: what had been said before the trigger, and nothing later than the reply."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from jarvis_assets.pairs import segments
from jarvis_assets.pairs.link_model import LinkModel
from jarvis_assets.pairs.reply_links import pair_unthreaded_turns
from jarvis_assets.pairs.turns import build_turns
from jarvis_resources.errors import JarvisError


@pytest.fixture
def pairs(chat, word_vectors):
    """Semantic pairs of the chat as written; everything in one segment unless told."""

    def run(numbers=None, **rest):
        turns = build_turns(chat.messages)
        where = np.zeros(len(turns), dtype=np.int64) if numbers is None else np.array(numbers)
        found = pair_unthreaded_turns(turns, chat.messages, word_vectors(turns), where, LinkModel.shipped(), **rest)
        return found.pairs

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
    found = pairs(use_threshold=False)
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


def test_a_night_opens_a_segment_and_a_running_talk_does_not(chat, word_vectors):
    chat.say("ana", 0, "back from work")
    chat.say("me", 1, "and?")
    chat.say("ana", 9 * 60, "back from work again")
    turns = build_turns(chat.messages)
    assert segments.segment(turns, word_vectors(turns)).tolist() == [0, 0, 1]


def test_after_a_pause_the_words_decide(chat, word_vectors):
    chat.say("ana", 0, "the printer is broken")
    chat.say("me", 90, "the printer is not broken")
    chat.say("ana", 180, "who feeds our cat")
    turns = build_turns(chat.messages)
    assert segments.segment(turns, word_vectors(turns)).tolist() == [0, 0, 1]


def test_segments_do_not_change_when_the_history_grows(chat, word_vectors):
    rng = np.random.default_rng(3)
    minute = 0.0
    for number in range(300):
        minute += float(rng.lognormal(2.5, 2.0))
        topic = ("printer", "cat", "tent", "visa")[number // 9 % 4]
        chat.say("me" if number % 2 else "ana", minute, f"the {topic} number {number % 5}")
    turns = build_turns(chat.messages)
    whole = segments.segment(turns, word_vectors(turns))
    assert 3 < whole.max() < len(turns) - 1
    for size in (30, 150):
        part = turns.iloc[:size]
        assert (segments.segment(part, word_vectors(part)) == whole[:size]).all()


def test_turns_of_another_history_are_refused(chat, word_vectors):
    chat.say("ana", 0, "coming?")
    chat.say("me", 1, "yes")
    turns = build_turns(chat.messages)
    chat.say("ana", 2, "great")
    with pytest.raises(JarvisError, match="materialise turns again"):
        pair_unthreaded_turns(
            turns, chat.messages, word_vectors(turns), np.zeros(2, dtype=np.int64), LinkModel.shipped()
        )
