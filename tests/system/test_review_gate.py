"""Reviewed gold pairs and the release: where all of the interval is below 85 %, nothing is published."""

from __future__ import annotations

import json
from pathlib import Path

import dagster as dg
import pytest

from jarvis_assets import mining
from jarvis_assets.jobs import release_config
from jarvis_assets.pairs.review import calibration as review_calibration
from jarvis_assets.pairs.review import verdicts as reviews
from jarvis_resources import releases
from jarvis_resources.asset_files import read_asset
from jarvis_resources.errors import SettingsError
from jarvis_resources.settings import Settings
from tests.system.conftest import ENCODER, is_one_sentence, jarvis

JUDGED = 20
"""Gold pairs judged: the small sample has 25."""


def judge_gold(settings: Settings, good: int, bad: int) -> None:
    """The owner's verdicts on the first gold pairs there are."""
    pairs = read_asset(settings.assets_root, "pairs", "table", columns=["pair_id", "source", "confidence"])
    gold = pairs[pairs["source"] == "gold"].head(good + bad)
    assert len(gold) == good + bad, "the sample has too few gold pairs for this test"
    for number, row in enumerate(gold.itertuples()):
        reviews.record(
            settings.home, showing=f"s{number}", pair_id=row.pair_id, source=row.source, confidence=row.confidence,
            reviewer=reviews.OWNER, verdict="GOOD" if number < good else "BAD",
        )  # fmt: skip


def run(instance: dg.DagsterInstance, job, asset: str, **ops) -> dg.JobExecutionResult:
    """One asset of a job of the graph, with its checks."""
    return dg.execute_job(
        dg.reconstructable(job), instance=instance, asset_selection=[dg.AssetKey(asset)], run_config={"ops": ops},
        raise_on_error=False,
    )  # fmt: skip


def checked(instance: dg.DagsterInstance) -> dg.AssetCheckEvaluation:
    with run(instance, mining.corpus_job, "gold_pair_review") as result:
        assert result.success, "the corpus stands whatever the review says"
        [found] = [
            evaluation
            for evaluation in result.get_asset_check_evaluations()
            if evaluation.check_name == "reviewed_gold_pairs_are_good"
        ]
    return found


def publish(settings: Settings, instance: dg.DagsterInstance, *, anyway: bool = False) -> str | None:
    """Run the release; what the owner is told when it refuses."""
    config = release_config(settings, [ENCODER])["serving_release"]["config"] | {"publish_anyway": anyway}
    with run(instance, mining.release_job, "serving_release", serving_release={"config": config}) as result:
        return None if result.success else str(mining._owners_error(result.all_events))


def test_nobody_has_reviewed_and_the_release_is_published(copied: Settings, instance: dg.DagsterInstance) -> None:
    found = checked(instance)
    assert found.passed
    assert found.metadata["state"].value == "not reviewed"
    before = releases.latest(copied.releases).name
    assert publish(copied, instance) is None
    assert releases.latest(copied.releases).name != before


def test_bad_gold_pairs_hold_the_release_back_until_the_owner_insists(
    copied: Settings, instance: dg.DagsterInstance
) -> None:
    judge_gold(copied, good=5, bad=JUDGED - 5)
    found = checked(instance)
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.ERROR)
    before = releases.latest(copied.releases).name
    told = publish(copied, instance)
    assert told is not None
    assert "reviewed gold pairs 25% are GOOD" in told
    assert "--publish-anyway" in told
    assert releases.latest(copied.releases).name == before, "the previous release goes on serving"
    assert publish(copied, instance, anyway=True) is None
    assert releases.latest(copied.releases).name != before


def test_an_interval_that_reaches_below_warns(copied: Settings, instance: dg.DagsterInstance) -> None:
    judge_gold(copied, good=JUDGED - 3, bad=3)
    found = checked(instance)
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)


def test_verdicts_correct_the_confidence_of_the_next_gold_pairs(
    copied: Settings, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review_calibration, "FEWEST_VERDICTS", JUDGED)
    judge_gold(copied, good=5, bad=JUDGED - 5)
    with run(instance, mining.corpus_job, "gold_pairs") as result:
        assert result.success
    confidence = read_asset(copied.assets_root, "gold_pairs", "table", columns=["confidence"])["confidence"]
    assert confidence.max() < 0.9
    assert confidence.min() >= 0.85


def test_the_graph_shows_the_review_without_names_or_notes(copied: Settings, instance: dg.DagsterInstance) -> None:
    judge_gold(copied, good=JUDGED - 3, bad=3)
    reviews.record(
        copied.home, showing="x", source="gold", confidence=0.95, reviewer="wilhelmina", verdict="BAD", note="quokka",
        pair_id=reviews.read(copied.home)["pair_id"].iloc[0],
    )  # fmt: skip
    with run(instance, mining.corpus_job, "gold_pair_review") as result:
        [made] = result.asset_materializations_for_node("gold_pair_review")
    shown = {name: value.value for name, value in made.metadata.items()}
    assert "85%" in shown["state"]
    assert shown["summary"]["between"]["reviewer 2"]["pairs"] == 1
    assert not any(word in str(shown) for word in ("wilhelmina", "quokka"))


def test_a_damaged_review_stops_the_mining_with_its_one_sentence(
    copied: Settings, instance: dg.DagsterInstance
) -> None:
    (copied.home / reviews.FILE).write_text("broken\n")
    with run(instance, mining.corpus_job, "gold_pair_review") as result:
        told = mining._owners_error(result.all_events)
    assert isinstance(told, SettingsError)
    assert "Line 1 of" in str(told)


@pytest.mark.slow
def test_a_whole_mining_after_a_bad_review_keeps_the_previous_release(copied: Settings, sample_chat_db: Path) -> None:
    before = releases.latest(copied.releases).name
    judge_gold(copied, good=5, bad=JUDGED - 5)
    mine = ("mine", "--chat-db", str(sample_chat_db), "--json")
    refused = jarvis(copied.home, *mine)
    assert refused.returncode == 5
    assert is_one_sentence(refused.stderr, "--publish-anyway")
    assert releases.latest(copied.releases).name == before
    answer = jarvis(copied.home, "suggest", "want to grab lunch tomorrow?", "--json")
    assert json.loads(answer.stdout)["release"] == before
    report = (copied.reports / f"{ENCODER}.html").read_text(encoding="utf-8")
    assert "all of it below 85%" in report
    assert jarvis(copied.home, *mine, "--publish-anyway").returncode == 0
    assert releases.latest(copied.releases).name != before
