"""Gold pairs: my inline replies, each with the message it answers.

The trigger is the latest message by someone else in the thread before my reply; only where there is none is it the
thread's root. All replies of a thread carry the root's guid, so "the root is the trigger" is wrong as soon as a
thread goes on. Replies outside of threads belong to ``reply_links``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from jarvis_assets.pairs.context import CONTEXT_MESSAGES
from jarvis_assets.pairs.found import Found
from jarvis_assets.pairs.pair_rows import coherence_of, pair_rows
from jarvis_assets.pairs.threads import answered_in_thread
from jarvis_assets.pairs.timeline import Timeline

if TYPE_CHECKING:
    from numpy.typing import NDArray

SUREST, LEAST_SURE = 0.95, 0.85
"""Bounds of a gold pair's confidence: the owner pressed "reply", but sarcasm and phone calls are not in the data."""
RIVAL_DOUBT = 0.10
"""Another message of the thread was unanswered too: as much as the bounds hold. In our synthetic sample such a pair is
wrong more often than right and any other hardly ever; how deep in the thread it lies tells nothing beside that."""
LATE_SECONDS, LATE_DOUBT = 3_600.0, 0.02
"""After an hour the talk has often gone on elsewhere (by hand, until reviews say better; so are the doubts below)."""
VERY_LATE_SECONDS, VERY_LATE_DOUBT = 86_400.0, 0.03
"""After a day more so; it comes on top."""
UNLIKE_COSINE, UNLIKE_DOUBT = 0.05, 0.02
"""Below the cosine of random pairs (0.09-0.12 on public dialogues): the words give no support to the link."""
SARCASM_DOUBT = 0.03
SARCASM = (
    r"(?i)(?:^|\s)/s\b|🙄|🙃|\byeah,? right\b|\bsure,? jan\b|^\W*as if\W*$|\boh,? (?:great|joy)\b"
    r"|\b(?:sure|right|great|fine) ?(?:\.{2,}|…)"
)
"""Marks of an answer that may mean its opposite: "Sure..." is often a no."""


def pair_threaded_turns(
    turns: pd.DataFrame,
    messages: pd.DataFrame,
    turn_vectors: NDArray[np.float16],
    segments: NDArray[np.int64],
    *,
    context_messages: int = CONTEXT_MESSAGES,
    people: pd.DataFrame | None = None,
) -> Found:
    """My threaded turns, each with the message it answers (one row per turn).

    ``turn_vectors`` [n, d] and ``segments`` [n] are aligned with ``turns``. Drops: ``answers_my_own_message``,
    ``thread_root_missing``, ``trigger_without_text``, ``trigger_later_than_reply``.
    """
    timeline = Timeline.of(turns, messages)
    mine = np.flatnonzero((turns["is_from_me"] & turns["thread_root_guid"].notna()).to_numpy())
    answered = answered_in_thread(messages, turns["turn_id"].iloc[mine])

    positions = timeline.positions(answered["trigger_guid"])
    own = answered["trigger_is_mine"].to_numpy()
    gone = answered["trigger_guid"].isna().to_numpy() & ~own
    silent = ~own & ~gone & (positions < 0)
    replied = timeline.micros[timeline.first[mine]]
    late = ~own & ~gone & ~silent & (timeline.micros[positions] > replied if len(timeline.micros) else False)
    keep = ~(own | gone | silent | late)
    drops = {
        "answers_my_own_message": int(own.sum()),
        "thread_root_missing": int(gone.sum()),
        "trigger_without_text": int(silent.sum()),
        "trigger_later_than_reply": int(late.sum()),
    }
    response_turns, trigger_positions = mine[keep], positions[keep]
    coherence = coherence_of(turn_vectors, timeline.turn[trigger_positions], response_turns)
    pairs = pair_rows(
        turns,
        timeline,
        response_turns=response_turns,
        trigger_positions=trigger_positions,
        confidence=_confidence(
            (replied[keep] - timeline.micros[trigger_positions]) / 1e6,
            answered["rivals"].to_numpy()[keep],
            coherence,
            turns["text"].iloc[response_turns],
        ),
        coherence=coherence,
        segments=segments,
        source="gold",
        context_messages=context_messages,
        people=people,
    )
    return Found(pairs, {reason: count for reason, count in drops.items() if count})


def _confidence(
    seconds: NDArray[np.float64],
    rivals: NDArray[np.int64],
    coherence: NDArray[np.float64],
    responses: pd.Series[str],
) -> NDArray[np.float64]:
    """Confidence from evidence: each doubt takes its amount off, within the bounds of gold.

    ``rivals``: other messages of the thread, by someone else, that I had not yet answered. The owner's reviews correct
    the result in ``review.calibration``.
    """
    doubt = (
        RIVAL_DOUBT * (rivals > 0)
        + LATE_DOUBT * (seconds > LATE_SECONDS)
        + VERY_LATE_DOUBT * (seconds > VERY_LATE_SECONDS)
        + UNLIKE_DOUBT * (coherence < UNLIKE_COSINE)
        + SARCASM_DOUBT * responses.str.contains(SARCASM, regex=True).to_numpy(dtype=bool)
    )
    return np.asarray(np.clip(SUREST - doubt, LEAST_SURE, SUREST))
