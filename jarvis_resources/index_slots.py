"""FAISS for one set of vectors, by slot: the order in which vectors came.

Small sets are searched exactly. Large ones go through clusters of 4-bit codes, and the best candidates are compared exactly, in
half precision. Which row a slot holds, and whether it still holds one, is for ``vector_index``.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from jarvis_resources import index_tuning

_LISTS = 0.4
"""Clusters: so many times the root of the rows; of 0.4 and 0.8 the faster for 100,000 texts at the same recall."""
_ROWS_PER_LIST = 1_000
"""But no more rows than this to a cluster, on average: a million would be read by the half."""
_CODE_DIMENSIONS = 4
"""Dimensions that share one 4-bit code: of 4, 6 and 8, the fewest bytes whose 80 best hold 99 % of the true 10."""
_EXACT_ALLOWED = 2_048
"""Open slots below which they are compared one by one: reading as many vectors takes as long as reading all codes."""
_BATCH_QUERIES = 32
"""Queries from which on several threads pay, and so does a matrix product instead of a filtered scan."""
_BLOCK_QUERIES = 512
"""Queries that a thread searches at a time: more tables than its cache holds would slow it."""
_FEWEST_CANDIDATES = 5
"""Candidates are counted for at least so many slots: the very best is not always the codes' best."""
_TRAINING_PER_LIST = 100
"""Training vectors per cluster: FAISS asks for at least 39."""
_TRAINING_ROUNDS = 10
"""Rounds of k-means; more do not change recall, which is tuned afterwards."""
_CHUNK_ROWS = 65_536
"""Vectors turned into float32 at a time."""

Scores = npt.NDArray[np.float32]
Slots = npt.NDArray[np.int64]


class SlotIndex:
    """Vectors by slot, in FAISS."""

    def __init__(self, index: Any, threads: int = 0) -> None:
        """Wrap a FAISS index, flat or refined clusters; ``threads`` 0: all cores."""
        faiss = _faiss()
        self.faiss_index = index
        self._coarse: Any = faiss.downcast_index(index.base_index) if hasattr(index, "base_index") else None
        self._store = faiss.downcast_index(index.refine_index) if self._coarse is not None else index
        self._kind: type[np.floating[Any]] = np.float32 if self._coarse is None else np.float16
        self._threads = threads or os.cpu_count() or 1

    @classmethod
    def flat(cls, dimension: int, threads: int = 0) -> SlotIndex:
        """An empty one that is searched exactly."""
        return cls(_faiss().IndexFlatIP(dimension), threads)

    @classmethod
    def trained(cls, vectors: npt.NDArray[Any], chosen: Slots, threads: int = 0) -> SlotIndex:
        """An empty one for a set like ``vectors`` [n, d], its clusters and codes learned from those ``chosen``.

        The same vectors give the same index.
        """
        faiss = _faiss()
        count, dimension = vectors.shape
        # On one thread: two that wait for each other on a busy machine take twenty times as long for these small steps.
        faiss.omp_set_num_threads(1)
        made = cls(faiss.index_factory(dimension, _factory(count, dimension), faiss.METRIC_INNER_PRODUCT), threads)
        made._coarse.cp.seed = 1
        made._coarse.cp.niter = _TRAINING_ROUNDS
        made.faiss_index.train(_floats(vectors[spread(chosen, made._coarse.nlist * _TRAINING_PER_LIST)]))
        return made

    @property
    def size(self) -> int:
        """Slots, forgotten ones included."""
        return int(self._store.ntotal)

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self.faiss_index.d)

    @property
    def approximate(self) -> bool:
        """Whether it may miss vectors."""
        return self._coarse is not None

    @property
    def bytes(self) -> int:
        """What it takes, in memory or on disk."""
        codes = int(self._store.codes.size())
        if self._coarse is None:
            return codes
        listed = self.size * (int(self._coarse.pq.code_size) + np.dtype(np.int64).itemsize)
        return codes + listed + 4 * self.dimension * int(self._coarse.nlist)

    @property
    def factory(self) -> str:
        """What it is, in FAISS's words, with the number of clusters looked at and of candidates compared."""
        if self._coarse is None:
            return "Flat"
        return (
            f"IVF{self._coarse.nlist},PQ{self._coarse.pq.M}x4fs,Refine(SQfp16);"
            f"nprobe={self._coarse.nprobe};k_factor={int(self.faiss_index.k_factor)}"
        )

    @property
    def unevenness(self) -> float:
        """FAISS's imbalance factor of the clusters: 1 is even."""
        return 1.0 if self._coarse is None else float(self._coarse.invlists.imbalance_factor())

    def append(self, vectors: npt.NDArray[Any], chosen: Slots) -> None:
        """Add the vectors at ``chosen``, a chunk of float32 at a time."""
        for start in range(0, len(chosen), _CHUNK_ROWS):
            chunk = _floats(vectors[chosen[start : start + _CHUNK_ROWS]].astype(self._kind))
            first = self.size
            self._store.add(chunk)
            if self._coarse is not None:
                self._coarse.add_with_ids(chunk, np.arange(first, first + len(chunk)))
                self.faiss_index.ntotal = self._store.ntotal

    def forget(self, slots: Slots) -> bool:
        """Take ``slots`` out, so that later ones move up; False where that is not to be done, and searches leave them out.

        FAISS 1.15's fast-scan lists, once something was removed from them, garble what is added next.
        """
        if self._coarse is None:
            self.faiss_index.remove_ids(slots)
        return self._coarse is None

    def search(self, queries: npt.NDArray[Any], k: int, live: npt.NDArray[np.uint8] | None) -> tuple[Scores, Slots]:
        """Scores and slots [q, k] among those whose bit in ``live`` is set (None: all); slot −1 where there is none."""
        self._use_threads(queries)
        return self._nearest(_floats(queries), k, live)

    def search_among(self, queries: npt.NDArray[Any], k: int, is_open: npt.NDArray[np.bool_]) -> tuple[Scores, Slots]:
        """The same among a chosen few, bool [size]; all clusters are looked at, for those may lie far from the query."""
        self._use_threads(queries)
        count = np.count_nonzero(is_open)
        if count and (count <= _EXACT_ALLOWED or (len(queries) >= _BATCH_QUERIES and self._coarse is None)):
            slots = np.flatnonzero(is_open)
            subset = _faiss().IndexFlatIP(self.dimension)
            subset.add(self.vectors(slots))
            scores, found = subset.search(_floats(queries), k)
            return scores, np.where(found < 0, -1, slots[found])
        return self._nearest(_floats(queries), k, np.packbits(is_open, bitorder="little"), everywhere=True)

    def vectors(self, slots: Slots) -> Scores:
        """The vectors at ``slots``: float32 [len(slots), d]."""
        if not len(slots):
            return np.empty((0, self.dimension), np.float32)
        found: Scores = self._store.reconstruct_batch(np.ascontiguousarray(slots, np.int64))
        return found

    def stored(self) -> npt.NDArray[Any]:
        """All vectors as they lie in memory or on disk: float32, or float16 where search is approximate."""
        codes = self._store.codes
        if not codes.size():
            return np.empty((0, self.dimension), self._kind)
        raw = _faiss().rev_swig_ptr(codes.data(), codes.size())
        return np.asarray(raw).view(self._kind).reshape(-1, self.dimension)

    def tune(self, queries: npt.NDArray[Any]) -> index_tuning.Tuned:
        """Look as far as recall asks for, for questions like ``queries`` [q, d]."""
        k, asked = index_tuning.NEIGHBOURS, _floats(queries)
        worst = index_tuning.exact_worst(self.stored(), asked, k)
        tuned = index_tuning.tune(
            lambda lists, factor: self._look(asked, k, lists, factor)[0], self._coarse.nlist, worst, self.size
        )
        self._coarse.nprobe = tuned.lists
        self.faiss_index.k_factor = tuned.candidates
        return tuned

    def _use_threads(self, queries: npt.NDArray[Any]) -> None:
        # One query on several threads waits for all of them at every step; on a busy machine that is 20 times slower.
        _faiss().omp_set_num_threads(self._threads if len(queries) >= _BATCH_QUERIES else 1)

    def _nearest(
        self, queries: Scores, k: int, open_bits: npt.NDArray[np.uint8] | None, *, everywhere: bool = False
    ) -> tuple[Scores, Slots]:
        """Scores and slots, among those whose bit is set (None: all), in the clusters tuned for or ``everywhere``."""
        faiss = _faiss()
        selector = None if open_bits is None else faiss.IDSelectorBitmap(open_bits)
        if self._coarse is None:
            parameters = faiss.SearchParameters(sel=selector)
            found: tuple[Scores, Slots] = self.faiss_index.search(queries, k, params=parameters)
            return found
        lists = self._coarse.nlist if everywhere else self._coarse.nprobe
        return self._look(queries, k, lists, int(self.faiss_index.k_factor), selector)

    def _look(self, queries: Scores, k: int, lists: int, factor: int, selector: Any = None) -> tuple[Scores, Slots]:
        """Scores and slots by looking at so many ``lists``, and exactly at ``factor`` candidates for each of ``k``."""
        faiss = _faiss()
        parameters = faiss.IndexRefineSearchParameters(
            k_factor=factor * max(k, _FEWEST_CANDIDATES) / k,
            base_index_params=faiss.IVFSearchParameters(nprobe=lists, sel=selector),
        )

        def find(part: Scores) -> tuple[Scores, Slots]:
            # FAISS's own threads wait for each other; ours take the next block.
            faiss.omp_set_num_threads(1)
            found: tuple[Scores, Slots] = self.faiss_index.search(part, k, params=parameters)
            return found

        if len(queries) < _BATCH_QUERIES:
            return find(queries)
        block = min(_BLOCK_QUERIES, -(-len(queries) // self._threads))
        with ThreadPoolExecutor(self._threads) as pool:
            blocks = list(pool.map(find, (queries[at : at + block] for at in range(0, len(queries), block))))
        return np.concatenate([scores for scores, _ in blocks]), np.concatenate([slots for _, slots in blocks])


def spread(rows: Slots, count: int) -> Slots:
    """At most ``count`` of ``rows``, evenly spread: the same every time."""
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(count, len(rows)), dtype=np.int64))]


def _factory(count: int, dimension: int) -> str:
    """FAISS's words for an index of ``count`` vectors."""
    codes = next(m for m in range(max(1, dimension // _CODE_DIMENSIONS), 0, -1) if dimension % m == 0)
    lists = max(int(_LISTS * np.sqrt(count)), count // _ROWS_PER_LIST)
    return f"IVF{lists},PQ{codes}x4fs,Refine(SQfp16)"


def _floats(vectors: npt.NDArray[Any]) -> Scores:
    """``vectors`` as FAISS takes them."""
    return np.ascontiguousarray(vectors, np.float32)


def _faiss() -> Any:
    """FAISS, imported when first needed, and untyped: its stubs lack half of what it has."""
    import faiss

    return faiss
