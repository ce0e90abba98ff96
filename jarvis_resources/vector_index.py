"""Nearest vectors by cosine: FAISS, with filters.

An index knows rows and vectors, nothing of pairs. Small sets are searched exactly, large ones approximately
(``index_slots``); how far to look is measured when the index is built (``index_tuning``). Vectors come in with length 1, so
the inner product is the cosine.

A row keeps its number while others come and go. Inside, FAISS counts slots, in the order in which vectors came.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from jarvis_resources import index_tuning
from jarvis_resources.errors import JarvisError
from jarvis_resources.index_file import read_index, write_index
from jarvis_resources.index_matching import match
from jarvis_resources.index_slots import SlotIndex, spread

FLAT_BELOW = 20_000
"""Vectors below which exact search is fast enough: 2 ms for one query at 20,000 × 384 on one core."""
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

    def __init__(self, slots: SlotIndex, rows: Rows, notes: Notes, *, writable: bool = True) -> None:
        """Wrap an index whose slot i holds row ``rows[i]`` (-1: none); ``build`` and ``load`` are what callers use."""
        self._index = slots
        self._notes = notes
        self._writable = writable
        self._number(rows)

    @classmethod
    def build(cls, vectors: npt.NDArray[Any], *, like: npt.NDArray[Any] | None = None, threads: int = 0) -> VectorIndex:
        """An index of ``vectors`` (float32 or float16 [n, d], rows of length 1) whose ids are the row numbers.

        The same vectors give the same index. It is tuned for questions like its own rows, or like those in ``like``
        [q, d]. ``threads`` 0: all cores.
        """
        count, dimension = vectors.shape
        everything = np.arange(count, dtype=np.int64)
        if count < FLAT_BELOW:
            flat = cls(SlotIndex.flat(dimension, threads), everything[:0], Notes(count))
            flat._append(vectors, everything)
            return flat
        strangers = spread(everything, min(index_tuning.QUERIES, count // 10) if like is None else 0)
        others = np.delete(everything, strangers)
        built = cls(SlotIndex.trained(vectors, others, threads), everything[:0], Notes())
        built._append(vectors, others)
        tuned = built._index.tune(vectors[strangers] if like is None else like)
        built._append(vectors, strangers)
        built._notes = Notes(count, 0, built._index.unevenness, tuned.recall)
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
        return self._index.dimension

    @property
    def approximate(self) -> bool:
        """Whether it may miss rows."""
        return self._index.approximate

    @property
    def bytes(self) -> int:
        """What it takes, in memory or on disk."""
        return self._index.bytes + self._rows.nbytes

    @property
    def notes(self) -> Notes:
        """How it was made."""
        return self._notes

    @property
    def factory(self) -> str:
        """What it is, in FAISS's words, with the number of clusters looked at and of candidates compared."""
        return self._index.factory

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
        if allowed is None:
            scores, slots = self._index.search(queries, k, self._live_bits)
        else:
            is_open = allowed[self._rows]
            if self._live_bits is not None:
                is_open &= self._rows >= 0
            scores, slots = self._index.search_among(queries, k, is_open)
        missing = slots < 0
        return np.where(missing, np.float32(NONE_SCORE), scores), np.where(missing, -1, self._rows[slots])

    def vectors(self, rows: Rows) -> Scores:
        """The vectors of ``rows``: float32 [len(rows), d]."""
        return self._index.vectors(self._slots[rows])

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
        old, new = match(self._index.stored(), live, vectors)
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
        queries = self._index.vectors(spread(live, index_tuning.QUERIES))
        asked = index_tuning.NEIGHBOURS + 1
        worst = index_tuning.exact_worst(self._index.stored(), queries, asked, live)
        found = index_tuning.recall(self.search(queries, asked)[0], worst)
        return float((found * asked - 1) / index_tuning.NEIGHBOURS)

    def drift(self) -> str | None:
        """Why it should be built anew, in a few words; None while it is as good as new."""
        if self._notes.changed > MOST_CHANGED * self._notes.trained:
            return f"{self._notes.changed} rows came or went since it was built from {self._notes.trained}"
        if not self.approximate:
            return None
        if (uneven := self._index.unevenness) > _MOST_UNEVEN * self._notes.uneven:
            return f"its clusters have become uneven ({uneven:.1f}, {self._notes.uneven:.1f} when built)"
        if (recall := self.measure_recall()) < LEAST_RECALL:
            return f"its recall has fallen to {recall:.3f}"
        return None

    def save(self, path: Path) -> None:
        """Write the index to ``path``: aside, fsynced, renamed, mode 0600, with a checksum of all of it."""
        write_index(path, self._index.faiss_index, self._rows, asdict(self._notes))

    @classmethod
    def load(cls, path: Path, mmap: bool = True, *, verify: bool = True, threads: int = 0) -> VectorIndex:
        """The index at ``path``, its vectors left on disk until they are looked at if ``mmap``.

        ``verify`` False saves one reading of a file that was just verified otherwise. Raises ``JarvisError`` when it is
        missing or damaged.
        """
        index, rows, notes = read_index(path, mmap=mmap, verify=verify)
        return cls(SlotIndex(index, threads), rows, Notes(**notes), writable=not mmap)

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
        """Add the vectors at ``chosen`` as ``rows`` (the same numbers unless told)."""
        self._index.append(vectors, chosen)
        self._number(np.concatenate([self._rows, chosen if rows is None else rows]))

    def _remove_slots(self, slots: Rows) -> None:
        if not len(slots):
            return
        rows = self._rows.copy()
        rows[slots] = -1
        if self._index.forget(slots):
            rows = np.delete(rows, slots)
        self._number(rows)
        self._notes = replace(self._notes, changed=self._notes.changed + len(slots))
