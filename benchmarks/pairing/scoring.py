"""The measures, from pairs and the truth: gold pairs, semantic pairs by place, their confidence, edited triggers.

``docs/measures.md`` says how each is defined. Coverage is of gold and semantic pairs together, for every system alike: an
unthreaded reply may share a burst with a threaded one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from benchmarks.pairing.intervals import calibration, exactness, sampling_noise, share
from benchmarks.pairing.picture import Place, curve
from jarvis_assets.evaluation import measures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.pairing.truth import Truth

SHARES = (0.10, 0.25, 0.50, 1.0)
PLACES = {"direct": False, "group": True}
ALWAYS = np.inf
"""Sureness of a gold pair: no threshold takes it away."""


@dataclass(frozen=True)
class Judged:
    """A system's semantic pairs, and what the truth says of them and of the replies that they should cover.

    Pairs whose response is not in the truth are left out.
    """

    confidence: NDArray[np.float64]
    marks: pd.DataFrame
    replies: pd.DataFrame

    @classmethod
    def of(cls, truth: Truth, gold: pd.DataFrame, semantic: pd.DataFrame) -> Judged:
        confidence = semantic["confidence"].to_numpy(dtype=np.float64)
        both = pd.concat([gold, semantic], ignore_index=True)
        sureness = np.concatenate([np.full(len(gold), ALWAYS), confidence])
        marks = truth.judge(semantic)
        there = marks["there"].to_numpy(dtype=bool)
        return cls(confidence[there], marks[there], truth.covered(both, sureness))

    def at(self, place: str | None) -> Judged:
        """What is of ``place`` (None: of both)."""
        if place is None:
            return self
        pairs, replies = (frame["group"] == PLACES[place] for frame in (self.marks, self.replies))
        return Judged(self.confidence[pairs.to_numpy()], self.marks[pairs], self.replies[replies])

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which pairs the truth can judge."""
        return np.asarray(self.marks["known"], dtype=bool)

    @property
    def right(self) -> NDArray[np.bool_]:
        """Which of them are right."""
        return np.asarray(self.marks["right"], dtype=bool)

    @property
    def unthreaded(self) -> pd.DataFrame:
        """My true replies outside of threads."""
        return self.replies[~self.replies["threaded"]]

    def figures(self) -> dict[str, Any]:
        """Pairs, how many of them the truth can judge, precision counting openers as wrong, coverage."""
        asked = self.unthreaded
        return {
            "pairs": len(self.marks),
            "known": int(self.known.sum()),
            "precision": share(self.marks["conversation"], self.right, self.known),
            "coverage": share(asked["conversation"], asked["sureness"].notna().to_numpy()),
        }

    def most_confident(self) -> dict[str, float]:
        """Precision among the most confident shares of the pairs."""
        order = np.argsort(-self.confidence, kind="stable")
        found = {}
        for part in SHARES:
            top = order[: max(1, int(len(order) * part))]
            known = self.known[top]
            found[f"{part:.0%}"] = float(self.right[top][known].mean()) if known.any() else float("nan")
        return found

    def calibration(self) -> dict[str, Any]:
        """ECE of the confidence over the pairs that the truth can judge, and what chance alone makes of it."""
        known = self.known
        return {
            "pairs": int(known.sum()),
            "error": calibration(self.marks["conversation"][known], self.confidence[known], self.right[known]),
            "by_chance_alone": sampling_noise(self.confidence[known]),
        }


def gold(truth: Truth, systems: dict[str, pd.DataFrame]) -> dict[str, dict[str, Any]]:
    """By system: pairs, exact precision, recall, F1."""
    return {
        name: {
            "pairs": len(pairs),
            **dict(zip(("precision", "recall", "f1"), exactness(*truth.gold(pairs)), strict=True)),
        }
        for name, pairs in systems.items()
    }


def edited(truth: Truth, pairs: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """How often the text of an edited trigger reads as it stood when I replied."""
    marks = truth.edited(pairs)
    later = marks[marks["later"]]
    return {
        name: {"pairs": len(rows), "exact": share(rows["conversation"], rows["exact"].to_numpy(dtype=bool))}
        for name, rows in (("all", marks), ("edited_after_reply", later))
    }


def place_of(name: str, kept: Judged, every: Judged, baselines: dict[str, Judged], threshold: float) -> Place:
    """What is drawn of one kind of conversation."""
    sureness = every.unthreaded["sureness"].to_numpy(dtype=np.float64)
    known = every.known
    return Place(
        name=name,
        curve=curve(every.confidence, known, every.right, sureness),
        threshold=threshold,
        chosen=_point(kept),
        baselines={label: _point(judged) for label, judged in baselines.items()},
        confidence=every.confidence[known],
        right=every.right[known],
        ece=measures.ece(every.confidence[known], every.right[known]),
    )


def _point(judged: Judged) -> tuple[float, float]:
    known = judged.known
    precision = float(judged.right[known].mean()) if known.any() else float("nan")
    return float(judged.unthreaded["sureness"].notna().mean()), precision
