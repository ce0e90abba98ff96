"""How good a set of replies is: the project's measures, each defined once.

The definitions are those of ``docs/measures.md``: ROUGE-3x, Self-ROUGE, reply similarity, semantic match at k, expected
calibration error, and the bootstrap interval over conversations that goes with each. Which systems are measured, and
on which messages, is the business of ``holdout.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np

from jarvis_assets.evaluation.rouge import Overlaps

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

RESAMPLES = 1_000
"""Bootstrap resamples (count)."""
CONFIDENCE = 0.95
"""Share of the resamples that an interval covers."""
ECE_BINS = 15
"""Equal-mass bins of the expected calibration error (count)."""
MATCH_PERCENTILE = 99.0
"""Percentile of random pairs that a semantic match exceeds: chance is 1 % per reply."""
IDENTICAL = 1 - 1e-4
"""Cosine from which two replies are one wording: float16 rounding stays within it."""
_RANDOM_PAIRS = 50_000
"""Random pairs behind the floor and the match threshold: the 99th percentile then rests on 500 of them."""


@dataclass(frozen=True)
class Interval:
    """A mean with its bootstrap interval; NaN where nothing was measured, or an end that cannot be known."""

    value: float
    low: float
    high: float
    count: int
    """Messages it was measured on."""


@dataclass(frozen=True)
class RandomPairs:
    """Similarity of replies that have nothing to do with each other."""

    floor: float
    """Mean cosine."""
    match_threshold: float
    """99th percentile, at most ``IDENTICAL``, so that the same wording always matches."""


def rouge_3x(options: Sequence[Sequence[str]], real: Sequence[str]) -> NDArray[np.float64]:
    """Best ROUGE-3x of each message's options against its real reply: float64 [n], 0–100; 0 where there is no option."""
    table = _OptionTable.of(options, real)
    best = np.zeros(len(real))
    np.maximum.at(best, table.message, table.overlaps.pairwise(table.row, table.first_real + table.message))
    return best


def self_rouge(options: Sequence[Sequence[str]]) -> NDArray[np.float64]:
    """Mean over a message's options of the best ROUGE-3x among its other options: float64 [n]; NaN below two options.

    Lower is more diverse: 100 says that the options are the same words.
    """
    table = _OptionTable.of(options)
    widest = int(table.place.max(initial=-1)) + 1
    grid = np.full((len(options), widest), -1, np.int64)
    grid[table.message, table.place] = table.row
    best = np.zeros(grid.shape)
    for one, other in permutations(range(widest), 2):
        both = (grid[:, one] >= 0) & (grid[:, other] >= 0)
        best[both, one] = np.maximum(best[both, one], table.overlaps.pairwise(grid[both, one], grid[both, other]))
    counts = (grid >= 0).sum(axis=1)
    return np.asarray(np.where(counts >= 2, best.sum(axis=1) / np.maximum(counts, 1), np.nan))


@dataclass(frozen=True)
class _OptionTable:
    """Options as flat arrays [options of all messages] over a table of distinct texts."""

    overlaps: Overlaps
    """Distinct options, then the real replies."""
    first_real: int
    row: NDArray[np.int64]
    message: NDArray[np.int64]
    place: NDArray[np.int64]

    @classmethod
    def of(cls, options: Sequence[Sequence[str]], real: Sequence[str] = ()) -> _OptionTable:
        known: dict[str, int] = {}
        row = [known.setdefault(text, len(known)) for texts in options for text in texts]
        lengths = np.array([len(texts) for texts in options], np.int64)
        message = np.repeat(np.arange(len(options)), lengths)
        place = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return cls(Overlaps([*known, *real]), len(known), np.array(row, np.int64), message, place)


def reply_similarity(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float64]:
    """Cosine of row i with row i of two arrays of unit rows [n, d]: float64 [n]."""
    return np.asarray(np.einsum("ij,ij->i", left, right, dtype=np.float64))


def random_pairs(left: NDArray[np.float32], right: NDArray[np.float32], *, seed: int = 0) -> RandomPairs:
    """Floor and match threshold from random rows of ``left`` [n, d] beside random rows of ``right`` [m, d].

    Raises ``ValueError`` when either is empty.
    """
    if not len(left) or not len(right):
        raise ValueError("random pairs need replies on both sides")
    draw = np.random.default_rng(seed)
    a, b = draw.integers(len(left), size=_RANDOM_PAIRS), draw.integers(len(right), size=_RANDOM_PAIRS)
    cosine = reply_similarity(left[a], right[b])
    return RandomPairs(float(cosine.mean()), min(float(np.percentile(cosine, MATCH_PERCENTILE)), IDENTICAL))


def semantic_match_at_k(similarity: NDArray[np.float64], threshold: float, k: int) -> NDArray[np.bool_]:
    """Whether one of the first ``k`` replies exceeds ``threshold``: bool [n] from cosines [n, ranks], NaN = no reply."""
    first = np.where(np.isnan(similarity[:, :k]), -np.inf, similarity[:, :k])
    return np.asarray((first > threshold).any(axis=1)) if first.shape[1] else np.zeros(len(similarity), np.bool_)


def reliability(predicted: ArrayLike, observed: ArrayLike, *, bins: int = ECE_BINS) -> list[tuple[float, float, int]]:
    """Reliability curve in equal-mass bins: (mean prediction, share observed, count) by rising prediction."""
    p, y = np.asarray(predicted, np.float64), np.asarray(observed, np.float64)
    order = np.argsort(p, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return [(float(p[part].mean()), float(y[part].mean()), len(part)) for part in parts]


def ece(predicted: ArrayLike, observed: ArrayLike, *, bins: int = ECE_BINS) -> float:
    """Expected calibration error (0–1) over equal-mass bins; NaN without predictions."""
    return curve_error(reliability(predicted, observed, bins=bins))


def curve_error(curve: Sequence[tuple[float, float, int]]) -> float:
    """Expected calibration error (0–1) of a reliability curve; NaN for an empty one."""
    total = sum(count for _, _, count in curve)
    return sum(count * abs(mean - share) for mean, share, count in curve) / total if total else float("nan")


class Bootstrap:
    """1,000 resamples of the conversations, drawn once, so that every measure and system sees the same ones.

    Messages of one conversation are alike, so resampling messages would give intervals that are too narrow.
    """

    def __init__(self, conversations: Sequence[str] | NDArray[np.object_], *, seed: int = 0) -> None:
        """``conversations``: the conversation of each message, in the order that values will have."""
        names, self._group = np.unique(np.asarray(conversations, dtype=object).astype(str), return_inverse=True)
        self._groups = len(names)
        draw = np.random.default_rng(seed)
        self._weights = np.zeros((RESAMPLES, self._groups), np.float32)
        # One row at a time: the draws of all resamples together would be the largest array of the evaluation.
        for row in self._weights if self._groups else ():
            row[:] = np.bincount(draw.integers(self._groups, size=self._groups), minlength=self._groups)

    def _sums(self, values: NDArray[np.float64], measured: NDArray[np.bool_]) -> NDArray[np.float64]:
        return np.asarray(np.bincount(self._group, np.where(measured, values, 0.0), self._groups), np.float64)

    def mean(self, values: ArrayLike) -> Interval:
        """Mean of ``values`` [messages] with its interval; NaN = not measured for that message.

        With fewer than two conversations there is nothing to resample: the ends are NaN.
        """
        array = np.asarray(values, np.float64)
        return self._interval(array, (~np.isnan(array)).astype(np.float64))

    def ratio(self, values: ArrayLike, base: ArrayLike) -> Interval:
        """Ratio of two means over the same messages (NaN in either: left out), resampled together."""
        above, below = np.asarray(values, np.float64), np.asarray(base, np.float64)
        both = ~np.isnan(above) & ~np.isnan(below)
        found = self._interval(np.where(both, above, np.nan), np.where(both, below, 0.0))
        return Interval(found.value, found.low, found.high, int(both.sum()))

    def _interval(self, above: NDArray[np.float64], below: NDArray[np.float64]) -> Interval:
        measured = ~np.isnan(above)
        count = int(measured.sum())
        top, bottom = self._sums(above, measured), self._sums(below, measured)
        if not count or bottom.sum() == 0:
            return Interval(np.nan, np.nan, np.nan, count)
        value = float(top.sum() / bottom.sum())
        if np.count_nonzero(np.bincount(self._group[measured], minlength=self._groups)) < 2:
            return Interval(value, np.nan, np.nan, count)
        resampled_bottom = self._weights @ bottom
        usable = resampled_bottom > 0
        means = (self._weights @ top)[usable] / resampled_bottom[usable]
        tail = 50 * (1 - CONFIDENCE)
        low, high = np.percentile(means, [tail, 100 - tail])
        return Interval(value, float(low), float(high), count)

    def correlation(self, left: ArrayLike, right: ArrayLike) -> Interval:
        """Pearson's r of two series over messages (NaN in either: left out), with its interval."""
        x, y = np.asarray(left, np.float64), np.asarray(right, np.float64)
        both = ~np.isnan(x) & ~np.isnan(y)
        count = int(both.sum())
        if count < 3 or np.ptp(x[both]) == 0 or np.ptp(y[both]) == 0:
            return Interval(np.nan, np.nan, np.nan, count)
        # Centring first keeps the moments small; r does not change.
        x, y = x - x[both].mean(), y - y[both].mean()
        moments = np.stack([self._sums(v, both) for v in (np.ones_like(x), x, y, x * y, x * x, y * y)], axis=1)
        value = float(_pearson(moments.sum(axis=0)[None])[0])
        if np.count_nonzero(moments[:, 0]) < 2:
            return Interval(value, np.nan, np.nan, count)
        resampled = _pearson(self._weights @ moments)
        tail = 50 * (1 - CONFIDENCE)
        low, high = np.nanpercentile(resampled, [tail, 100 - tail])
        return Interval(value, float(low), float(high), count)


def _pearson(moments: NDArray[np.float64]) -> NDArray[np.float64]:
    """r from rows of (n, Σx, Σy, Σxy, Σx², Σy²); NaN where a spread is nil."""
    n, x, y, xy, xx, yy = moments.T
    spread = (n * xx - x * x) * (n * yy - y * y)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(spread > 0, (n * xy - x * y) / np.sqrt(spread), np.nan))
