"""Where a conversation's topic shifts: the segments that bound contexts and candidate triggers.

A turn opens a segment when it comes late, when it is unlike what was just said, or a little of both. Only what came
before the turn is looked at, so that a segment never knows the future and a growing history never moves a boundary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jarvis_assets.pairs.turns import codes

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

WINDOW_TURNS = 4
"""A turn is compared with as many turns before it: chat answers reach back that far in nine of ten cases."""
CERTAIN_SECONDS = 6 * 3_600.0
"""A silence of a night or a working day opens a segment, whatever the words."""
FREE_SECONDS = 120.0
"""Within two minutes a conversation is running: an unlike turn ("ok", a joke) is no new topic."""
UNLIKE_AT_FREE, UNLIKE_AT_CERTAIN = -0.3, 0.60
"""A turn opens a segment below this cosine to the window, drawn linearly in log-time between the two pauses above:
after two minutes only the opposite opens one, after half an hour what is unlike random chat. Set by hand."""
_BLOCK = 32_768
"""Turns compared at a time: 32,768 x 384 float32 is 50 MB."""


def segment(turns: pd.DataFrame, turn_vectors: NDArray[np.float16]) -> NDArray[np.int64]:
    """Segment number of each turn, counted over the whole table and rising within a conversation.

    ``turns`` in table order (by conversation and time); ``turn_vectors`` [n, d] aligned, rows of length 1.
    """
    n = len(turns)
    if n == 0:
        return np.empty(0, dtype=np.int64)
    conversation = codes(turns["conversation_id"])
    opens = np.ones(n, dtype=bool)
    same = conversation[1:] == conversation[:-1]
    started = turns["started_at"].astype("int64").to_numpy() / 1e6
    ended = turns["ended_at"].astype("int64").to_numpy() / 1e6
    pause = np.maximum(started[1:] - ended[:-1], 1.0)
    opens[1:] = ~same | (window_similarity(conversation, turn_vectors)[1:] < similarity_needed(pause))
    return np.cumsum(opens) - 1


def similarity_needed(pause_seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cosine to the window below which a turn after such a pause opens a segment; +inf from ``CERTAIN_SECONDS`` on."""
    share = np.log(np.maximum(pause_seconds, FREE_SECONDS) / FREE_SECONDS) / np.log(CERTAIN_SECONDS / FREE_SECONDS)
    needed = UNLIKE_AT_FREE + np.minimum(share, 1.0) * (UNLIKE_AT_CERTAIN - UNLIKE_AT_FREE)
    return np.asarray(np.where(pause_seconds >= CERTAIN_SECONDS, np.inf, needed))


def window_similarity(conversation: NDArray[np.int64], vectors: NDArray[np.float16]) -> NDArray[np.float64]:
    """Highest cosine of each turn to the ``WINDOW_TURNS`` turns before it in its conversation; −1 where there is none.

    The highest, not the mean: one turn that it takes up is enough to belong.
    """
    n = len(conversation)
    best = np.full(n, -1.0)
    for begin in range(0, n, _BLOCK):
        end = min(begin + _BLOCK, n)
        reach = max(begin - WINDOW_TURNS, 0)
        block = vectors[reach:end].astype(np.float32)
        for lag in range(1, WINDOW_TURNS + 1):
            later = np.arange(max(begin, lag), end)
            if len(later) == 0:
                continue
            cosine = np.einsum("nd,nd->n", block[later - reach], block[later - lag - reach])
            alike = conversation[later] == conversation[later - lag]
            best[later] = np.where(alike, np.maximum(best[later], cosine), best[later])
    return best
