"""Which pairs a reviewer is shown, and in which order.

Pairs are drawn by stratum, source and confidence band, so that rare and doubtful ones are seen too; ``quality``
weighs them back. The order is shuffled, and a fifth comes twice, far apart, to see whether the reviewer agrees with
themselves. The same seed, pairs and verdicts give the same sample.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from jarvis_assets.pairs.review.verdicts import OWNER

if TYPE_CHECKING:
    from numpy.typing import NDArray

PAIRS_SHOWN = 50
"""Pairs of one review: the founding documents' "50 items, not 500"."""
SHOWN_TWICE = 0.2
"""Share of the pairs that is shown a second time."""
SECOND_OPINION = 0.2
"""Share of the owner's pairs that another reviewer judges too, as the founding documents ask."""
BAND_EDGES = (0.70, 0.85, 0.90, 0.95)
"""Confidence at which a new band begins; gold pairs fill the upper three, 0.95 is a gold pair without a doubt."""
BANDS = ("below 0.70", "0.70–0.85", "0.85–0.90", "0.90–0.95", "0.95 and above")


def band_of(confidence: pd.Series[float]) -> pd.Series[str]:
    """The confidence band of each value."""
    # Calibration leaves 0.95 as 0.9499999…: rounded, it is where it belongs.
    number = np.searchsorted(BAND_EDGES, confidence.round(6).to_numpy(), side="right")
    return pd.Series(np.asarray(BANDS, dtype=object)[number], index=confidence.index, dtype="str")


def stratified(pairs: pd.DataFrame, reviewed: pd.Series[str], *, count: int, seed: int) -> pd.DataFrame:
    """About ``count`` of ``pairs`` (pair_id, source, confidence), from every stratum; all of them when they are fewer.

    A stratum's share goes with the square root of its size (Bankier's power allocation, 1988): between the same for
    each, which would tell little of the whole, and shares by size, which would tell nothing of the rare. Pairs not in
    ``reviewed`` (pair_ids) come first.
    """
    done = pairs["pair_id"].isin(reviewed)
    new = _by_stratum(pairs[~done], count, seed)
    return pd.concat([new, _by_stratum(pairs[done], count - len(new), seed)], ignore_index=True)


def simple(pairs: pd.DataFrame, reviewed: pd.Series[str], *, count: int, seed: int) -> pd.DataFrame:
    """``count`` of ``pairs`` at random, those not in ``reviewed`` (pair_ids) first."""
    return _drawn(pairs, reviewed, seed).head(count).reset_index(drop=True)


def second_opinion(
    pairs: pd.DataFrame, verdicts: pd.DataFrame, reviewer: str, *, count: int, seed: int
) -> pd.DataFrame:
    """What ``reviewer`` has still to judge of the fifth of the owner's reviewed ``pairs``; at most ``count``."""
    by_owner = pairs[pairs["pair_id"].isin(verdicts.loc[verdicts["reviewer"] == OWNER, "pair_id"])]
    done = by_owner["pair_id"].isin(verdicts.loc[verdicts["reviewer"] == reviewer, "pair_id"])
    wanted = math.ceil(SECOND_OPINION * len(by_owner)) - int(done.sum())
    return simple(by_owner[~done], by_owner["pair_id"].iloc[:0], count=min(max(wanted, 0), count), seed=seed)


def in_order(sample: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """``sample`` as it is shown: shuffled, a fifth of it twice, at least two fifths of the sample apart."""
    n = len(sample)
    order = np.random.default_rng(seed).permutation(n)
    third, twice = n // 3, round(SHOWN_TWICE * n)
    tail = np.concatenate([order[n - third :], order[:twice]])
    shuffled = np.random.default_rng(seed + 1).permutation(tail)
    return sample.iloc[np.concatenate([order[: n - third], shuffled])].reset_index(drop=True)


def _by_stratum(pairs: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
    ordered = _drawn(pairs, pairs["pair_id"].iloc[:0], seed)
    stratum = ordered["source"] + " " + band_of(ordered["confidence"])
    sizes = stratum.value_counts().sort_index()
    taken = _allocated(sizes.to_numpy(), min(count, len(pairs)))
    most = pd.Series(taken, index=sizes.index).reindex(stratum).to_numpy()
    return ordered[ordered.groupby(stratum).cumcount().to_numpy() < most]


def _drawn(pairs: pd.DataFrame, reviewed: pd.Series[str], seed: int) -> pd.DataFrame:
    """``pairs`` in random order, those not ``reviewed`` first; whatever order they came in."""
    ordered = pairs.sort_values("pair_id", ignore_index=True)
    drawn = ordered.iloc[np.random.default_rng(seed).permutation(len(ordered))]
    return drawn.iloc[np.argsort(drawn["pair_id"].isin(reviewed).to_numpy(), kind="stable")]


def _allocated(sizes: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """``count`` (at most all) over strata of ``sizes``, by the root of their sizes, none over its size."""
    taken = np.zeros(len(sizes), dtype=np.int64)
    shares = np.sqrt(sizes)
    # One at a time to whoever is furthest behind their share (Webster's rule): tens of pairs, a handful of strata.
    for _ in range(count):
        behind = np.where(taken < sizes, shares / (2 * taken + 1), -1.0)
        taken[int(behind.argmax())] += 1
    return taken
