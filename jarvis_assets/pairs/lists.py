"""Lists and joined texts by the million: Arrow arrays made from offsets, not from Python objects.

A list is given by where it begins in an array of values: list i holds ``values[offsets[i]:offsets[i + 1]]``. Which
values belong together is decided elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from numpy.typing import NDArray


def ranges(starts: NDArray[np.int64], sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The numbers start, start + 1, … start + size − 1 of each pair, one range after another."""
    begins = np.cumsum(sizes) - sizes
    return np.repeat(starts - begins, sizes) + np.arange(int(sizes.sum()))


def offsets_of(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where lists of these sizes begin, and where the last one ends: one more than there are lists."""
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])


def strings(column: pd.Series[str]) -> pa.Array:
    """A column of text as one Arrow array."""
    found = pa.array(column, type=pa.string())
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def lists(offsets: NDArray[np.int64], values: pa.Array) -> pa.ListArray:
    """One list per pair of neighbouring ``offsets``."""
    return pa.ListArray.from_arrays(pa.array(offsets, type=pa.int32()), values)


def joined(offsets: NDArray[np.int64], values: pa.StringArray) -> pa.StringArray:
    """The same lists of text, each joined by line breaks."""
    return pc.binary_join(lists(offsets, values), "\n")


def places(values: pa.Array | pa.ChunkedArray, wanted: pd.Series[str]) -> NDArray[np.int64]:
    """Where each ``wanted`` value is among ``values``, which are distinct; −1 for a null and for what is not there.

    The table that is searched is made of what is wanted, which is little, not of the values, which are a million.
    """
    number, distinct = pd.factorize(wanted)
    found = pc.index_in(values, value_set=pa.array(distinct, pa.string()))
    place = np.full(len(distinct) + 1, -1, dtype=np.int64)
    place[found.drop_null().to_numpy()] = np.flatnonzero(found.is_valid().to_numpy(zero_copy_only=False))
    return np.asarray(place[number])
