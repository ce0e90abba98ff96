"""Topics: found where there are some, none where there are none."""

from __future__ import annotations

import numpy as np
import pytest

from jarvis_assets.topics import clustering
from jarvis_assets.topics.neighbours import nearest


def blobs(topics: int, each: int, *, spread: float = 0.05, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors [topics × each, 32] around as many random directions, and which."""
    draw = np.random.default_rng(seed)
    centres = draw.normal(size=(topics, 32))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    truth = np.repeat(np.arange(topics), each)
    vectors = centres[truth] + spread * draw.normal(size=(len(truth), 32))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16), truth


@pytest.mark.parametrize("count", [0, 1, 2, 49])
def test_a_history_too_small_for_density_is_all_noise(count: int):
    found = clustering.cluster(blobs(2, 25)[0][:count])
    assert (found.ids == clustering.NOISE).all()
    assert found.xy.shape == (count, 2)
    assert found.count == 0
    assert np.isfinite(found.xy).all()


def test_separate_subjects_become_topics_and_the_largest_comes_first():
    vectors, truth = blobs(4, 60)
    vectors, truth = vectors[:-25], truth[:-25]
    found = clustering.cluster(vectors)
    assert found.count == 4
    # Each topic holds one subject.
    assert all(len(set(truth[found.ids == topic])) == 1 for topic in range(found.count))
    assert found.noise_share < 0.1
    sizes = np.bincount(found.ids[found.ids >= 0])
    assert (np.diff(sizes) <= 0).all()
    assert found.confidence.min() >= 0
    assert found.confidence.max() <= 1


def test_the_same_seed_gives_the_same_topics():
    vectors, _ = blobs(3, 40)
    first, second = clustering.cluster(vectors, seed=7), clustering.cluster(vectors, seed=7)
    assert (first.ids == second.ids).all()
    assert (first.xy == second.xy).all()


def test_equal_replies_share_their_topic_and_are_no_topic_by_repetition():
    vectors, _ = blobs(3, 40)
    ok = np.tile(np.eye(1, 32, 5, dtype=np.float16), (500, 1))
    found = clustering.cluster(np.concatenate([ok, vectors]))
    assert len(set(found.ids[:500])) == 1
    assert len(np.unique(found.xy[:500], axis=0)) == 1
    assert found.count <= 4


def test_a_history_of_one_reply_over_and_over_is_noise():
    assert clustering.cluster(np.tile(np.eye(1, 32, dtype=np.float16), (300, 1))).noise_share == 1


def test_a_large_sets_neighbours_are_nearly_those_of_an_exact_search(monkeypatch):
    points = blobs(40, 100, spread=0.15)[0].astype(np.float32)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    _, exact = nearest(points, 10)
    monkeypatch.setattr("jarvis_assets.topics.neighbours._EXACT_BELOW", 100)
    cosine, found = nearest(points, 10)
    recall = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(exact, found, strict=True)])
    assert recall > 0.95
    assert (np.diff(cosine, axis=1) <= 1e-6).all()


def test_fewer_points_than_neighbours_leave_gaps():
    cosine, rows = nearest(np.eye(3, dtype=np.float32), 5)
    assert (rows[:, 3:] == -1).all()
    assert np.isneginf(cosine[:, 3:]).all()
