"""Which found pairs are not worth learning from, each under a named reason.

Length bounds, one-time codes, automated senders, tapbacks that came as text, what was forwarded. A reply is never
dropped for being plain ("ok", "yes"). Whether two sides have anything to do with each other is for ``coherence``; what
machines write is told by ``machine_texts``.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from jarvis_assets.pairs.machine_texts import holds_code, is_forwarded, is_notice
from jarvis_resources.imessage import tapbacks

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

TRIGGER_CHARACTERS = (3, 500)
"""Shortest and longest trigger (characters), as the design has it."""
RESPONSE_CHARACTERS = (2, 1_000)
"""Shortest and longest response (characters), as the design has it."""
REASONS = (
    "automated_sender", "one_time_code", "tapback_text", "forwarded_or_pasted", "trigger_too_short",
    "trigger_too_long", "response_too_short", "response_too_long",
)  # fmt: skip
"""In the order in which they are asked; the first that applies is the pair's."""


def unfit(pairs: pd.DataFrame, people: pd.DataFrame) -> pd.Series[str]:
    """Why each of ``pairs`` is not worth learning from, one of ``REASONS``; null where it is.

    ``pairs`` needs ``person_id``, ``trigger_text`` and ``response_text``; ``people`` says who is automated.
    """
    trigger, response = pairs["trigger_text"], pairs["response_text"]
    automated = people.loc[people["is_automated"], "person_id"]
    applies: dict[str, NDArray[np.bool_]] = {
        "automated_sender": pairs["person_id"].isin(automated).to_numpy() | _where(trigger, is_notice, r"(?i)rates|automated|reply|te?xt|send"),
        "one_time_code": _where(trigger, holds_code, r"\d{3}|#") | _where(response, holds_code, r"\d{3}|#"),
        "tapback_text": _where(trigger, tapbacks.reads_as_tapback, tapbacks.marks()) | _where(response, tapbacks.reads_as_tapback, tapbacks.marks()),
        "forwarded_or_pasted": _where(trigger, is_forwarded) | _where(response, _is_forwarded_reply),
        "trigger_too_short": _shorter(trigger, TRIGGER_CHARACTERS[0]),
        "trigger_too_long": (trigger.str.len() > TRIGGER_CHARACTERS[1]).to_numpy(),
        "response_too_short": _shorter(response, RESPONSE_CHARACTERS[0]),
        "response_too_long": (response.str.len() > RESPONSE_CHARACTERS[1]).to_numpy(),
    }  # fmt: skip
    first = np.argmax([*applies.values(), np.ones(len(pairs), dtype=bool)], axis=0)
    return pd.Series(np.array([*applies, None], dtype=object)[first], index=pairs.index, dtype="str")


def _where(texts: pd.Series[str], says: Callable[[str], bool], only: str | None = None) -> NDArray[np.bool_]:
    """Which of ``texts`` are so; those without a match of ``only``, which is quick to find, are not."""
    rows = np.arange(len(texts))
    if only:
        rows = rows[pc.match_substring_regex(pa.array(texts, type=pa.string()), only).to_numpy(zero_copy_only=False)]
    out: NDArray[np.bool_] = np.zeros(len(texts), dtype=bool)
    out[rows] = [says(text) for text in texts.iloc[rows]]
    return out


def _is_forwarded_reply(text: str) -> bool:
    """My turn is a burst, each message a line: many short lines are no wall."""
    return len(text) > RESPONSE_CHARACTERS[1] // 2 and is_forwarded(text)


def _shorter(texts: pd.Series[str], least: int) -> NDArray[np.bool_]:
    """Which texts have fewer than ``least`` characters; one that is a word by itself (8, 好, 👍) counts as two."""
    out: NDArray[np.bool_] = (texts.str.len() < least).to_numpy(dtype=bool, copy=True)
    rows = np.flatnonzero(out)
    out[rows] = [sum(2 if _is_word(sign) else 1 for sign in text) < least for text in texts.iloc[rows]]
    return out


def _is_word(sign: str) -> bool:
    return sign.isdigit() or unicodedata.east_asian_width(sign) in "WF" or unicodedata.category(sign) == "So"
