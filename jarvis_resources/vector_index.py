"""Nearest vectors by cosine: FAISS, with filters.

An index knows rows and vectors, nothing of pairs. Small sets are searched exactly; large ones through clusters of
half-precision vectors, with as many clusters looked at as recall asks for, measured when the index is built. Vectors
come in with length 1, so the inner product is the cosine.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from jarvis_resources.errors import JarvisError

FLAT_BELOW = 50_000
"""Vectors below which exact search is fast enough: 20 ms for one query at 50,000 × 384 on one core."""
_EXACT_ALLOWED = 4_096
"""Allowed rows below which they are compared one by one: clusters would mostly be empty."""
_BATCH_QUERIES = 32
"""Queries from which on several threads pay, and so does a matrix product instead of a filtered scan."""
_RECALL = 0.99
"""Share of the true 10 nearest that the tuned search must find."""
_HALF_ERROR = 1e-3
"""Cosines of half-precision vectors are wrong by less than this."""
_TUNING_QUERIES = 256
_TUNING_NEIGHBOURS = 10
_TRAINING_PER_CLUSTER = 40
"""Training vectors per cluster: FAISS asks for at least 39."""
_TRAINING_ROUNDS = 10
"""Rounds of k-means; more do not change recall, which is tuned afterwards."""
_CHUNK_ROWS = 65_536
"""Rows turned into float32 at a time."""
NONE_SCORE = -1.0
"""Score where there is no row: the least cosine there is, so that nothing ranks below it."""

Scores = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]


class VectorIndex:
    """Rows 0 … size-1 by cosine."""

    def __init__(self, index: Any, *, writable: bool = True, threads: int = 0) -> None:
        """Wrap a FAISS index; ``build`` and ``load`` are what callers use."""
        self._index = index
        self._writable = writable
        self._threads = threads or os.cpu_count() or 1

    @classmethod
    def build(cls, vectors: npt.NDArray[Any], *, threads: int = 0) -> VectorIndex:
        """An index of ``vectors`` (float32 or float16 [n, d], rows of length 1) whose ids are the row numbers.

        The same vectors give the same index. ``threads`` 0: all cores.
        """
        faiss = _faiss()
        faiss.omp_set_num_threads(threads or os.cpu_count() or 1)
        count, dimension = vectors.shape
        index: Any = faiss.IndexFlatIP(dimension)
        if count >= FLAT_BELOW:
            clusters = int(2 * np.sqrt(count))
            index = faiss.index_factory(dimension, f"IVF{clusters},SQfp16", faiss.METRIC_INNER_PRODUCT)
            index.cp.seed = 1
            index.cp.niter = _TRAINING_ROUNDS
            index.train(_floats(_spread(vectors, clusters * _TRAINING_PER_CLUSTER)))
        built = cls(index, threads=threads)
        built._append(vectors)
        if count >= FLAT_BELOW:
            built._tune(vectors)
        return built

    @property
    def size(self) -> int:
        """Number of vectors."""
        return int(self._index.ntotal)

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self._index.d)

    @property
    def factory(self) -> str:
        """What it is, in FAISS's words, with the number of clusters looked at."""
        clusters = getattr(self._index, "nlist", 0)
        return f"IVF{clusters},SQfp16;nprobe={self._index.nprobe}" if clusters else "Flat"

    def search(
        self, queries: npt.NDArray[Any], k: int, *, allowed: npt.NDArray[np.bool_] | None = None
    ) -> tuple[Scores, Rows]:
        """The ``k`` nearest rows of each query, best first: cosines float32 [q, k] and rows int64 [q, k].

        ``queries`` are float [q, d] with rows of length 1. ``allowed`` (bool [size]) leaves rows out. Where there are
        fewer than ``k``, the row is -1 and the score ``NONE_SCORE``.
        """
        if allowed is not None and len(allowed) != self.size:
            raise ValueError(f"allowed has {len(allowed)} entries for {self.size} rows")
        if not (len(queries) and k and self.size):
            return np.full((len(queries), k), NONE_SCORE, np.float32), np.full((len(queries), k), -1, np.int64)
        wanted = _floats(queries)
        # One query on several threads waits for all of them at every step; on a busy machine that is 20 times slower.
        _faiss().omp_set_num_threads(self._threads if len(queries) >= _BATCH_QUERIES else 1)
        if allowed is None:
            return _finish(*self._index.search(wanted, k))
        chosen = np.flatnonzero(allowed)
        many_of_flat = not hasattr(self._index, "nprobe") and len(queries) >= _BATCH_QUERIES
        if len(chosen) and (many_of_flat or len(chosen) <= _EXACT_ALLOWED):
            return self._search_among(wanted, k, chosen)
        faiss = _faiss()
        selector = faiss.IDSelectorBitmap(np.packbits(allowed, bitorder="little"))
        if hasattr(self._index, "nprobe"):
            parameters = faiss.SearchParametersIVF(sel=selector, nprobe=self._index.nprobe)
        else:
            parameters = faiss.SearchParameters(sel=selector)
        return _finish(*self._index.search(wanted, k, params=parameters))

    def vectors(self, rows: Rows) -> Scores:
        """The vectors of ``rows``: float32 [len(rows), d]."""
        if not len(rows):
            return np.empty((0, self.dimension), np.float32)
        found: Scores = self._index.reconstruct_batch(np.ascontiguousarray(rows, np.int64))
        return found

    def add(self, vectors: npt.NDArray[Any]) -> None:
        """Append ``vectors`` (float [n, d], rows of length 1); their ids continue the row numbers.

        Raises ``JarvisError`` when the index is mapped from a file: load it with ``mmap=False`` to add.
        """
        if not self._writable:
            raise JarvisError("This index is mapped from its file; load it with mmap=False to add to it.")
        self._append(vectors)

    def save(self, path: Path) -> None:
        """Write the index to ``path``: aside, fsynced, renamed, mode 0600."""
        aside = path.with_name(f".{path.name}.{os.getpid()}.aside")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(aside, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
                faiss = _faiss()
                faiss.write_index(self._index, faiss.PyCallbackIOWriter(file.write))
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
        except OSError as error:
            raise JarvisError(f"Cannot write {path} ({error.strerror}); free some space and run again.") from error
        finally:
            aside.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: Path, mmap: bool = True, *, threads: int = 0) -> VectorIndex:
        """The index at ``path``, its vectors left on disk until they are looked at if ``mmap``.

        Raises ``JarvisError`` when it is missing or damaged.
        """
        faiss = _faiss()
        try:
            index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC if mmap else 0)
        except RuntimeError as error:
            raise JarvisError(
                f"The index {path.name} is missing or damaged; run `jarvis mine` to make it again."
            ) from error
        if hasattr(index, "nprobe"):
            index.make_direct_map()
        return cls(index, writable=not mmap, threads=threads)

    def _append(self, vectors: npt.NDArray[Any]) -> None:
        """Add in chunks, so that only a chunk is ever held as float32."""
        for start in range(0, len(vectors), _CHUNK_ROWS):
            self._index.add(_floats(vectors[start : start + _CHUNK_ROWS]))
        if hasattr(self._index, "nprobe"):
            self._index.make_direct_map()

    def _search_among(self, queries: Scores, k: int, rows: Rows) -> tuple[Scores, Rows]:
        """Exact search among a few ``rows``."""
        subset = _faiss().IndexFlatIP(self.dimension)
        subset.add(self.vectors(rows))
        scores, found = _finish(*subset.search(queries, k))
        return scores, np.where(found < 0, -1, rows[found])

    def _tune(self, vectors: npt.NDArray[Any]) -> None:
        """Look at twice as many clusters until recall is enough, measured on vectors of the index itself."""
        queries = _floats(_spread(vectors, _TUNING_QUERIES))
        worst = _kth_score(vectors, queries, _TUNING_NEIGHBOURS)[:, None] - _HALF_ERROR
        self._index.nprobe = 8
        while self._index.nprobe < self._index.nlist:
            scores, _ = self._index.search(queries, _TUNING_NEIGHBOURS)
            # Counted by score, since repeated texts tie; a query's own vector is always found and does not count.
            if (np.count_nonzero(scores >= worst) / len(queries) - 1) / (_TUNING_NEIGHBOURS - 1) >= _RECALL:
                return
            self._index.nprobe = min(2 * self._index.nprobe, self._index.nlist)


def _finish(scores: Scores, rows: Rows) -> tuple[Scores, Rows]:
    """FAISS's answer with our score where there is no row."""
    return np.where(rows < 0, np.float32(NONE_SCORE), scores), rows


def _floats(vectors: npt.NDArray[Any]) -> Scores:
    """``vectors`` as FAISS takes them."""
    return np.ascontiguousarray(vectors, np.float32)


def _spread(vectors: npt.NDArray[Any], count: int) -> npt.NDArray[Any]:
    """At most ``count`` rows, evenly spread over all: the same rows every time."""
    rows = np.unique(np.linspace(0, len(vectors) - 1, min(count, len(vectors)), dtype=np.int64))
    return vectors[rows]


def _kth_score(vectors: npt.NDArray[Any], queries: Scores, k: int) -> Scores:
    """Cosine of each query's ``k``-th nearest vector, computed a chunk of ``vectors`` at a time: float32 [q]."""
    best = np.empty((len(queries), 0), np.float32)
    for start in range(0, len(vectors), _CHUNK_ROWS):
        best = np.hstack([best, queries @ _floats(vectors[start : start + _CHUNK_ROWS]).T])
        best = np.partition(best, -k, axis=1)[:, -k:]
    worst: Scores = best.min(axis=1)
    return worst


def _faiss() -> Any:
    """FAISS, imported when first needed, and untyped: its stubs lack half of what it has."""
    import faiss

    return faiss
