"""The holdout evaluation: who is asked, what is counted, what the figures mean."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from jarvis_assets.evaluation import baselines, gate, holdout
from jarvis_assets.evaluation.baselines import Answers
from jarvis_resources import tables


@pytest.fixture
def asked(history, splits):
    return history.iloc[holdout.divide(history, splits).holdout]


def oracle(asked: pd.DataFrame) -> Answers:
    return Answers([[text] for text in asked["response_text"]], [[text] for text in asked["response_text"]])


def row(table: pd.DataFrame, system: str, measure: str) -> pd.Series:
    found = table[(table["system"] == system) & (table["measure"] == measure)]
    assert len(found) == 1
    return found.iloc[0]


def test_a_pair_that_was_set_aside_is_on_no_side(history, splits):
    sides = holdout.divide(history, splits)
    rows = np.concatenate([sides.train, sides.dev, sides.holdout])
    assert sorted([*rows, 1]) == list(range(len(history)))


def test_the_limit_picks_the_same_messages_whatever_the_order_of_the_history(history, splits):
    few = holdout.divide(history, splits, limit=10).holdout
    shuffled = history.sample(frac=1, random_state=1)
    again = holdout.divide(shuffled, splits, limit=10).holdout
    assert len(few) == 10
    assert set(history["pair_id"].iloc[few]) == set(shuffled["pair_id"].iloc[again])


def test_whoever_gives_the_real_reply_scores_full_marks_and_no_system_none(history, splits, asked, embed):
    answers = {baselines.RETRIEVAL: oracle(asked), baselines.NO_SYSTEM: baselines.no_system(asked)}
    table = holdout.evaluate(history, splits, answers, embed)
    assert tables.violations(tables.HOLDOUT_EVALUATION, table) == []
    for measure in (holdout.ANSWERED, holdout.TOP1, holdout.TOP5):
        assert row(table, baselines.RETRIEVAL, measure)[["value", "low", "high"]].tolist() == [1, 1, 1]
        assert row(table, baselines.NO_SYSTEM, measure)["value"] == 0
    assert row(table, baselines.RETRIEVAL, holdout.SIMILARITY)["value"] == pytest.approx(1, abs=1e-5)
    assert row(table, baselines.RETRIEVAL, holdout.ROUGE)["pairs"] == len(asked)
    unanswered = row(table, baselines.NO_SYSTEM, holdout.SIMILARITY)
    assert np.isnan(unanswered["value"])
    assert unanswered["pairs"] == 0


def test_an_unanswered_message_lowers_the_shares_but_not_the_similarity(history, splits, asked, embed):
    full = oracle(asked)
    half = len(asked) // 2
    some = Answers(full.ranked[:half] + [[]] * (len(asked) - half), full.options[:half] + [[]] * (len(asked) - half))
    table = holdout.evaluate(history, splits, {baselines.RETRIEVAL: some}, embed)
    assert row(table, baselines.RETRIEVAL, holdout.ANSWERED)["value"] == pytest.approx(half / len(asked))
    assert row(table, baselines.RETRIEVAL, holdout.TOP1)["value"] == pytest.approx(half / len(asked))
    assert row(table, baselines.RETRIEVAL, holdout.SIMILARITY)["value"] == pytest.approx(1, abs=1e-5)


def test_the_floor_holds_a_reply_against_other_messages(history, splits, asked, embed):
    table = holdout.evaluate(history, splits, {baselines.RETRIEVAL: oracle(asked)}, embed)
    floor = row(table, baselines.RETRIEVAL, holdout.FLOOR)["value"]
    chance = row(table, holdout.RANDOM_PAIRS, holdout.SIMILARITY)["value"]
    assert floor < 0.5
    assert floor == pytest.approx(chance, abs=0.1)


def test_similarity_is_split_by_the_nearest_triggers_score(history, splits, asked, embed):
    scores = np.linspace(0.5, 0.95, len(asked))
    table = holdout.evaluate(history, splits, {baselines.RETRIEVAL: oracle(asked)}, embed, trigger_scores=scores)
    counts = [row(table, baselines.RETRIEVAL, holdout.bucket_name(*span))["pairs"] for span in holdout.TRIGGER_BUCKETS]
    assert sum(counts) == len(asked)
    assert row(table, baselines.RETRIEVAL, "reply_similarity@trigger>=0.9")["pairs"] == (scores >= 0.9).sum()
    assert row(table, baselines.RETRIEVAL, "reply_similarity@trigger<0.6")["pairs"] == (scores < 0.6).sum()


def test_a_systems_own_score_is_correlated_with_its_similarity(history, splits, asked, embed):
    given = baselines.random_reply(history, asked)
    real = embed(asked["response_text"].tolist())
    first = embed([replies[0] for replies in given.ranked])
    scored = Answers(given.ranked, given.options, np.einsum("nd,nd->n", real, first).astype(np.float64))
    table = holdout.evaluate(history, splits, {baselines.RETRIEVAL: scored}, embed)
    assert row(table, baselines.RETRIEVAL, holdout.SCORE_R)["value"] == pytest.approx(1)


def test_answers_to_other_messages_are_refused(history, splits, asked, embed):
    with pytest.raises(ValueError, match="the holdout has"):
        holdout.evaluate(history, splits, {baselines.RETRIEVAL: oracle(asked.head(3))}, embed)


def test_an_empty_holdout_gives_an_empty_table(history, splits, embed):
    none = Answers([], [])
    table = holdout.evaluate(history.head(0), splits, {baselines.RETRIEVAL: none}, embed)
    assert table.empty
    assert tables.violations(tables.HOLDOUT_EVALUATION, table) == []
    assert gate.gate(table).verdict == "warn"


def test_the_whole_comparison_ranks_retrieval_over_the_null_baselines(history, splits, embed):
    sides = holdout.divide(history, splits)
    train, dev, asked = (history.iloc[rows] for rows in (sides.train, sides.dev, sides.holdout))
    answers = {
        baselines.RETRIEVAL: baselines.bm25(train, asked),
        baselines.CONSTANT_TRIO: baselines.constant_trio(train, dev, asked),
        baselines.MOST_COMMON: baselines.most_common(train, asked),
        baselines.RANDOM_REPLY: baselines.random_reply(train, asked),
        baselines.NO_SYSTEM: baselines.no_system(asked),
    }
    table = holdout.evaluate(history, splits, answers, embed)
    lift = row(table, baselines.RETRIEVAL, holdout.LIFT)
    best = max(row(table, name, holdout.TOP5)["value"] for name in baselines.NULL_BASELINES if name in answers)
    assert lift["value"] == pytest.approx(row(table, baselines.RETRIEVAL, holdout.TOP5)["value"] / best - 1)
    assert lift["low"] <= lift["value"] <= lift["high"]


def figures(**measures: tuple[float, float, float]) -> pd.DataFrame:
    rows = [
        {"system": baselines.RETRIEVAL, "measure": name, "value": value, "low": low, "high": high, "pairs": 100}
        for name, (value, low, high) in measures.items()
    ]
    return tables.HOLDOUT_EVALUATION.conform(pd.DataFrame(rows))


@pytest.mark.parametrize(
    ("evaluation", "verdict"),
    [
        (figures(top5_lift=(0.5, 0.25, 0.8)), "pass"),
        (figures(top5_lift=(0.5, 0.1, 0.8)), "warn"),
        (figures(top5_lift=(-0.1, -0.3, 0.1)), "warn"),
        (figures(top5_lift=(-0.3, -0.5, -0.1)), "fail"),
        (figures(top5_lift=(0.5, np.nan, np.nan)), "warn"),
        (figures(top5_lift=(np.nan, np.nan, np.nan)), "warn"),
        (figures(top5_lift=(0.5, 0.25, 0.8), top5_against_previous=(-0.05, -0.08, -0.02)), "fail"),
        (figures(top5_lift=(0.5, 0.25, 0.8), top5_against_previous=(-0.02, -0.05, 0.01)), "pass"),
    ],
)
def test_a_release_is_held_back_only_when_the_whole_interval_says_that_it_is_worse(evaluation, verdict):
    found = gate.gate(evaluation)
    assert found.verdict == verdict
    assert bool(found.reasons) == (verdict != "pass")
