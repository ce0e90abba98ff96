"""What goes into a release: the bank of pairs with everything known of them, and the calibration beside it.

Evaluation assembles the same bank, so that what was measured is what is published.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jarvis_resources.errors import ReleaseError
from jarvis_serving.bank import Bank, shared_words
from jarvis_serving.understanding.dialogue_acts import DialogueActModel

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from jarvis_resources.settings import Settings
    from jarvis_resources.vector_index import VectorIndex


_COMPARED_ROWS = 2_000
"""Rows whose vectors are compared, evenly spread: a row that comes or goes moves all that follow."""


def assemble_bank(
    pairs: pd.DataFrame,
    pair_vectors: np.ndarray,
    trigger_index: VectorIndex,
    dialogue_acts: pd.DataFrame,
    response_topics: pd.DataFrame,
    dialogue_act_model: dict[str, Any],
    people: pd.DataFrame,
    contact_profiles: pd.DataFrame,
    settings: Settings,
    *,
    templates: pd.DataFrame | None = None,
    recent: pd.DataFrame | None = None,
) -> Bank:
    """The bank of ``pairs``: row i of the pairs, of ``pair_vectors`` [n, 2, d] and id i of ``trigger_index`` belong
    together; labels and topics are joined by pair_id."""
    from jarvis_resources import tables

    labels = dialogue_acts.merge(response_topics[["pair_id", "topic_name"]], on="pair_id", how="left", validate="1:1")
    labelled = pairs.merge(labels, on="pair_id", how="left", validate="1:1", sort=False)
    return Bank(
        labelled,
        pair_vectors,
        trigger_index,
        tables.REPLY_TEMPLATES.empty() if templates is None else templates,
        people,
        contact_profiles,
        DialogueActModel.from_json(dialogue_act_model),
        shared_words(pairs, settings.min_people),
        min_people=settings.min_people,
        recent=recent,
    )


def require_same_rows(index: VectorIndex, pair_vectors: np.ndarray, encoder: str) -> None:
    """Raise ``ReleaseError`` unless ``index`` holds the triggers of ``pair_vectors`` [n, 2, d], row by row."""
    import numpy as np

    rows = np.unique(np.linspace(0, len(pair_vectors) - 1, min(len(pair_vectors), _COMPARED_ROWS)).astype(np.int64))
    if index.size != len(pair_vectors) or not np.array_equal(
        index.vectors(rows).astype(np.float16), pair_vectors[rows, 0].astype(np.float16)
    ):
        raise ReleaseError(
            f"trigger_index belongs to other vectors than those of {encoder}; run `jarvis mine --encoder {encoder}` and "
            "publish again."
        )


def require_same_pairs(pairs: pd.DataFrame, labels: pd.DataFrame, encoder: str) -> None:
    """Raise ``ReleaseError`` unless the partition of ``encoder`` was made from these very pairs, in this order.

    Vectors and index know rows only: over other pairs they would rank one reply by another's vector.
    """
    if labels["pair_id"].tolist() != pairs["pair_id"].tolist():
        raise ReleaseError(
            f"The pairs have changed since {encoder} was mined; run `jarvis mine --encoder {encoder}` and publish again."
        )
