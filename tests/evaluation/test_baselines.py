"""Each baseline answers as its name says, from train alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from jarvis_assets.evaluation import baselines, holdout, measures
from jarvis_resources.vector_index import VectorIndex
from jarvis_serving.normalise import key_text


@pytest.fixture
def sides(history, splits):
    found = holdout.divide(history, splits)
    return tuple(history.iloc[rows] for rows in (found.train, found.dev, found.holdout))


def test_no_system_answers_nothing(sides):
    found = baselines.no_system(sides[2])
    assert found.ranked == found.options == [[]] * len(sides[2])


def test_most_common_replies_are_counted_by_their_key_and_spelled_as_most_often():
    train = pd.DataFrame({"response_text": ["OK!", "ok", "ok", "Later", "see you"], "occurrences": [1, 1, 1, 2, 1]})
    found = baselines.most_common(train, pd.DataFrame(index=range(2)))
    assert found.ranked[0] == found.ranked[1]
    assert found.ranked[0][:2] == ["ok", "Later"]
    assert found.options[0] == found.ranked[0][:3]


def test_a_random_reply_comes_from_the_same_persons_history(sides):
    train, _, asked = sides
    found = baselines.random_reply(train, asked)
    mine = train.groupby("person_id")["response_text"].agg(set)
    for person, replies in zip(asked["person_id"], found.ranked, strict=True):
        assert set(replies) <= mine[person]
        assert len({key_text(reply) for reply in replies}) == len(replies) == 5
    assert found == baselines.random_reply(train, asked)


def test_a_stranger_gets_a_random_reply_of_the_whole_history(sides):
    train, _, asked = sides
    found = baselines.random_reply(train, asked.head(1).assign(person_id="stranger"))
    assert set(found.ranked[0]) <= set(train["response_text"])
    assert found.ranked[0]


def test_the_constant_trio_is_the_greedy_best_on_dev():
    train = pd.DataFrame(
        {"response_text": ["so good to see you", "no way", "maybe later", "ok"], "occurrences": [1, 9, 1, 9]}
    )
    dev = pd.DataFrame({"pair_id": ["1", "2", "3"], "response_text": ["so good to see you"] * 2 + ["maybe later then"]})
    found = baselines.constant_trio(train, dev, pd.DataFrame(index=range(3)))
    assert found.options[0][:2] == ["so good to see you", "maybe later"]
    assert len(found.options[0]) == 3
    assert found.options[0] == found.options[2]


def test_the_constant_trio_beats_the_most_common_replies_on_what_it_was_chosen_on(sides):
    train, dev, _ = sides
    real = dev["response_text"].tolist()
    trio, common = baselines.constant_trio(train, dev, dev), baselines.most_common(train, dev)
    assert measures.rouge_3x(trio.options, real).mean() > measures.rouge_3x(common.options, real).mean()


def test_bm25_finds_the_message_that_shares_rare_words(sides):
    train, _, asked = sides
    query = asked.head(1).assign(trigger_text="the museum, how was it")
    found = baselines.bm25(train, query)
    answered = train[train["trigger_text"] == "how was the museum"]["response_text"]
    assert found.ranked[0][0] in set(answered)
    assert found.scores is not None
    assert found.scores[0] > 0


def test_bm25_leaves_a_message_without_a_known_word_unanswered(sides):
    train, _, asked = sides
    found = baselines.bm25(train, asked.head(2).assign(trigger_text=["zzz qqq", "🎉"]))
    assert found.options == [[], []]


def test_the_nearest_trigger_never_answers_from_the_holdout(history, splits, embed):
    found = holdout.divide(history, splits)
    triggers, replies = (embed(history[name].tolist()) for name in ("trigger_text", "response_text"))
    vectors = np.stack([triggers, replies], axis=1).astype(np.float16)
    index = VectorIndex.build(np.ascontiguousarray(triggers))
    nearest = baselines.nearest_trigger(history, found.train, found.holdout, vectors, index)
    train = set(history["response_text"].iloc[found.train])
    assert all(set(replies) <= train and replies for replies in nearest.ranked)
    assert nearest.scores is not None
    assert nearest.scores.max() <= 1.001


@pytest.mark.parametrize("system", [baselines.bm25, baselines.most_common, baselines.random_reply])
def test_without_a_history_nothing_is_answered(system, sides):
    train, _, asked = sides
    assert system(train.head(0), asked).options == [[]] * len(asked)


def test_answers_that_do_not_line_up_are_refused():
    with pytest.raises(ValueError, match="same messages"):
        baselines.Answers([[]], [[], []])
