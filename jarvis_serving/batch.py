"""Answers to many messages at once, by the very code that answers one: what the evaluation measures.

Which rows may be learned from and which are asked is the caller's business; what an answer is worth is measured in
``jarvis_assets.evaluation``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jarvis_serving import options
from jarvis_serving.one_thread import one_thread
from jarvis_serving.options import Act
from jarvis_serving.retrieval import Candidates, Retriever
from jarvis_serving.understanding.response_types import is_plan_question

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jarvis_serving.bank import Bank
    from jarvis_serving.calibration import Calibration
    from jarvis_serving.understanding.dialogue_acts import DialogueActModel, Labels

_AT_ONCE = 512
"""Messages whose candidates are held in memory together: some hundred megabytes at most."""


@dataclass(frozen=True)
class BatchAnswers:
    """Answers to the messages asked, in their order.

    ``ranked``: up to five replies, best first; ``options``: the up to three that would be shown, empty where the route
    is SKIP; ``scores`` float64 [n]: calibrated precision of the best option (NaN: no candidate).
    """

    ranked: list[list[str]]
    options: list[list[str]]
    scores: NDArray[np.float64]


@one_thread()
def batch_answers(
    bank: Bank,
    calibration: Calibration,
    rows: Sequence[int] | NDArray[np.int64],
    allowed: NDArray[np.bool_] | None = None,
    *,
    guarded: bool = True,
) -> BatchAnswers:
    """Answers to the triggers of ``rows`` of ``bank``, knowing only the rows ``allowed`` (bool [n]).

    ``guarded`` False leaves the leak guard out: only to measure what it costs.
    """
    asked = np.asarray(rows, np.int64)
    return answers_to(
        bank if allowed is None else bank.restricted(allowed),
        calibration,
        bank.pairs["trigger_text"].iloc[asked].tolist(),
        bank.vectors[asked, 0],
        bank.pairs["person_id"].iloc[asked].tolist(),
        guarded=guarded,
    )


@one_thread()
def answers_to(
    known: Bank,
    calibration: Calibration,
    texts: Sequence[str],
    vectors: NDArray[np.float16] | NDArray[np.float32],
    person_ids: Sequence[str | None],
    *,
    guarded: bool = True,
) -> BatchAnswers:
    """What ``known`` answers to ``texts`` with their ``vectors`` [n, d], each from the person of ``person_ids``."""
    retriever = Retriever(known, known.guard if guarded else None)
    ranked: list[list[str]] = []
    shown: list[list[str]] = []
    scores = np.full(len(texts), np.nan)
    for start in range(0, len(texts), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        block = vectors[part].astype(np.float32)
        labels = known.acts.triggers(block, texts[part])
        found = retriever.retrieve(block, person_ids[part], labels.probabilities)
        for offset, candidates in enumerate(found):
            act = act_of(known.acts, labels, offset, texts[start + offset])
            chosen = options.choose(candidates, known.replies.texts, act, calibration)
            best = best_precision(candidates, chosen, calibration)
            scores[start + offset] = best
            ranked.append([known.replies.texts[candidates.replies[i]] for i in chosen.ranked])
            keep = chosen.options if best >= calibration.generate_bar else []
            shown.append([known.replies.texts[candidates.replies[i]] for i in keep])
    return BatchAnswers(ranked, shown, scores)


def act_of(model: DialogueActModel, labels: Labels, position: int, text: str) -> Act:
    """The act at ``position`` of ``labels``, with what may be leaned on."""
    name, confidence = labels.types[position], float(labels.confidence[position])
    sure = confidence >= model.trigger_abstain_below
    return Act(name, confidence, sure, is_plan=name == "WH_QUESTION" and is_plan_question(text))


def best_precision(candidates: Candidates, chosen: options.Chosen, calibration: Calibration) -> float:
    """Calibrated precision of the surest option; NaN where there is none."""
    if not chosen.options:
        return float("nan")
    return float(calibration.precision(chosen.scores[chosen.options]).max())
