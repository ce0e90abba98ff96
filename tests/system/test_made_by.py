"""A release is not published from vectors that the encoder of today would not make."""

from __future__ import annotations

import json
from pathlib import Path

import dagster as dg

from jarvis_assets import mining
from jarvis_assets.jobs import release_config
from jarvis_resources import releases
from jarvis_resources.asset_files import asset_path
from jarvis_resources.settings import Settings
from tests.system.conftest import ENCODER


def test_vectors_of_another_precision_hold_the_release_back(copied: Settings) -> None:
    made = asset_path(copied.assets_root, "pair_vectors", "array", ENCODER)
    note = Path(made.with_name(f"{made.name}.made-by").path)
    facts = json.loads(note.read_text())
    assert facts["encoder"] == ENCODER
    note.write_text(json.dumps({**facts, "fingerprint": "f" * 16, "precision": "int8"}))
    before = releases.latest(copied.releases).name
    mining.prepare_instance(copied)
    config = {"ops": {"serving_release": release_config(copied, [ENCODER])["serving_release"]}}
    with (
        dg.DagsterInstance.get() as instance,
        dg.execute_job(
            dg.reconstructable(mining.release_job), instance=instance, asset_selection=[dg.AssetKey("serving_release")],
            run_config=config, raise_on_error=False,
        ) as result,
    ):  # fmt: skip
        assert not result.success
        told = str(mining._owners_error(result.all_events))
    assert told == (
        f"pair_vectors was made with {ENCODER} as it was then, and its weights, backend or precision are others now; run "
        f"`jarvis mine --encoder {ENCODER}` again."
    )
    assert releases.latest(copied.releases).name == before, "the previous release goes on serving"
