"""New replies in topics that stand: each goes where the replies nearest to it are.

Clustering anew for each new message would take as long as the first time, and give every topic another number. The vote
is that of the k nearest neighbours, weighted by 1 / distance (Dudani 1976), so that an equal reply decides alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from jarvis_assets.topics.clustering import NOISE, Clusters

if TYPE_CHECKING:
    from numpy.typing import NDArray

_VOTERS = 10
"""Nearest replies that vote."""
_MOST_ASKED = 60_000
"""Clustered replies in which the nearest are looked for, evenly spread: bounds the work where there are a million."""
_LEAST_DISTANCE = 1e-3
"""Cosine distance that rounding to half precision makes of nothing."""


@dataclass(frozen=True)
class Clustering:
    """Topics as they were made, of the pairs there were."""

    numbers: NDArray[np.uint64]
    """The pairs, one number each (``standing.pair_numbers``)."""
    clusters: Clusters

    def of(self, numbers: NDArray[np.uint64], vectors: NDArray[Any]) -> Clusters:
        """Topics of the pairs ``numbers``, whose replies have ``vectors`` [n, d]: as they were, and new pairs placed."""
        made, count = self.clusters, len(numbers)
        _, known, before = np.intersect1d(numbers, self.numbers, assume_unique=True, return_indices=True)
        found = Clusters(np.full(count, NOISE), np.zeros(count), np.zeros((count, 2)))
        found.ids[known], found.confidence[known], found.xy[known] = (
            made.ids[before], made.confidence[before], made.xy[before]
        )  # fmt: skip
        new = np.setdiff1d(np.arange(count), known, assume_unique=True)
        if len(known) and len(new):
            placed = _placed(vectors, np.sort(known), new, found)
            found.ids[new], found.confidence[new], found.xy[new] = placed.ids, placed.confidence, placed.xy
        return found

    def pack(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """For ``standing``."""
        made = self.clusters
        return {}, {"numbers": self.numbers, "ids": made.ids, "confidence": made.confidence, "xy": made.xy}

    @classmethod
    def unpack(cls, _facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Clustering:
        """What ``pack`` gave."""
        return cls(arrays["numbers"], Clusters(arrays["ids"], arrays["confidence"], arrays["xy"]))


def _placed(vectors: NDArray[Any], known: NDArray[np.int64], new: NDArray[np.int64], made: Clusters) -> Clusters:
    """Topics of the rows ``new`` of ``vectors``, from those of the rows ``known``, which ``made`` has by row."""
    import faiss

    spread = np.unique(np.linspace(0, len(known) - 1, min(len(known), _MOST_ASKED), dtype=np.int64))
    asked = known[spread]
    # Equal replies are one voter: thousands of the same "ok" would outvote every neighbour.
    _, first = np.unique(
        vectors[asked].view(np.dtype((np.void, vectors.itemsize * vectors.shape[1]))), return_index=True
    )
    asked = asked[first]
    cosines, found = faiss.knn(
        vectors[new].astype(np.float32),
        vectors[asked].astype(np.float32),
        min(_VOTERS, len(asked)),
        metric=faiss.METRIC_INNER_PRODUCT,
    )
    voters = asked[found]
    weights = 1 / np.maximum(1 - cosines, _LEAST_DISTANCE)
    topic, strength = made.ids[voters], made.confidence[voters]
    # Votes for each voter's topic, [new, voters]: the sum over all voters that agree with it.
    votes = np.einsum("nv,nvw->nw", weights, topic[:, :, None] == topic[:, None, :])
    ids = topic[np.arange(len(new)), votes.argmax(axis=1)]
    agree = weights * (topic == ids[:, None])
    share = agree / weights.sum(axis=1, keepdims=True)
    return Clusters(
        ids,
        np.where(ids == NOISE, 0.0, np.minimum((share * strength).sum(axis=1), 1.0)),
        (agree[:, :, None] * made.xy[voters]).sum(axis=1) / agree.sum(axis=1)[:, None],
    )
