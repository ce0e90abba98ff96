"""An index that changes: rows come and go under stable numbers, and drift is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jarvis_resources import vector_index
from jarvis_resources.errors import JarvisError
from jarvis_resources.vector_index import Change, VectorIndex
from tests.encoders.test_vector_index import truth, unit_rows

large_or_small = pytest.mark.parametrize("large", [False, True])


@pytest.fixture(autouse=True)
def border(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Where a test has ``large``, 2,000 vectors are many or few."""
    large = "large" not in request.fixturenames or request.getfixturevalue("large")
    monkeypatch.setattr(vector_index, "FLAT_BELOW", 1_000 if large else 30_000)
    monkeypatch.setattr("jarvis_resources.index_slots._EXACT_ALLOWED", 64)


@large_or_small
def test_added_rows_continue_the_numbers(large: bool) -> None:
    index = VectorIndex.build(unit_rows(2_000), threads=1)
    newcomers = unit_rows(10, seed=5)
    index.add(newcomers)
    assert index.size == index.row_count == 2_010
    assert index.search(newcomers, 1)[1][:, 0].tolist() == list(range(2_000, 2_010))
    assert np.allclose(index.vectors(np.array([2_003])), newcomers[3], atol=1e-3)


@large_or_small
def test_rows_that_are_left_keep_their_numbers(tmp_path: Path, large: bool) -> None:
    vectors = unit_rows(2_000)
    index = VectorIndex.build(vectors, threads=1)
    gone = np.arange(0, 2_000, 7)
    index.remove(gone)
    index.save(tmp_path / "rows.faiss")
    for after in (index, VectorIndex.load(tmp_path / "rows.faiss")):
        _, rows = after.search(vectors, 1)
        assert after.size == 2_000 - len(gone)
        assert after.row_count == 2_000
        assert not np.isin(rows, gone).any()
        left = np.setdiff1d(np.arange(2_000), gone)
        assert rows[left, 0].tolist() == left.tolist()
        assert np.allclose(after.vectors(left), vectors[left], atol=1e-3)


@large_or_small
def test_a_removed_row_is_not_found_even_where_it_is_allowed(large: bool) -> None:
    vectors = unit_rows(2_000)
    index = VectorIndex.build(vectors, threads=1)
    index.remove(np.array([5]))
    for allowed in (np.ones(2_000, bool), np.arange(2_000) < 30):
        assert 5 not in index.search(vectors[5:6], 10, allowed=allowed)[1]


@large_or_small
def test_what_is_added_after_a_removal_is_found(large: bool) -> None:
    index = VectorIndex.build(unit_rows(2_000), threads=1)
    index.remove(np.arange(0, 300))
    newcomers = unit_rows(300, seed=5)
    index.add(newcomers, np.arange(300))
    _, rows = index.search(newcomers, 1)
    assert np.mean(rows[:, 0] == np.arange(300)) >= 0.99


@large_or_small
def test_a_row_is_there_once(large: bool) -> None:
    index = VectorIndex.build(unit_rows(2_000), threads=1)
    with pytest.raises(ValueError, match="added twice"):
        index.add(unit_rows(1), np.array([7]))
    with pytest.raises(ValueError, match="not there"):
        index.remove(np.array([2_000]))
    index.remove(np.array([7]))
    with pytest.raises(ValueError, match="not there"):
        index.remove(np.array([7]))


def test_a_mapped_index_says_how_to_change_it(tmp_path: Path) -> None:
    VectorIndex.build(unit_rows(10)).save(tmp_path / "rows.faiss")
    for change in (
        lambda index: index.add(unit_rows(1)),
        lambda index: index.remove(np.array([0])),
        lambda index: index.update(unit_rows(1)),
    ):
        with pytest.raises(JarvisError, match="mmap=False"):
            change(VectorIndex.load(tmp_path / "rows.faiss"))


@large_or_small
def test_a_table_with_rows_inserted_dropped_and_moved_is_followed(tmp_path: Path, large: bool) -> None:
    before = unit_rows(2_000)
    after = np.vstack([before[5:700], unit_rows(40, seed=5), before[700:1_990][::-1], before[:2]])
    VectorIndex.build(before, threads=1).save(tmp_path / "rows.faiss")
    index = VectorIndex.load(tmp_path / "rows.faiss", mmap=False, threads=1)
    assert index.update(after) == Change(kept=2_000 - 3 - 10, added=40, removed=13)
    assert index.size == index.row_count == len(after)
    assert np.allclose(index.vectors(np.arange(len(after))), after, atol=1e-3)
    assert np.mean(index.search(after, 1)[1][:, 0] == np.arange(len(after))) >= 0.99


@large_or_small
def test_repeated_vectors_are_kept_as_often_as_they_are_there(large: bool) -> None:
    once = unit_rows(2_000)
    index = VectorIndex.build(np.vstack([once, once[:5], once[:5]]), threads=1)
    assert index.update(np.vstack([once[:5], once])) == Change(kept=2_005, added=0, removed=5)
    assert index.update(np.vstack([once[:5]] * 3 + [once])) == Change(kept=2_005, added=10, removed=0)


def test_recall_holds_while_a_fifth_changes() -> None:
    vectors = unit_rows(6_000)
    index = VectorIndex.build(vectors, threads=1)
    vectors[rows] = unit_rows(len(rows := np.arange(0, 6_000, 11)), seed=7)
    index.update(vectors)
    assert index.drift() is None
    asked = unit_rows(500, seed=1)
    found = index.search(asked, 10)[1]
    hits = [len(np.intersect1d(a, b)) for a, b in zip(found, truth(vectors, asked, 10), strict=True)]
    assert np.mean(hits) >= 9.7


def test_what_was_never_changed_has_not_drifted() -> None:
    assert VectorIndex.build(unit_rows(2_000), threads=1).drift() is None


@large_or_small
def test_many_changes_are_drift(tmp_path: Path, large: bool) -> None:
    index = VectorIndex.build(unit_rows(2_000), threads=1)
    index.add(unit_rows(300, seed=5))
    index.save(tmp_path / "rows.faiss")
    index = VectorIndex.load(tmp_path / "rows.faiss", mmap=False)
    assert index.drift() is None
    index.remove(np.arange(150))
    assert index.drift() == "450 rows came or went since it was built from 2000"


def test_clusters_that_grow_uneven_are_drift() -> None:
    index = VectorIndex.build(unit_rows(9_000), threads=1)
    index.add(np.repeat(unit_rows(1, seed=5), 1_799, axis=0))
    assert "uneven" in (index.drift() or "")


def test_recall_that_falls_is_drift(monkeypatch: pytest.MonkeyPatch) -> None:
    index = VectorIndex.build(unit_rows(2_000), threads=1)
    assert index.measure_recall() >= vector_index.LEAST_RECALL
    monkeypatch.setattr(vector_index, "LEAST_RECALL", 1.01)
    assert "recall has fallen" in (index.drift() or "")
