"""Labelling mined pairs with the trained model: what each side does, and which labels look wrong.

The labels come from the very model that serves; the table says in addition what the rules alone would say, where the
model abstained, and where similarity and type disagree. The topics are passed through.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jarvis_resources.tables import DIALOGUE_ACTS, RESPONSE_TYPES, TRIGGER_ACTS
from jarvis_serving.understanding.response_types import is_valid
from jarvis_serving.understanding.structure import response_type

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from jarvis_serving.understanding.dialogue_acts import DialogueActModel

HIGH_QUANTILE, LOW_QUANTILE = 0.99, 0.05
"""Quantiles of the similarity of random (trigger, response) pairs beyond which two sides count as alike or unlike."""
MIN_PAIRS = 50
"""Pairs below which those quantiles mean nothing and nothing is flagged."""


@dataclass(frozen=True)
class Said:
    """What the sides of pairs do, by row: positions in ``TRIGGER_ACTS`` and ``RESPONSE_TYPES``, and how surely.

    It depends on a pair's texts and vectors and on nothing else, so it is told once in a pair's life (``remembered``).
    """

    act: NDArray[np.int8]
    act_confidence: NDArray[np.float64]
    kind: NDArray[np.int8]
    kind_confidence: NDArray[np.float64]
    structural: NDArray[np.int8]
    """What the rules alone say; −1: nothing."""

    @classmethod
    def of(cls, model: DialogueActModel, pairs: pd.DataFrame, vectors: np.ndarray) -> Said:
        """What ``model`` says of ``pairs``, whose row i has ``vectors`` [i] = (trigger, response) float16 [2, d]."""
        acts = model.triggers(vectors[:, 0], pairs["trigger_text"].tolist())
        replies = pairs["response_text"].tolist()
        kinds = model.responses(vectors[:, 1], replies, vectors[:, 0], acts=acts)
        rules = [response_type(text) for text in replies]
        return cls(
            acts.probabilities.argmax(axis=1).astype(np.int8),
            acts.confidence,
            kinds.probabilities.argmax(axis=1).astype(np.int8),
            kinds.confidence,
            np.array([-1 if kind is None else RESPONSE_TYPES.index(kind) for kind in rules], np.int8),
        )


def label_pairs(
    model: DialogueActModel,
    pairs: pd.DataFrame,
    vectors: np.ndarray,
    topics: pd.DataFrame,
    said: Said | None = None,
) -> pd.DataFrame:
    """DIALOGUE_ACTS of ``pairs``, whose row i has ``vectors`` [i] = (trigger, response) float16 [2, d].

    ``topics`` is RESPONSE_TOPICS by pair_id; a pair without a topic is noise. ``said``: what the model says of them, where
    that is known.
    """
    said = said or Said.of(model, pairs, vectors)
    acts = [TRIGGER_ACTS[position] for position in said.act]
    kinds = [RESPONSE_TYPES[position] for position in said.kind]
    topic = topics.set_index("pair_id")[["cluster_id", "cluster_conf"]].reindex(pairs["pair_id"])
    frame = pairs[["pair_id"]].assign(
        trigger_da_type=acts,
        trigger_da_conf=said.act_confidence,
        response_da_type=kinds,
        response_da_conf=said.kind_confidence,
        abstained=said.kind_confidence < model.abstain_below,
        cluster_id=topic["cluster_id"].fillna(-1).to_numpy(np.int64),
        cluster_conf=topic["cluster_conf"].fillna(0.0).to_numpy(np.float64),
        structural_type=[None if position < 0 else RESPONSE_TYPES[position] for position in said.structural],
        mismatch=mismatches(vectors, acts, kinds),
    )
    return DIALOGUE_ACTS.conform(frame)


def mismatches(vectors: np.ndarray, acts: list[str], types: list[str]) -> list[str | None]:
    """Where similarity and type disagree: similar sides with a type that does not answer the act, or unlike sides."""
    if len(acts) < MIN_PAIRS:
        return [None] * len(acts)
    triggers, replies = vectors[:, 0].astype(np.float32), vectors[:, 1].astype(np.float32)
    similarity = np.einsum("nd,nd->n", triggers, replies)
    # Each trigger with the reply of the pair half a table away: random pairs without a random number.
    chance = np.einsum("nd,nd->n", triggers, np.roll(replies, len(acts) // 2, axis=0))
    high, low = np.quantile(chance, [HIGH_QUANTILE, LOW_QUANTILE])
    answers = np.array([is_valid(act, kind) for act, kind in zip(acts, types, strict=True)])
    return [
        "bad_pair" if value < low else "mislabelled" if value > high and not fits else None
        for value, fits in zip(similarity, answers, strict=True)
    ]
