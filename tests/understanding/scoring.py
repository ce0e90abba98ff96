"""Macro-F1 and the majority floor of a labeller on labelled examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence


def macro_f1(true: Sequence[str], found: Sequence[str]) -> float:
    """Mean F1 over the true labels."""
    scores = []
    for label in sorted(set(true)):
        both = sum(t == f == label for t, f in zip(true, found, strict=True))
        scores.append(2 * both / (list(true).count(label) + list(found).count(label)))
    return sum(scores) / len(scores)


def majority_floor(true: Sequence[str]) -> float:
    """Macro-F1 of always saying the commonest label."""
    return macro_f1(true, [Counter(true).most_common(1)[0][0]] * len(true))
