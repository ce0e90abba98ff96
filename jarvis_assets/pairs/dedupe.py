"""One row per thing said: pairs that say the same, on both sides, become one with ``occurrences``.

Exact repeats share ``normalise.pair_id``; near duplicates say the same by ``same_meaning``. The earliest occurrence
stands for all, so that a history growing at its end never swaps a pair's row, person or date for another's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from jarvis_assets.pairs.lists import lists, offsets_of
from jarvis_assets.pairs.same_meaning import meaning_key
from jarvis_resources import tables

if TYPE_CHECKING:
    from numpy.typing import NDArray

REPEATS, NEARLY_REPEATS = "repeats_an_earlier_pair", "nearly_repeats_an_earlier_pair"


@dataclass(frozen=True)
class Merged:
    """The table ``pairs``, sorted by the time of the reply, and what became of each of the n found rows.

    ``stands_for`` int64 [n]: the row of ``pairs`` that each is counted in; ``reason`` [n]: why it has none of its own.
    """

    pairs: pd.DataFrame
    stands_for: NDArray[np.int64]
    reason: pd.Series[str]


def merge(found: pd.DataFrame) -> Merged:
    """Merge ``found``, gold and semantic pairs together; the earliest of those that say the same stays."""
    if found.empty:
        none = pd.Series([], dtype="str", index=found.index)
        return Merged(tables.PAIRS.empty(), np.empty(0, dtype=np.int64), none)
    order = in_time(found["responded_at"], found["response_guid"])
    number = pd.factorize(said(found)["both"].iloc[order])[0].astype(np.int64)  # by their first occurrence
    first = np.flatnonzero(np.r_[True, number[1:] > np.maximum.accumulate(number)[:-1]])
    kept = found.iloc[order[first]].reset_index(drop=True)
    kept["occurrences"] = np.bincount(number, weights=found["occurrences"].to_numpy()[order]).astype(np.int64)
    kept["occurrence_guids"] = tables.arrow_column(_together(found["response_guids"], order, number))
    again = found["pair_id"].iloc[order].duplicated().to_numpy()
    reason = np.where(again, REPEATS, NEARLY_REPEATS).astype(object)
    reason[first] = None
    stands_for, why = np.empty_like(number), np.empty_like(reason)
    stands_for[order], why[order] = number, reason
    return Merged(tables.PAIRS.conform(kept), stands_for, pd.Series(why, index=found.index, dtype="str"))


def in_time(at: pd.Series[pd.Timestamp], then: pd.Series[str]) -> NDArray[np.int64]:
    """The order of rows by ``at``, of equally early ones by ``then``."""
    keys = pa.table({"at": pa.array(at), "then": pa.array(then, type=pa.string())})
    return np.asarray(pc.sort_indices(keys, sort_keys=[("at", "ascending"), ("then", "ascending")]), dtype=np.int64)


def said(pairs: pd.DataFrame) -> pd.DataFrame:
    """What each pair says (``same_meaning``): columns ``trigger``, ``response`` and ``both``."""
    sides = {side: pairs[f"{side}_text"].map(meaning_key) for side in ("trigger", "response")}
    return pd.DataFrame({**sides, "both": sides["trigger"] + "\x1f" + sides["response"]}, index=pairs.index)


def _together(guids: pd.Series[list[str]], order: NDArray[np.int64], group: NDArray[np.int64]) -> pa.ListArray:
    """The lists of ``guids``, taken in ``order``, that share a number of ``group`` (0 …), one after another."""
    column = pa.array(guids, type=pa.list_(pa.string()))
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    sizes = np.bincount(group, weights=pc.list_value_length(column).to_numpy()[order])
    in_groups = column.take(pa.array(order[np.argsort(group, kind="stable")]))
    return lists(offsets_of(sizes.astype(np.int64)), in_groups.flatten())
