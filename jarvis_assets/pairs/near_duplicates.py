"""Which pairs nearly repeat an earlier one: MinHash finds the candidates, exact Jaccard similarity decides.

This is the wide net that keeps near-copies from standing on two sides of a split; it knows nothing of meaning
("at 5" is near "at 6"), so nothing is merged by it. Time and memory grow linearly: a pair is compared with the first
few of its bucket alone. What is found between two pairs never depends on pairs that come after them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from jarvis_assets.pairs.dedupe import in_time

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_array

NEAR = 0.7
"""Jaccard similarity of the words, on either side of the pair, from which on two pairs are near duplicates: one word in
six exchanged, or two in five added."""
LONG_WORDS = 5
"""A side of fewer words is near another only if all of them are equal, in order: "yes" and "no" share nothing, "I can"
and "I can't" nearly all."""
BANDS, ROWS = 16, 4
"""MinHash bands: two sides at 0.7 meet in one with probability 0.988, at 0.8 with 0.9998 (1 - (1 - s^ROWS)^BANDS)."""
FIRST_OF_BUCKET = 8
"""Pairs of a bucket, the earliest, with which the later ones are compared: what bounds the work."""
_VERIFIED_AT_A_TIME = 100_000
_SALTS = np.random.default_rng(20).integers(1, 2**63, size=(BANDS * ROWS, 2), dtype=np.uint64) | np.uint64(1)
_HASH_KEYS = ("words of trigger", "words of reply  ")
"""Of 16 bytes each, as pandas has it: the same word counts apart on the two sides."""


def nearly_repeated(pairs: pd.DataFrame, said: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows (later, earlier) of ``pairs`` that nearly duplicate each other, by the time of ``later``.

    ``said`` is ``dedupe.said`` of them. Earlier is by ``responded_at``, then by ``pair_id``.
    """
    none = np.empty(0, dtype=np.int64)
    if len(pairs) < 2:
        return none, none
    order = in_time(pairs["responded_at"], pairs["pair_id"])
    sides = [
        _Side.of(said[name].iloc[order], key) for name, key in zip(("trigger", "response"), _HASH_KEYS, strict=True)
    ]
    later, earlier = _candidates(sides)
    near = np.ones(len(later), dtype=bool)
    for side in sides:
        near[near] = side.similarity(later[near], earlier[near]) >= NEAR
    return order[later[near]], order[earlier[near]]


@dataclass(frozen=True)
class _Side:
    """One side of n pairs: ``words`` has a one for each row [n] and word of its vocabulary, whose hashes are ``hashed``.

    ``whole`` [n] hashes all words of a row in order; ``is_long`` [n] says which rows have words enough to be compared.
    """

    words: csr_array
    hashed: NDArray[np.uint64]
    whole: NDArray[np.uint64]
    is_long: NDArray[np.bool_]

    @classmethod
    def of(cls, texts: pd.Series[str], hash_key: str) -> _Side:
        """The side whose meanings are ``texts``; signs and emoji count only where there is nothing else."""
        from scipy.sparse import csr_array

        split = pc.split_pattern(pa.array(texts, type=pa.string()), " ")
        split = split.combine_chunks() if isinstance(split, pa.ChunkedArray) else split
        coded = split.flatten().dictionary_encode()
        known = coded.dictionary.to_pandas().astype(object)
        hashed = pd.util.hash_array(known.to_numpy(), hash_key=hash_key)
        word, row = coded.indices.to_numpy(), pc.list_parent_indices(split).to_numpy()
        says = known.str.slice(0, 1).str.isalnum().to_numpy(dtype=bool)[word]
        count = np.bincount(row, weights=says, minlength=len(texts))
        keep = says | (count[row] == 0)
        word, row = word[keep], row[keep]
        ends = np.searchsorted(row, np.arange(len(texts) + 1))
        place = (np.arange(len(row)) - ends[row]).astype(np.uint64)
        whole = np.add.reduceat(hashed[word] * (np.uint64(2) * place + np.uint64(1)), ends[:-1])
        words = csr_array((np.ones(len(word), dtype=np.int32), word, ends), shape=(len(texts), len(known)))
        words.sum_duplicates()
        words.data[:] = 1
        return cls(words, hashed, whole, count >= LONG_WORDS)

    def lowest(self, a: np.uint64, b: np.uint64) -> NDArray[np.uint32]:
        """One MinHash of every row; the highest number where a row is short."""
        mixed = ((self.hashed * a + b) >> np.uint64(32)).astype(np.uint32)
        lowest = np.minimum.reduceat(mixed[self.words.indices], self.words.indptr[:-1])
        return np.where(self.is_long, lowest, np.iinfo(np.uint32).max)

    def similarity(self, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.float64]:
        """Jaccard similarity of the words of rows ``a`` and ``b``; of short rows 1 or 0: equal or not."""
        out: NDArray[np.float64] = (self.whole[a] == self.whole[b]).astype(np.float64)
        sizes = np.diff(self.words.indptr)
        compared = np.flatnonzero(self.is_long[a] & self.is_long[b])
        for start in range(0, len(compared), _VERIFIED_AT_A_TIME):
            at = compared[start : start + _VERIFIED_AT_A_TIME]
            shared = self.words[a[at]].multiply(self.words[b[at]]).sum(axis=1)
            out[at] = shared / (sizes[a[at]] + sizes[b[at]] - shared)
        return out


def _candidates(sides: list[_Side]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions (later, earlier) that share a bucket of any band, sorted.

    A band's bucket: MinHashes of the long sides beside the whole of the short ones.
    """
    n = len(sides[0].whole)
    short = sum((np.where(side.is_long, np.uint64(0), side.whole) for side in sides), np.zeros(n, dtype=np.uint64))
    found = [np.empty(0, dtype=np.int64)]
    for band in range(BANDS):
        bucket = short.copy()
        for a, b in _SALTS[band * ROWS : (band + 1) * ROWS]:
            bucket = (bucket ^ np.minimum(*(side.lowest(a, b) for side in sides))) * a
            bucket ^= bucket >> np.uint64(29)
        order = np.argsort(bucket, kind="stable")  # of one bucket, the earliest first
        begins = np.flatnonzero(np.r_[True, bucket[order][1:] != bucket[order][:-1]])
        sizes = np.diff(np.r_[begins, n])
        first, rank = np.repeat(begins, sizes), np.arange(n) - np.repeat(begins, sizes)
        for nth in range(min(FIRST_OF_BUCKET, int(sizes.max()) - 1)):
            at = np.flatnonzero(rank > nth)
            found.append(order[at] * n + order[first[at] + nth])
    both = np.unique(np.concatenate(found))
    return both // n, both % n
