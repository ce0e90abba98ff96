"""The measures of a tuning, on vectors whose answers are known."""

from __future__ import annotations

import numpy as np

from jarvis_assets.vectors.tuning import measures


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_other_replies_never_mean_the_same() -> None:
    keys = np.array([0, 0, 0, 1, 2, 3])
    rows = measures.other_replies(keys, np.random.default_rng(0))
    assert rows.shape == (6, measures.OTHERS)
    assert (keys[rows] != keys[:, None]).all()


def test_where_all_replies_mean_the_same_nothing_is_ranked() -> None:
    rows = measures.other_replies(np.zeros(4, np.int64), np.random.default_rng(0))
    vectors = unit(np.eye(4))
    assert np.isnan(measures.ranks(vectors, vectors, rows)).all()


def test_a_real_reply_nearer_than_all_others_is_first_and_chance_is_one_in_a_hundred() -> None:
    rng = np.random.default_rng(0)
    triggers = unit(rng.normal(size=(2_000, 32)))
    others = measures.other_replies(np.arange(2_000), rng)
    assert (measures.ranks(triggers, triggers, others) == 1).all()
    unrelated = measures.ranks(triggers, unit(rng.normal(size=(2_000, 32))), others)
    assert 0.005 < (unrelated == 1).mean() < 0.017
    assert 45 < unrelated.mean() < 56


def test_a_tie_counts_against_the_real_reply() -> None:
    same = unit(np.ones((3, 4)))
    others = np.repeat(np.array([[1], [2], [0]]), measures.OTHERS, axis=1)
    assert (measures.ranks(same, same, others) == measures.OTHERS + 1).all()


def test_pairs_within_a_group_come_with_one_of_elsewhere() -> None:
    group = np.array([0, 0, 0, 1, 1, 2, -1, -1])
    elsewhere = np.array([0, 0, 0, 1, 1, 1, 2, 2])
    left, right, beside = measures.pairs_within(group, elsewhere, np.random.default_rng(0), most=100)
    assert set(left.tolist()) == {0, 1, 2, 3, 4}, "alone in its group, or in none: no pair"
    assert (group[left] == group[right]).all()
    assert (left != right).all()
    assert (elsewhere[left] != elsewhere[beside]).all()


def test_the_nearest_come_in_order() -> None:
    history = unit(np.array([[1.0, 0.0], [1.0, 0.2], [0.0, 1.0], [-1.0, 0.0]]))
    assert measures.nearest(unit(np.array([[1.0, 0.0], [0.1, 1.0]])), history, 3).tolist() == [[0, 1, 2], [2, 1, 0]]
