"""How much two replies say the same in the same words: n-gram overlap of a few hundred short texts, fast.

Used to choose options as a set: a reply that shares its words with many likely replies is worth more than one that
stands alone, and two options should share few. The evaluation's ROUGE is rouge-score's own; this one has no stemmer
and exists because a suggestion has a millisecond for it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

WEIGHTS = (1 / 6, 1 / 3, 1 / 2)
"""Weight of 1-, 2- and 3-grams, as in ROUGE-3x (docs/measures.md)."""
_TOKEN = re.compile(r"[a-z0-9]+")
_LONGEST = 40
"""Tokens of a reply that count: a wall of text is nobody's quick reply."""


@lru_cache(maxsize=65_536)
def _grams(text: str) -> NDArray[np.int64]:
    """Hashes of the 1-, 2- and 3-grams of ``text``, n in the two lowest bits; a repeated n-gram counts once."""
    tokens = _TOKEN.findall(text.lower())[:_LONGEST]
    found = {
        crc32(" ".join(tokens[start : start + n]).encode()) * 4 + n
        for n in (1, 2, 3)
        for start in range(len(tokens) - n + 1)
    }
    return np.fromiter(found, np.int64, len(found))


def matrices(texts: Sequence[str], others: Sequence[str] = ()) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How much ``texts`` overlap: weighted F-measure of n-grams with ``texts`` and then ``others``, and of words alone.

    The first is float32 [n, n + o], the second float32 [n, n] among ``texts``; both in 0–1, a text with itself 1.
    """
    count, total = len(texts), len(texts) + len(others)
    grams = [_grams(text) for text in (*texts, *others)]
    owner = np.repeat(np.arange(total), [len(each) for each in grams])
    every = np.concatenate([np.zeros(0, np.int64), *grams])
    distinct, column, uses = np.unique(every, return_inverse=True, return_counts=True)
    weighted = np.zeros((count, total), np.float32)
    words = np.zeros((count, count), np.float32)
    for n, weight in enumerate(WEIGHTS, 1):
        # An n-gram of one text only overlaps with nothing: leaving those out makes the product small.
        shared = np.flatnonzero((distinct % 4 == n) & (uses > 1))
        place = np.full(len(distinct), -1)
        place[shared] = np.arange(len(shared))
        mine = place[column] >= 0
        has = np.zeros((total, len(shared)), np.float32)
        has[owner[mine], place[column[mine]]] = 1
        sizes = np.bincount(owner[every % 4 == n], minlength=total).astype(np.float32)
        measure = 2 * (has[:count] @ has.T) / np.maximum(sizes[:count, None] + sizes[None, :], 1)
        weighted += weight * measure
        if n == 1:
            words = measure[:, :count]
    np.fill_diagonal(weighted, 1)
    np.fill_diagonal(words, 1)
    return weighted, words
