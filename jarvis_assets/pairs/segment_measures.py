"""How far a segmentation is from the true one: Pk and WindowDiff.

Both slide a window of k turns over a conversation and count the places where the two segmentations disagree about
what is inside: 0 is perfect, and no measure of agreement by chance is built in, so that a figure says little without
the baselines beside it. A near miss costs less than a miss; that is what they are for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def window(opens: NDArray[np.bool_]) -> int:
    """Half the mean length of the true segments (turns), at least 1: the usual k of both measures."""
    return max(1, round(len(opens) / max(1, int(opens[1:].sum()) + 1) / 2))


def pk(true: NDArray[np.bool_], found: NDArray[np.bool_], k: int | None = None) -> float:
    """Share of turns k apart of which only one segmentation says that they are in one segment.

    ``true`` and ``found`` [n]: whether each turn opens a segment; the first does in any case. NaN where n ≤ k. Beeferman,
    Berger and Lafferty (1999), Statistical Models for Text Segmentation.
    """
    between = _between(true, found, k)
    return float(((between[0] == 0) != (between[1] == 0)).mean()) if between.size else float("nan")


def window_diff(true: NDArray[np.bool_], found: NDArray[np.bool_], k: int | None = None) -> float:
    """Share of windows of k turns and the next in which the segmentations have different numbers of boundaries.

    As ``pk``, but false boundaries beside true ones count. Pevzner and Hearst (2002), A Critique and Improvement of an
    Evaluation Metric for Text Segmentation.
    """
    between = _between(true, found, k)
    return float((between[0] != between[1]).mean()) if between.size else float("nan")


def _between(true: NDArray[np.bool_], found: NDArray[np.bool_], k: int | None) -> NDArray[np.int64]:
    """Boundaries between each turn and the k-th after it, in both segmentations: [2, n − k]."""
    k = k or window(true)
    counted = np.cumsum(np.stack([true, found]), axis=1, dtype=np.int64)
    return np.asarray(counted[:, k:] - counted[:, : len(true) - k] if len(true) > k else counted[:, :0])
