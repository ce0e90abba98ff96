"""What quality means, on vectors whose answers are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from jarvis_assets.comparison.quality import (
    LOOKED_AT,
    OTHERS,
    Sample,
    agreement,
    expected_recall,
    found_among,
    measure,
)


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def noise() -> np.ndarray:
    return unit(np.random.default_rng(1).normal(size=(700, 16)))


def test_a_reply_nearer_than_all_others_is_always_found(noise):
    assert expected_recall(noise, noise, np.arange(700)) == pytest.approx(np.ones(700))


def test_it_is_what_drawing_99_others_gives_on_average(noise):
    triggers = unit(noise + np.random.default_rng(2).normal(size=noise.shape) * 0.4)
    expected = expected_recall(triggers, noise, np.arange(700)).mean()
    draw = np.random.default_rng(3)
    cosines = triggers @ noise.T
    hits = []
    for row in range(700):
        others = np.delete(np.arange(700), row)
        for _ in range(20):
            hits.append(cosines[row, row] > cosines[row, draw.choice(others, OTHERS)].max())
    assert 0.2 < expected < 0.9
    assert expected == pytest.approx(np.mean(hits), abs=0.01)


def test_vectors_that_say_nothing_find_one_in_a_hundred():
    draw = np.random.default_rng(4)
    triggers, replies = (unit(draw.normal(size=(3000, 8))) for _ in range(2))
    assert expected_recall(triggers, replies, np.arange(3000)).mean() == pytest.approx(0.01, abs=0.005)


def test_ties_count_against_and_equal_replies_are_no_others():
    same = np.ones((3, 4), np.float32) / 2
    assert expected_recall(same, same, np.arange(3)) == pytest.approx([0, 0, 0])
    assert np.isnan(expected_recall(same, same, np.zeros(3, np.int64))).all()


def test_found_among_is_the_share_that_is_there():
    assert found_among(np.array([[1, 2], [3, 4]]), np.array([[2, 9], [3, 4]])) == 0.75


def test_agreement_is_the_mean_cosine(noise):
    assert agreement(noise, noise) == pytest.approx(1, abs=1e-6)
    assert np.isnan(agreement(noise[:0], noise[:0]))


def test_the_sample_takes_the_holdout_and_the_history_of_split_pair():
    pairs = pd.DataFrame(
        {
            "pair_id": ["a", "b", "c", "d"],
            "trigger_text": ["t1", "t2", "t3", "t4"],
            "response_text": ["Yes", "no", "yes!", "maybe"],
            "conversation_id": ["x", "x", None, "y"],
            "responded_at": pd.to_datetime(["2024-01-04", "2024-01-01", "2024-01-02", "2024-01-03"], utc=True),
        }
    )
    splits = pd.DataFrame({"pair_id": ["d", "c", "b", "a"], "split_pair": ["train", "holdout", None, "holdout"]})
    sample = Sample.of(pairs, splits, lambda text: text.strip("!").lower())
    assert (sample.asked, sample.replies) == (["t3", "t1"], ["yes!", "Yes"])
    assert sample.reply_key.tolist() == [0, 0]
    assert sample.conversation.tolist() == ["", "x"]
    assert (sample.history, sample.history_replies) == (["t4"], ["maybe"])


def test_a_history_without_anything_measures_nothing():
    empty = Sample([], [], np.empty(0, np.int64), np.empty(0, object), [], [])

    def encode(texts):
        return np.empty((len(texts), 8), np.float32)

    found = measure(encode, encode, empty)
    assert all(np.isnan(value) for value in vars(found).values())


def test_better_vectors_measure_better():
    draw = np.random.default_rng(7)
    place = {f"{kind}{number}": number for kind in "tr" for number in range(900)}
    said = unit(draw.normal(size=(900, 24)))

    def encoder(spoilt):
        return lambda texts: unit(
            said[[place[text] for text in texts]]
            + spoilt * np.random.default_rng([len(texts), ord(texts[0][0])]).normal(size=(len(texts), 24))
        )

    asked, history = range(600, 900), range(600)
    assert len(history) > LOOKED_AT
    sample = Sample(
        [f"t{n}" for n in asked], [f"r{n}" for n in asked], np.arange(300),
        np.array([f"c{n % 20}" for n in asked], object), [f"t{n}" for n in history], [f"r{n}" for n in history],
    )  # fmt: skip
    good, bad = (measure(encoder(spoilt), encoder(0), sample, topics=False) for spoilt in (0.1, 0.6))
    assert good.recall_at_1 > bad.recall_at_1 > 0.01
    assert good.neighbour_recall > bad.neighbour_recall > LOOKED_AT / len(history)
    assert good.recall_low <= good.recall_at_1 <= good.recall_high
