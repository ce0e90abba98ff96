"""What an evaluation means for a release: publish, publish and warn, or keep the one there is.

A failed gate says that the new release would answer worse than what it replaces. It does not say that mining failed:
every table is there, the report is written, and the previous release goes on serving until a run passes or the owner
publishes by hand. The figures are made in ``holdout.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from jarvis_assets.evaluation.baselines import RETRIEVAL
from jarvis_assets.evaluation.holdout import AGAINST_PREVIOUS, LIFT
from jarvis_assets.pairs.review.quality import GoldState

if TYPE_CHECKING:
    import pandas as pd

TARGET_LIFT = 0.20
"""What retrieval should add to the best null baseline's top-5 match (relative), as the founding documents ask."""


@dataclass(frozen=True)
class Gate:
    """What an evaluation means for a release. See docs/measures.md, "When a run fails"."""

    verdict: Literal["pass", "warn", "fail"]
    reasons: tuple[str, ...]
    """One sentence each; empty only when everything passed."""


def gate(evaluation: pd.DataFrame, gold: GoldState | None = None) -> Gate:
    """Whether a release may follow from ``evaluation`` (table HOLDOUT_EVALUATION) and the reviewed ``gold`` pairs.

    fail: the whole interval says that retrieval matches less often than the previous release, or than the best null
    baseline, or that too few gold pairs are GOOD; the previous release should go on serving. warn: nothing was measured,
    the target (20 % above the best null baseline) is not shown by the whole interval, or that of the gold pairs is not.
    pass: they are, or nobody has reviewed.
    """
    failed: list[str] = []
    doubts: list[str] = []
    if gold is not None and gold.state in ("bad", "doubtful"):
        (failed if gold.state == "bad" else doubts).append(gold.sentence)
    by_measure = evaluation[evaluation["system"] == RETRIEVAL].set_index("measure")
    if LIFT not in by_measure.index or np.isnan(by_measure.loc[LIFT, "value"]):
        doubts.append("Top-5 retrieval was not measured against a null baseline.")
    elif by_measure.loc[LIFT, "high"] < 0:
        failed.append("Retrieval matches less often than replies that never look at the message.")
    elif not by_measure.loc[LIFT, "low"] >= TARGET_LIFT:
        doubts.append(
            f"It is not shown that retrieval matches {TARGET_LIFT:.0%} more often than the best null baseline."
        )
    if AGAINST_PREVIOUS in by_measure.index and by_measure.loc[AGAINST_PREVIOUS, "high"] < 0:
        failed.append("Retrieval matches less often than the previous release.")
    return Gate("fail" if failed else "warn" if doubts else "pass", (*failed, *doubts))
