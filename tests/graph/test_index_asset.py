"""The index in the graph: changed at the next mining, told in its metadata, healed when its file is damaged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pytest
from upath import UPath

from jarvis_assets.vectors.assets import trigger_index
from jarvis_assets.vectors.checks import index_finds_its_own_vectors
from jarvis_resources import vector_index
from jarvis_resources.asset_files import FORMATS, read_asset
from jarvis_resources.dagster_resources import JarvisSettings
from jarvis_resources.io_managers import asset_storages
from tests.encoders.test_vector_index import unit_rows

ENCODER = "all-minilm-l6-v2"


@pytest.fixture
def assets(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An assets root where 2,000 vectors are many."""
    monkeypatch.setattr(vector_index, "FLAT_BELOW", 1_000)
    return home / "assets"


def mined(assets: Path, vectors: np.ndarray) -> tuple[dict[str, Any], bool]:
    """Metadata of the index of ``vectors`` as a mining makes it, and whether its check passed."""
    pair_vectors = dg.AssetSpec("pair_vectors", partitions_def=trigger_index.partitions_def).with_io_manager_key(
        "array_io"
    )
    sides = np.stack([vectors, vectors], axis=1).astype(np.float16)
    FORMATS["array"].store("pair_vectors", sides, UPath(assets / "pair_vectors" / f"{ENCODER}.npy"))
    result = dg.materialize(
        [pair_vectors, trigger_index, index_finds_its_own_vectors],
        selection=["trigger_index"],
        partition_key=ENCODER,
        resources={"jarvis": JarvisSettings(), **asset_storages(str(assets))},
        instance=dg.DagsterInstance.ephemeral(),
    )
    (made,) = result.asset_materializations_for_node("trigger_index")
    passed = all(evaluation.passed for evaluation in result.get_asset_check_evaluations())
    return {name: value.value for name, value in made.metadata.items()}, passed


def test_the_next_mining_changes_the_index_and_a_flipped_byte_has_it_made_anew(assets: Path) -> None:
    vectors = unit_rows(2_000)
    first, passed = mined(assets, vectors)
    assert passed
    assert first["made"] == "built: there was none of its kind"
    assert first["factory"].startswith("IVF17,PQ8x4fs,Refine(SQfp16);nprobe=")

    grown = np.vstack([vectors[:1_000], unit_rows(40, seed=5), vectors[1_000:]])
    second, passed = mined(assets, grown)
    assert passed
    assert (second["made"], second["kept_rows"], second["added_rows"]) == ("changed", 2_000, 40)
    index = read_asset(str(assets), "trigger_index", "index", ENCODER)
    assert np.mean(index.search(grown, 1)[1][:, 0] == np.arange(2_040)) >= 0.99

    file = assets / "trigger_index" / f"{ENCODER}.faiss"
    damaged = bytearray(file.read_bytes())
    damaged[1_000] ^= 1
    file.write_bytes(damaged)
    third, passed = mined(assets, grown)
    assert passed
    assert third["made"] == "built: the last one is damaged"
    assert read_asset(str(assets), "trigger_index", "index", ENCODER).size == 2_040
