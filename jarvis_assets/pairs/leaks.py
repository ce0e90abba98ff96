"""The proof that nothing leaks between the sides of a split, on the very rows that learning gets.

A leak of each kind is a sentence without text or names. How sides are assigned is for ``splits``, how contexts are
masked for ``masking``. Near duplicates are searched for as ``splits`` does, so that what this search misses (about one in a hundred
at the very limit of likeness, and more where thousands of pairs share all but a word) is missed here too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from jarvis_assets.pairs.dedupe import said
from jarvis_assets.pairs.masking import LEARNED_FROM, arrow_lists, learnable, text_lines
from jarvis_assets.pairs.near_duplicates import nearly_repeated
from jarvis_assets.pairs.splits import STRATEGIES, sides_of

if TYPE_CHECKING:
    from collections.abc import Iterator

COLUMNS = (
    "pair_id", "person_id", "trigger_text", "response_text", "responded_at", "occurrence_guids", "context",
    "context_text",
)  # fmt: skip
"""What of ``pairs`` the proof needs."""
_CONTEXTS_AT_A_TIME = 10_000
"""As Python objects the contexts of a long history would not fit into memory."""


def leaks(pairs: pd.DataFrame, splits: pd.DataFrame) -> list[str]:
    """What leaks between the sides, a sentence for each kind; empty: nothing."""
    if broken := list(_rows(pairs, splits)):
        return broken
    return [*_near_duplicates(pairs, splits), *_people(pairs, splits), *_time(pairs, splits), *_contexts(pairs, splits)]


def _rows(pairs: pd.DataFrame, splits: pd.DataFrame) -> Iterator[str]:
    for name, table in (("pairs", pairs), ("splits", splits)):
        if repeated := int(table["pair_id"].duplicated().sum()):
            yield f"{repeated} keys stand on more than one row of the {name}."
    without = len(set(pairs["pair_id"]) ^ set(splits["pair_id"]))
    if without:
        yield f"{without} keys are in the pairs or in the splits alone."


def _near_duplicates(pairs: pd.DataFrame, splits: pd.DataFrame) -> Iterator[str]:
    later, earlier = nearly_repeated(pairs, said(pairs))
    for strategy in STRATEGIES:
        side = sides_of(pairs, splits, strategy).to_numpy(dtype=object)
        placed = pd.notna(side[later]) & pd.notna(side[earlier])
        if crossing := int((placed & (side[later] != side[earlier])).sum()):
            yield f"{strategy}: {crossing} pairs nearly duplicate a pair of another side."


def _people(pairs: pd.DataFrame, splits: pd.DataFrame) -> Iterator[str]:
    side = sides_of(pairs, splits, "split_contact")
    held_out = (side == "holdout")[side.notna()]
    if crossing := int((held_out.groupby(pairs["person_id"]).nunique() > 1).sum()):
        yield f"split_contact: {crossing} people stand on both sides."


def _time(pairs: pd.DataFrame, splits: pd.DataFrame) -> Iterator[str]:
    side = sides_of(pairs, splits, "split_time")
    held_out, learned = (pairs["responded_at"][side.isin(names)] for names in (("holdout",), LEARNED_FROM))
    if len(held_out) and len(learned) and (early := int((held_out <= learned.max()).sum())):
        yield f"split_time: {early} replies of the holdout are no later than the last one of train."


def _contexts(pairs: pd.DataFrame, splits: pd.DataFrame) -> Iterator[str]:
    """What ``learnable`` hands out, held against the sides as they are written in the tables."""
    for strategy in STRATEGIES:
        side = sides_of(pairs, splits, strategy).to_numpy(dtype=object)
        unlearned = arrow_lists(pairs["occurrence_guids"][~np.isin(side, LEARNED_FROM)]).flatten()
        seen = learnable(pairs, splits, strategy=strategy)
        shown = unsaid = 0
        for start in range(0, len(seen), _CONTEXTS_AT_A_TIME):
            part = seen.iloc[start : start + _CONTEXTS_AT_A_TIME]
            contexts = arrow_lists(part["context"])
            guids, texts = (contexts.flatten().field(name) for name in ("guid", "text"))
            ends = np.cumsum(pc.list_value_length(contexts).to_numpy())
            found = np.flatnonzero(pc.is_in(guids, value_set=unlearned).to_numpy(zero_copy_only=False))
            shown += len(np.unique(np.searchsorted(ends, found, side="right")))
            unsaid += _not_as_listed(texts.to_pylist(), ends.tolist(), part["context_text"].tolist())
        if shown:
            yield f"{strategy}: {shown} contexts of train or dev show a holdout's response."
        if unsaid:
            yield f"{strategy}: the text of {unsaid} contexts of train or dev is not that of their messages."


def _not_as_listed(said: list[str], ends: list[int], texts: list[str]) -> int:
    """How many contexts' text forms do not say just what their messages say."""
    wrong = begin = 0
    for end, text in zip(ends, texts, strict=True):
        try:
            text_lines(said[begin:end], text)
        except ValueError:
            wrong += 1
        begin = end
    return wrong
