"""Segments: where the topic shifts, known from the past alone; and the measures of how well that is found."""

from __future__ import annotations

import numpy as np
import pytest

from jarvis_assets.pairs import segments
from jarvis_assets.pairs.segment_measures import pk, window, window_diff
from jarvis_assets.pairs.turns import build_turns


@pytest.fixture
def cut(chat, word_vectors):
    """Segment numbers of the chat as written."""

    def run(**rest):
        turns = build_turns(chat.messages)
        return segments.segment(turns, word_vectors(turns), **rest).tolist()

    return run


def test_a_night_opens_a_segment_and_a_running_talk_does_not(chat, cut):
    chat.say("ana", 0, "back from work")
    chat.say("me", 1, "and?")
    chat.say("ana", 9 * 60, "back from work again")
    assert cut() == [0, 0, 1]


def test_what_is_unlike_and_worded_like_an_opening_opens_one(chat, cut):
    chat.say("ana", 0, "the printer in the office is broken again")
    chat.say("me", 1, "the printer is broken? which printer")
    chat.say("ana", 2, "the printer by the door, thanks")
    chat.say("me", 3, "hey, do you know who feeds our cat tomorrow night?")
    assert cut() == [0, 0, 0, 1]


def test_a_short_answer_opens_nothing_however_unlike(chat, cut):
    chat.say("ana", 0, "the printer in the office is broken again")
    chat.say("me", 1, "oh no")
    chat.say("ana", 2, "yeah")
    assert cut() == [0, 0, 0]


@pytest.mark.parametrize(("minutes", "found"), [(1, [0, 0]), (50, [0, 1])])
def test_a_longer_silence_speaks_for_a_new_topic(chat, cut, minutes, found):
    chat.say("ana", 0, "the printer in the office is broken again")
    chat.say("me", minutes, "my sister paints her door")
    assert cut() == found
    assert cut(pauses_known=False) == [0, 0]


def test_a_reply_inside_a_thread_opens_nothing_before_the_night_is_over(chat, cut):
    root = chat.say("ana", 0, "the printer in the office is broken again")
    chat.say("me", 1, "ok")
    chat.say("ana", 90, "hey, who feeds our cat tomorrow night?", thread_root_guid=root)
    chat.say("ana", 900, "hey, who waters the plants upstairs?", thread_root_guid=root)
    assert cut() == [0, 0, 0, 1]


def test_conversations_are_cut_each_by_itself(chat, cut):
    chat.say("ana", 0, "the printer is broken")
    chat.say("me", 1, "the printer is broken", conversation_id="d2")
    assert cut() == [0, 1]


def test_no_turns_have_no_segments(cut):
    assert cut() == []


@pytest.mark.parametrize("pauses_known", [True, False])
def test_a_growing_history_never_moves_a_boundary(chat, word_vectors, pauses_known):
    rng = np.random.default_rng(3)
    minute = 0.0
    for number in range(300):
        minute += float(rng.lognormal(2.5, 2.0))
        topic = " ".join(rng.choice(["printer", "cat", "tent", "visa", "plants", "sofa", "trains", "wedding"], 3))
        text = ("ok", f"what about {topic} and {topic}?", f"{topic}, number {number % 5}")[number * 5 % 3]
        chat.say("me" if number % 2 else "ana", minute, text)
    turns = build_turns(chat.messages)
    whole = segments.segment(turns, word_vectors(turns), pauses_known=pauses_known)
    assert 3 < whole.max() < len(turns) - 1
    for size in (1, 2, 30, 150, 299):
        part = turns.iloc[:size]
        assert (segments.segment(part, word_vectors(part), pauses_known=pauses_known) == whole[:size]).all()


def test_similarity_is_the_same_in_blocks_of_any_size(monkeypatch):
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(50, 8))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)
    conversation = np.repeat([0, 1, 2], [20, 3, 27])
    whole = segments.similarity(conversation, vectors)
    for row in range(50):
        before = [other for other in range(max(row - 4, 0), row) if conversation[other] == conversation[row]]
        cosines = [float(vectors[row].astype(float) @ vectors[other].astype(float)) for other in before]
        assert whole[1][row] == pytest.approx(max(cosines, default=-1.0), abs=1e-3)
        assert whole[0][row] == pytest.approx(max(cosines[-2:], default=-1.0), abs=1e-3)
    monkeypatch.setattr(segments, "_BLOCK", 7)
    assert np.allclose(segments.similarity(conversation, vectors), whole)


def opens(pattern: str) -> np.ndarray:
    """``|`` opens a segment, ``.`` does not."""
    return np.array([letter == "|" for letter in pattern])


def test_a_perfect_segmentation_costs_nothing():
    true = opens("|...|...|...")
    assert window(true) == 2
    assert pk(true, true) == window_diff(true, true) == 0.0


def test_the_measures_count_windows_by_hand():
    # k = 2: the pairs (0,2) (1,3) (2,4) (3,5); true segments 0-2 and 3-5.
    true, late, none = opens("|..|.."), opens("|...|."), opens("|.....")
    assert window(true) == 2
    # True: apart are (1,3) and (2,4). One turn late: apart are (2,4) and (3,5). Two of four differ.
    assert pk(true, late) == window_diff(true, late) == 0.5
    assert pk(true, none) == window_diff(true, none) == 0.5


def test_a_false_boundary_beside_a_true_one_counts_in_window_diff_alone():
    true, twice = opens("|...|..."), opens("|..||...")
    # k = 2, windows behind turns 0 to 5. Pk: only the window (1,3] is apart where it should not be. WindowDiff: the
    # window (2,4] too, with two boundaries for one.
    assert pk(true, twice) == pytest.approx(1 / 6)
    assert window_diff(true, twice) == pytest.approx(2 / 6)


def test_the_first_turn_makes_no_difference_and_a_conversation_can_be_too_short():
    true = opens("|...|...")
    assert pk(true, opens("....|...")) == 0.0
    assert np.isnan(window_diff(opens("|"), opens("|")))
