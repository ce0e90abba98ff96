"""Histories drawn at random by hypothesis, with what real ones have: bursts, threads, tapbacks, edits, equal times, no date."""

from __future__ import annotations

from typing import Any

import pandas as pd
from hypothesis import strategies as st

from tests.pairs.conftest import NOON, Chat

_PAUSES = (0, 0, 1, 20, 60, 299, 300, 301, 3_600, 40_000)
"""Seconds between one message and the next; most of them are about the five minutes that end a turn."""


@st.composite
def chats(draw: st.DrawFn, most: int = 40) -> pd.DataFrame:
    """A table ``messages``, rows in any order."""
    chat, second = Chat(), 0.0
    for _ in range(draw(st.integers(0, most))):
        second += draw(st.sampled_from(_PAUSES))
        rest: dict[str, Any] = {
            "sent_at": NOON + pd.Timedelta(seconds=second),
            "conversation_id": draw(st.sampled_from(["d1", "d1", "d1", "d2", None])),
            "kind": draw(st.sampled_from(["normal"] * 6 + ["tapback", "system", "unsent"])),
        }
        if draw(st.integers(0, 19)) == 0:
            rest["sent_at"] = pd.NaT
        elif draw(st.integers(0, 4)) == 0:
            # Edited some time later: perhaps before the next message, perhaps long after.
            later = rest["sent_at"] + pd.Timedelta(seconds=draw(st.sampled_from([1, 100, 5_000, 100_000])))
            rest["edit_history"] = [
                {"sent_at": rest["sent_at"], "text": draw(st.sampled_from(["first try", None]))},
                {"sent_at": later, "text": "as it is now"},
            ]
        if chat.rows and draw(st.integers(0, 2)) == 0:
            root = draw(st.sampled_from(chat.rows))
            rest["thread_root_guid"] = root["thread_root_guid"] or root["guid"]
        text = (
            "as it is now" if "edit_history" in rest else draw(st.sampled_from(["yes", "ok", "two\nlines", "", None]))
        )
        chat.say(draw(st.sampled_from(["ana", "bo", "me", "me"])), 0, text, is_group=True, **rest)
    rows = draw(st.permutations(chat.rows))
    return Chat(list(rows)).messages
