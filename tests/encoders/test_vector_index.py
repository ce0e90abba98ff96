"""Nearest rows by cosine: exact where it is small, nearly so where it is large, and obedient to filters."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from jarvis_resources import vector_index
from jarvis_resources.errors import JarvisError
from jarvis_resources.vector_index import NONE_SCORE, VectorIndex

DIMENSION = 32


def unit_rows(count: int, seed: int = 0) -> npt.NDArray[np.float32]:
    """Vectors around a few dozen centres, as texts have topics."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(99).standard_normal((50, DIMENSION))
    rows = centres[random.integers(0, len(centres), count)] + random.standard_normal((count, DIMENSION))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def clusters_of(factory: str) -> tuple[int, int]:
    """Clusters, and how many of them are looked at."""
    found = re.fullmatch(r"IVF(\d+),PQ\d+x4fs,Refine\(SQfp16\);nprobe=(\d+);k_factor=\d+", factory)
    assert found
    return int(found[1]), int(found[2])


def truth(vectors: npt.NDArray[np.float32], queries: npt.NDArray[np.float32], k: int) -> npt.NDArray[np.int64]:
    return np.argsort(-(queries @ vectors.T), axis=1)[:, :k]


@pytest.fixture
def clustered(monkeypatch: pytest.MonkeyPatch) -> tuple[VectorIndex, npt.NDArray[np.float32]]:
    """An index that is large enough to be clustered, because the border is lowered."""
    monkeypatch.setattr(vector_index, "FLAT_BELOW", 4_000)
    monkeypatch.setattr("jarvis_resources.index_slots._EXACT_ALLOWED", 64)
    vectors = unit_rows(6_000)
    return VectorIndex.build(vectors, threads=1), vectors


@pytest.mark.parametrize("queries", [1, 50])
def test_a_small_index_is_exact(queries: int) -> None:
    vectors, asked = unit_rows(500), unit_rows(queries, seed=1)
    scores, rows = VectorIndex.build(vectors, threads=1).search(asked, 5)
    assert np.array_equal(rows, truth(vectors, asked, 5))
    assert np.allclose(scores, np.take_along_axis(asked @ vectors.T, rows, axis=1), atol=1e-6)
    assert (scores.dtype, rows.dtype) == (np.float32, np.int64)


@pytest.mark.parametrize("queries", [1, 50])
@pytest.mark.parametrize("share", [0.002, 0.5])
def test_only_allowed_rows_are_found(queries: int, share: float) -> None:
    vectors, asked = unit_rows(5_000), unit_rows(queries, seed=1)
    allowed = np.random.default_rng(2).random(len(vectors)) < share
    _, rows = VectorIndex.build(vectors, threads=1).search(asked, 5, allowed=allowed)
    assert np.array_equal(rows, np.flatnonzero(allowed)[truth(vectors[allowed], asked, 5)])


def test_fewer_rows_than_asked_for_are_filled_with_minus_one() -> None:
    index = VectorIndex.build(unit_rows(3), threads=1)
    scores, rows = index.search(unit_rows(2, seed=1), 5)
    assert (rows[:, 3:] == -1).all()
    assert (scores[:, 3:] == NONE_SCORE).all()
    assert (np.sort(rows[:, :3]) == [0, 1, 2]).all()
    _, none = index.search(unit_rows(2, seed=1), 5, allowed=np.zeros(3, bool))
    assert (none == -1).all()


def test_an_empty_index_answers(tmp_path: Path) -> None:
    index = VectorIndex.build(np.empty((0, DIMENSION), np.float32))
    index.save(tmp_path / "empty.faiss")
    index = VectorIndex.load(tmp_path / "empty.faiss")
    assert (index.size, index.dimension, index.factory) == (0, DIMENSION, "Flat")
    scores, rows = index.search(unit_rows(2), 3, allowed=np.zeros(0, bool))
    assert rows.tolist() == [[-1] * 3] * 2
    assert scores.tolist() == [[NONE_SCORE] * 3] * 2


def test_a_large_index_finds_nearly_all(clustered: tuple[VectorIndex, npt.NDArray[np.float32]]) -> None:
    index, vectors = clustered
    assert clusters_of(index.factory)[0] > 10
    asked = unit_rows(1_000, seed=1)
    _, rows = index.search(asked, 10)
    found = [len(np.intersect1d(a, b)) for a, b in zip(rows, truth(vectors, asked, 10), strict=True)]
    assert np.mean(found) >= 9.8
    assert index.notes.recall >= 0.99


def test_scores_of_a_large_index_are_those_of_its_half_precision_vectors(
    clustered: tuple[VectorIndex, npt.NDArray[np.float32]],
) -> None:
    index, vectors = clustered
    asked = unit_rows(40, seed=1)
    scores, rows = index.search(asked, 5)
    exact = np.einsum("qd,qkd->qk", asked, vectors[rows].astype(np.float16).astype(np.float32))
    assert np.allclose(scores, exact, atol=1e-5)


def test_it_is_tuned_for_the_questions_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_index, "FLAT_BELOW", 4_000)
    # Rows that all have a near copy are found at once; questions between them are not.
    once = unit_rows(3_000)
    vectors = np.repeat(once, 2, axis=0)
    own, told = (VectorIndex.build(vectors, like=like, threads=1) for like in (None, unit_rows(500, seed=1)))
    assert own.size == told.size == 6_000
    assert own.factory != told.factory
    assert told.search(vectors[:50], 2)[0].min() > 0.999


def test_one_question_and_many_get_the_same_answer(clustered: tuple[VectorIndex, npt.NDArray[np.float32]]) -> None:
    index, _ = clustered
    asked = unit_rows(100, seed=1)
    together = index.search(asked, 10)[1]
    alone = np.vstack([index.search(one[None], 10)[1] for one in asked])
    assert np.mean(together == alone) >= 0.99


@pytest.mark.parametrize("share", [0.005, 0.5])
def test_a_large_index_obeys_filters(clustered: tuple[VectorIndex, npt.NDArray[np.float32]], share: float) -> None:
    index, vectors = clustered
    allowed = np.random.default_rng(2).random(len(vectors)) < share
    asked = unit_rows(100, seed=1)
    _, rows = index.search(asked, 10, allowed=allowed)
    assert allowed[rows[rows >= 0]].all()
    expected = np.flatnonzero(allowed)[truth(vectors[allowed], asked, 10)]
    assert np.mean([len(np.intersect1d(a, b)) for a, b in zip(rows, expected, strict=True)]) >= 9.8


def test_a_filter_far_from_the_question_is_answered_all_the_same(
    clustered: tuple[VectorIndex, npt.NDArray[np.float32]],
) -> None:
    index, vectors = clustered
    asked = unit_rows(20, seed=1)
    # A topic that none of them is about: the rows around the one that is least like all of them.
    other = vectors[np.argmin((vectors @ asked.T).max(axis=1))]
    allowed = vectors @ other >= np.sort(vectors @ other)[-300]
    _, rows = index.search(asked, 10, allowed=allowed)
    expected = np.flatnonzero(allowed)[truth(vectors[allowed], asked, 10)]
    assert np.mean([len(np.intersect1d(a, b)) for a, b in zip(rows, expected, strict=True)]) >= 9.5


def test_a_large_index_of_one_repeated_text_is_searched_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_index, "FLAT_BELOW", 4_000)
    vectors = np.vstack([unit_rows(4_500), np.repeat(unit_rows(1), 1_500, axis=0)])
    clusters, looked_at = clusters_of(VectorIndex.build(vectors, threads=1).factory)
    assert looked_at < clusters


@pytest.mark.parametrize("large", [False, True])
def test_the_same_vectors_give_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: bool) -> None:
    monkeypatch.setattr(vector_index, "FLAT_BELOW", 1_000 if large else 30_000)
    for name in ("a", "b"):
        VectorIndex.build(unit_rows(3_000), threads=1).save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("mmap", [False, True])
def test_what_was_saved_answers_the_same_once_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: bool, mmap: bool
) -> None:
    monkeypatch.setattr(vector_index, "FLAT_BELOW", 1_000 if large else 30_000)
    index = VectorIndex.build(unit_rows(3_000), threads=1)
    index.save(tmp_path / "rows.faiss")
    loaded = VectorIndex.load(tmp_path / "rows.faiss", mmap=mmap)
    asked = unit_rows(40, seed=1)
    few = np.arange(3_000) < 20
    assert loaded.factory == index.factory
    for allowed in (None, few):
        mine, theirs = index.search(asked, 7, allowed=allowed), loaded.search(asked, 7, allowed=allowed)
        assert np.array_equal(mine[0], theirs[0])
        assert np.array_equal(mine[1], theirs[1])


@pytest.mark.parametrize("large", [False, True])
def test_added_rows_continue_the_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: bool) -> None:
    monkeypatch.setattr(vector_index, "FLAT_BELOW", 1_000 if large else 30_000)
    index = VectorIndex.build(unit_rows(2_000), threads=1)
    newcomers = unit_rows(10, seed=5)
    index.add(newcomers)
    assert index.size == 2_010
    assert index.search(newcomers, 1)[1][:, 0].tolist() == list(range(2_000, 2_010))
    assert np.allclose(index.vectors(np.array([2_003])), newcomers[3], atol=1e-3)


def test_a_mapped_index_says_how_to_add(tmp_path: Path) -> None:
    VectorIndex.build(unit_rows(10)).save(tmp_path / "rows.faiss")
    with pytest.raises(JarvisError, match="mmap=False"):
        VectorIndex.load(tmp_path / "rows.faiss").add(unit_rows(1))


def test_half_precision_vectors_are_taken_as_they_lie_in_the_store() -> None:
    vectors = unit_rows(500)
    index = VectorIndex.build(vectors.astype(np.float16), threads=1)
    assert index.search(vectors.astype(np.float16), 1)[1][:, 0].tolist() == list(range(500))


def test_a_filter_of_the_wrong_length_is_a_bug() -> None:
    with pytest.raises(ValueError, match="allowed has 4 entries for 10 rows"):
        VectorIndex.build(unit_rows(10)).search(unit_rows(1), 1, allowed=np.ones(4, bool))
