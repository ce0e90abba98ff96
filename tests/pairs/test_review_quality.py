"""What verdicts say: shares with Wilson's interval, weighed back to all pairs; agreement; and what gold may not fall to."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from jarvis_assets.evaluation import report
from jarvis_assets.evaluation.gate import gate
from jarvis_assets.pairs.review import agreement
from jarvis_assets.pairs.review.quality import Quality, gold_state, judged, quality, wilson
from jarvis_assets.pairs.review.sample import stratified
from jarvis_assets.pairs.review.summary import ALL, summarise
from jarvis_resources import tables


def pairs_of(*strata: tuple[str, float, int]) -> pd.DataFrame:
    """Pairs by (source, confidence, how many)."""
    rows = [(source, confidence) for source, confidence, count in strata for _ in range(count)]
    frame = pd.DataFrame(rows, columns=["source", "confidence"])
    return frame.assign(pair_id=[f"{number:032x}" for number in range(len(frame))])


def verdicts_on(pairs: pd.DataFrame, verdicts: list[str], reviewer: str = "owner", *, hours: int = 0) -> pd.DataFrame:
    """``reviewer``'s verdicts on the first of ``pairs``, as the table GOLD_PAIR_REVIEW."""
    some = pairs.head(len(verdicts))
    return tables.GOLD_PAIR_REVIEW.conform(
        pd.DataFrame(
            {
                "showing": [f"{reviewer}-{hours}-{pair}" for pair in some["pair_id"]],
                "pair_id": some["pair_id"].to_numpy(),
                "source": some["source"].to_numpy(),
                "confidence": some["confidence"].to_numpy(),
                "reviewer": reviewer,
                "verdict": verdicts,
                "reason": None,
                "note": None,
                "reviewed_at": pd.Timestamp("2026-11-21T12:00:00Z") + pd.Timedelta(hours=hours),
            }
        )
    )


def quality_of(verdicts: pd.DataFrame, pairs: pd.DataFrame) -> Quality:
    return quality(judged(verdicts, pairs))


@pytest.mark.parametrize(("good", "n"), [(0, 1), (1, 1), (43, 50), (85, 100), (0, 30), (999, 1000)])
def test_the_interval_is_wilsons(good, n):
    low, high = binomtest(good, n).proportion_ci(method="wilson")
    assert wilson(good / n, n) == pytest.approx((low, high), abs=1e-9)


def test_ambiguous_verdicts_are_counted_beside_the_share():
    pairs = pairs_of(("gold", 0.95, 10))
    found = quality_of(verdicts_on(pairs, ["GOOD"] * 6 + ["BAD"] * 2 + ["AMBIGUOUS"] * 2), pairs)
    assert (found.good, found.bad, found.ambiguous, found.share) == (6, 2, 2, 0.75)
    assert (found.low, found.high) == pytest.approx(wilson(0.75, 8))


def test_a_stratum_weighs_what_it_holds_not_what_was_shown_of_it():
    rare, common = pairs_of(("gold", 0.95, 100)), pairs_of(("semantic", 0.6, 900))
    common["pair_id"] = "c" + common["pair_id"]
    pairs = pd.concat([rare, common], ignore_index=True)
    verdicts = pd.concat(
        [verdicts_on(rare, ["GOOD"] * 10), verdicts_on(common, ["BAD"] * 5 + ["GOOD"] * 5)], ignore_index=True
    )
    found = quality_of(verdicts, pairs)
    assert found.share == pytest.approx(0.1 * 1.0 + 0.9 * 0.5)
    assert found.high - found.low > np.subtract(*wilson(0.55, 20)[::-1]), "unequal weights cost certainty"


def test_verdicts_of_a_stratified_sample_estimate_the_whole():
    draw = np.random.default_rng(0)
    pairs = pairs_of(("gold", 0.95, 300), ("semantic", 0.96, 3000), ("semantic", 0.75, 600))
    right = draw.random(len(pairs)) < pairs["confidence"]
    estimates, inside = [], 0
    for seed in range(100):
        sample = stratified(pairs, pd.Series([], dtype="str"), count=60, seed=seed)
        truth = np.where(right[sample["pair_id"].map(lambda pair: int(pair, 16))], "GOOD", "BAD")
        found = quality_of(verdicts_on(sample, truth.tolist()), pairs)
        estimates.append(found.share)
        inside += found.low <= right.mean() <= found.high
    assert np.mean(estimates) == pytest.approx(right.mean(), abs=0.01)
    assert inside >= 90, "the interval holds the truth about as often as it says"


def test_what_nobody_looked_at_is_not_spoken_for():
    pairs = pairs_of(("gold", 0.95, 25), ("semantic", 0.6, 75))
    found = quality_of(verdicts_on(pairs, ["GOOD"] * 5), pairs)
    assert found.covered == 0.25


def test_a_pair_that_is_gone_counts_for_agreement_alone():
    pairs = pairs_of(("gold", 0.95, 10))
    verdicts = verdicts_on(pairs, ["GOOD"] * 8 + ["BAD"] * 2)
    found = summarise(verdicts, pairs.head(8))
    assert found.quality["gold"].share == 1.0
    assert (found.gone, found.verdicts) == (2, 10)


def test_everything_gone_reads_not_reviewed():
    pairs = pairs_of(("gold", 0.95, 10))
    found = summarise(verdicts_on(pairs, ["GOOD"] * 10), pairs_of())
    assert found.state == "not reviewed"
    assert found.gold.state == "not reviewed"


def test_agreement_of_one_reviewer_is_between_first_and_second_showing():
    pairs = pairs_of(("gold", 0.95, 4))
    first = verdicts_on(pairs, ["GOOD", "BAD", "GOOD", "AMBIGUOUS"])
    again = verdicts_on(pairs, ["GOOD", "GOOD", "GOOD"], hours=1)
    found = agreement.within(pd.concat([first, again], ignore_index=True))
    assert (found.pairs, found.equal) == (3, pytest.approx(2 / 3))
    assert found.kappa == 0.0, "GOOD all the second time: no better than chance"


def test_agreement_of_two_reviewers_is_cohens_kappa():
    pairs = pairs_of(("gold", 0.95, 50))
    # Cohen (1960): 20 both yes, 15 both no, 5 and 10 apart: 0.70 seen, 0.50 by chance.
    owner = verdicts_on(pairs, ["GOOD"] * 25 + ["BAD"] * 25)
    other = verdicts_on(pairs, ["GOOD"] * 20 + ["BAD"] * 5 + ["GOOD"] * 10 + ["BAD"] * 15, "ana")
    found = agreement.between(pd.concat([owner, other], ignore_index=True), "ana")
    assert (found.pairs, found.equal, found.kappa) == (50, 0.7, pytest.approx(0.4))


def test_kappa_is_not_made_up_where_it_has_no_meaning():
    pairs = pairs_of(("gold", 0.95, 5))
    same = [verdicts_on(pairs, ["GOOD"] * 5), verdicts_on(pairs, ["GOOD"] * 5, hours=1)]
    found = agreement.within(pd.concat(same, ignore_index=True))
    assert (found.equal, found.kappa) == (1.0, None)
    assert agreement.within(tables.GOLD_PAIR_REVIEW.empty()) == agreement.Agreement(0)


@pytest.mark.parametrize(
    ("good", "bad", "state"),
    [(0, 0, "not reviewed"), (100, 0, "good"), (95, 5, "good"), (88, 12, "doubtful"), (80, 20, "doubtful"),
     (70, 30, "bad"), (0, 10, "bad"), (0, 1, "doubtful"), (20, 0, "doubtful")],
)  # fmt: skip
def test_gold_is_bad_only_where_the_whole_interval_is_below_85_percent(good, bad, state):
    pairs = pairs_of(("gold", 0.95, 1000))
    assert gold_state(quality_of(verdicts_on(pairs, ["GOOD"] * good + ["BAD"] * bad), pairs)).state == state


def test_verdicts_on_pairs_that_went_do_not_make_the_new_ones_good():
    assert gold_state(Quality(good=100, share=1.0, low=0.96, high=1.0), gone=0.4).state == "doubtful"


def test_the_gate_fails_with_bad_gold_and_only_with_bad_gold():
    pairs = pairs_of(("gold", 0.95, 1000), ("semantic", 0.9, 1000))
    evaluation = tables.HOLDOUT_EVALUATION.empty()
    assert gate(evaluation, summarise(tables.GOLD_PAIR_REVIEW.empty(), pairs).gold).verdict == "warn", "not measured"
    bad = gate(evaluation, summarise(verdicts_on(pairs, ["BAD"] * 50), pairs).gold)
    assert bad.verdict == "fail"
    assert "gold pairs 0% are GOOD" in bad.reasons[0]
    semantic = pairs[pairs["source"] == "semantic"]
    assert gate(evaluation, summarise(verdicts_on(semantic, ["BAD"] * 50), pairs).gold).verdict == "warn"


def test_the_summary_tells_by_source_and_band_and_hides_names_where_it_is_kept():
    pairs = pairs_of(("gold", 0.95, 20), ("semantic", 0.75, 20), ("semantic", 0.99, 20))
    verdicts = pd.concat(
        [verdicts_on(pairs.iloc[start : start + 20], ["GOOD"] * 4 + ["BAD"]) for start in (0, 20)]
        + [verdicts_on(pairs, ["GOOD"] * 3, "ana")],
        ignore_index=True,
    )
    found = summarise(verdicts, pairs)
    assert list(found.quality) == [ALL, "gold", "gold 0.95 and above", "semantic", "semantic 0.70–0.85"]
    assert list(found.between) == ["ana"]
    kept = found.anonymous()
    assert "ana" not in str(kept.to_json()) + kept.agreement_table() + kept.quality_table()
    assert kept.between["reviewer 2"].pairs == 3


def test_the_report_shows_the_state_and_says_when_there_is_none():
    pairs = pairs_of(("gold", 0.95, 100))
    made_at = pd.Timestamp("2026-11-21T12:00:00Z").to_pydatetime()
    assert "not reviewed" in report.render(report.ReportContents(made_at=made_at))
    assert "not reviewed" in report.render(
        report.ReportContents(made_at=made_at, review=summarise(tables.GOLD_PAIR_REVIEW.empty(), pairs))
    )
    verdicts = verdicts_on(pairs, ["GOOD"] * 30 + ["BAD"] * 10)
    shown = report.render(report.ReportContents(made_at=made_at, review=summarise(verdicts, pairs)))
    assert "75% of the pairs are GOOD (60% to 86%)" in shown
    assert shown.count("data:image/png;base64,") == 1
