"""Confidence after the owner's reviews: what the evidence said, corrected by what the verdicts say.

For each source apart, a logistic regression of GOOD on the logit of the run's own confidence, drawn to the identity by
a prior, so that few verdicts change little. Verdicts are on pairs of earlier runs; they are joined by the pair's key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jarvis_assets.pairs.review.verdicts import settled

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

FEWEST_VERDICTS = 30
"""Decided verdicts of a source from which its confidence is corrected: below, the interval of the share is wider than
the bounds of gold are apart."""
SHIFT_SPREAD = 1.0
"""Prior standard deviation of the shift (logits): 0.9 being 0.77 or 0.96 in truth would not surprise."""
SLOPE_SPREAD = 0.5
"""Prior standard deviation of the slope around 1: half or twice as telling would surprise a little."""
_SUREST = 1e-4
"""Confidence nearer to 0 or 1 than this has no usable logit."""


@dataclass(frozen=True)
class Calibrated:
    """Confidence [n] of a pairing step's pairs, and what it was corrected by."""

    confidence: NDArray[np.float64]
    verdicts: int
    """Decided verdicts of the owner on these pairs."""
    shift: float = 0.0
    """What was added to the logit of the mean reviewed confidence; 0: nothing."""
    slope: float = 1.0
    """Factor on the distance from it; 1: as it was."""

    @property
    def sentence(self) -> str:
        """What was done, in words."""
        if self.verdicts < FEWEST_VERDICTS:
            return f"from evidence alone: {self.verdicts} of {FEWEST_VERDICTS} decided verdicts"
        return f"corrected by {self.verdicts} verdicts: shift {self.shift:+.2f}, slope {self.slope:.2f}"


def calibrate(pairs: pd.DataFrame, verdicts: pd.DataFrame, *, bounds: tuple[float, float] = (0.0, 1.0)) -> Calibrated:
    """The confidence of ``pairs`` (pair_id, source, confidence; one source, in time order) after the owner's ``verdicts``.

    It stays within ``bounds`` and in the order that it had. ``verdicts`` is a GOLD_PAIR_REVIEW table of any source.
    """
    evidence = pairs["confidence"].to_numpy(np.float64)
    # Where a pair occurred several times, the first is what was shown.
    first = pairs.drop_duplicates("pair_id").set_index("pair_id")["confidence"]
    decided = settled(verdicts)
    # One key may stand among gold and semantic pairs: a verdict is on the one that was shown.
    of_source = decided["source"].isin(pairs["source"].unique())
    decided = decided[of_source & decided["verdict"].isin(("GOOD", "BAD")) & decided["pair_id"].isin(first.index)]
    if len(decided) < FEWEST_VERDICTS:
        return Calibrated(evidence, len(decided))
    reviewed = _logit(first[decided["pair_id"]].to_numpy(np.float64))
    middle = float(reviewed.mean())
    shift, slope = _fitted(reviewed - middle, middle, (decided["verdict"] == "GOOD").to_numpy())
    corrected = 1.0 / (1.0 + np.exp(-(middle + shift + slope * (_logit(evidence) - middle))))
    return Calibrated(np.clip(corrected, *bounds), len(decided), shift, slope)


def _fitted(apart: NDArray[np.float64], middle: float, good: NDArray[np.bool_]) -> tuple[float, float]:
    """The likeliest shift and slope (not below 0) of sigmoid(middle + shift + slope · apart), under the prior."""
    from scipy.optimize import minimize

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        shift, slope = parameters
        logits = middle + shift + slope * apart
        off = 1.0 / (1.0 + np.exp(-logits)) - good
        value = np.sum(np.logaddexp(0.0, logits) - good * logits)
        value += 0.5 * (shift / SHIFT_SPREAD) ** 2 + 0.5 * ((slope - 1.0) / SLOPE_SPREAD) ** 2
        gradient = [off.sum() + shift / SHIFT_SPREAD**2, (off * apart).sum() + (slope - 1.0) / SLOPE_SPREAD**2]
        return float(value), np.array(gradient)

    shift, slope = minimize(loss, np.array([0.0, 1.0]), jac=True, method="L-BFGS-B", bounds=[(None, None), (0, None)]).x
    return float(shift), float(slope)


def _logit(share: NDArray[np.float64]) -> NDArray[np.float64]:
    inside = np.clip(share, _SUREST, 1.0 - _SUREST)
    return np.asarray(np.log(inside) - np.log1p(-inside))
