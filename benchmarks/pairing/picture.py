"""The picture: precision against coverage, and reliability, direct chats above groups. It shows no text."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jarvis_assets.evaluation.measures import reliability
from jarvis_assets.evaluation.plots import ACCENT, INK, MINE, RULE, SOFT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

DPI = 130
FEWEST_PAIRS = 10
"""Fewer pairs make no point of the curve: one wrong among three would draw a cliff."""


@dataclass(frozen=True)
class Place:
    """What is drawn of one kind of conversation."""

    name: str
    curve: NDArray[np.float64]
    """[points, 2]: coverage and precision as the threshold falls."""
    threshold: float
    chosen: tuple[float, float]
    """Coverage and precision of the pairs kept."""
    baselines: dict[str, tuple[float, float]]
    confidence: NDArray[np.float64]
    """Of every link whose truth is known, and whether it is right."""
    right: NDArray[np.bool_]
    ece: float


def curve(
    confidence: NDArray[np.float64],
    known: NDArray[np.bool_],
    right: NDArray[np.bool_],
    sureness: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Coverage and precision [points, 2] as the threshold falls from the surest link to the least sure.

    ``confidence``, ``known`` and ``right`` [links]; ``sureness`` [true replies]: confidence of the surest right pair of
    each, NaN where it has none.
    """
    order = np.argsort(-confidence, kind="stable")
    order = order[known[order]]
    precision = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    met = np.sort(sureness[~np.isnan(sureness)])
    coverage = (len(met) - np.searchsorted(met, confidence[order])) / max(len(sureness), 1)
    # Links of one confidence come and go together.
    last = np.append(np.diff(confidence[order]) != 0, True)[: len(order)]
    last &= np.arange(len(order)) + 1 >= FEWEST_PAIRS
    return np.column_stack([coverage[last], precision[last]])


def draw(places: list[Place]) -> bytes:
    """PNG bytes."""
    from matplotlib.figure import Figure

    canvas = Figure(figsize=(8.6, 3.5 * len(places)), layout="constrained", facecolor="white")
    grid = canvas.subplots(len(places), 2, squeeze=False)
    for (left, right), place in zip(grid, places, strict=True):
        _trade(left, place)
        _reliability(right, place)
    sink = io.BytesIO()
    canvas.savefig(sink, format="png", dpi=DPI, metadata={"Software": None})
    return sink.getvalue()


def _trade(axes: Axes, place: Place) -> None:
    _style(axes, f"{place.name}: precision and coverage", "coverage (right pair among my true replies)", "precision")
    axes.plot(*place.curve.T, color=MINE, linewidth=1.6, label="JARVIS, as the threshold falls")
    axes.plot(
        *place.chosen, "o", color=ACCENT, markersize=8, label=f"JARVIS, threshold {place.threshold:.2f}", zorder=3
    )
    # The same point twice, as groups have it, shows as a cross in a square.
    for marker, (name, point) in zip("sx", place.baselines.items(), strict=True):
        axes.plot(*point, marker, color=INK, fillstyle="none", markersize=7, linestyle="none", label=name, zorder=3)
    lowest = min(place.curve[:, 1].min(initial=1), *(point[1] for point in place.baselines.values()))
    axes.set(xlim=(-0.02, 1.02), ylim=(max(0, np.floor(10 * lowest) / 10 - 0.1), 1.01))
    # Under the axes, so that no point is taken for one of its signs.
    legend = axes.legend(
        loc="upper center", bbox_to_anchor=(0.46, -0.13), ncols=2, columnspacing=1, handletextpad=0.5, fontsize=7, frameon=False
    )  # fmt: skip
    for text in legend.get_texts():
        text.set_color(SOFT)


def _reliability(axes: Axes, place: Place) -> None:
    _style(axes, f"{place.name}: reliability, ECE {place.ece:.3f}", "confidence", "share right")
    axes.plot([0, 1], [0, 1], color=SOFT, linestyle=(0, (4, 3)), linewidth=1)
    predicted, observed, count = np.array(reliability(place.confidence, place.right), np.float64).reshape(-1, 3).T
    error = 1.96 * np.sqrt(observed * (1 - observed) / count)
    low, high = np.clip(observed - error, 0, 1), np.clip(observed + error, 0, 1)
    axes.vlines(predicted, low, high, color=MINE, alpha=0.35, lw=2)
    axes.plot(predicted, observed, color=MINE, marker="o", markersize=4, linewidth=1.4)
    axes.axvline(place.threshold, color=ACCENT, linewidth=1)
    axes.set(xlim=(0, 1.02), ylim=(0, 1.03))


def _style(axes: Axes, title: str, across: str, up: str) -> None:
    axes.set_title(title, loc="left", fontsize=9.5, color=INK)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(RULE)
    axes.tick_params(colors=SOFT, labelsize=8, length=0)
    axes.set_xlabel(across, color=SOFT, fontsize=8.5)
    axes.set_ylabel(up, color=SOFT, fontsize=8.5)
    axes.grid(visible=True, color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)
