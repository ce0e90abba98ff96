"""How good a head is, as rows of named measures.

Accuracy, macro-F1, expected calibration error and what abstention keeps, from probabilities of held-out rows. Nothing
is fitted here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jarvis_assets.evaluation.measures import ece


@dataclass(frozen=True)
class Measure:
    """One figure: which head, on which data, what, its value (a share, 0–1), on how many rows."""

    head: str
    data: str
    measure: str
    value: float
    rows: int


def measure(
    head: str, data: str, probabilities: np.ndarray, labels: np.ndarray, classes: Sequence[str]
) -> list[Measure]:
    """Accuracy, majority floor, macro-F1, ECE, and F1 of each class that occurs, of probabilities [n, c]."""
    chosen = probabilities.argmax(axis=1)
    right = chosen == labels
    present = np.unique(labels)
    f1 = {column: _f1(chosen == column, labels == column) for column in present}
    figures = {
        "accuracy": float(right.mean()),
        "majority_floor": float(np.bincount(labels).max() / len(labels)),
        "macro_f1": float(np.mean(list(f1.values()))),
        "ece": ece(probabilities.max(axis=1), right),
        **{f"f1_{classes[column]}": score for column, score in f1.items()},
    }
    return [Measure(head, data, name, value, len(labels)) for name, value in figures.items()]


def abstention(head: str, data: str, probabilities: np.ndarray, labels: np.ndarray, below: float) -> list[Measure]:
    """The share of rows at or above the threshold, and the accuracy of those."""
    kept = probabilities.max(axis=1) >= below
    right = (probabilities.argmax(axis=1) == labels)[kept]
    return [
        Measure(head, data, "kept_share", float(kept.mean()), len(labels)),
        Measure(head, data, "kept_accuracy", float(right.mean()) if kept.any() else 0.0, int(kept.sum())),
    ]


def _f1(chosen: np.ndarray, true: np.ndarray) -> float:
    """F1 of one class."""
    both = int((chosen & true).sum())
    return 2.0 * both / int(chosen.sum() + true.sum())
