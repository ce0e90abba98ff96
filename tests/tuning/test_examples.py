"""What a tuning learns from: train alone, on both splits, and no turn that dev or the holdout ask for."""

from __future__ import annotations

import numpy as np
import pytest

from jarvis_assets.pairs.splits import sides_of
from jarvis_assets.vectors.tuning.examples import Examples, gather
from tests.tuning.conftest import History


@pytest.fixture(scope="module")
def given(history: History) -> Examples:
    return gather(
        history.pairs, history.splits, history.turns, history.segments, most_train=10_000, most_asked=4_000, seed=0
    )


def replies_of(history: History, strategy: str, *sides: str) -> set[str]:
    side = sides_of(history.pairs, history.splits, strategy)
    return set(history.pairs.loc[side.isin(sides), "response_text"])


def test_train_is_on_the_train_side_of_both_splits(history: History, given: Examples) -> None:
    both = replies_of(history, "split_pair", "train") & replies_of(history, "split_contact", "train")
    assert set(given.train.replies) == both
    assert len(both) > 100


def test_the_holdout_is_that_of_the_house(history: History, given: Examples) -> None:
    assert set(given.holdout.replies) == replies_of(history, "split_pair", "holdout")


def test_people_never_seen_have_no_turn_to_learn_from(history: History, given: Examples) -> None:
    assert set(given.newcomers.replies) <= replies_of(history, "split_contact", "holdout")
    assert not set(given.talk.conversation) & set(given.newcomers.conversation)
    assert set(given.newcomer_talk.conversation) == set(given.newcomers.conversation)


def test_no_turn_to_learn_from_is_a_reply_that_dev_or_the_holdout_ask_for(history: History, given: Examples) -> None:
    asked = replies_of(history, "split_pair", "dev", "holdout")
    assert asked & set(history.turns["text"]), "or this test could not fail"
    assert not asked & set(given.talk.texts)


def test_more_train_than_wanted_is_drawn_by_seed(history: History) -> None:
    tables = (history.pairs, history.splits, history.turns, history.segments)
    drawn = [gather(*tables, most_train=50, most_asked=100, seed=seed).train.replies for seed in (0, 0, 1)]
    assert [len(one) for one in drawn] == [50, 50, 50]
    assert np.array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])
