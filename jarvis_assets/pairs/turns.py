"""Messages joined into turns: a burst is one thing said.

The definition of a turn lives here and nowhere else: one sender, one conversation, one inline thread, pauses of at
most five minutes, no other sender's normal message in between. What a turn answers is decided in ``gold`` and
``reply_links``; where the topic shifts in ``segments``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from jarvis_assets.pairs.lists import joined, lists, offsets_of, ranges, strings
from jarvis_resources import tables

if TYPE_CHECKING:
    from numpy.typing import NDArray

TURN_GAP_SECONDS = 300
"""Longest pause inside a turn (seconds): what the design defines; ``settings.turn_gap_seconds`` overrides it."""
_ME = "\x00me"
"""Sender of my messages among person_ids, which never start so."""


COLUMNS = (
    "guid", "rowid", "conversation_id", "person_id", "is_from_me", "is_group", "sent_at", "kind", "text",
    "thread_root_guid", "edit_history",
)  # fmt: skip
"""Columns of ``messages`` that turns and pairs are made of; whoever hands messages over need read no others."""


def spoken(messages: pd.DataFrame) -> pd.DataFrame:
    """The messages that turns are made of, in the order in which a conversation shows them.

    Normal, with a text, a conversation and a date; sorted by conversation, time, ROWID. Tapbacks, system rows, cards
    and the like are left out, so they neither join nor break a turn. The frame has a fresh index.
    """
    keep = (
        (messages["kind"] == "normal")
        & messages["text"].notna()
        & (messages["text"] != "")
        & messages["conversation_id"].notna()
        & messages["sent_at"].notna()
    )
    rows = np.flatnonzero(keep.to_numpy(dtype=bool))
    conversation = pd.factorize(messages["conversation_id"].iloc[rows], sort=True)[0]
    time, rowid = (messages[name].iloc[rows].astype("int64").to_numpy() for name in ("sent_at", "rowid"))
    return messages.iloc[rows[np.lexsort((rowid, time, conversation))]].reset_index(drop=True)


def build_turns(messages: pd.DataFrame, gap_seconds: float = TURN_GAP_SECONDS) -> pd.DataFrame:
    """The table ``turns``: maximal runs of normal messages by one sender in one conversation and one thread.

    A run ends with another sender's normal message anywhere in the conversation; within it, each inline thread (and
    what is outside of threads) makes turns of its own, cut where the pause exceeds ``gap_seconds``. Turns are sorted
    by conversation and first message.
    """
    rows = spoken(messages)
    if rows.empty:
        return tables.TURNS.empty()
    order, starts = _turns_of(rows, gap_seconds)
    sizes = np.diff(starts, append=len(order))
    # Back to the order in which the conversation shows the turns' first messages.
    shown = np.argsort(order[starts], kind="stable")
    starts, sizes = starts[shown], sizes[shown]
    members = order[ranges(starts, sizes)]
    first, last = rows.iloc[order[starts]], rows["sent_at"].iloc[order[starts + sizes - 1]]
    offsets = offsets_of(sizes)
    return tables.TURNS.conform(
        pd.DataFrame(
            {
                "turn_id": first["guid"].array,
                "conversation_id": first["conversation_id"].array,
                "person_id": first["person_id"].mask(first["is_from_me"]).array,
                "is_from_me": first["is_from_me"].array,
                "is_group": first["is_group"].array,
                "thread_root_guid": first["thread_root_guid"].array,
                "message_guids": tables.arrow_column(lists(offsets, strings(rows["guid"]).take(members))),
                "message_count": sizes,
                "text": pd.Series(joined(offsets, strings(rows["text"]).take(members)), dtype="str"),
                "started_at": first["sent_at"].array,
                "ended_at": last.array,
            }
        )
    )


def _turns_of(rows: pd.DataFrame, gap_seconds: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of ``rows`` (spoken messages) turn by turn, and where in that order turns begin."""
    conversation = codes(rows["conversation_id"])
    sender = codes(rows["person_id"].fillna("").mask(rows["is_from_me"], _ME))
    thread = codes(rows["thread_root_guid"].fillna(""))
    micros = rows["sent_at"].astype("int64").to_numpy()

    run = np.cumsum(_changes(conversation, sender))
    # Within a run the threads may alternate; a stable sort brings each thread's messages together.
    order = np.lexsort((np.arange(len(rows)), thread, run))
    # In whole microseconds: as seconds since 1970, five minutes come out a little longer or shorter.
    pause = np.diff(micros[order], prepend=micros[order[0]])
    return order, np.flatnonzero(_changes(run[order], thread[order]) | (pause > gap_seconds * 1e6))


def codes(values: pd.Series[Any]) -> NDArray[np.int64]:
    """A number for each distinct value, missing values included (−1)."""
    return np.asarray(pd.factorize(values)[0], dtype=np.int64)


def _changes(*keys: NDArray[Any]) -> NDArray[np.bool_]:
    """True where any of ``keys`` differs from the row before, and on the first row."""
    out = np.zeros(len(keys[0]), dtype=bool)
    out[:1] = True
    for key in keys:
        out[1:] |= key[1:] != key[:-1]
    return out
