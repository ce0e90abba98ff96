"""The index of a mining: the last one changed where most of it stands, else a new one; and what it is worth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from jarvis_resources import vector_index
from jarvis_resources.errors import JarvisError
from jarvis_resources.vector_index import Change, VectorIndex

if TYPE_CHECKING:
    from collections.abc import Sequence

BATCH = 2_000
"""Queries of the batch that is timed."""
SINGLE = 200
"""Queries that are timed one by one."""
NEIGHBOURS = 10


@dataclass(frozen=True)
class Renewed:
    """An index, and how it came to be."""

    index: VectorIndex
    change: Change
    built_because: str
    """Empty: the last one was changed."""
    damage: str = ""
    """What was wrong with the last one's file."""

    def as_metadata(self) -> dict[str, Any]:
        """What it is and what it is worth, for the graph; the speed is this machine's at this moment."""
        index = self.index
        return {
            "dagster/partition_row_count": index.size,
            "dimension": index.dimension,
            "factory": index.factory,
            "made": f"built: {self.built_because}" if self.built_because else "changed",
            "kept_rows": self.change.kept,
            "added_rows": self.change.added,
            "removed_rows": self.change.removed,
            "recall_at_10": round(index.notes.recall, 4),
            "megabytes": round(index.bytes / 1e6, 1),
            **measured(index),
        }


def renew(previous: Callable[[], VectorIndex | None], vectors: NDArray[Any], *, threads: int) -> Renewed:
    """The index of ``vectors`` [n, d], from what ``previous`` gives where that serves.

    A small index is built in no time. A large one is changed, unless it has drifted, is damaged, or there is none.
    """
    everything = Change(0, len(vectors), 0)
    damage, reason = "", "it is small"
    if len(vectors) >= vector_index.FLAT_BELOW:
        try:
            index = previous()
        except JarvisError as error:
            index, damage, reason = None, str(error), "the last one is damaged"
        else:
            reason = "there was none of its kind"
        if index is not None and index.approximate and index.dimension == vectors.shape[1]:
            change = index.update(vectors)
            reason = index.drift() or ""
            if not reason:
                return Renewed(index, change, "")
    return Renewed(VectorIndex.build(vectors, threads=threads), everything, reason, damage)


def measured(index: VectorIndex) -> dict[str, float]:
    """Queries a second in a batch, and the median milliseconds of one, for vectors of its own."""
    if not index.size:
        return {}
    rows = index.rows[np.linspace(0, index.size - 1, BATCH).astype(np.int64)]
    queries = index.vectors(rows)
    return {
        "batch_queries_per_second": round(BATCH / _seconds(index, [queries])[0]),
        "single_query_ms": round(
            1000 * float(np.median(_seconds(index, [query[None] for query in queries[:SINGLE]]))), 3
        ),
    }


def _seconds(index: VectorIndex, batches: Sequence[NDArray[np.float32]]) -> list[float]:
    """Seconds that each of ``batches`` takes."""
    taken = []
    for queries in batches:
        started = perf_counter()
        index.search(queries, NEIGHBOURS)
        taken.append(perf_counter() - started)
    return taken
