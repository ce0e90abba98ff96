"""A hard negative is the reply to a message much like this one, and would not do as an answer to it."""

from __future__ import annotations

import numpy as np
import pytest

from jarvis_assets.vectors.tuning import negatives
from jarvis_assets.vectors.tuning.examples import Exchanges

ANGLES = np.r_[0.00, 0.01, 0.02, 0.03, 0.50, np.linspace(2, 3, 20)]


def on_a_circle(angles: np.ndarray) -> np.ndarray:
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


@pytest.fixture
def train() -> Exchanges:
    n = len(ANGLES)
    texts = np.array([str(k) for k in range(n)], object)
    trigger, reply = np.arange(n), np.arange(n)
    trigger[1] = trigger[0]  # the same message, answered otherwise
    reply[2] = reply[0]  # another message, answered with the same words
    return Exchanges(texts, texts, np.ones(n), texts, trigger, reply)


def test_what_would_do_as_an_answer_is_no_negative(train: Exchanges) -> None:
    spread = np.random.default_rng(0).normal(size=(len(ANGLES), 64)).astype(np.float32)
    spread /= np.linalg.norm(spread, axis=1, keepdims=True)
    spread[3] = spread[0]  # a third, with other words that mean the same
    found = negatives.mine(train, on_a_circle(ANGLES), spread)
    assert found[0, 0] == 4, "the nearest message whose reply says something else"
    assert not {0, 1, 2, 3} & set(found[0].tolist())


def test_one_is_drawn_for_each_row_that_has_any() -> None:
    offered = np.full((3, negatives.NEIGHBOURS), -1)
    offered[0, 0] = 7
    offered[2, :2] = (4, 5)
    rng = np.random.default_rng(0)
    drawn = np.array([negatives.draw(offered, np.array([0, 1, 2]), rng) for _ in range(50)])
    assert set(drawn[:, 0]) == {7}
    assert set(drawn[:, 1]) == {-1}
    assert set(drawn[:, 2]) == {4, 5}
