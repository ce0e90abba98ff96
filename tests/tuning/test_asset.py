"""The asset on Dagster: from the tables of a mining to a table of its own and an encoder."""

from __future__ import annotations

import numpy as np
import pytest
from upath import UPath

from jarvis_assets import mining
from jarvis_assets.vectors.tuning import plan
from jarvis_resources import tables
from jarvis_resources.asset_files import FORMATS, read_asset
from jarvis_resources.errors import SettingsError
from jarvis_resources.settings import Settings
from tests.tuning.conftest import History

CONFIG = {"base": "tiny", "recipes": ["mnrl", "conversations"], "steps": 5, "device": "cpu"}


@pytest.fixture
def mined(history: History, tiny: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home that holds what a tuning reads of a mining."""
    monkeypatch.setenv("JARVIS_PAIRING_ENCODER", "tiny")
    monkeypatch.setenv("DAGSTER_HOME", str(tiny.dagster_home))
    root = UPath(tiny.assets_root)
    for name, frame in (("pairs", history.pairs), ("pair_splits", history.splits), ("turns", history.turns)):
        FORMATS["table"].store(name, frame, root / f"{name}.parquet")
    vectors = np.random.default_rng(0).normal(size=(len(history.turns), 32))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    FORMATS["array"].store("turn_vectors", vectors.astype(np.float16), root / "turn_vectors.npy")
    return tiny


@pytest.mark.slow
def test_a_tuning_leaves_its_table_and_says_what_it_decided(mined: Settings) -> None:
    values = mining.tune(mined, CONFIG)
    table = read_asset(mined.assets_root, "tuned_encoder", "table")
    assert not tables.violations(tables.TUNED_ENCODER, table)
    assert set(table["recipe"]) == {"mnrl", "conversations"}
    assert values["encoder"] == "tiny-tuned"
    assert values["recipe"] in plan.RECIPES
    assert values["kept"] == (mined.encoder_cache / "tiny-tuned").is_dir()
    assert values["dagster/row_count"] == len(table)


@pytest.mark.slow
def test_what_the_owner_can_mend_comes_as_one_sentence(mined: Settings) -> None:
    with pytest.raises(SettingsError, match="There is no recipe magic"):
        mining.tune(mined, CONFIG | {"recipes": ["magic"]})
