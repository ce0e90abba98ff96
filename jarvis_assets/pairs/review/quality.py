"""What the owner's verdicts say about the pairs: the share that is GOOD, with its interval.

The share is of the decided verdicts (GOOD and BAD); AMBIGUOUS is counted beside it. A sample by strata is weighed back
to the pairs there are now. Agreement is measured in ``agreement``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from jarvis_assets.pairs.review.sample import BANDS, band_of

Z95 = 1.959963984540054
"""Normal quantile of a two-sided 95 % interval."""
GOLD_TARGET = 0.85
"""Share of GOOD among gold pairs that the founding documents ask for before anything is built on them."""
FEWEST_TO_BLOCK = 10
"""Decided verdicts on gold pairs below which a release is not held back: a single BAD has an interval (0 to 0.79) that
lies below the target, and a true 85 % gives it every seventh time."""
MOST_GONE = 0.2
"""Share of the owner's verdicts on gold pairs that may be on pairs no longer there. Where a new mining pairs otherwise,
the pairs that were BAD go and those that were GOOD stay, so that the old verdicts flatter the new pairs."""


@dataclass(frozen=True)
class Quality:
    """Verdicts on some of the pairs, and what they say about all of these."""

    good: int = 0
    bad: int = 0
    ambiguous: int = 0
    share: float | None = None
    """GOOD among the decided, weighed back to the pairs there are; None: nothing decided."""
    low: float | None = None
    high: float | None = None
    """Ends of the 95 % Wilson interval of ``share``."""
    covered: float = 0.0
    """Share of the pairs in strata of which at least one was decided: the others are not spoken for."""

    @property
    def decided(self) -> int:
        """GOOD and BAD together."""
        return self.good + self.bad


@dataclass(frozen=True)
class GoldState:
    """What the reviewed gold pairs mean for a release."""

    state: Literal["not reviewed", "good", "doubtful", "bad"]
    sentence: str


@dataclass(frozen=True)
class Judged:
    """Verdicts on pairs that are there, one row a pair: ``verdict`` and ``stratum``; and how many pairs each holds."""

    verdicts: pd.DataFrame
    strata: pd.Series[int]
    """Pairs by stratum, which is named by source and band; in that order."""

    def part(self, name: str) -> Judged:
        """Those in the strata whose name begins with ``name``."""
        inside = self.strata.index.str.startswith(name)
        verdicts = self.verdicts[self.verdicts["stratum"].str.startswith(name)]
        return Judged(verdicts, self.strata[inside])


def judged(verdicts: pd.DataFrame, pairs: pd.DataFrame) -> Judged:
    """``verdicts`` (one row a pair) on ``pairs`` (pair_id, source, confidence); those on others are left out."""
    band = band_of(pairs["confidence"])
    sizes = pairs.groupby([pairs["source"], band]).size()
    order = sorted(sizes.index, key=lambda stratum: (stratum[0], BANDS.index(stratum[1])))
    names: pd.Index[str] = pd.Index([f"{source} {band}" for source, band in order], dtype="str")
    strata = pd.Series([int(sizes[stratum]) for stratum in order], index=names, dtype="int64")
    # Looked up from the side of the pairs: each search among many pairs would take as long as all of them together.
    there = pairs[pairs["pair_id"].isin(verdicts["pair_id"])]
    stratum = (there["source"] + " " + band_of(there["confidence"])).set_axis(there["pair_id"])
    known = verdicts[verdicts["pair_id"].isin(there["pair_id"])]
    of_verdict = pd.Series(stratum.reindex(known["pair_id"]).to_numpy(), index=known.index, dtype="str")
    return Judged(known.assign(stratum=of_verdict), strata)


def quality(found: Judged) -> Quality:
    """What the verdicts say of all pairs in these strata.

    Each verdict stands for its stratum's pairs divided by its decided verdicts. The interval is Wilson's (1927), with
    Kish's effective size (1965) in the place of the number of verdicts.
    """
    counts = {name: int((found.verdicts["verdict"] == name).sum()) for name in ("GOOD", "BAD", "AMBIGUOUS")}
    decided = found.verdicts[found.verdicts["verdict"] != "AMBIGUOUS"]
    if decided.empty:
        return Quality(ambiguous=counts["AMBIGUOUS"])
    seen = decided["stratum"].value_counts()
    weight = decided["stratum"].map(found.strata / seen)
    share = float(weight[decided["verdict"] == "GOOD"].sum() / weight.sum())
    low, high = wilson(share, float(weight.sum() ** 2 / (weight**2).sum()))
    covered = float(found.strata[seen.index].sum() / found.strata.sum())
    return Quality(counts["GOOD"], counts["BAD"], counts["AMBIGUOUS"], share, low, high, covered)


def wilson(share: float, n: float) -> tuple[float, float]:
    """The 95 % score interval of a share seen in ``n`` > 0 draws (Wilson 1927, JASA 22:209-212)."""
    spread = Z95**2 / n
    middle = (share + spread / 2) / (1 + spread)
    half = Z95 * math.sqrt(share * (1 - share) / n + spread / (4 * n)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def gold_state(gold: Quality, gone: float = 0.0) -> GoldState:
    """What ``gold`` means for a release; ``gone``: share of the verdicts on gold pairs that are no longer there."""
    if gold.share is None or gold.low is None or gold.high is None:
        return GoldState("not reviewed", "not reviewed")
    found = f"Of the reviewed gold pairs {gold.share:.0%} are GOOD ({gold.low:.0%} to {gold.high:.0%})"
    if gold.high < GOLD_TARGET and gold.decided >= FEWEST_TO_BLOCK:
        return GoldState("bad", f"{found}: all of it below {GOLD_TARGET:.0%}.")
    if gone > MOST_GONE:
        return GoldState(
            "doubtful", f"{found}, but {gone:.0%} of the verdicts are on pairs that are gone; review again."
        )
    if gold.low < GOLD_TARGET:
        return GoldState("doubtful", f"{found}: not all of it reaches {GOLD_TARGET:.0%}; more verdicts would tell.")
    return GoldState("good", f"{found}.")
