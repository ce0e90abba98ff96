"""What a mining does with the last index: changes it where most stands, makes a new one where it must, heals damage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jarvis_assets.vectors.renewal import renew
from jarvis_resources import vector_index
from jarvis_resources.asset_files import FORMATS, read_index_to_change
from jarvis_resources.vector_index import Change, VectorIndex
from tests.encoders.test_vector_index import unit_rows


@pytest.fixture(autouse=True)
def border(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_index, "FLAT_BELOW", 1_000)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An assets root that holds the index of ``unit_rows(2_000)``."""
    from upath import UPath

    (tmp_path / "trigger_index").mkdir()
    index = VectorIndex.build(unit_rows(2_000), threads=1)
    FORMATS["index"].store("trigger_index", index, UPath(tmp_path / "trigger_index" / "minilm.faiss"))
    return tmp_path


def test_where_there_was_none_it_is_built(tmp_path: Path) -> None:
    renewed = renew(lambda: read_index_to_change(str(tmp_path), "trigger_index", "minilm"), unit_rows(2_000), threads=1)
    assert renewed.as_metadata()["made"] == "built: there was none of its kind"


def test_a_few_new_rows_change_the_last_one(root: Path) -> None:
    vectors = np.vstack([unit_rows(30, seed=5), unit_rows(2_000)[10:]]).astype(np.float16)
    renewed = renew(lambda: read_index_to_change(str(root), "trigger_index", "minilm"), vectors, threads=1)
    assert renewed.as_metadata()["made"] == "changed"
    assert renewed.change == Change(kept=1_990, added=30, removed=10)
    assert renewed.index.rows.tolist() == list(range(2_020))
    assert np.mean(renewed.index.search(vectors, 1)[1][:, 0] == np.arange(2_020)) >= 0.99


def test_another_history_is_built_anew(root: Path) -> None:
    vectors = unit_rows(2_000, seed=5)
    renewed = renew(lambda: read_index_to_change(str(root), "trigger_index", "minilm"), vectors, threads=1)
    assert renewed.as_metadata()["made"].startswith("built: 4000 rows came or went")
    assert renewed.index.notes.changed == 0


def test_a_damaged_one_is_named_and_built_anew(root: Path) -> None:
    file = root / "trigger_index" / "minilm.faiss"
    damaged = bytearray(file.read_bytes())
    damaged[len(damaged) // 2] ^= 4
    file.write_bytes(damaged)
    renewed = renew(lambda: read_index_to_change(str(root), "trigger_index", "minilm"), unit_rows(2_000), threads=1)
    assert "minilm.faiss is damaged" in renewed.damage
    assert renewed.as_metadata()["made"] == "built: the last one is damaged"
    assert renewed.index.size == 2_000


def test_a_small_one_is_built_each_time(root: Path) -> None:
    renewed = renew(lambda: read_index_to_change(str(root), "trigger_index", "minilm"), unit_rows(500), threads=1)
    assert (renewed.index.factory, renewed.as_metadata()["made"]) == ("Flat", "built: it is small")


def test_what_it_is_worth_is_told() -> None:
    told = renew(lambda: None, unit_rows(2_000), threads=1).as_metadata()
    assert told["factory"].startswith("IVF17,PQ8x4fs,Refine(SQfp16);nprobe=")
    assert told["recall_at_10"] >= 0.97
    assert told["batch_queries_per_second"] > 0
    assert told["single_query_ms"] > 0
    assert told["megabytes"] > 0


def test_an_index_of_nothing_is_told_too() -> None:
    told = renew(lambda: None, np.empty((0, 8), np.float16), threads=1).as_metadata()
    assert told["dagster/partition_row_count"] == 0
