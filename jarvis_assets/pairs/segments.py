"""Where a conversation's topic shifts: the segments that bound contexts and candidate triggers.

Each turn is weighed by itself: how unlike it is what was just said, whether it is worded like an opening or like an
answer, how long the silence was before it. Only what came before the turn is looked at, so that a segment never knows
the future and a growing history never moves a boundary. How good that is ``segment_measures`` say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from jarvis_assets.pairs.lists import strings
from jarvis_assets.pairs.turns import codes
from jarvis_resources.asset_files import let_go

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

NEAR_TURNS, WINDOW_TURNS = 2, 4
"""A turn is compared with as many turns before it: most chat answers reach back no farther."""
CERTAIN_SECONDS = 6 * 3_600.0
"""A silence of a night or a working day opens a segment, whatever the words."""
PAUSE_SECONDS = (120.0, 3_600.0)
"""Between these a longer silence speaks more for a new topic. Shorter ones are all alike, the talk is running; longer ones
too, somebody was busy."""
LONG_CHARACTERS = 40
"""Up to here a longer turn is more of an opening; beyond, length says nothing of it."""
CUES = {
    "asks": r"\?",
    "greets": r"(?i)^\W*(?:hi|hey|hello|yo|morning|good (?:morning|evening|afternoon)|happy|ok so|so,|anyways?|btw|"
    r"by the way|guess what|also)\b",
    "reacts": r"(?i)^\W*(?:ok|okay|yes|yeah|yep|no|nope|sure|thanks|thank|cool|nice|lol|haha|great|awesome|sounds|"
    r"will do|got it|oh|wow|same|me too|true|right|i know|good|that)\b",
    "closes": r"(?i)\b(?:thanks|thank you|thx|bye|see you|see ya|will do|got it|sounds good|perfect|great|deal|ok|okay|"
    r"no problem|you're welcome|night|np)\b",
    "refers": r"(?i)\b(?:it|that|they|them|those|this|he|she|there|too|then)\b",
}
"""How openings and answers are worded; of a turn in another language they say nothing."""
WEIGHTS = {
    "near": -2.48, "window": -2.77, "length": 2.28, "asks": 1.26, "asked_before": -1.74, "greets": 0.88,
    "reacts": -1.85, "closed_before": 0.72, "refers": -0.52, "bias": -7.44,
}  # fmt: skip
"""Log-odds that a turn opens a segment, by ``evidence``: learned from our synthetic sample by `python -m scripts.train_segments`."""
PAUSE_SLOPE, PAUSE_BIAS = 0.80, -0.52
"""What a known pause adds: so much for each e-fold of silence within ``PAUSE_SECONDS``; learned in the same way."""
_BLOCK = 16_384
"""Turns compared at a time: 16,384 x 384 float32 is 25 MB."""


def segment(turns: pd.DataFrame, turn_vectors: NDArray[np.float16], *, pauses_known: bool = True) -> NDArray[np.int64]:
    """Segment number of each turn, counted over the whole table and rising within a conversation.

    ``turns`` in table order (by conversation and time); ``turn_vectors`` [n, d] aligned, rows of length 1. Without
    ``pauses_known`` the words alone decide. A reply inside a thread takes up what was said and opens nothing, unless it
    comes after ``CERTAIN_SECONDS``.
    """
    n = len(turns)
    if n == 0:
        return np.empty(0, dtype=np.int64)
    conversation = codes(turns["conversation_id"])
    found = evidence(turns["text"], conversation, turn_vectors)
    odds = np.full(n, WEIGHTS["bias"])
    for name, values in found.items():
        odds += WEIGHTS[name] * values
    if pauses_known:
        pause = pauses(turns)
        odds += PAUSE_BIAS + PAUSE_SLOPE * long_pause(pause)
        odds[turns["thread_root_guid"].notna().to_numpy()] = -np.inf
        odds[pause >= CERTAIN_SECONDS] = np.inf
    odds[1:][conversation[1:] != conversation[:-1]] = np.inf
    odds[0] = np.inf
    return np.asarray(np.cumsum(odds > 0.0) - 1)


def evidence(
    texts: pd.Series[str], conversation: NDArray[np.int64], vectors: NDArray[np.float16]
) -> dict[str, NDArray[np.float64]]:
    """What the words of n turns say for and against a new topic, by the names in ``WEIGHTS``."""
    said = strings(texts)
    cue = {
        name: pc.match_substring_regex(said, pattern).to_numpy(zero_copy_only=False) for name, pattern in CUES.items()
    }
    near, window = similarity(conversation, vectors)
    return {
        "near": near,
        "window": window,
        "length": np.log1p(np.minimum(pc.utf8_length(said).to_numpy(), LONG_CHARACTERS)),
        "asks": cue["asks"].astype(np.float64),
        "asked_before": _of_the_turn_before(cue["asks"], conversation),
        "greets": cue["greets"].astype(np.float64),
        "reacts": cue["reacts"].astype(np.float64),
        "closed_before": _of_the_turn_before(cue["closes"], conversation),
        "refers": cue["refers"].astype(np.float64),
    }


def pauses(turns: pd.DataFrame) -> NDArray[np.float64]:
    """Seconds of silence before each turn, since the end of the turn above it in the table."""
    started = turns["started_at"].astype("int64").to_numpy() / 1e6
    ended = turns["ended_at"].astype("int64").to_numpy() / 1e6
    return np.concatenate([[0.0], np.maximum(started[1:] - ended[:-1], 0.0)])


def long_pause(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """E-folds of silence above the first of ``PAUSE_SECONDS``, up to the second."""
    return np.asarray(np.log(np.clip(seconds, *PAUSE_SECONDS) / PAUSE_SECONDS[0]))


def similarity(
    conversation: NDArray[np.int64], vectors: NDArray[np.float16]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Highest cosine of each turn to the ``NEAR_TURNS`` and ``WINDOW_TURNS`` before it; −1 at a conversation's begin.

    The highest, not the mean: one turn that it takes up is enough to belong.
    """
    n = len(conversation)
    near, window = np.full(n, -1.0), np.full(n, -1.0)
    for begin in range(0, n, _BLOCK):
        end = min(begin + _BLOCK, n)
        reach = max(begin - WINDOW_TURNS, 0)
        block = vectors[reach:end].astype(np.float32)
        for lag in range(1, WINDOW_TURNS + 1):
            first = max(begin, lag)
            if first >= end:
                break
            later, earlier = slice(first, end), slice(first - lag, end - lag)
            cosine = np.einsum(
                "nd,nd->n", block[first - reach : end - reach], block[first - lag - reach : end - lag - reach]
            )
            cosine[conversation[later] != conversation[earlier]] = -1.0
            window[later] = np.maximum(window[later], cosine)
            if lag <= NEAR_TURNS:
                near[later] = window[later]
        let_go(vectors)
    return near, window


def _of_the_turn_before(flags: NDArray[np.bool_], conversation: NDArray[np.int64]) -> NDArray[np.float64]:
    """``flags`` of the turn before each turn in its conversation; 0 where there is none."""
    before = np.zeros(len(flags))
    before[1:] = flags[:-1] & (conversation[1:] == conversation[:-1])
    return before
