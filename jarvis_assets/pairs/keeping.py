"""From the pairs found to the pairs learned from: filtered, merged, weighed; every row that goes has a named reason.

The order matters. Rows unfit by what they say or who said it go first, so that a bank's "ok, thanks" never stands for a
friend's. Coherence is weighed last and for all occurrences together, because its floor moves a little with each mining:
a pair may come or go by it, but which row stands for it does not change.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from jarvis_assets.pairs import dedupe, filters
from jarvis_assets.pairs.coherence import Floors

INCOHERENT = "incoherent"
MERGED = (dedupe.REPEATS, dedupe.NEARLY_REPEATS)
"""Reasons that lose nothing: the pair stays, and counts one occurrence more."""


@dataclass(frozen=True)
class Kept:
    """The table ``pairs``, and why each found row has no row of its own there.

    ``reason`` [n]: for the gold pairs, then the semantic ones; null: it has.
    """

    pairs: pd.DataFrame
    reason: pd.Series[str]

    @property
    def drops(self) -> dict[str, int]:
        """Rows by reason, most first."""
        return {str(reason): int(count) for reason, count in self.reason.value_counts().items()}

    @property
    def filtered_share(self) -> float:
        """Share of the found rows that the filters dropped; a merged row is not dropped."""
        lost = sum(count for reason, count in self.drops.items() if reason not in MERGED)
        return lost / len(self.reason) if len(self.reason) else 0.0


def keep(gold: pd.DataFrame, semantic: pd.DataFrame, people: pd.DataFrame, floors: Floors) -> Kept:
    """What is worth learning from among the pairs found."""
    found = pd.concat([gold, semantic], ignore_index=True)
    reason = filters.unfit(found, people)
    fit = np.flatnonzero(reason.isna())
    merged = dedupe.merge(found.iloc[fit])
    margin = np.full(len(merged.pairs), -np.inf)
    np.maximum.at(margin, merged.stands_for, floors.margin(found.iloc[fit]))
    coherent = margin >= 0.0
    reason.iloc[fit] = merged.reason.where(coherent[merged.stands_for], INCOHERENT)
    return Kept(merged.pairs[coherent].reset_index(drop=True), reason)
