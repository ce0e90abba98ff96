"""How far an approximate search must look: as little as finds enough, measured against exact search.

Recall at 10 is the share of the answers that are true: a row counts when its cosine is at least that of the exact 10th
nearest, so that repeated texts, which tie, may stand for each other, and nothing else may.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

NEIGHBOURS = 10
ROUNDING = 1e-5
"""Two ways of adding up the same float32 products differ by less than this."""
AIM = 0.991
"""Recall asked for at tuning: a standard error of ``QUERIES`` queries above the 0.99 that is promised."""
AIM_OF_MANY = 0.984
"""The same above ``MANY`` rows, where 0.98 is promised: the last hundredth would take as long as the rest."""
MANY = 500_000
QUERIES = 1_000
"""Rows asked for; they come into the index only after tuning, so that they are strangers to it."""
_LISTS_SHARE = 0.5
"""Share of the loss that leaving lists out may cause; the coarse codes get the rest. Of 0.3 to 0.85 the fastest."""
_GRACE = 0.002
"""Where the aim is out of reach, so much less than the best there is will do."""
_MOST_CANDIDATES = 32
"""Candidates for each row asked for that are compared exactly, at most."""
_CHUNK_ROWS = 65_536
"""Rows turned into float32 at a time."""

Scores = npt.NDArray[np.float32]
Searching = Callable[[int, int], Scores]
"""Scores of the nearest rows when so many lists and so many candidates for each are looked at."""


@dataclass(frozen=True)
class Tuned:
    """How far to look, and the recall that was measured for it."""

    lists: int
    candidates: int
    recall: float


def tune(search: Searching, lists: int, worst: Scores, rows: int) -> Tuned:
    """The fewest lists, then the fewest candidates, with which ``search`` finds enough among so many ``rows``.

    ``worst`` float32 [q]: the exact score of each query's 10th nearest.
    """
    most = _MOST_CANDIDATES
    # Many copies of one vector crowd out what is next to them, and no search of this kind finds all of that.
    best = recall(search(lists, most), worst)
    aim = min(AIM if rows < MANY else AIM_OF_MANY, best - _GRACE)
    looked_at = _least(lambda few: recall(search(few, most), worst), lists, best - _LISTS_SHARE * (best - aim))
    candidates = _least(lambda few: recall(search(looked_at, few), worst), most, aim)
    return Tuned(looked_at, candidates, recall(search(looked_at, candidates), worst))


def recall(scores: Scores, worst: Scores) -> float:
    """Share of the ``scores`` [q, k] that are as good as the exact k-th, ``worst`` [q]."""
    return float(np.mean(scores >= worst[:, None] - ROUNDING)) if scores.size else 1.0


def exact_worst(
    vectors: npt.NDArray[Any], queries: Scores, k: int, chosen: npt.NDArray[np.int64] | None = None
) -> Scores:
    """Cosine of each query's ``k``-th nearest of ``vectors`` (of rows ``chosen``), a chunk at a time: float32 [q]."""
    import faiss

    faiss.omp_set_num_threads(os.cpu_count() or 1)
    best = np.empty((len(queries), 0), np.float32)
    rows = np.arange(len(vectors)) if chosen is None else chosen
    for start in range(0, len(rows), _CHUNK_ROWS):
        chunk = np.ascontiguousarray(vectors[rows[start : start + _CHUNK_ROWS]], np.float32)
        found, _ = faiss.knn(queries, chunk, min(k, len(chunk)), metric=faiss.METRIC_INNER_PRODUCT)
        best = -np.sort(-np.hstack([best, found]), axis=1)[:, :k]
    worst: Scores = best[:, -1]
    return worst


def _least(measured: Callable[[int], float], most: int, enough: float) -> int:
    """The least number from 1 to ``most`` with which ``measured`` is ``enough``, by halving; ``most`` if none is."""
    low, high = 1, most
    while low < high:
        middle = (low + high) // 2
        if measured(middle) >= enough:
            high = middle
        else:
            low = middle + 1
    return high
