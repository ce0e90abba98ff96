"""Nearest vectors by cosine: FAISS, with filters.

An index knows rows and vectors, nothing of pairs. Small sets are searched exactly. Large ones go through clusters of
4-bit codes, and the best candidates are compared exactly, in half precision; how far to look is measured when the index
is built (``index_tuning``). Vectors come in with length 1, so the inner product is the cosine.

A row keeps its number while others come and go. Inside, FAISS counts slots, in the order in which vectors came.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from jarvis_resources import index_tuning
from jarvis_resources.errors import JarvisError
from jarvis_resources.index_file import read_index, write_index
from jarvis_resources.index_matching import match

FLAT_BELOW = 20_000
"""Vectors below which exact search is fast enough: 2 ms for one query at 20,000 × 384 on one core."""
_LISTS = 0.4
"""Clusters: so many times the root of the rows; of 0.4 and 0.8 the faster for 100,000 texts at the same recall."""
_ROWS_PER_LIST = 1_000
"""But no more rows than this to a cluster, on average: a million would be read by the half."""
_CODE_DIMENSIONS = 4
"""Dimensions that share one 4-bit code: of 4, 6 and 8, the fewest bytes whose 80 best hold 99 % of the true 10."""
_EXACT_ALLOWED = 2_048
"""Allowed rows below which they are compared one by one: reading as many vectors takes as long as reading all codes."""
_BATCH_QUERIES = 32
"""Queries from which on several threads pay, and so does a matrix product instead of a filtered scan."""
_ONE_BY_ONE, _FAISS_CHOOSES = 11, 0
"""FAISS's ways to scan (``implem``): a quarter faster for one query among 100,000 than what it chooses, slower for many."""
_BLOCK_QUERIES = 512
"""Queries that a thread searches at a time: more tables than its cache holds would slow it."""
_FEWEST_CANDIDATES = 5
"""Candidates are counted for at least so many rows: the very best is not always the codes' best."""
_TRAINING_PER_LIST = 100
"""Training vectors per cluster: FAISS asks for at least 39."""
_TRAINING_ROUNDS = 10
"""Rounds of k-means; more do not change recall, which is tuned afterwards."""
_CHUNK_ROWS = 65_536
"""Rows turned into float32 at a time."""
NONE_SCORE = -1.0
"""Score where there is no row: the least cosine there is, so that nothing ranks below it."""
MOST_CHANGED = 0.2
"""Share of rows added and removed since the clusters were made that they bear; then they are another history's."""
_MOST_UNEVEN = 1.5
"""Times the unevenness of the clusters may have grown: uneven ones are slower for the same recall."""
LEAST_RECALL = 0.97
"""Recall below which an index is made anew: a hundredth below what is promised of the largest."""

Scores = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Notes:
    """What is remembered of how an index was made."""

    trained: int = 0
    """Rows it was built from."""
    changed: int = 0
    """Rows added and removed since."""
    uneven: float = 1.0
    """FAISS's imbalance factor of the clusters when built: 1 is even."""
    recall: float = 1.0
    """Recall at 10 for rows that were not in it yet, when built."""


@dataclass(frozen=True)
class Change:
    """What ``VectorIndex.update`` did (rows)."""

    kept: int
    added: int
    removed: int


class VectorIndex:
    """Rows by cosine; as built, rows 0 … size-1."""

    def __init__(self, index: Any, rows: Rows, notes: Notes, *, writable: bool = True, threads: int = 0) -> None:
        """Wrap a FAISS index whose slot i holds row ``rows[i]`` (-1: none); ``build`` and ``load`` are what callers use."""
        faiss = _faiss()
        self._index = index
        self._coarse: Any = faiss.downcast_index(index.base_index) if hasattr(index, "base_index") else None
        self._store = faiss.downcast_index(index.refine_index) if self._coarse is not None else index
        self._kind: type[np.floating[Any]] = np.float32 if self._coarse is None else np.float16
        self._notes = notes
        self._writable = writable
        self._threads = threads or os.cpu_count() or 1
        self._number(rows)

    @classmethod
    def build(cls, vectors: npt.NDArray[Any], *, like: npt.NDArray[Any] | None = None, threads: int = 0) -> VectorIndex:
        """An index of ``vectors`` (float32 or float16 [n, d], rows of length 1) whose ids are the row numbers.

        The same vectors give the same index. It is tuned for questions like its own rows, or like those in ``like``
        [q, d]. ``threads`` 0: all cores.
        """
        faiss = _faiss()
        count, dimension = vectors.shape
        everything = np.arange(count, dtype=np.int64)
        if count < FLAT_BELOW:
            flat = cls(faiss.IndexFlatIP(dimension), everything[:0], Notes(count), threads=threads)
            flat._append(vectors, everything)
            return flat
        # On one thread: two that wait for each other on a busy machine take twenty times as long for these small steps.
        faiss.omp_set_num_threads(1)
        strangers = _spread(everything, min(index_tuning.QUERIES, count // 10) if like is None else 0)
        others = np.delete(everything, strangers)
        index = faiss.index_factory(dimension, _factory(count, dimension), faiss.METRIC_INNER_PRODUCT)
        built = cls(index, everything[:0], Notes(), threads=threads)
        built._coarse.cp.seed = 1
        built._coarse.cp.niter = _TRAINING_ROUNDS
        index.train(_floats(vectors[_spread(others, built._coarse.nlist * _TRAINING_PER_LIST)]))
        built._append(vectors, others)
        tuned = built._tune(_floats(vectors[strangers] if like is None else like))
        built._append(vectors, strangers)
        built._notes = Notes(count, 0, built._coarse.invlists.imbalance_factor(), tuned.recall)
        return built

    @property
    def size(self) -> int:
        """Number of vectors."""
        return self._size

    @property
    def row_count(self) -> int:
        """One more than the highest row number; after removals there are fewer vectors."""
        return len(self._slots)

    @property
    def rows(self) -> Rows:
        """The numbers of the rows that are there, ascending: int64 [size]."""
        return np.flatnonzero(self._slots >= 0)

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return int(self._index.d)

    @property
    def approximate(self) -> bool:
        """Whether it may miss rows."""
        return self._coarse is not None

    @property
    def bytes(self) -> int:
        """What it takes, in memory or on disk."""
        codes = int(self._store.codes.size()) + self._rows.nbytes
        if self._coarse is None:
            return codes
        listed = len(self._rows) * (int(self._coarse.pq.code_size) + self._rows.itemsize)
        return codes + listed + 4 * self.dimension * int(self._coarse.nlist)

    @property
    def notes(self) -> Notes:
        """How it was made."""
        return self._notes

    @property
    def factory(self) -> str:
        """What it is, in FAISS's words, with the number of clusters looked at and of candidates compared."""
        if self._coarse is None:
            return "Flat"
        return (
            f"IVF{self._coarse.nlist},PQ{self._coarse.pq.M}x4fs,Refine(SQfp16);"
            f"nprobe={self._coarse.nprobe};k_factor={int(self._index.k_factor)}"
        )

    def search(
        self, queries: npt.NDArray[Any], k: int, *, allowed: npt.NDArray[np.bool_] | None = None
    ) -> tuple[Scores, Rows]:
        """The ``k`` nearest rows of each query, best first: cosines float32 [q, k] and rows int64 [q, k].

        ``queries`` are float [q, d] with rows of length 1. ``allowed`` (bool [row_count]) leaves rows out. Where there
        are fewer than ``k``, the row is -1 and the score ``NONE_SCORE``.
        """
        if allowed is not None and len(allowed) != self.row_count:
            raise ValueError(f"allowed has {len(allowed)} entries for {self.row_count} rows")
        if not (len(queries) and k and self.size):
            return np.full((len(queries), k), NONE_SCORE, np.float32), np.full((len(queries), k), -1, np.int64)
        wanted = _floats(queries)
        # One query on several threads waits for all of them at every step; on a busy machine that is 20 times slower.
        many = len(queries) >= _BATCH_QUERIES
        _faiss().omp_set_num_threads(self._threads if many else 1)
        if allowed is None:
            return self._answer(*self._nearest(wanted, k, self._live_bits))
        open_slots = allowed[self._rows]
        if self._live_bits is not None:
            open_slots &= self._rows >= 0
        count = np.count_nonzero(open_slots)
        if count and (count <= _EXACT_ALLOWED or (many and self._coarse is None)):
            return self._answer(*self._among(wanted, k, np.flatnonzero(open_slots)))
        return self._answer(*self._nearest(wanted, k, np.packbits(open_slots, bitorder="little"), everywhere=True))

    def vectors(self, rows: Rows) -> Scores:
        """The vectors of ``rows``: float32 [len(rows), d]."""
        return self._vectors_at(self._slots[rows])

    def add(self, vectors: npt.NDArray[Any], rows: Rows | None = None) -> None:
        """Add ``vectors`` (float [n, d], rows of length 1) as ``rows``, or with the numbers that come next.

        Raises ``ValueError`` when a row is there already, and ``JarvisError`` when the index is mapped from a file.
        """
        self._require_writable()
        fresh = np.arange(self.row_count, self.row_count + len(vectors)) if rows is None else np.asarray(rows, np.int64)
        if len(np.unique(fresh)) < len(vectors) or np.isin(fresh, self._rows).any():
            raise ValueError("a row cannot be added twice")
        self._append(vectors, np.arange(len(vectors)), fresh)
        self._notes = replace(self._notes, changed=self._notes.changed + len(vectors))

    def remove(self, rows: Rows) -> None:
        """Forget ``rows``; the others keep their numbers.

        Raises ``ValueError`` when one is not there, and ``JarvisError`` when the index is mapped from a file.
        """
        self._require_writable()
        gone = np.unique(np.asarray(rows, np.int64))
        if not np.isin(gone, self._rows[self._rows >= 0]).all():
            raise ValueError("a row that is not there cannot be removed")
        self._remove_slots(self._slots[gone])

    def update(self, vectors: npt.NDArray[Any]) -> Change:
        """Make it the index of ``vectors`` (float [n, d]): what is in it stays under its new number, the rest follows.

        Vectors are matched by their content as stored, so rows may have moved. Raises ``JarvisError`` when the index is
        mapped from a file.
        """
        self._require_writable()
        live = np.flatnonzero(self._rows >= 0)
        old, new = match(self._stored(), live, vectors)
        gone = np.setdiff1d(live, old, assume_unique=True)
        rows = self._rows.copy()
        rows[old] = new
        self._number(rows)
        self._remove_slots(gone)
        fresh = np.setdiff1d(np.arange(len(vectors)), new, assume_unique=True)
        self.add(vectors[fresh], fresh)
        return Change(len(old), len(fresh), len(gone))

    def measure_recall(self) -> float:
        """Recall at 10 for vectors of its own, each left out of its own answer."""
        live = np.flatnonzero(self._rows >= 0)
        if not self.approximate or len(live) <= index_tuning.NEIGHBOURS:
            return 1.0
        queries = self._vectors_at(_spread(live, index_tuning.QUERIES))
        asked = index_tuning.NEIGHBOURS + 1
        worst = index_tuning.exact_worst(self._stored(), queries, asked, live)
        found = index_tuning.recall(self.search(queries, asked)[0], worst)
        return float((found * asked - 1) / index_tuning.NEIGHBOURS)

    def drift(self) -> str | None:
        """Why it should be built anew, in a few words; None while it is as good as new."""
        if self._notes.changed > MOST_CHANGED * self._notes.trained:
            return f"{self._notes.changed} rows came or went since it was built from {self._notes.trained}"
        if self._coarse is None:
            return None
        if (uneven := self._coarse.invlists.imbalance_factor()) > _MOST_UNEVEN * self._notes.uneven:
            return f"its clusters have become uneven ({uneven:.1f}, {self._notes.uneven:.1f} when built)"
        if (recall := self.measure_recall()) < LEAST_RECALL:
            return f"its recall has fallen to {recall:.3f}"
        return None

    def save(self, path: Path) -> None:
        """Write the index to ``path``: aside, fsynced, renamed, mode 0600, with a checksum of all of it."""
        write_index(path, self._index, self._rows, asdict(self._notes))

    @classmethod
    def load(cls, path: Path, mmap: bool = True, *, verify: bool = True, threads: int = 0) -> VectorIndex:
        """The index at ``path``, its vectors left on disk until they are looked at if ``mmap``.

        ``verify`` False saves one reading of a file that was just verified otherwise. Raises ``JarvisError`` when it is
        missing or damaged.
        """
        index, rows, notes = read_index(path, mmap=mmap, verify=verify)
        return cls(index, rows, Notes(**notes), writable=not mmap, threads=threads)

    def _number(self, rows: Rows) -> None:
        """Let slot i hold row ``rows[i]``."""
        self._rows = rows
        live = rows >= 0
        self._size = int(np.count_nonzero(live))
        self._slots = np.full(int(rows.max(initial=-1)) + 1, -1, np.int64)
        self._slots[rows[live]] = np.flatnonzero(live)
        self._live_bits = None if live.all() else np.packbits(live, bitorder="little")

    def _require_writable(self) -> None:
        if not self._writable:
            raise JarvisError("This index is mapped from its file; load it with mmap=False to change it.")

    def _append(self, vectors: npt.NDArray[Any], chosen: Rows, rows: Rows | None = None) -> None:
        """Add the vectors at ``chosen`` as ``rows`` (the same numbers unless told), a chunk of float32 at a time."""
        for start in range(0, len(chosen), _CHUNK_ROWS):
            chunk = _floats(vectors[chosen[start : start + _CHUNK_ROWS]].astype(self._kind))
            first = int(self._store.ntotal)
            self._store.add(chunk)
            if self._coarse is not None:
                self._coarse.add_with_ids(chunk, np.arange(first, first + len(chunk)))
                self._index.ntotal = self._store.ntotal
        self._number(np.concatenate([self._rows, chosen if rows is None else rows]))

    def _remove_slots(self, slots: Rows) -> None:
        if not len(slots):
            return
        rows = self._rows.copy()
        rows[slots] = -1
        if self._coarse is None:
            self._index.remove_ids(slots)
            rows = np.delete(rows, slots)
        # Clusters keep theirs, and searches leave them out: FAISS 1.15's fast-scan lists, once something was removed
        # from them, garble what is added next.
        self._number(rows)
        self._notes = replace(self._notes, changed=self._notes.changed + len(slots))

    def _nearest(
        self, queries: Scores, k: int, open_bits: npt.NDArray[np.uint8] | None, *, everywhere: bool = False
    ) -> tuple[Scores, Rows]:
        """Scores and slots, among those whose bit is set (None: all).

        ``everywhere`` looks at all clusters, for what a filter allows may lie far from the query.
        """
        faiss = _faiss()
        selector = None if open_bits is None else faiss.IDSelectorBitmap(open_bits)
        if self._coarse is None:
            found: tuple[Scores, Rows] = self._index.search(queries, k, params=faiss.SearchParameters(sel=selector))
            return found
        lists = self._coarse.nlist if everywhere else self._coarse.nprobe
        return self._look(queries, k, lists, int(self._index.k_factor), selector)

    def _look(self, queries: Scores, k: int, lists: int, factor: int, selector: Any = None) -> tuple[Scores, Rows]:
        """Scores and slots by looking at so many ``lists``, and exactly at ``factor`` candidates for each of ``k``."""
        faiss = _faiss()
        parameters = faiss.IndexRefineSearchParameters(
            k_factor=factor * max(k, _FEWEST_CANDIDATES) / k,
            base_index_params=faiss.IVFSearchParameters(nprobe=lists, sel=selector),
        )

        def find(part: Scores) -> tuple[Scores, Rows]:
            # FAISS's own threads wait for each other; ours take the next block.
            faiss.omp_set_num_threads(1)
            found: tuple[Scores, Rows] = self._index.search(part, k, params=parameters)
            return found

        few = len(queries) < _BATCH_QUERIES
        self._coarse.implem = _ONE_BY_ONE if few else _FAISS_CHOOSES
        if few:
            return find(queries)
        block = min(_BLOCK_QUERIES, -(-len(queries) // self._threads))
        with ThreadPoolExecutor(self._threads) as pool:
            blocks = list(pool.map(find, (queries[at : at + block] for at in range(0, len(queries), block))))
        return np.concatenate([scores for scores, _ in blocks]), np.concatenate([slots for _, slots in blocks])

    def _among(self, queries: Scores, k: int, slots: Rows) -> tuple[Scores, Rows]:
        """Exact search among a few ``slots``."""
        subset = _faiss().IndexFlatIP(self.dimension)
        subset.add(self._vectors_at(slots))
        scores, found = subset.search(queries, k)
        return scores, np.where(found < 0, -1, slots[found])

    def _answer(self, scores: Scores, slots: Rows) -> tuple[Scores, Rows]:
        """FAISS's answer with rows for slots, and our score where there is none."""
        missing = slots < 0
        return np.where(missing, np.float32(NONE_SCORE), scores), np.where(missing, -1, self._rows[slots])

    def _vectors_at(self, slots: Rows) -> Scores:
        if not len(slots):
            return np.empty((0, self.dimension), np.float32)
        found: Scores = self._store.reconstruct_batch(np.ascontiguousarray(slots, np.int64))
        return found

    def _stored(self) -> npt.NDArray[Any]:
        """The vectors as they lie in memory or on disk, by slot: float32, or float16 where search is approximate."""
        codes = self._store.codes
        if not codes.size():
            return np.empty((0, self.dimension), self._kind)
        raw = _faiss().rev_swig_ptr(codes.data(), codes.size())
        return np.asarray(raw).view(self._kind).reshape(-1, self.dimension)

    def _tune(self, queries: Scores) -> index_tuning.Tuned:
        """Look as far as recall asks for."""
        k = index_tuning.NEIGHBOURS
        worst = index_tuning.exact_worst(self._stored(), queries, k)
        tuned = index_tuning.tune(
            lambda lists, factor: self._look(queries, k, lists, factor)[0],
            self._coarse.nlist,
            worst,
            self._index.ntotal,
        )
        self._coarse.nprobe = tuned.lists
        self._index.k_factor = tuned.candidates
        return tuned


def _factory(count: int, dimension: int) -> str:
    """FAISS's words for an index of ``count`` rows."""
    codes = next(m for m in range(max(1, dimension // _CODE_DIMENSIONS), 0, -1) if dimension % m == 0)
    lists = max(int(_LISTS * np.sqrt(count)), count // _ROWS_PER_LIST)
    return f"IVF{lists},PQ{codes}x4fs,Refine(SQfp16)"


def _floats(vectors: npt.NDArray[Any]) -> Scores:
    """``vectors`` as FAISS takes them."""
    return np.ascontiguousarray(vectors, np.float32)


def _spread(rows: Rows, count: int) -> Rows:
    """At most ``count`` of ``rows``, evenly spread: the same every time."""
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(count, len(rows)), dtype=np.int64))]


def _faiss() -> Any:
    """FAISS, imported when first needed, and untyped: its stubs lack half of what it has."""
    import faiss

    return faiss
