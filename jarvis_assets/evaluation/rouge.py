"""ROUGE over many short texts at once.

``rouge-score`` compares about 6,000 pairs of texts a second, and choosing a constant trio alone needs millions of
comparisons. So its own tokenizer and stemmer read each text once, and the overlaps are counted by sparse matrices. The
figures equal rouge-score's, which the tests check; what is averaged over them belongs to ``measures.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

WEIGHTS = {1: 1 / 6, 2: 1 / 3, 3: 1 / 2}
"""Weight of each ROUGE-n in ROUGE-3x (R1/6 + R2/3 + R3/2), as smart-reply work weighs them."""

_ROWS_AT_ONCE = 100_000
"""Comparisons per sparse product: bounds the memory to some tens of megabytes."""


class _CachedStemmer:
    """The Porter stemmer that rouge-score uses, remembering each word: messages repeat their words."""

    def __init__(self) -> None:
        from nltk.stem.porter import PorterStemmer

        self.stem = lru_cache(maxsize=200_000)(PorterStemmer().stem)


@lru_cache(maxsize=1)
def _stemmer() -> _CachedStemmer:
    return _CachedStemmer()


class Overlaps:
    """N-gram sets of ``texts`` (n = 1, 2, 3), ready to be compared by row number.

    The clipped count that ROUGE asks for, the sum of min(count, count), is the size of an intersection once the k-th
    occurrence of an n-gram counts as an element of its own; so every text is a 0/1 row and an overlap a dot product.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        from rouge_score.tokenize import tokenize
        from scipy import sparse

        columns: dict[int, dict[tuple[Any, ...], int]] = {n: {} for n in WEIGHTS}
        entries: dict[int, list[int]] = {n: [] for n in WEIGHTS}
        starts: dict[int, list[int]] = {n: [0] for n in WEIGHTS}
        # Tokenising is per text by nature; everything after it is per matrix.
        for text in texts:
            tokens = tokenize(text, _stemmer())
            for n, known in columns.items():
                seen: dict[tuple[str, ...], int] = {}
                for start in range(len(tokens) - n + 1):
                    ngram = tuple(tokens[start : start + n])
                    seen[ngram] = occurrence = seen.get(ngram, 0) + 1
                    entries[n].append(known.setdefault((ngram, occurrence), len(known)))
                starts[n].append(len(entries[n]))
        self._grams = {
            n: sparse.csr_matrix(
                (np.ones(len(entries[n]), np.float32), np.array(entries[n], np.int64), np.array(starts[n], np.int64)),
                shape=(len(texts), max(1, len(columns[n]))),
            )
            for n in WEIGHTS
        }
        self._sizes = {n: np.diff(matrix.indptr).astype(np.float32) for n, matrix in self._grams.items()}

    def pairwise(self, left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.float64]:
        """Weighted ROUGE (0–100) of text ``left[i]`` against text ``right[i]``: float64 [n]; symmetric."""
        out = np.zeros(len(left))
        for start in range(0, len(left), _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            for n, weight in WEIGHTS.items():
                grams, sizes = self._grams[n], self._sizes[n]
                shared = np.asarray(grams[left[part]].multiply(grams[right[part]]).sum(axis=1)).ravel()
                total = sizes[left[part]] + sizes[right[part]]
                out[part] += 100 * weight * 2 * shared / np.maximum(total, 1)
        return out

    def matrix(self, left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.float32]:
        """Weighted ROUGE (0–100) of every text in ``left`` against every text in ``right``: float32 [l, r]."""
        out = np.zeros((len(left), len(right)), np.float32)
        for n, weight in WEIGHTS.items():
            shared = (self._grams[n][left] @ self._grams[n][right].T).toarray()
            total = self._sizes[n][left][:, None] + self._sizes[n][right][None, :]
            out += 100 * weight * 2 * shared / np.maximum(total, 1)
        return out
