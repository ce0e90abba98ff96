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
from jarvis_resources.asset_files import let_go
from jarvis_serving.normalise import pair_id

if TYPE_CHECKING:
    from typing import Literal

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
    replied = timeline.micros[timeline.first[response_turns]]
    # Sorted before there is anything heavy to sort.
    order = np.lexsort((pd.factorize(turns["turn_id"].iloc[response_turns], sort=True)[0], replied))
    response_turns, trigger_positions, replied = response_turns[order], trigger_positions[order], replied[order]
    trigger_turns = timeline.turn[trigger_positions]
    rows = timeline.messages
    trigger, mine = rows.iloc[trigger_positions], turns.iloc[response_turns]
    texts, turn_texts = _as_seen(turns, timeline, trigger_positions, trigger_turns, replied)
    shown = contexts(timeline, segments, trigger_turns, replied, limit=context_messages, people=people)
    sent = timeline.micros[trigger_positions]
    frame = pd.DataFrame(
        {
            "pair_id": pd.Series([pair_id(a, b) for a, b in zip(texts, mine["text"], strict=True)], dtype="str"),
            "source": source,
            "confidence": confidence[order],
            "trigger_guid": trigger["guid"].array,
            "response_guid": mine["turn_id"].array,
            "trigger_guids": turns["message_guids"].iloc[trigger_turns].array,
            "response_guids": mine["message_guids"].array,
            "trigger_text": texts.array,
            "trigger_turn_text": turn_texts.array,
            "response_text": mine["text"].array,
            "context": tables.arrow_column(shown.entries),
            "context_text": pd.Series(shown.texts, dtype="str"),
            "conversation_id": mine["conversation_id"].array,
            "person_id": trigger["person_id"].fillna("unknown").array,
            "is_group": mine["is_group"].array,
            "trigger_at": trigger["sent_at"].array,
            "responded_at": mine["started_at"].array,
            "reply_seconds": (replied - sent) / 1e6,
            "occurrences": 1,
            "coherence": coherence[order],
        }
    )
    return table.conform(frame)


def _as_seen(
    turns: pd.DataFrame,
    timeline: Timeline,
    positions: NDArray[np.int64],
    trigger_turns: NDArray[np.int64],
    replied: NDArray[np.int64],
) -> tuple[pd.Series[str], pd.Series[str]]:
    """The triggers' texts and their turns' texts, as they stood when I replied."""
    texts = timeline.messages["text"].iloc[positions].reset_index(drop=True)
    turn_texts = turns["text"].iloc[trigger_turns].reset_index(drop=True)
    edited_turns = np.unique(timeline.turn[timeline.edited])
    # Few messages are ever edited: only their pairs are gone through.
    touched = np.flatnonzero(np.isin(trigger_turns, edited_turns)).tolist()
    texts.iloc[touched] = [timeline.text_seen(int(positions[i]), int(replied[i])) for i in touched]
    turn_texts.iloc[touched] = [
        "\n".join(timeline.text_seen(int(at), int(replied[i])) for at in timeline.members_of(int(trigger_turns[i])))
        for i in touched
    ]
    return texts, turn_texts


def coherence_of(
    vectors: NDArray[np.float16], a: NDArray[np.int64], b: NDArray[np.int64], *, block: int = 8_192
) -> NDArray[np.float64]:
    """Cosine of rows ``a`` and ``b`` of ``vectors`` (float16, length 1), computed in blocks to bound memory."""
    out = np.empty(len(a))
    for start in range(0, len(a), block):
        part = slice(start, start + block)
        left, right = vectors[a[part]].astype(np.float32), vectors[b[part]].astype(np.float32)
        out[part] = np.einsum("nd,nd->n", left, right)
        let_go(vectors)
    return np.clip(out, -1.0, 1.0)
