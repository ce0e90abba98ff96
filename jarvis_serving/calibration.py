"""What was learned on dev and travels with a release: the ranker, the bars, and how far a score can be believed.

Numbers only, stored as JSON. They are fitted in ``jarvis_assets.evaluation.calibration`` and nowhere else; what is done
with them is decided in ``options`` and ``router``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jarvis_resources.errors import ReleaseError
from jarvis_serving.retrieval import FEATURES

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FILE = "calibration.json"
NEVER = 2.0
"""A bar that no probability reaches."""
_UNTRAINED = {"mapped": 4.0, "consensus": 4.0, "vote": 0.5, "type": 0.5, "uses": 0.2, "people": 0.2, "length_gap": -0.2}
"""Weights where there were too few dev pairs to learn any: agreement with the nearest replies and the map first."""


@dataclass(frozen=True)
class Ranker:
    """Log-odds that a reply matches the real one: ``(features − mean) / scale · weights + bias``."""

    weights: tuple[float, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    bias: float

    def score(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scores of candidates: float32 [c, len(FEATURES)] → float32 [c]."""
        slope = np.asarray(self.weights, np.float32) / np.asarray(self.scale, np.float32)
        offset = self.bias - float(slope @ np.asarray(self.mean, np.float32))
        return np.asarray(features @ slope + offset, np.float32)


@dataclass(frozen=True)
class Calibration:
    """Everything fitted on dev.

    ``temperature``: of the softmax over scores when options are chosen as a set. ``scores`` and ``precisions``: points
    of the monotone curve from score to the observed precision. ``match_threshold``: cosine from which a reply counts as
    matching the real one. ``reliability``: (predicted, observed, n) per bin, cross-fitted. ``measured``: what dev said,
    by name, for the report. ``dev_pairs`` 0: nothing was fitted, the bars keep every answer from being a TEMPLATE.
    """

    ranker: Ranker
    temperature: float
    scores: tuple[float, ...]
    precisions: tuple[float, ...]
    match_threshold: float
    template_bar: float
    generate_bar: float
    dev_pairs: int = 0
    reliability: tuple[tuple[float, float, int], ...] = ()
    measured: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def untrained(cls, dev_pairs: int = 0) -> Calibration:
        """The calibration of a history with too few dev pairs: nothing is sure, everything is a suggestion."""
        weights = tuple(_UNTRAINED.get(name, 0.0) for name in FEATURES)
        ranker = Ranker(weights, (0.0,) * len(FEATURES), (1.0,) * len(FEATURES), 0.0)
        return cls(ranker, 1.0, (0.0, 1.0), (0.0, 0.0), 0.35, NEVER, 0.0, dev_pairs)

    def precision(self, scores: NDArray[np.float32]) -> NDArray[np.float64]:
        """Calibrated probability that a reply with each of ``scores`` matches the real one."""
        return np.asarray(np.interp(scores, self.scores, self.precisions), np.float64)

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON numbers, with the names of the features."""
        return {"features": list(FEATURES), **asdict(self)}

    def save(self, folder: Path) -> None:
        """Write ``calibration.json`` into ``folder``."""
        (folder / _FILE).write_text(json.dumps(self.to_json(), indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Calibration:
        """What ``save`` wrote into ``folder``; raises ``ReleaseError`` when it is missing or damaged."""
        try:
            stored = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise ReleaseError("The calibration of this release is damaged; run `jarvis mine` again.") from error
        return cls.from_json(stored)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Calibration:
        """What ``to_json`` gave; raises ``ReleaseError`` when it is damaged or was made for other features."""
        try:
            if tuple(stored["features"]) != FEATURES:
                raise ReleaseError("The calibration was made by another version of JARVIS; run `jarvis mine` again.")
            ranker = stored["ranker"]
            return cls(
                ranker=Ranker(
                    tuple(map(float, ranker["weights"])),
                    tuple(map(float, ranker["mean"])),
                    tuple(map(float, ranker["scale"])),
                    float(ranker["bias"]),
                ),
                temperature=float(stored["temperature"]),
                scores=tuple(map(float, stored["scores"])),
                precisions=tuple(map(float, stored["precisions"])),
                match_threshold=float(stored["match_threshold"]),
                template_bar=float(stored["template_bar"]),
                generate_bar=float(stored["generate_bar"]),
                dev_pairs=int(stored["dev_pairs"]),
                reliability=tuple((float(a), float(b), int(n)) for a, b, n in stored["reliability"]),
                measured={str(name): float(value) for name, value in stored["measured"].items()},
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ReleaseError("The calibration of this release is damaged; run `jarvis mine` again.") from error
