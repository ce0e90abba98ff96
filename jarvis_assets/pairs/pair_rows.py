"""A pair's full row, from the two things that a pairing step decides: my turn, and the message it answers.

Gold and semantic pairs are written here, and here alone, so that their columns mean the same. Which turns are paired
and how sure that is belongs to ``gold`` and ``reply_links``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from jarvis_assets.pairs.context import CONTEXT_MESSAGES, contexts
from jarvis_resources import tables
from jarvis_serving.normalise import pair_id

if TYPE_CHECKING:
    from typing import Any, Literal

    from numpy.typing import NDArray

    from jarvis_assets.pairs.timeline import Timeline


def pair_rows(
    turns: pd.DataFrame,
    timeline: Timeline,
    *,
    response_turns: NDArray[np.int64],
    trigger_positions: NDArray[np.int64],
    confidence: NDArray[np.float64],
    coherence: NDArray[np.float64],
    segments: NDArray[np.int64],
    source: Literal["gold", "semantic"],
    context_messages: int = CONTEXT_MESSAGES,
    people: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """The pair table of n (my turn, message answered) pairs, sorted by the time of the reply.

    ``response_turns`` are rows of ``turns``, ``trigger_positions`` are positions in the timeline; ``confidence`` and
    ``coherence`` are aligned with them. Texts of theirs stand as they did when I replied.
    """
    table = tables.GOLD_PAIRS if source == "gold" else tables.SEMANTIC_PAIRS
    if len(response_turns) == 0:
        return table.empty()
    trigger_turns = timeline.turn[trigger_positions]
    replied = timeline.micros[timeline.first[response_turns]]
    rows = timeline.messages
    trigger, mine = rows.iloc[trigger_positions], turns.iloc[response_turns]
    texts, turn_texts = _as_seen(turns, timeline, trigger_positions, trigger_turns, replied)
    responses = mine["text"].tolist()
    shown = contexts(timeline, segments, trigger_turns, replied, limit=context_messages, people=people)
    sent = timeline.micros[trigger_positions]
    frame = pd.DataFrame(
        {
            "pair_id": [pair_id(a, b) for a, b in zip(texts, responses, strict=True)],
            "source": source,
            "confidence": confidence,
            "trigger_guid": trigger["guid"].to_numpy(),
            "response_guid": mine["turn_id"].to_numpy(),
            "trigger_guids": _lists(turns["message_guids"].iloc[trigger_turns]),
            "response_guids": _lists(mine["message_guids"]),
            "trigger_text": pd.Series(texts, dtype="str"),
            "trigger_turn_text": pd.Series(turn_texts, dtype="str"),
            "response_text": pd.Series(responses, dtype="str"),
            "context": pd.Series(shown.entries, dtype=object),
            "context_text": pd.Series(shown.texts, dtype="str"),
            "conversation_id": mine["conversation_id"].to_numpy(),
            "person_id": trigger["person_id"].fillna("unknown").to_numpy(),
            "is_group": mine["is_group"].to_numpy(),
            "trigger_at": trigger["sent_at"].array,
            "responded_at": mine["started_at"].array,
            "reply_seconds": (replied - sent) / 1e6,
            "occurrences": 1,
            "coherence": coherence,
        }
    )
    return table.conform(frame.sort_values(["responded_at", "response_guid"], kind="stable"))


def _as_seen(
    turns: pd.DataFrame,
    timeline: Timeline,
    positions: NDArray[np.int64],
    trigger_turns: NDArray[np.int64],
    replied: NDArray[np.int64],
) -> tuple[list[str], list[str]]:
    """The triggers' texts and their turns' texts, as they stood when I replied."""
    texts = timeline.messages["text"].iloc[positions].tolist()
    turn_texts = turns["text"].iloc[trigger_turns].tolist()
    # Few messages are ever edited: only their pairs are gone through.
    edited_turns = np.unique(timeline.turn[timeline.edited])
    for i in np.flatnonzero(np.isin(trigger_turns, edited_turns)).tolist():
        texts[i] = timeline.text_seen(int(positions[i]), int(replied[i]))
        members = timeline.position.get_indexer(turns["message_guids"].iloc[int(trigger_turns[i])])
        turn_texts[i] = "\n".join(timeline.text_seen(int(at), int(replied[i])) for at in members)
    return texts, turn_texts


def _lists(values: pd.Series[Any]) -> pd.Series[Any]:
    """The lists of ``values`` under a fresh index."""
    return pd.Series(values.tolist(), dtype=object)


def coherence_of(
    vectors: NDArray[np.float16], a: NDArray[np.int64], b: NDArray[np.int64], *, block: int = 65_536
) -> NDArray[np.float64]:
    """Cosine of rows ``a`` and ``b`` of ``vectors`` (float16, length 1), computed in blocks to bound memory."""
    out = np.empty(len(a))
    for start in range(0, len(a), block):
        part = slice(start, start + block)
        left, right = vectors[a[part]].astype(np.float32), vectors[b[part]].astype(np.float32)
        out[part] = np.einsum("nd,nd->n", left, right)
    return np.clip(out, -1.0, 1.0)
