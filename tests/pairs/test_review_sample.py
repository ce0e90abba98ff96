"""Which pairs are shown: every stratum, new ones first, a fifth twice and far apart, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from jarvis_assets.pairs.review import sample as review_sample

NOBODY = pd.Series([], dtype="str")


def some_pairs(gold: int = 100, semantic: int = 900) -> pd.DataFrame:
    """Pairs whose confidence runs through the bands."""
    draw = np.random.default_rng(3)
    confidence = np.concatenate([draw.uniform(0.85, 0.95, gold), draw.uniform(0.5, 1.0, semantic)])
    return pd.DataFrame(
        {
            "pair_id": [f"{number:032x}" for number in range(gold + semantic)],
            "source": ["gold"] * gold + ["semantic"] * semantic,
            "confidence": confidence,
        }
    )


def strata(pairs: pd.DataFrame) -> set[str]:
    return set(pairs["source"] + review_sample.band_of(pairs["confidence"]))


def test_bands_begin_at_their_edges():
    edges = pd.Series([0.0, 0.6999, 0.70, 0.85, 0.90, 0.9499999999, 0.95, 1.0])
    assert review_sample.band_of(edges).tolist() == [
        "below 0.70", "below 0.70", "0.70–0.85", "0.85–0.90", "0.90–0.95", *["0.95 and above"] * 3,
    ]  # fmt: skip


def test_every_stratum_is_seen_and_no_pair_twice():
    pairs = some_pairs()
    sample = review_sample.stratified(pairs, NOBODY, count=50, seed=0)
    assert len(sample) == 50
    assert sample["pair_id"].is_unique
    assert strata(sample) == strata(pairs)


def test_a_rare_stratum_gets_more_than_its_size_and_a_large_one_more_than_a_rare():
    pairs = some_pairs(gold=20, semantic=0).assign(confidence=0.9)
    pairs = pd.concat([pairs, some_pairs(0, 2000).assign(confidence=0.8)])
    counts = review_sample.stratified(pairs, NOBODY, count=50, seed=0)["source"].value_counts()
    assert counts["gold"] > 50 * 20 / 2020
    assert counts["semantic"] > counts["gold"]


def test_the_same_seed_draws_the_same_pairs_in_whatever_order_they_lie():
    pairs = some_pairs()
    first = review_sample.stratified(pairs, NOBODY, count=50, seed=4)
    again = review_sample.stratified(pairs.sample(frac=1, random_state=1), NOBODY, count=50, seed=4)
    assert first["pair_id"].tolist() == again["pair_id"].tolist()
    other = review_sample.stratified(pairs, NOBODY, count=50, seed=5)
    assert set(other["pair_id"]) != set(first["pair_id"])


@pytest.mark.parametrize("draw", [review_sample.stratified, review_sample.simple])
def test_pairs_not_yet_reviewed_come_first(draw):
    pairs = some_pairs()
    done = draw(pairs, NOBODY, count=50, seed=0)["pair_id"]
    assert not set(draw(pairs, done, count=50, seed=0)["pair_id"]) & set(done)
    everything = draw(pairs, pairs["pair_id"], count=50, seed=0)
    assert len(everything) == 50


@pytest.mark.parametrize("draw", [review_sample.stratified, review_sample.simple])
@pytest.mark.parametrize("there", [0, 1, 7])
def test_fewer_pairs_than_asked_for_are_all_shown(draw, there):
    pairs = some_pairs().head(there)
    assert set(draw(pairs, NOBODY, count=50, seed=0)["pair_id"]) == set(pairs["pair_id"])


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 10, 50, 100])
def test_a_fifth_is_shown_twice_and_far_apart(n):
    sample = some_pairs().head(n)
    shown = review_sample.in_order(sample, seed=0)["pair_id"]
    assert len(shown) == n + round(0.2 * n)
    assert set(shown) == set(sample["pair_id"])
    places = shown.groupby(shown).apply(lambda one: one.index.tolist())
    assert all(second - first >= 0.4 * n for first, *rest in places for second in rest)


def test_the_order_is_shuffled():
    sample = review_sample.stratified(some_pairs(), NOBODY, count=50, seed=0)
    assert review_sample.in_order(sample, seed=0)["pair_id"].tolist()[:50] != sample["pair_id"].tolist()


def verdicts_of(reviewer: str, pair_ids) -> pd.DataFrame:
    return pd.DataFrame({"pair_id": list(pair_ids), "reviewer": reviewer, "verdict": "GOOD"})


def test_a_second_opinion_is_on_a_fifth_of_what_the_owner_judged_and_goes_on_where_it_stopped():
    pairs = some_pairs()
    mine = verdicts_of("owner", pairs["pair_id"].head(48))
    first = review_sample.second_opinion(pairs, mine, "ana", count=50, seed=0)
    assert len(first) == 10, "a fifth, rounded up"
    assert set(first["pair_id"]) <= set(mine["pair_id"])
    given = pd.concat([mine, verdicts_of("ana", first["pair_id"].head(4))])
    rest = review_sample.second_opinion(pairs, given, "ana", count=50, seed=0)
    assert len(rest) == 6
    assert not set(rest["pair_id"]) & set(first["pair_id"].head(4))
    done = pd.concat([mine, verdicts_of("ana", first["pair_id"])])
    assert review_sample.second_opinion(pairs, done, "ana", count=50, seed=0).empty


def test_a_second_opinion_leaves_out_pairs_that_are_gone():
    pairs = some_pairs()
    mine = verdicts_of("owner", [*pairs["pair_id"].head(5), *("gone",) * 5])
    assert len(review_sample.second_opinion(pairs, mine, "ana", count=50, seed=0)) == 1
