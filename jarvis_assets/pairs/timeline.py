"""Messages and turns side by side, as arrays: which message is in which turn, and in what order they were seen.

The pairing steps look messages up here by position instead of joining tables again. Nothing here decides anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from jarvis_assets.pairs.lists import offsets_of, places, strings
from jarvis_assets.pairs.turns import spoken
from jarvis_resources.errors import JarvisError
from jarvis_resources.imessage.edits import text_at

if TYPE_CHECKING:
    from numpy.typing import NDArray

_COLUMNS = ["guid", "conversation_id", "person_id", "is_from_me", "sent_at", "text", "edit_history"]


@dataclass(frozen=True)
class Timeline:
    """The m spoken messages in the order of their conversations, and the turn of each.

    ``turn`` numbers rows of the turns table; ``first`` and ``last`` hold, per turn, the positions of its first and
    last message, ``members`` those of all messages, turn by turn.
    """

    messages: pd.DataFrame
    """guid, conversation_id, person_id, is_from_me, sent_at, text, edit_history."""
    turn: NDArray[np.int64]
    members: NDArray[np.int64]
    starts: NDArray[np.int64]
    """Where in ``members`` each turn begins; one more than there are turns."""
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    micros: NDArray[np.int64]
    """When each message was sent (µs since 1970)."""
    edited: NDArray[np.bool_]

    @classmethod
    def of(cls, turns: pd.DataFrame, messages: pd.DataFrame) -> Timeline:
        """The timeline of ``messages`` under ``turns``; raises ``JarvisError`` where these were made from others."""
        rows = spoken(messages)[_COLUMNS]
        members = pc.list_flatten(pa.array(turns["message_guids"]))
        found = pc.index_in(members, value_set=strings(rows["guid"]))
        if len(found) != len(rows) or found.null_count:
            raise JarvisError(
                "The turns were not made from these messages; materialise turns again, or run `jarvis mine`."
            )
        at = found.to_numpy().astype(np.int64)
        offsets = offsets_of(turns["message_count"].to_numpy())
        turn = np.empty(len(rows), dtype=np.int64)
        turn[at] = np.repeat(np.arange(len(turns)), np.diff(offsets))
        return cls(
            messages=rows,
            turn=turn,
            members=at,
            starts=offsets,
            first=at[offsets[:-1]],
            last=at[offsets[1:] - 1],
            micros=rows["sent_at"].astype("int64").to_numpy(),
            edited=rows["edit_history"].notna().to_numpy(dtype=bool),
        )

    def positions(self, guids: pd.Series[str]) -> NDArray[np.int64]:
        """Where the messages of these guids are; −1 for a null and for what was not spoken."""
        return places(strings(self.messages["guid"]), guids)

    def members_of(self, turn: int) -> NDArray[np.int64]:
        """Positions of the messages of one turn."""
        return self.members[self.starts[turn] : self.starts[turn + 1]]

    def text_seen(self, position: int, micros: int) -> str:
        """The message's text as it stood at ``micros``: what was edited later is shown as it was.

        Empty where that version cannot be read: the later text is not what was seen.
        """
        row = self.messages.iloc[position]
        if not self.edited[position]:
            return str(row["text"])
        seen = text_at(row["text"], row["edit_history"], pd.Timestamp(micros, unit="us", tz="UTC").to_pydatetime())
        return seen or ""


def turns_of(turns: pd.DataFrame, guids: pd.Series[str]) -> NDArray[np.int64]:
    """Which row of ``turns`` holds the message of each guid; −1 for a null and for a message in none."""
    at = places(pc.list_flatten(pa.array(turns["message_guids"])), guids)
    turn = np.repeat(np.arange(len(turns)), turns["message_count"])
    return np.where(at >= 0, turn[at], -1) if len(turn) else at
