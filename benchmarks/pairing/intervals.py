"""Figures with their intervals: 1,000 bootstrap resamples over conversations, not over pairs.

Pairs of one conversation are alike, so that resampling pairs would give intervals that are too narrow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from jarvis_assets.evaluation import measures

if TYPE_CHECKING:
    from numpy.typing import NDArray


DRAWS = 100
"""Draws behind ``sampling_noise``: its own error is then a hundredth of it."""


@dataclass(frozen=True)
class Figure:
    """A figure and its interval (95 %); NaN where there is nothing to count, or nothing to resample."""

    value: float
    low: float
    high: float

    def as_json(self) -> dict[str, float | None]:
        """The three numbers; null for NaN."""
        return {name: None if np.isnan(value) else float(value) for name, value in asdict(self).items()}

    def __str__(self) -> str:
        if np.isnan(self.value):
            return "–"
        between = "" if np.isnan(self.low) else f" [{self.low:.3f}, {self.high:.3f}]"
        return f"{self.value:.4f}{between}"


def figure(conversations: pd.Series[str], statistic: Callable[[NDArray[np.int64]], float]) -> Figure:
    """``statistic`` of all rows and its interval; it takes row numbers, in order, a row as often as it was drawn."""
    group, names = pd.factorize(conversations)
    rows = np.arange(len(group))
    value = statistic(rows)
    if len(names) < 2:
        return Figure(value, np.nan, np.nan)
    draw = np.random.default_rng(0)
    drawn = (
        np.bincount(draw.integers(len(names), size=len(names)), minlength=len(names)) for _ in range(measures.RESAMPLES)
    )
    values = np.array([statistic(np.repeat(rows, times[group])) for times in drawn])
    if np.isnan(values).all():
        return Figure(value, np.nan, np.nan)
    tail = 50 * (1 - measures.CONFIDENCE)
    low, high = np.nanpercentile(values, [tail, 100 - tail])
    return Figure(value, float(low), float(high))


def share(conversations: pd.Series[str], hit: NDArray[np.bool_], of: NDArray[np.bool_] | None = None) -> Figure:
    """The share of rows that are a ``hit``, among those of ``of`` (default: all)."""
    base = np.ones(len(hit), dtype=bool) if of is None else of

    def ratio(rows: NDArray[np.int64]) -> float:
        below = int(base[rows].sum())
        return float((hit & base)[rows].sum()) / below if below else float("nan")

    return figure(conversations, ratio)


def exactness(pairs: pd.DataFrame, replies: pd.DataFrame) -> tuple[Figure, Figure, Figure]:
    """Precision, recall and F1 from ``right`` of the pairs and ``found`` of the true replies, resampled together."""
    right, found = pairs["right"].to_numpy(dtype=float), replies["found"].to_numpy(dtype=float)
    counts = np.zeros((len(right) + len(found), 4))
    counts[: len(right), 0], counts[: len(right), 1] = right, 1
    counts[len(right) :, 2], counts[len(right) :, 3] = found, 1

    def f1(rows: NDArray[np.int64]) -> float:
        hits, made, met, asked = counts[rows].sum(axis=0)
        if not made or not asked:
            return float("nan")
        precision, recall = hits / made, met / asked
        return float(2 * precision * recall / (precision + recall)) if hits and met else 0.0

    both = pd.concat([pairs["conversation"], replies["conversation"]], ignore_index=True)
    return (
        share(pairs["conversation"], right > 0),
        share(replies["conversation"], found > 0),
        figure(both, f1),
    )


def sampling_noise(confidence: NDArray[np.float64]) -> float:
    """The calibration error that these confidences would show, on average, if every one of them were true.

    With few pairs a bin's share right is far from its confidence by chance alone.
    """
    draw = np.random.default_rng(0)
    return float(np.mean([measures.ece(confidence, draw.random(len(confidence)) < confidence) for _ in range(DRAWS)]))


def calibration(conversations: pd.Series[str], confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> Figure:
    """Expected calibration error (0–1), 15 equal-mass bins."""
    # Sorted once: a resample in order stays in order, which makes sorting it again cheap.
    order = np.argsort(confidence, kind="stable")
    p, y = confidence[order], right[order].astype(np.float64)
    return figure(conversations.iloc[order], lambda rows: measures.ece(p[rows], y[rows]))
