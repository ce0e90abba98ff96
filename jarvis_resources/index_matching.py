"""Which vectors of two sets are the same, wherever they stand."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

_CHUNK_ROWS = 8_192
"""Rows hashed or compared at a time."""

Rows = npt.NDArray[np.int64]


def match(old: npt.NDArray[Any], chosen: Rows, new: npt.NDArray[Any]) -> tuple[Rows, Rows]:
    """Rows of ``old`` (only those ``chosen``) and of ``new`` [n, d] that are equal, one to one.

    ``new`` is compared as the type that ``old`` has. Of equal vectors the first stands for the first, and so on.
    """
    weights = np.random.default_rng(1).integers(1, 2**64 - 1, old.shape[1] * old.itemsize // 2 + 1, np.uint64)
    mine, theirs = _keys(old, chosen, weights), _keys(new.astype(old.dtype, copy=False), np.arange(len(new)), weights)
    _, a, b = np.intersect1d(mine, theirs, assume_unique=True, return_indices=True)
    a = chosen[a]
    equal = np.empty(len(a), bool)
    for start in range(0, len(a), _CHUNK_ROWS):
        part = slice(start, start + _CHUNK_ROWS)
        equal[part] = (old[a[part]] == new[b[part]].astype(old.dtype, copy=False)).all(axis=1)
    return a[equal].astype(np.int64), b[equal].astype(np.int64)


def _keys(vectors: npt.NDArray[Any], chosen: Rows, weights: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """A 64-bit key of each chosen row: of what its bytes are, and of how many equal rows stand before it."""
    hashes = np.empty(len(chosen), np.uint64)
    for start in range(0, len(chosen), _CHUNK_ROWS):
        part = np.ascontiguousarray(vectors[chosen[start : start + _CHUNK_ROWS]]).view(np.uint16)
        hashes[start : start + len(part)] = part.astype(np.uint64) @ weights[:-1]
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    begins = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(ordered) else order
    repeats = np.empty(len(chosen), np.uint64)
    repeats[order] = np.arange(len(ordered)) - np.repeat(begins, np.diff(np.r_[begins, len(ordered)]))
    keys: npt.NDArray[np.uint64] = hashes + repeats * weights[-1]
    return keys
