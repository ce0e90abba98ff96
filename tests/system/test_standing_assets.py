"""A second mining of nearly the same history learns and measures nothing again, unless something that matters has changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pytest

from jarvis_assets import mining
from jarvis_assets.comparison import ways
from jarvis_assets.evaluation import assets as evaluation
from jarvis_assets.evaluation.gate import Gate
from jarvis_assets.jobs import release_config
from jarvis_resources import releases, tables
from jarvis_resources.asset_files import asset_path, read_asset
from jarvis_resources.errors import EncoderError
from jarvis_resources.settings import Settings
from jarvis_resources.vector_index import VectorIndex
from tests.system.conftest import ENCODER

NOW = "made in this run"
LEARNED = ["response_topics", "router_calibration", "holdout_evaluation"]


def stands(instance: dg.DagsterInstance, asset: str, config: dict[str, Any] | None = None) -> str:
    """Make ``asset`` once more; since when it says that it stands."""
    job = mining.release_job if asset == "encoder_comparison" else mining.encoder_job
    tags = {} if asset == "encoder_comparison" else {"dagster/partition": ENCODER}
    with dg.execute_job(
        dg.reconstructable(job),
        instance=instance,
        asset_selection=[dg.AssetKey(asset)],
        tags=tags,
        run_config={"ops": {asset: {"config": config}} if config else {}},
    ) as result:
        (made,) = result.asset_materializations_for_node(asset)
        return str(made.metadata["stands"].value)


@pytest.mark.parametrize("asset", [*LEARNED, "encoder_comparison"])
def test_it_stands_and_says_since_when(instance: dg.DagsterInstance, asset: str) -> None:
    assert " pairs; 0.0% have come or gone since" in stands(instance, asset)


@pytest.mark.slow
def test_the_report_says_since_when(copied: Settings, instance: dg.DagsterInstance) -> None:
    assert "stand from an earlier mining" not in (copied.reports / f"{ENCODER}.html").read_text()
    stands(instance, "holdout_evaluation")
    assert "The figures stand from an earlier mining: made" in (copied.reports / f"{ENCODER}.html").read_text()


def test_when_people_turn_out_to_be_one_their_replies_are_measured_anew(
    copied: Settings, instance: dg.DagsterInstance
) -> None:
    path = asset_path(copied.assets_root, "pairs", "table").path
    pairs = read_asset(copied.assets_root, "pairs", "table")
    one, other = pairs["person_id"].value_counts().index[:2]
    with open(path, "wb") as sink:
        tables.PAIRS.write_to(pairs.assign(person_id=pairs["person_id"].replace(one, other)), sink)
    assert stands(instance, "response_topics") != NOW
    assert stands(instance, "router_calibration") == NOW
    assert stands(instance, "holdout_evaluation") == NOW


@pytest.mark.slow
def test_whoever_wants_to_see_text_gets_answers_made_now(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JARVIS_SHOW_TEXT", "1")
    assert stands(instance, "holdout_evaluation") == NOW


@pytest.mark.slow
def test_an_evaluation_that_failed_does_not_stand(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation, "gate", lambda *_: Gate("fail", ("No.",)))
    assert stands(instance, "holdout_evaluation") == NOW


@pytest.mark.slow
def test_a_comparison_asked_for_is_made_and_leaves_the_minings_own(instance: dg.DagsterInstance) -> None:
    assert stands(instance, "encoder_comparison", {"encoders": [ENCODER]}) == NOW
    assert stands(instance, "encoder_comparison") != NOW


@pytest.mark.slow
def test_another_precision_compares_anew(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JARVIS_ENCODER_PRECISION", "int8")
    assert stands(instance, "encoder_comparison") == NOW


@pytest.mark.slow
def test_a_way_that_broke_is_tried_again(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    measure = ways.timing.timed
    broken = [True]

    def timed(*arguments: Any) -> Any:
        if broken and broken.pop():
            raise EncoderError("busy")
        return measure(*arguments)

    monkeypatch.setattr(ways.timing, "timed", timed)
    monkeypatch.setenv("JARVIS_RENEW_AT", "0")
    assert stands(instance, "encoder_comparison") == NOW
    monkeypatch.delenv("JARVIS_RENEW_AT")
    assert stands(instance, "encoder_comparison") == NOW
    assert stands(instance, "encoder_comparison") != NOW


def test_an_index_of_other_rows_is_not_published(copied: Settings, instance: dg.DagsterInstance) -> None:
    vectors = np.array(read_asset(copied.assets_root, "pair_vectors", "array", ENCODER)[:, 0])
    VectorIndex.build(vectors[::-1]).save(Path(asset_path(copied.assets_root, "trigger_index", "index", ENCODER).path))
    before = releases.latest(copied.releases).name
    config = {"ops": {"serving_release": release_config(copied, [ENCODER])["serving_release"]}}
    with dg.execute_job(
        dg.reconstructable(mining.release_job), instance=instance, asset_selection=[dg.AssetKey("serving_release")],
        run_config=config, raise_on_error=False,
    ) as result:  # fmt: skip
        told = str(mining._owners_error(result.all_events))
    assert told == (
        f"trigger_index belongs to other vectors than those of {ENCODER}; run `jarvis mine --encoder {ENCODER}` and publish "
        "again."
    )
    assert releases.latest(copied.releases).name == before
