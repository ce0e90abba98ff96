"""How well an encoder serves what it is tuned for: each measure's value for each thing asked, from vectors alone.

The definitions are those of ``docs/measures.md``. Which texts are asked and what a difference means is for ``judging``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from jarvis_assets.vectors.tuning.recipes import Partners

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

OTHERS = 99
"""Other replies beside the real one: 1-of-100, as in the ConveRT paper (Henderson et al. 2020)."""
_REDRAWS = 20
"""Times that an unfit draw is drawn again."""
_BLOCK = 256
"""Messages ranked at a time: 256 × 99 vectors of 384 are 39 MB."""


def other_replies(reply_key: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Rows of ``OTHERS`` replies for each row, none that means the same: int64 [n, OTHERS], with replacement.

    Rows for which there is nothing else hold −1.
    """
    n = len(reply_key)
    rows = rng.integers(n, size=(n, OTHERS)) if n else np.empty((0, OTHERS), np.int64)
    for _ in range(_REDRAWS):
        unfit = reply_key[rows] == reply_key[:, None]
        rows[unfit] = rng.integers(n, size=int(unfit.sum())) if n else 0
    rows[(reply_key[rows] == reply_key[:, None]).any(axis=1)] = -1
    return rows


def ranks(triggers: Vectors, replies: Vectors, others: NDArray[np.int64]) -> NDArray[np.float64]:
    """Rank of each message's real reply among it and ``others``, by cosine: float64 [n], 1 = first; NaN without others.

    A tie counts against the real reply.
    """
    found = np.full(len(triggers), np.nan)
    for start in range(0, len(triggers), _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, len(triggers)))
        rows = rows[others[rows, 0] >= 0]
        real = np.einsum("nd,nd->n", triggers[rows], replies[rows])
        beside = np.einsum("nd,nkd->nk", triggers[rows], replies[others[rows]])
        found[rows] = 1 + (beside >= real[:, None]).sum(axis=1)
    return found


def pairs_within(
    group: NDArray[np.int64], apart: NDArray[Any], rng: np.random.Generator, most: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Rows, a partner of the same ``group`` for each, and a row beside it that is ``apart``: three arrays int64 [≤ most].

    ``group`` −1: in none. ``apart``: what the third must not share with the first, a conversation say.
    """
    partners = Partners(group)
    left = rng.permutation(partners.rows)[:most]
    right = partners.draw(left, rng)
    beside = rng.permutation(right)
    for _ in range(_REDRAWS):
        unfit = apart[left] == apart[beside]
        beside[unfit] = rng.choice(right, int(unfit.sum())) if len(right) else 0
    fit = apart[left] != apart[beside]
    return left[fit], right[fit], beside[fit]


def cosines(vectors: Vectors, left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.float64]:
    """Cosine of row ``left[i]`` with row ``right[i]``: float64 [pairs]."""
    return np.asarray(np.einsum("nd,nd->n", vectors[left], vectors[right], dtype=np.float64))


def nearest(asked: Vectors, history: Vectors, k: int) -> NDArray[np.int64]:
    """Rows of the ``k`` nearest of ``history`` [m, d], m ≥ k, for each asked: int64 [n, k], nearest first."""
    found = np.empty((len(asked), k), np.int64)
    for start in range(0, len(asked), _BLOCK):
        cosine = asked[start : start + _BLOCK] @ history.T
        rows = np.argpartition(-cosine, k - 1, axis=1)[:, :k]
        order = np.argsort(-np.take_along_axis(cosine, rows, 1), axis=1, kind="stable")
        found[start : start + _BLOCK] = np.take_along_axis(rows, order, 1)
    return found
