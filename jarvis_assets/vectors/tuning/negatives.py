"""Hard negatives: replies to messages that are much like this one, and that say something else.

A reply that would do as well must not count as wrong, so the same message's other replies, replies that mean the same and
replies that are about as near as a semantic match are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jarvis_assets.evaluation.measures import random_pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jarvis_assets.vectors.tuning.examples import Exchanges

NEIGHBOURS = 20
"""Nearest messages whose replies are looked at: beyond, they are hardly harder than those of the batch."""
_BLOCK = 1_024
"""Messages compared at a time: 1,024 × 20,000 cosines are 80 MB."""


def mine(
    train: Exchanges, triggers: NDArray[np.float32], replies: NDArray[np.float32], *, seed: int = 0
) -> NDArray[np.int64]:
    """Rows of ``train`` whose replies are hard negatives of each row: int64 [n, NEIGHBOURS], nearest first, −1 = none.

    ``triggers``, ``replies``: unit vectors [n, d] under the base encoder.
    """
    n = len(train)
    found = np.full((n, NEIGHBOURS), -1, np.int64)
    wide = min(2 * NEIGHBOURS, n)  # about half of the neighbours fall to the guard
    near_duplicate = random_pairs(replies, replies, seed=seed).match_threshold
    for start in range(0, n, _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, n))
        cosine = triggers[rows] @ triggers.T
        nearest = np.argpartition(-cosine, wide - 1, axis=1)[:, :wide]
        nearest = np.take_along_axis(nearest, np.argsort(-np.take_along_axis(cosine, nearest, 1), axis=1), 1)
        alike = np.einsum("nd,nkd->nk", replies[rows], replies[nearest])
        wrong = (
            (train.trigger_key[nearest] != train.trigger_key[rows, None])
            & (train.reply_key[nearest] != train.reply_key[rows, None])
            & (alike < near_duplicate)
        )
        order = np.argsort(~wrong, axis=1, kind="stable")[:, :NEIGHBOURS]
        kept = np.take_along_axis(wrong, order, 1)
        found[rows, : order.shape[1]] = np.where(kept, np.take_along_axis(nearest, order, 1), -1)
    return found


def draw(negatives: NDArray[np.int64], rows: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """One hard negative for each of ``rows``, at random among its own: int64 [rows]; −1 where it has none."""
    offered = negatives[rows]
    count = (offered >= 0).sum(axis=1)
    return np.asarray(offered[np.arange(len(rows)), (rng.random(len(rows)) * count).astype(np.int64)])
