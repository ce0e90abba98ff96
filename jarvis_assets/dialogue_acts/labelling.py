"""Labelling mined pairs with the trained model: what each side does, and which labels look wrong.

The labels come from the very model that serves; the table says in addition what the rules alone would say, where the
model abstained, and where similarity and type disagree. The topics are passed through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jarvis_resources.tables import DIALOGUE_ACTS
from jarvis_serving.understanding.response_types import is_valid
from jarvis_serving.understanding.structure import response_type

if TYPE_CHECKING:
    import pandas as pd

    from jarvis_serving.understanding.dialogue_acts import DialogueActModel

HIGH_QUANTILE, LOW_QUANTILE = 0.99, 0.05
"""Quantiles of the similarity of random (trigger, response) pairs beyond which two sides count as alike or unlike."""
MIN_PAIRS = 50
"""Pairs below which those quantiles mean nothing and nothing is flagged."""


def label_pairs(
    model: DialogueActModel, pairs: pd.DataFrame, vectors: np.ndarray, topics: pd.DataFrame
) -> pd.DataFrame:
    """DIALOGUE_ACTS of ``pairs``, whose row i has ``vectors`` [i] = (trigger, response) float16 [2, d].

    ``topics`` is RESPONSE_TOPICS by pair_id; a pair without a topic is noise.
    """
    trigger_texts, response_texts = pairs["trigger_text"].tolist(), pairs["response_text"].tolist()
    triggers = model.triggers(vectors[:, 0], trigger_texts)
    responses = model.responses(vectors[:, 1], response_texts, vectors[:, 0], trigger_texts)
    topic = topics.set_index("pair_id")[["cluster_id", "cluster_conf"]].reindex(pairs["pair_id"])
    frame = pairs[["pair_id"]].assign(
        trigger_da_type=triggers.types,
        trigger_da_conf=triggers.confidence,
        response_da_type=responses.types,
        response_da_conf=responses.confidence,
        abstained=responses.confidence < model.abstain_below,
        cluster_id=topic["cluster_id"].fillna(-1).to_numpy(np.int64),
        cluster_conf=topic["cluster_conf"].fillna(0.0).to_numpy(np.float64),
        structural_type=[response_type(text) for text in response_texts],
        mismatch=mismatches(vectors, triggers.types, responses.types),
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
