"""What learning sees of the contexts: a message that is a holdout's response is masked in those of train and dev.

Every step that learns from contexts takes its pairs from ``learnable`` and nowhere else; ``leaks`` proves the split on
what comes out of it. Only my own messages are masked: what others wrote is what a pair asks, not what it should answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from jarvis_assets.pairs.lists import lists, offsets_of
from jarvis_assets.pairs.splits import sides_of
from jarvis_resources import tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

LEARNED_FROM = ("train", "dev")


def learnable(pairs: pd.DataFrame, splits: pd.DataFrame, *, strategy: str = "split_pair") -> pd.DataFrame:
    """The pairs of train and dev, under the index they have in ``pairs``, with a column ``side`` and masked contexts.

    ``pairs`` needs ``pair_id``, ``occurrence_guids``, ``context`` and ``context_text``.
    """
    side = sides_of(pairs, splits, strategy)
    hidden = unlearned_guids(pairs, side)
    rows = side.isin(LEARNED_FROM)
    seen = pairs[rows].assign(side=side[rows])
    contexts = arrow_lists(seen["context"])
    sizes = pc.list_value_length(contexts).to_numpy()
    entries = contexts.flatten()
    stays = ~np.isin(np.arange(len(entries)), _where_in(entries.field("guid"), hidden))
    row = np.repeat(np.arange(len(seen)), sizes)
    left = np.bincount(row[stays], minlength=len(seen))
    texts = seen["context_text"].to_numpy(dtype=object, copy=True)
    ends = np.cumsum(sizes)
    # A loop over the contexts that lose a message: the lines of their text form have to be found.
    for at in np.flatnonzero(left < sizes).tolist():
        part = slice(int(ends[at] - sizes[at]), int(ends[at]))
        lines = text_lines(entries[part].field("text").to_pylist(), texts[at])
        texts[at] = "\n".join(line for line, kept in zip(lines, stays[part].tolist(), strict=True) if kept)
    masked = lists(offsets_of(left), entries.filter(pa.array(stays)))
    return seen.assign(
        context=tables.arrow_column(masked).set_axis(seen.index),
        context_text=pd.Series(texts, dtype="str", index=seen.index),
    )


def unlearned_guids(pairs: pd.DataFrame, side: pd.Series[str]) -> pa.Array:
    """My messages that must not be learned from: all occurrences of pairs that are held out, or nearly repeat such."""
    return arrow_lists(pairs.loc[~side.isin(LEARNED_FROM), "occurrence_guids"]).flatten().unique()


def text_lines(said: Sequence[str], text: str) -> list[str]:
    """The text form of a context cut back into its messages, which may hold line breaks of their own.

    Raises ``ValueError`` when ``text`` does not say just what was ``said``.
    """
    lines: list[str] = []
    begin = 0
    for one in said:
        end = text.index(": " + one, begin) + 2 + len(one)
        lines.append(text[begin:end])
        begin = end + 1
    if begin != (len(text) + 1 if said else len(text)):
        raise ValueError("The text form of a context is not that of its messages.")
    return lines


def arrow_lists(column: pd.Series[Any]) -> pa.ListArray:
    """A column of lists as one Arrow array."""
    found = pa.array(column)
    return found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found


def _where_in(guids: pa.Array, wanted: pa.Array) -> NDArray[np.int64]:
    return np.asarray(pc.indices_nonzero(pc.is_in(guids, value_set=wanted)).to_numpy(), dtype=np.int64)
