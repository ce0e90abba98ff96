"""Replies to topics: UMAP to a few dimensions, HDBSCAN there, and two dimensions for the map.

Equal replies are clustered once, since thousands of the same "ok" would be a cluster by repetition. One neighbour graph,
found by FAISS, serves both layouts. What a topic is called belongs to ``naming.py``; topics narrow retrieval and never
decide a reply's type.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jarvis_assets.topics.neighbours import nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

NOISE = -1
"""cluster_id of a reply in no topic."""

FEWEST = 50
"""Distinct replies below which density says nothing: everything is noise, the map is a principal-component plane."""
_NEIGHBOURS = 15
"""UMAP's neighbourhood (distinct replies): its own default, a balance of local and global structure."""
_DIMENSIONS = 5
"""Dimensions that HDBSCAN sees: density estimates fail in hundreds, two merge what five keep apart."""
_SHARE_PER_TOPIC = 0.001
"""Smallest topic as a share of the distinct replies: the founding documents' 100 of 105,000."""
_SMALLEST_TOPIC = 10
"""Smallest topic (distinct replies) in a small history."""
_CORE_SHARE = 0.5
"""HDBSCAN's min_samples as a share of the smallest topic: less noise than its default of 1."""
_FARTHEST = 2.0
"""Largest cosine distance: stands where no neighbour was found."""


@dataclass(frozen=True)
class Clusters:
    """A topic for each reply, in the order given."""

    ids: NDArray[np.int64]
    """Topic, 0 the largest; −1: noise."""
    confidence: NDArray[np.float64]
    """Membership strength (0–1); 0 for noise."""
    xy: NDArray[np.float64]
    """Coordinates on the topic map [n, 2], no unit."""

    @property
    def count(self) -> int:
        """How many topics there are."""
        return int(self.ids.max(initial=NOISE)) + 1

    @property
    def noise_share(self) -> float:
        """Share of the replies in no topic; 0 when there are no replies."""
        return float((self.ids == NOISE).mean()) if len(self.ids) else 0.0


def cluster(response_vectors: NDArray[np.float16], *, seed: int = 0) -> Clusters:
    """Topics of replies from their unit vectors [n, d]; the same seed and vectors give the same topics."""
    if not len(response_vectors):
        return Clusters(np.empty(0, np.int64), np.empty(0), np.empty((0, 2)))
    # Compared as bytes: comparing rows number by number is many times slower.
    rows = np.ascontiguousarray(response_vectors)
    as_bytes = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel()
    _, first, where = np.unique(as_bytes, return_index=True, return_inverse=True)
    points = rows[first].astype(np.float32)
    if len(points) < FEWEST:
        ids, confidence = np.full(len(points), NOISE, np.int64), np.zeros(len(points))
        xy = _plane(points)
    else:
        reduced, xy = _layouts(points, seed)
        ids, confidence = _dense_regions(reduced)
    ids = _by_size(ids, np.bincount(where, minlength=len(points)))
    return Clusters(ids[where], confidence[where], xy[where].astype(np.float64))


def _layouts(points: NDArray[np.float32], seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """UMAP of ``points`` to five dimensions and to two, over one neighbour graph."""
    with warnings.catch_warnings():
        # UMAP warns that a seed means one thread and that precomputed neighbours cannot place new points: both meant.
        warnings.simplefilter("ignore")
        import umap

        neighbours = (*_neighbours(points, seed), None)

        def layout(dimensions: int) -> NDArray[np.float32]:
            reducer = umap.UMAP(
                n_neighbors=_NEIGHBOURS,
                n_components=dimensions,
                # Points may touch where clusters are sought; on the map they should not hide each other.
                min_dist=0.0 if dimensions > 2 else 0.1,
                metric="cosine",
                init="pca",
                random_state=seed,
                n_jobs=1,
                precomputed_knn=neighbours,
            )
            return np.asarray(reducer.fit_transform(points), np.float32)

        return layout(_DIMENSIONS), layout(2)


def _neighbours(points: NDArray[np.float32], seed: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Each point and its nearest others [n, neighbourhood], itself first, with their cosine distances."""
    cosines, rows = nearest(points, _NEIGHBOURS + 1, seed=seed)
    # A point is its own nearest, but rounding may put another first, and a cell may hold too few.
    own = np.arange(len(points))[:, None]
    distance = np.where((rows != own) & (rows >= 0), 1.0 - cosines, np.inf)
    order = np.argsort(distance, axis=1, kind="stable")[:, : _NEIGHBOURS - 1]
    rows, distance = np.take_along_axis(rows, order, 1), np.take_along_axis(distance, order, 1)
    found = np.isfinite(distance)
    rows, distance = np.where(found, rows, own), np.where(found, np.maximum(distance, 0.0), _FARTHEST)
    return (
        np.column_stack([own, rows]).astype(np.int32),
        np.column_stack([np.zeros(len(points)), distance]).astype(np.float32),
    )


def _dense_regions(reduced: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    import hdbscan

    smallest = max(_SMALLEST_TOPIC, round(_SHARE_PER_TOPIC * len(reduced)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = hdbscan.HDBSCAN(
            min_cluster_size=smallest,
            min_samples=max(2, round(_CORE_SHARE * smallest)),
            core_dist_n_jobs=1,
        ).fit(reduced.astype(np.float64))
    ids = found.labels_.astype(np.int64)
    return ids, np.where(ids >= 0, np.clip(found.probabilities_, 0.0, 1.0), 0.0)


def _by_size(ids: NDArray[np.int64], uses: NDArray[np.int64]) -> NDArray[np.int64]:
    """Topics renumbered by falling number of replies, so that topic 0 is the largest."""
    topics = int(ids.max(initial=NOISE)) + 1
    if not topics:
        return ids
    sizes = np.bincount(ids[ids >= 0], uses[ids >= 0], minlength=topics)
    rank = np.empty(topics, np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(topics)
    return np.where(ids >= 0, rank[ids], NOISE)


def _plane(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """First two principal components; zeros where there are fewer."""
    centred = points - points.mean(axis=0)
    left, spread, _ = np.linalg.svd(centred, full_matrices=False)
    flat = (left * spread)[:, :2]
    return np.pad(flat, ((0, 0), (0, 2 - flat.shape[1])))
