"""Each point's nearest neighbours within one set, for clustering.

Exact in a small set, by an inverted file in a large one, where all-against-all would take minutes. Retrieval has an index
of its own (``jarvis_resources.vector_index``), which is kept, filtered and tuned for recall; this one is thrown away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_EXACT_BELOW = 40_000
"""Points up to which all are compared with all: blocked matrix products beat the inverted file's scans until then."""
_CELLS_PER_ROOT = 1.5
"""Cells of the inverted file per square root of the points: finding the cell and searching it then cost alike."""
_PROBES = 16
"""Cells searched for each point."""
_TRAINING_ROUNDS = 5
"""k-means rounds for the cells; more does not find more neighbours."""
_TRAINING_PER_CELL = 64
"""Points per cell that k-means sees."""


def nearest(points: NDArray[np.float32], k: int, *, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Cosines and rows [n, k] of the ``k`` nearest of each unit row of ``points`` [n, d], nearest first.

    A point is among its own neighbours. Row −1 (cosine −inf) where there are fewer than ``k``.
    """
    import faiss

    count, dimension = points.shape
    index: faiss.Index = faiss.IndexFlatIP(dimension)
    if count > _EXACT_BELOW:
        cells = int(_CELLS_PER_ROOT * np.sqrt(count))
        quantizer = index
        index = faiss.IndexIVFFlat(quantizer, dimension, cells, faiss.METRIC_INNER_PRODUCT)
        index.cp.seed, index.cp.niter, index.cp.max_points_per_centroid = seed + 1, _TRAINING_ROUNDS, _TRAINING_PER_CELL
        index.nprobe = min(_PROBES, cells)
        index.train(points)
    index.add(points)
    cosines, rows = index.search(points, k)
    return np.where(rows >= 0, cosines, -np.inf).astype(np.float32), np.asarray(rows, np.int64)
