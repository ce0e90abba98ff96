"""Which pairs are not worth learning from, each under a named reason.

Length bounds, one-time codes, automated senders, tapbacks that came as text, walls of text, sides that have nothing to
do with each other. A reply is never dropped for being short or plain ("ok", "yes"): what the pair is decides, not how
the answer looks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jarvis_assets.pairs.found import Found
from jarvis_resources.imessage.tapbacks import reads_as_tapback

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

TRIGGER_CHARACTERS = (3, 500)
"""Shortest and longest trigger (characters), as the design has it."""
RESPONSE_CHARACTERS = (2, 1_000)
"""Shortest and longest response (characters), as the design has it."""
LEAST_COHERENCE = -0.05
"""Cosine below which a semantic pair's sides speak against each other. Random pairs have 0.09-0.12 and right short
answers lie there too, so that only what is clearly opposed goes; the link model has weighed the rest already."""
WALL_LINES = 15
"""A side of more lines than this was pasted or forwarded, not said."""

ONE_TIME_CODE = (
    r"(?i)(?<!area )(?<!zip )(?<!postal )(?<!country )(?<!dress )"
    r"\b(?:code|otp|passcode|pin|verification|verify|one[- ]time)\b[^\n]{0,60}?"
    r"\b(?:[a-z]-)?(?!(?:19|20)\d\d\b)(?:\d{4,8}|\d{3}[ -]\d{3})\b(?!-\d)"
    r"|\b(?:[a-z]-)?\d{4,8} is your\b[^\n]{0,40}\b(?:code|otp|passcode|pin)\b"
)
"""A number of four to eight digits beside a word that makes it a code; an area code, "pin 12" and a year are none."""
FORWARDED = (
    r"(?im)^\W*(?:-+ ?forwarded message|begin forwarded message|fwd?:|forwarded as received|forwarded many times)"
)


def filter_pairs(pairs: pd.DataFrame, people: pd.DataFrame) -> Found:
    """``pairs`` worth learning from (a pair table, same columns), and the others counted by the first reason that applies.

    Reasons: ``automated_sender``, ``one_time_code``, ``tapback_text``, ``forwarded_or_pasted``, ``trigger_too_short``,
    ``trigger_too_long``, ``response_too_short``, ``response_too_long``, ``incoherent``.
    """
    if pairs.empty:
        return Found(pairs)
    trigger, response = pairs["trigger_text"], pairs["response_text"]
    trigger_length, response_length = trigger.str.len(), response.str.len()
    automated = people.loc[people["is_automated"], "person_id"]
    reasons: dict[str, pd.Series[bool]] = {
        "automated_sender": pairs["person_id"].isin(automated),
        "one_time_code": _either(trigger, response, ONE_TIME_CODE),
        "tapback_text": trigger.map(reads_as_tapback) | response.map(reads_as_tapback),
        "forwarded_or_pasted": _either(trigger, response, FORWARDED)
        | (trigger.str.count("\n") >= WALL_LINES)
        | (response.str.count("\n") >= WALL_LINES) & (response_length > RESPONSE_CHARACTERS[1] // 2),
        "trigger_too_short": trigger_length < TRIGGER_CHARACTERS[0],
        "trigger_too_long": trigger_length > TRIGGER_CHARACTERS[1],
        "response_too_short": response_length < RESPONSE_CHARACTERS[0],
        "response_too_long": response_length > RESPONSE_CHARACTERS[1],
        "incoherent": (pairs["source"] == "semantic") & (pairs["coherence"] < LEAST_COHERENCE),
    }
    dropped = np.zeros(len(pairs), dtype=bool)
    drops: dict[str, int] = {}
    for reason, applies in reasons.items():
        newly: NDArray[np.bool_] = applies.to_numpy(dtype=bool) & ~dropped
        if newly.any():
            drops[reason] = int(newly.sum())
        dropped |= newly
    return Found(pairs[~dropped].reset_index(drop=True), drops)


def _either(trigger: pd.Series[str], response: pd.Series[str], pattern: str) -> pd.Series[bool]:
    """Where either side matches ``pattern``."""
    return trigger.str.contains(pattern, regex=True) | response.str.contains(pattern, regex=True)
