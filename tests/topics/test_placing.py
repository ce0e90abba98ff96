"""New replies go where their like are; what was clustered stays where it was."""

from __future__ import annotations

import numpy as np
import pytest

from jarvis_assets.topics.clustering import NOISE, Clusters
from jarvis_assets.topics.placing import Clustering
from tests.topics.test_clustering import blobs

EACH = 30


@pytest.fixture(scope="module")
def made() -> tuple[Clustering, np.ndarray]:
    """Two topics, an emoji in none, and their vectors."""
    vectors, truth = blobs(3, EACH)
    topic = np.where(truth == 2, NOISE, truth)
    clusters = Clusters(topic, np.where(topic == NOISE, 0.0, 0.8), np.stack([truth, truth * 2.0], axis=1))
    return Clustering(np.arange(len(topic), dtype=np.uint64) + 100, clusters), vectors


def test_what_was_clustered_stays_in_whatever_order(made) -> None:
    clustering, vectors = made
    order = np.random.default_rng(0).permutation(len(vectors))[:70]
    found = clustering.of(clustering.numbers[order], vectors[order])
    assert (found.ids == clustering.clusters.ids[order]).all()
    assert (found.xy == clustering.clusters.xy[order]).all()
    assert (found.confidence == clustering.clusters.confidence[order]).all()


@pytest.mark.parametrize("blob", [0, 1, 2])
def test_a_new_reply_goes_where_its_neighbours_are(made, blob: int) -> None:
    clustering, vectors = made
    new = np.array([0, 7], np.uint64)  # no such pairs were clustered; one before and one amid the others' numbers
    near = vectors[blob * EACH : blob * EACH + 2]
    found = clustering.of(np.concatenate([new, clustering.numbers]), np.concatenate([near, vectors]))
    expected = NOISE if blob == 2 else blob
    assert found.ids[:2].tolist() == [expected] * 2
    assert found.confidence[:2] == pytest.approx([0.0 if blob == 2 else 0.8] * 2)
    assert found.xy[:2] == pytest.approx(np.array([[blob, blob * 2]] * 2))


def test_an_equal_reply_decides_alone_and_repetition_does_not(made) -> None:
    _, vectors = made
    # A lone member of topic 1 amid topic 0, of which there are ten wordings near it, and one of them thirty times.
    lone, others = vectors[:1], np.concatenate([vectors[1:11], np.repeat(vectors[1:2], 30, axis=0)])
    ids = np.array([1] + [0] * len(others))
    count = len(ids)
    small = Clustering(np.arange(count, dtype=np.uint64), Clusters(ids, np.ones(count), np.zeros((count, 2))))
    asked = np.arange(count + 1, dtype=np.uint64)
    assert small.of(asked, np.concatenate([lone, others, lone])).ids[-1] == 1
    # Without an equal one, many copies of a reply have one vote: two wordings of topic 1 outvote thirty of one of topic 0.
    ids = np.array([1, 1] + [0] * 30)
    three = np.concatenate([vectors[:2], np.repeat(vectors[2:3], 30, axis=0)])
    copies = Clustering(np.arange(32, dtype=np.uint64), Clusters(ids, np.ones(32), np.zeros((32, 2))))
    assert copies.of(np.arange(33, dtype=np.uint64), np.concatenate([three, vectors[3:4]])).ids[-1] == 1


def test_where_nothing_was_clustered_everything_is_noise() -> None:
    nothing = Clustering(np.empty(0, np.uint64), Clusters(np.empty(0, np.int64), np.empty(0), np.empty((0, 2))))
    found = nothing.of(np.arange(3, dtype=np.uint64), blobs(1, 3)[0])
    assert found.ids.tolist() == [NOISE] * 3
    assert found.xy.shape == (3, 2)


def test_it_survives_being_kept(made) -> None:
    clustering, vectors = made
    again = Clustering.unpack(*clustering.pack())
    assert (again.of(again.numbers, vectors).ids == clustering.clusters.ids).all()
