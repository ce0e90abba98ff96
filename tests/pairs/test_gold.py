"""Gold pairs: an inline reply answers the latest message by someone else in its thread."""

from __future__ import annotations

import numpy as np
import pytest

from jarvis_assets.pairs.gold import pair_threaded_turns
from jarvis_assets.pairs.turns import build_turns
from jarvis_resources import tables


@pytest.fixture
def paired(chat, word_vectors):
    """Gold pairs of the chat as written, everything in one segment."""

    def run(**rest):
        turns = build_turns(chat.messages)
        return pair_threaded_turns(
            turns, chat.messages, word_vectors(turns), np.zeros(len(turns), dtype=np.int64), **rest
        )

    return run


def test_a_reply_to_the_root_pairs_with_the_root(chat, paired):
    root = chat.say("ana", 0, "dinner on friday?")
    chat.say("ana", 30, "also, I found your scarf")
    reply = chat.say("me", 31, "friday works", thread_root_guid=root)
    pairs = paired().pairs
    assert pairs[["trigger_guid", "response_guid", "trigger_text", "response_text"]].values.tolist() == [
        [root, reply, "dinner on friday?", "friday works"]
    ]
    assert pairs["person_id"].tolist() == ["ana"]
    assert pairs["reply_seconds"].tolist() == [31 * 60.0]


def test_reply_in_a_running_thread_pairs_with_the_latest_message(chat, paired):
    root = chat.say("ana", 0, "dinner on friday?")
    chat.say("me", 1, "sure", thread_root_guid=root)
    asked = chat.say("ana", 2, "at seven?", thread_root_guid=root)
    chat.say("me", 3, "seven is good", thread_root_guid=root)
    assert paired().pairs["trigger_guid"].tolist() == [root, asked]


def test_my_own_root_is_not_the_trigger_once_somebody_answered(chat, paired):
    root = chat.say("me", 0, "who is in?", is_group=True)
    said = chat.say("bo", 1, "can I bring leo?", thread_root_guid=root, is_group=True)
    chat.say("me", 2, "of course", thread_root_guid=root, is_group=True)
    assert paired().pairs["trigger_guid"].tolist() == [said]


def test_a_reply_to_my_own_message_is_no_pair_and_is_counted(chat, paired):
    root = chat.say("me", 0, "who is in?")
    chat.say("me", 9, "anyone?", thread_root_guid=root)
    found = paired()
    assert found.pairs.empty
    assert found.drops == {"answers_my_own_message": 1}


def test_a_missing_root_is_counted(chat, paired):
    chat.say("me", 9, "yes please", thread_root_guid="gone")
    assert paired().drops == {"thread_root_missing": 1}


def test_a_picture_answered_is_counted_and_not_replaced_by_an_older_message(chat, paired):
    root = chat.say("ana", 0, "look")
    chat.say("ana", 1, None, kind="attachment_only", thread_root_guid=root)
    chat.say("me", 2, "so cute", thread_root_guid=root)
    found = paired()
    assert found.pairs.empty
    assert found.drops == {"trigger_without_text": 1}


def test_messages_after_my_reply_are_not_its_trigger(chat, paired):
    root = chat.say("ana", 0, "dinner on friday?")
    chat.say("me", 1, "sure", thread_root_guid=root)
    chat.say("ana", 2, "great", thread_root_guid=root)
    assert paired().pairs["trigger_guid"].tolist() == [root]


def test_the_trigger_reads_as_it_did_when_i_replied(chat, paired):
    versions = [
        {"sent_at": chat.at(0), "text": "dinner at six?"},
        {"sent_at": chat.at(1), "text": "dinner at seven?"},
        {"sent_at": chat.at(5), "text": "dinner at eight?"},
    ]
    root = chat.say("ana", 0, "dinner at eight?", edited_at=chat.at(5), edit_history=versions)
    chat.say("ana", 0.2, "or later")
    chat.say("me", 2, "seven works", thread_root_guid=root)
    pair = paired().pairs.iloc[0]
    assert pair["trigger_text"] == "dinner at seven?"
    assert pair["trigger_turn_text"] == "dinner at seven?\nor later"


def test_both_bursts_are_whole(chat, paired):
    first = chat.say("ana", 0, "I have two tickets")
    root = chat.say("ana", 0.5, "want one?")
    mine = chat.say("me", 1, "yes!", thread_root_guid=root)
    more = chat.say("me", 1.5, "which row", thread_root_guid=root)
    pair = paired().pairs.iloc[0]
    assert (pair["trigger_guid"], pair["trigger_guids"]) == (root, [first, root])
    assert (pair["response_guid"], pair["response_guids"]) == (mine, [mine, more])
    assert pair["trigger_turn_text"] == "I have two tickets\nwant one?"
    assert pair["response_text"] == "yes!\nwhich row"


def test_confidence_stays_within_the_bounds_of_gold_and_falls_with_doubt(chat, paired):
    root = chat.say("ana", 0, "pizza tonight?")
    chat.say("me", 1, "pizza tonight", thread_root_guid=root)
    other = chat.say("ana", 2, "my boss loved the slides")
    chat.say("me", 3 * 24 * 60, "yeah right 🙄", thread_root_guid=other)
    sure, doubtful = paired().pairs["confidence"]
    assert sure == 0.95
    assert 0.85 <= doubtful < sure


def confidence_of(chat, paired, reply: str, *, minutes: float = 1.0) -> float:
    """Of one inline reply to "pizza tonight?"."""
    root = chat.say("ana", 0, "pizza tonight?")
    chat.say("me", minutes, reply, thread_root_guid=root)
    return float(paired().pairs["confidence"].iloc[0])


def test_another_unanswered_message_in_the_thread_is_the_greatest_doubt(chat, paired):
    root = chat.say("ana", 0, "pizza tonight?", is_group=True)
    chat.say("bo", 1, "pizza or pasta?", thread_root_guid=root, is_group=True)
    chat.say("me", 2, "pizza tonight", thread_root_guid=root, is_group=True)
    assert paired().pairs["confidence"].tolist() == [0.85]


def test_a_thread_that_was_answered_step_by_step_leaves_no_doubt(chat, paired):
    root = chat.say("ana", 0, "pizza tonight?")
    chat.say("me", 1, "pizza yes", thread_root_guid=root)
    chat.say("ana", 2, "pizza at six?", thread_root_guid=root)
    chat.say("me", 3, "pizza at six", thread_root_guid=root)
    assert paired().pairs["confidence"].tolist() == [0.95, 0.95]


@pytest.mark.parametrize("reply", ["pizza, sure...", "oh great pizza tonight", "yeah right pizza tonight", "pizza 🙃"])
def test_marks_of_sarcasm_are_a_doubt(chat, paired, reply):
    assert confidence_of(chat, paired, reply) == pytest.approx(0.92)


@pytest.mark.parametrize("reply", ["yeah sure pizza", "pizza it is", "sure, pizza", "pizza, right?", "great pizza!!"])
def test_a_plain_yes_is_no_sarcasm(chat, paired, reply):
    assert confidence_of(chat, paired, reply) == 0.95


@pytest.mark.parametrize(("minutes", "expected"), [(59, 0.95), (61, 0.93), (25 * 60, 0.90)])
def test_a_late_reply_is_a_doubt_and_a_very_late_one_more_so(chat, paired, minutes, expected):
    assert confidence_of(chat, paired, "pizza", minutes=minutes) == pytest.approx(expected)


def test_others_inline_replies_make_no_pairs(chat, paired):
    root = chat.say("me", 0, "who is in?", is_group=True)
    chat.say("bo", 1, "me", thread_root_guid=root, is_group=True)
    assert paired().pairs.empty


def test_the_table_is_valid_and_so_is_an_empty_one(chat, paired):
    assert tables.violations(tables.GOLD_PAIRS, paired().pairs) == []
    root = chat.say("ana", 0, "dinner?")
    chat.say("me", 1, "sure", thread_root_guid=root)
    assert tables.violations(tables.GOLD_PAIRS, paired().pairs) == []
