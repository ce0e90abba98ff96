"""Semantic pairs: a turn outside of threads, the message it most probably answers, and how sure that is."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from jarvis_assets.evaluation import measures
from jarvis_assets.pairs import reply_links
from jarvis_assets.pairs.links import features as link_features
from jarvis_assets.pairs.links import fitting
from jarvis_assets.pairs.links.candidates import DIRECT_CANDIDATES, GROUP_CANDIDATES, candidates
from jarvis_assets.pairs.links.features import CANDIDATE_FEATURES, NOBODY_FEATURES
from jarvis_assets.pairs.links.inputs import TurnArrays
from jarvis_assets.pairs.links.truth import explicit_links, fold_of, links_of_guids, problem_of
from jarvis_assets.pairs.links.weights import Head, LinkModel, Problem
from jarvis_assets.pairs.turns import build_turns
from jarvis_resources import tables
from jarvis_resources.errors import JarvisError


@pytest.fixture
def paired(chat, word_vectors):
    """Semantic pairs of the chat as written under the shipped model, everything in one segment."""

    def run(model=None, **rest):
        turns = build_turns(chat.messages)
        return reply_links.pair_unthreaded_turns(
            turns, chat.messages, word_vectors(turns), np.zeros(len(turns), dtype=np.int64),
            model or LinkModel.shipped(), **rest,
        )  # fmt: skip

    return run


def group(chat, exchanges=60):
    """A group in which two questions stand open and I answer the one whose words I repeat, in a thread."""
    topics = ["pasta", "tickets", "garage", "piano", "tent", "visa", "printer", "lasagna"]
    for number in range(exchanges):
        minute = number * 30
        mine, other = topics[number % 8], topics[(number * 3 + 1) % 8]
        other = other if other != mine else "ladder"
        first, second = (mine, other) if number % 2 else (other, mine)
        a = chat.say("ana", minute, f"who knows about the {first}?", is_group=True)
        b = chat.say("bo", minute + 1, f"where is the {second}?", is_group=True)
        root = a if first == mine else b
        chat.say("me", minute + 2, f"the {mine} is with me", is_group=True, thread_root_guid=root)


def test_in_a_direct_chat_a_turn_answers_the_last_message(chat, paired):
    chat.say("ana", 0, "how was the exam?")
    asked = chat.say("ana", 8, "and are you coming on sunday?")
    mine = chat.say("me", 9, "yes, around noon")
    pairs = paired().pairs
    assert pairs[["trigger_guid", "response_guid"]].values.tolist() == [[asked, mine]]
    assert pairs["confidence"].item() > 0.9


def test_of_a_burst_the_last_message_is_answered_and_the_whole_burst_is_the_trigger_turn(chat, paired):
    chat.say("ana", 0, "the exam is over")
    chat.say("ana", 1, "are you coming on sunday?")
    chat.say("me", 2, "yes")
    pair = paired().pairs.iloc[0]
    assert pair["trigger_guid"] == "m2"
    assert pair["trigger_turn_text"] == "the exam is over\nare you coming on sunday?"


def test_a_message_after_a_night_opens_a_conversation_and_answers_nobody(chat, paired):
    chat.say("ana", 0, "good night")
    chat.say("me", 14 * 60, "do you know where my charger is?")
    found = paired()
    assert found.pairs.empty
    assert found.drops == {"below_link_threshold": 1}


def test_the_first_message_of_a_conversation_has_nothing_to_answer(chat, paired):
    chat.say("me", 0, "hi, this is my new number")
    assert paired().drops == {"nothing_to_answer": 1}


def test_inline_replies_are_left_to_gold(chat, paired):
    root = chat.say("ana", 0, "dinner?")
    chat.say("me", 1, "sure", thread_root_guid=root)
    assert paired().pairs.empty


def test_a_candidate_is_never_mine_never_later_and_never_elsewhere(chat):
    for minute in range(200):
        place = "g1" if minute % 3 else "g2"
        chat.say(
            ("ana", "me", "bo", "cy")[minute * 7 % 4], minute * 1.3, f"t{minute}", is_group=True, conversation_id=place
        )
    turns = build_turns(chat.messages)
    mine = np.flatnonzero(turns["is_from_me"].to_numpy())
    found = candidates(TurnArrays.of(turns), mine)
    response, trigger = turns.iloc[mine[found.response]], turns.iloc[found.turn]
    assert not trigger["is_from_me"].any()
    assert (trigger["ended_at"].to_numpy() <= response["started_at"].to_numpy()).all()
    assert (trigger["conversation_id"].to_numpy() == response["conversation_id"].to_numpy()).all()
    assert np.bincount(found.response).max() == GROUP_CANDIDATES
    assert (np.diff(found.turn)[np.diff(found.response) == 0] < 0).all()


def test_a_direct_chat_offers_few_candidates(chat):
    for minute in range(0, 100, 10):
        chat.say("ana", minute, f"t{minute}")
    chat.say("me", 101, "ok")
    turns = build_turns(chat.messages)
    assert len(candidates(TurnArrays.of(turns), np.array([len(turns) - 1]))) == DIRECT_CANDIDATES


def test_features_do_not_know_what_came_later(chat, word_vectors):
    group(chat, 20)
    messages = chat.messages

    def features(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        turns = build_turns(rows)
        inputs = reply_links.link_inputs(turns, word_vectors(turns))
        _, problem = problem_of(inputs, np.flatnonzero(turns["is_from_me"].to_numpy())[:5])
        return problem.candidate, problem.nobody

    for whole, cut in zip(features(messages), features(messages.iloc[:15]), strict=True):
        np.testing.assert_allclose(whole, cut, atol=1e-6)


def test_features_do_not_know_the_thread_that_they_are_to_predict(chat, word_vectors):
    group(chat, 20)
    threaded = build_turns(chat.messages)
    hidden = threaded.assign(thread_root_guid=pd.Series(None, index=threaded.index, dtype="str"))
    mine = np.flatnonzero(threaded["is_from_me"].to_numpy())
    found = [problem_of(reply_links.link_inputs(turns, word_vectors(turns)), mine)[1] for turns in (threaded, hidden)]
    np.testing.assert_array_equal(found[0].candidate, found[1].candidate)
    np.testing.assert_array_equal(found[0].nobody, found[1].nobody)


def test_features_have_their_names(chat, word_vectors):
    chat.say("ana", 0, "are you coming?")
    chat.say("me", 1, "yes")
    turns = build_turns(chat.messages)
    inputs = reply_links.link_inputs(turns, word_vectors(turns))
    _, problem = problem_of(inputs, np.array([1]))
    named = dict(zip(link_features.CANDIDATE_FEATURES, problem.candidate[0].tolist(), strict=True))
    assert named["gap<=60"] == 1.0
    assert named["asks_yes_no_and_says_yes_no"] == 1.0
    assert named["is_question"] == 1.0
    assert problem.nobody.shape == (1, len(link_features.NOBODY_FEATURES))


def test_a_name_that_i_say_points_to_its_bearer(chat, word_vectors):
    chat.say("ana", 0, "first thing", is_group=True)
    chat.say("bo", 1, "second thing", is_group=True)
    chat.say("me", 2, "no way Ana", is_group=True)
    people = pd.DataFrame({"person_id": ["ana", "bo"], "display_name": ["Ana Lima", "Bo Berg"]})
    turns = build_turns(chat.messages)
    inputs = reply_links.link_inputs(turns, word_vectors(turns), people)
    _, problem = problem_of(inputs, np.array([2]))
    assert problem.candidate[:, link_features.CANDIDATE_FEATURES.index("name_said")].tolist() == [0.0, 1.0]


def test_the_owners_threads_teach_which_words_make_a_link(chat, word_vectors):
    group(chat, 400)
    turns = build_turns(chat.messages)
    vectors = word_vectors(turns)
    inputs = reply_links.link_inputs(turns, vectors)
    links = explicit_links(turns, chat.messages)
    learned = reply_links.train(turns, inputs, links, prior=LinkModel.zero())
    report = reply_links.hide_and_predict(turns, chat.messages, vectors, learned)
    assert report.direct.n == 0
    assert report.group.n > 50
    assert report.group.accuracy > 0.95
    blind = reply_links.hide_and_predict(turns, chat.messages, vectors, LinkModel.zero())
    assert blind.group.accuracy < 0.7
    assert "inline replies (groups)" in learned.provenance


def test_a_model_is_kept_until_the_owners_replies_have_doubled(chat, word_vectors, tmp_path):
    group(chat, 700)

    def learned(size):
        messages = chat.messages.iloc[:size]
        turns = build_turns(messages)
        return reply_links.model_for(turns, messages, word_vectors(turns), keep=tmp_path / "links").to_json()

    first, grown, doubled = learned(900), learned(1_000), learned(2_100)
    assert "inline replies" in first["provenance"]
    assert grown == first
    assert doubled["group"] != first["group"]
    [file] = (tmp_path / "links").iterdir()
    file.write_text("{")
    assert learned(2_100) == doubled


def test_few_threads_leave_the_shipped_model_as_it_is(chat, word_vectors):
    group(chat, 20)
    turns = build_turns(chat.messages)
    vectors = word_vectors(turns)
    model = reply_links.model_for(turns, chat.messages, vectors)
    assert model.to_json() == LinkModel.shipped().to_json()


def test_confidences_are_probabilities_and_the_threshold_holds(chat, paired):
    group(chat, 40)
    chat.rows = [{**row, "thread_root_guid": None} for row in chat.rows]
    everything, kept = paired(use_threshold=False), paired()
    assert everything.pairs["confidence"].between(0, 1).all()
    assert (kept.pairs["confidence"] >= LinkModel.shipped().group.threshold).all()
    assert len(kept.pairs) + kept.drops.get("below_link_threshold", 0) == len(everything.pairs)


def test_a_model_survives_its_json_and_an_incomplete_one_is_refused():
    model = LinkModel.shipped()
    data = json.loads(json.dumps(model.to_json()))
    assert LinkModel.from_json(data).to_json() == model.to_json()
    del data["group"]["candidate"]["cosine"]
    with pytest.raises(JarvisError, match="cosine"):
        LinkModel.from_json(data)
    with pytest.raises(JarvisError, match="version"):
        LinkModel.from_json({**data, "format": 0})


def test_folds_depend_on_the_guid_alone():
    guids = pd.Series([f"guid-{number}" for number in range(5_000)])
    folds = fold_of(guids)
    assert (fold_of(guids[::-1])[::-1] == folds).all()
    np.testing.assert_allclose(np.bincount(folds) / len(guids), [0.6, 0.2, 0.2], atol=0.03)


def test_links_told_by_message_become_links_of_turns(chat):
    asked = chat.say("ana", 0, "coming?")
    first = chat.say("me", 1, "hm")
    second = chat.say("me", 1.5, "yes")
    opener = chat.say("me", 60, "where is my coat")
    turns = build_turns(chat.messages)
    links = links_of_guids(turns, pd.Series([first, second, opener]), pd.Series([None, asked, None], dtype="str"))
    assert links.values.tolist() == [[1, 0], [2, -1]]


def test_the_table_is_valid_with_and_without_rows(chat, paired):
    assert tables.violations(tables.SEMANTIC_PAIRS, paired().pairs) == []
    chat.say("ana", 0, "coming?")
    chat.say("me", 1, "yes")
    pairs = paired().pairs
    assert len(pairs) == 1
    assert tables.violations(tables.SEMANTIC_PAIRS, pairs) == []


def test_the_share_of_turns_that_answer_is_told_from_the_turns_alone():
    draw = np.random.default_rng(0)
    rows = len(NOBODY_FEATURES)

    def problem(answering, n=20_000):
        answers = draw.random(n) < answering
        nobody = np.zeros((n, rows), np.float32)
        nobody[:, 0] = draw.normal(np.where(answers, -1.0, 1.0))  # log-odds 2x of answering nobody, were halves even
        return Problem(np.zeros((n, len(CANDIDATE_FEATURES)), np.float32), nobody, np.arange(n)), answers

    weights = np.zeros(rows)
    weights[0] = 2.0
    head = Head(np.zeros(len(CANDIDATE_FEATURES)), weights, support=0.0, answering=0.5)
    for answering in (0.5, 0.8, 0.95):
        seen, answers = problem(answering)
        adapted = fitting.adapt(seen, head)
        assert seen.best(adapted).answers.mean() == pytest.approx(answers.mean(), abs=0.02)
        assert measures.ece(seen.best(adapted).answers, answers) < 0.02
    few, _ = problem(0.9, fitting.FEWEST_TO_ADAPT - 1)
    assert fitting.adapt(few, head) is head
