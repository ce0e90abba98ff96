"""The measures, by their definitions."""

from __future__ import annotations

import numpy as np
import pytest

from jarvis_assets.evaluation import measures
from jarvis_assets.evaluation.measures import Bootstrap


def test_rouge_3x_is_the_best_of_the_options():
    options = [["nothing alike", "see you at seven tonight"], ["fully different"], []]
    scores = measures.rouge_3x(options, ["see you at seven tonight", "ok", "ok"])
    assert scores.tolist() == pytest.approx([100, 0, 0], abs=1e-4)


def test_a_single_word_reached_exactly_earns_only_its_unigram_share():
    assert measures.rouge_3x([["ok"]], ["OK!"])[0] == pytest.approx(100 / 6, abs=1e-4)


def test_self_rouge_is_the_mean_over_the_options_of_the_best_other_option():
    same = "see you at seven tonight"
    found = measures.self_rouge([[same, same, same], [same, same, "no"], [same], [], ["a b c", "d e f"]])
    assert found[0] == pytest.approx(100, abs=1e-4)
    assert found[1] == pytest.approx(200 / 3, abs=1e-4)
    assert np.isnan(found[2])
    assert np.isnan(found[3])
    assert found[4] == 0


def test_a_match_is_looked_for_among_the_first_k_replies_only():
    similarity = np.array([[0.1, 0.9], [0.9, np.nan], [np.nan, np.nan]])
    assert measures.semantic_match_at_k(similarity, 0.5, 1).tolist() == [False, True, False]
    assert measures.semantic_match_at_k(similarity, 0.5, 5).tolist() == [True, True, False]


def test_one_random_pair_in_a_hundred_exceeds_the_match_threshold():
    draw = np.random.default_rng(1)
    vectors = draw.normal(size=(4_000, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    chance = measures.random_pairs(vectors[:2_000], vectors[2_000:])
    left, right = vectors[draw.integers(2_000, size=20_000)], vectors[2_000 + draw.integers(2_000, size=20_000)]
    exceeding = (measures.reply_similarity(left, right) > chance.match_threshold).mean()
    assert exceeding == pytest.approx(0.01, abs=0.003)
    assert chance.floor == pytest.approx(0, abs=0.01)


def test_the_same_wording_matches_even_where_every_reply_is_the_same():
    one = np.tile(np.eye(1, 8, dtype=np.float32), (50, 1))
    chance = measures.random_pairs(one, one)
    assert measures.semantic_match_at_k(np.array([[1.0]]), chance.match_threshold, 1).all()


def test_random_pairs_need_replies():
    with pytest.raises(ValueError, match="both sides"):
        measures.random_pairs(np.empty((0, 4), np.float32), np.ones((1, 4), np.float32))


def test_a_calibrated_prediction_has_no_calibration_error_and_an_overconfident_one_its_excess():
    observed = np.tile([1.0, 0.0], 1_500)
    assert measures.ece(np.full(3_000, 0.5), observed) == pytest.approx(0)
    assert measures.ece(np.full(3_000, 0.8), observed) == pytest.approx(0.3)
    assert np.isnan(measures.ece([], []))


def test_reliability_bins_hold_equal_mass():
    predicted = np.random.default_rng(0).beta(8, 1, 1_500)
    curve = measures.reliability(predicted, predicted > 0.5)
    assert [count for _, _, count in curve] == [100] * 15
    assert [mean for mean, _, _ in curve] == sorted(mean for mean, _, _ in curve)


def test_the_interval_is_over_conversations_not_messages():
    # Ten conversations of a hundred equal messages: messages alone would give an interval ten times too narrow.
    values = np.repeat(np.tile([0.0, 1.0], 5), 100)
    found = Bootstrap(np.repeat([f"c{n}" for n in range(10)], 100)).mean(values)
    alone = Bootstrap([f"c{n}" for n in range(1_000)]).mean(values)
    assert found.value == alone.value == 0.5
    assert found.high - found.low > 0.5
    assert alone.high - alone.low < 0.08


def test_a_bootstrap_interval_of_independent_messages_has_the_normal_width():
    values = (np.random.default_rng(3).random(2_000) < 0.3).astype(float)
    found = Bootstrap([str(n) for n in range(2_000)]).mean(values)
    width = 2 * 1.96 * np.sqrt(found.value * (1 - found.value) / 2_000)
    assert found.high - found.low == pytest.approx(width, rel=0.12)
    assert found.low < found.value < found.high


def test_unmeasured_messages_are_left_out_of_a_mean():
    found = Bootstrap(["a", "b", "c"]).mean([1.0, np.nan, 0.0])
    assert (found.value, found.count) == (0.5, 2)
    nothing = Bootstrap(["a", "b"]).mean([np.nan, np.nan])
    assert np.isnan([nothing.value, nothing.low, nothing.high]).all()
    assert nothing.count == 0


def test_one_conversation_gives_a_value_without_an_interval():
    found = Bootstrap(["a", "a"]).mean([0.0, 1.0])
    assert found.value == 0.5
    assert np.isnan(found.low)
    assert np.isnan(found.high)


def test_the_same_resamples_every_time():
    groups, values = [str(n % 40) for n in range(400)], np.random.default_rng(5).random(400)
    assert Bootstrap(groups).mean(values) == Bootstrap(groups).mean(values)


def test_a_ratio_compares_two_systems_on_the_same_resamples():
    groups, base = [str(n) for n in range(300)], np.random.default_rng(2).random(300)
    found = Bootstrap(groups).ratio(1.5 * base, base)
    assert (found.value, found.low, found.high) == pytest.approx((1.5, 1.5, 1.5))
    assert np.isnan(Bootstrap(groups).ratio(base, np.zeros(300)).value)


def test_a_correlation_is_pearsons():
    draw = np.random.default_rng(4)
    x = draw.normal(size=500) + 10
    y = 0.5 * x + draw.normal(size=500)
    y[3] = np.nan
    found = Bootstrap([str(n % 100) for n in range(500)]).correlation(x, y)
    assert found.value == pytest.approx(np.corrcoef(np.delete(x, 3), np.delete(y, 3))[0, 1])
    assert found.low < found.value < found.high
    assert found.count == 499
    assert np.isnan(Bootstrap(["a", "b", "c"]).correlation([1, 1, 1], [1, 2, 3]).value)
