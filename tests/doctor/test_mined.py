"""What an earlier mining and earlier reviews left, as the doctor reads it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from jarvis_assets.doctor import judging, mined
from jarvis_assets.doctor.judging import Verdict
from jarvis_assets.doctor.mined import Measure
from jarvis_assets.pairs.review import verdicts as reviews
from jarvis_resources.settings import Settings


def put(settings: Settings, name: str, rows: pd.DataFrame) -> None:
    path = Path(settings.assets_root) / f"{name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows.to_parquet(path)


def evaluated(settings: Settings, retrieval: float, low: float, lift: float, lift_low: float) -> None:
    rows = [
        ("retrieval", "top5_match", retrieval, low, 0.5),
        ("retrieval", "top5_lift", lift, lift_low, lift + 0.1),
        ("most common", "top5_match", 0.10, 0.08, 0.12),
        ("constant trio", "top5_match", 0.20, 0.18, float("nan")),
        ("nearest trigger", "top5_match", 0.30, 0.28, 0.32),
    ]
    frame = pd.DataFrame(rows, columns=["system", "measure", "value", "low", "high"]).assign(pairs=100)
    put(settings, f"holdout_evaluation/{settings.serving_encoder}", frame)


def pairs(count: int) -> pd.DataFrame:
    return pd.DataFrame({"pair_id": [f"{place:032x}" for place in range(count)], "source": "gold", "confidence": 0.95})


def reviewed(settings: Settings, good: int, bad: int) -> None:
    put(settings, "pairs", pairs(good + bad))
    for place in range(good + bad):
        reviews.record(
            settings.home,
            showing=f"s{place}",
            pair_id=f"{place:032x}",
            source="gold",
            confidence=0.95,
            reviewer="owner",
            verdict="GOOD" if place < good else "BAD",
        )


def test_a_home_without_a_mining_has_nothing(settings: Settings) -> None:
    found = mined.latest(settings)
    assert (found.rows, found.systems, found.lift, found.gate, found.roots, found.made_at) == (
        {},
        (),
        None,
        None,
        None,
        None,
    )


def test_the_best_null_baseline_never_looks_at_the_message(settings: Settings) -> None:
    evaluated(settings, 0.4, 0.3, 1.0, 0.8)
    found = mined.latest(settings)
    assert found.best_null is not None
    assert found.best_null.name == "constant trio"
    assert found.best_null.top5 == Measure(0.20, 0.18, None)
    assert found.best_null.top1 is None
    assert judging.on_the_last_mining(found).verdict == Verdict.PASS


def test_retrieval_that_does_not_show_its_worth_warns(settings: Settings) -> None:
    evaluated(settings, 0.21, 0.18, 0.05, -0.1)
    assert judging.on_the_last_mining(mined.latest(settings)).verdict == Verdict.WARN


def test_a_thread_that_went_on_makes_its_root_the_wrong_message(settings: Settings) -> None:
    put(
        settings,
        "messages",
        pd.DataFrame(
            {
                "guid": ["root", "later", "mine 1", "mine 2", "loose"],
                "thread_root_guid": [None, "root", "root", "root", None],
            }
        ),
    )
    put(
        settings, "gold_pairs", pd.DataFrame({"trigger_guid": ["root", "later"], "response_guid": ["mine 1", "mine 2"]})
    )
    roots = mined.latest(settings).roots
    assert roots is not None
    assert (roots.pairs, roots.root_is_the_trigger) == (2, 1)


@pytest.mark.parametrize(
    ("good", "bad", "verdict"),
    [(98, 2, Verdict.PASS), (88, 12, Verdict.WARN), (60, 40, Verdict.FAIL)],
    ids=["all of the interval above 85 %", "it reaches below", "all of it below"],
)
def test_the_wilson_interval_of_the_review_decides(settings: Settings, good: int, bad: int, verdict: Verdict) -> None:
    reviewed(settings, good, bad)
    finding = judging.on_the_review(mined.review(settings))
    assert finding.verdict == verdict, finding.text


def test_verdicts_without_pairs_measure_nothing(settings: Settings) -> None:
    reviewed(settings, 9, 1)
    (Path(settings.assets_root) / "pairs.parquet").unlink()
    assert judging.on_the_review(mined.review(settings)).verdict == Verdict.NOT_MEASURED
