"""Messages and turns side by side, as arrays: which message is in which turn, and in what order they were seen.

The pairing steps look messages up here by position instead of joining tables again. Nothing here decides anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from jarvis_assets.pairs.turns import spoken
from jarvis_resources.errors import JarvisError
from jarvis_resources.imessage.edits import text_at

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Timeline:
    """The m spoken messages in the order of their conversations, and the turn of each.

    ``turn`` numbers rows of the turns table; ``first`` and ``last`` hold, per turn, the positions of its first and
    last message. ``edited`` maps a position to the versions of its text.
    """

    messages: pd.DataFrame
    position: pd.Index[str]
    """guid → position in ``messages``."""
    turn: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    micros: NDArray[np.int64]
    """When each message was sent (µs since 1970)."""
    edited: NDArray[np.bool_]

    @classmethod
    def of(cls, turns: pd.DataFrame, messages: pd.DataFrame) -> Timeline:
        """The timeline of ``messages`` under ``turns``; raises ``JarvisError`` where these were made from others."""
        rows = spoken(messages)
        position: pd.Index[str] = pd.Index(rows["guid"])
        sizes = turns["message_count"].to_numpy()
        guids = [guid for members in turns["message_guids"] for guid in members]
        at = position.get_indexer(pd.Index(guids, dtype=position.dtype))
        if len(at) != len(rows) or (len(at) and at.min() < 0):
            raise JarvisError(
                "The turns were not made from these messages; materialise turns again, or run `jarvis mine`."
            )
        turn = np.empty(len(rows), dtype=np.int64)
        turn[at] = np.repeat(np.arange(len(turns)), sizes)
        ends = np.cumsum(sizes)
        return cls(
            messages=rows,
            position=position,
            turn=turn,
            first=at[ends - sizes] if len(at) else np.empty(0, dtype=np.int64),
            last=at[ends - 1] if len(at) else np.empty(0, dtype=np.int64),
            micros=rows["sent_at"].astype("int64").to_numpy(),
            edited=rows["edit_history"].notna().to_numpy(dtype=bool),
        )

    def text_seen(self, position: int, micros: int) -> str:
        """The message's text as it stood at ``micros``: what was edited later is shown as it was.

        Empty where that version cannot be read: the later text is not what was seen.
        """
        row = self.messages.iloc[position]
        if not self.edited[position]:
            return str(row["text"])
        seen = text_at(row["text"], row["edit_history"], pd.Timestamp(micros, unit="us", tz="UTC").to_pydatetime())
        return seen or ""
