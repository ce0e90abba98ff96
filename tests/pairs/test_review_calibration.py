"""Confidence after reviews: verdicts move it where there are enough, towards the truth, in order and within bounds."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from jarvis_assets.pairs.review.calibration import FEWEST_VERDICTS, calibrate
from jarvis_resources import tables


def some_pairs(confidence) -> pd.DataFrame:
    confidence = np.asarray(confidence, np.float64)
    keys = [f"{n:032x}" for n in range(len(confidence))]
    return pd.DataFrame({"pair_id": keys, "source": "semantic", "confidence": confidence})


def judged(pairs: pd.DataFrame, good, reviewer: str = "owner") -> pd.DataFrame:
    return tables.GOLD_PAIR_REVIEW.conform(
        pd.DataFrame(
            {
                "showing": [f"{reviewer}{pair}" for pair in pairs["pair_id"]],
                "pair_id": pairs["pair_id"].to_numpy(),
                "source": "semantic",
                "confidence": 0.5,
                "reviewer": reviewer,
                "verdict": np.where(good, "GOOD", "BAD"),
                "reason": None,
                "note": None,
                "reviewed_at": pd.Timestamp("2026-11-21T12:00:00Z"),
            }
        )
    )


def test_without_enough_verdicts_the_evidence_speaks_alone():
    pairs = some_pairs(np.linspace(0.5, 1.0, 100))
    few = judged(pairs.head(FEWEST_VERDICTS - 1), False)
    found = calibrate(pairs, few)
    assert found.confidence.tolist() == pairs["confidence"].tolist()
    assert "29 of 30" in found.sentence


def test_ambiguous_verdicts_and_other_reviewers_do_not_count():
    pairs = some_pairs(np.full(100, 0.9))
    others = judged(pairs, False, "ana")
    ambiguous = judged(pairs, False).assign(verdict="AMBIGUOUS")
    assert calibrate(pairs, pd.concat([others, ambiguous], ignore_index=True)).verdicts == 0


def test_verdicts_on_pairs_of_another_source_or_that_are_gone_do_not_count():
    pairs = some_pairs(np.full(200, 0.9))
    assert calibrate(pairs.tail(100), judged(pairs.head(100), False)).verdicts == 0
    assert calibrate(pairs.assign(source="gold"), judged(pairs, False)).verdicts == 0


@pytest.mark.parametrize(("slope", "shift"), [(1.0, 0.0), (1.0, -1.0), (0.5, 0.0), (1.5, 0.5)])
def test_it_comes_near_the_truth_with_many_verdicts(slope, shift):
    draw = np.random.default_rng(1)
    pairs = some_pairs(draw.uniform(0.5, 0.99, 4000))
    logit = np.log(pairs["confidence"] / (1 - pairs["confidence"]))
    true = 1 / (1 + np.exp(-(logit.mean() + shift + slope * (logit - logit.mean()))))
    some = pairs.head(2000)
    found = calibrate(pairs, judged(some, draw.random(len(some)) < true.head(2000)))
    assert np.abs(found.confidence - true).mean() < 0.03
    assert (found.slope, found.shift) == pytest.approx((slope, shift), abs=0.2)


def test_thirty_verdicts_that_agree_with_the_evidence_change_little():
    pairs = some_pairs(np.full(300, 0.9))
    found = calibrate(pairs, judged(pairs.head(30), np.arange(30) < 27))
    assert np.abs(found.confidence - 0.9).max() < 0.005


def test_the_order_stays_and_so_do_the_bounds_of_gold():
    pairs = some_pairs(np.linspace(0.85, 0.95, 200))
    for good in (True, False, np.arange(200) < 100):
        found = calibrate(pairs, judged(pairs, good), bounds=(0.85, 0.95)).confidence
        assert (np.diff(found) >= 0).all()
        assert found.min() >= 0.85
        assert found.max() <= 0.95


def test_certain_evidence_stays_a_probability():
    pairs = some_pairs([0.0, 1.0] * 50)
    found = calibrate(pairs, judged(pairs, [True, False] * 50)).confidence
    assert np.isfinite(found).all()
    assert ((found >= 0) & (found <= 1)).all()


def test_a_pair_that_occurred_twice_is_joined_by_its_first_occurrence():
    pairs = pd.concat([some_pairs(np.full(40, 0.9)), some_pairs(np.full(40, 0.6))], ignore_index=True)
    found = calibrate(pairs, judged(pairs.head(40), True))
    assert found.verdicts == 40
    assert len(found.confidence) == 80


def test_no_pairs_at_all():
    assert calibrate(some_pairs([]), tables.GOLD_PAIR_REVIEW.empty()).confidence.shape == (0,)
