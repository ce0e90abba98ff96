"""Messages joined into turns: a burst is one thing said.

The definition of a turn lives here and nowhere else: one sender, one conversation, one inline thread, pauses of at
most five minutes, no other sender's normal message in between. What a turn answers is decided in ``gold`` and
``reply_links``; where the topic shifts in ``segments``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from jarvis_resources import tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

TURN_GAP_SECONDS = 300
"""Longest pause inside a turn (seconds): what the design defines; ``settings.turn_gap_seconds`` overrides it."""
_ME = "\x00me"
"""Sender of my messages among person_ids, which never start so."""


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
    return messages[keep].sort_values(["conversation_id", "sent_at", "rowid"], kind="stable", ignore_index=True)


def build_turns(messages: pd.DataFrame, gap_seconds: float = TURN_GAP_SECONDS) -> pd.DataFrame:
    """The table ``turns``: maximal runs of normal messages by one sender in one conversation and one thread.

    A run ends with another sender's normal message anywhere in the conversation; within it, each inline thread (and
    what is outside of threads) makes turns of its own, cut where the pause exceeds ``gap_seconds``. Turns are sorted
    by conversation and first message.
    """
    rows = spoken(messages)
    if rows.empty:
        return tables.TURNS.empty()
    conversation = codes(rows["conversation_id"])
    sender = codes(rows["person_id"].fillna("").mask(rows["is_from_me"], _ME))
    thread = codes(rows["thread_root_guid"].fillna(""))
    seconds = rows["sent_at"].astype("int64").to_numpy() / 1e6

    run = np.cumsum(_changes(conversation, sender))
    # Within a run the threads may alternate; a stable sort brings each thread's messages together.
    order = np.lexsort((np.arange(len(rows)), thread, run))
    pause = np.diff(seconds[order], prepend=seconds[order[0]])
    begins = _changes(run[order], thread[order]) | (pause > gap_seconds)
    starts = np.flatnonzero(begins)
    turns = assemble(rows.iloc[order], starts)
    # Back to the order in which the conversation shows the turns' first messages.
    return tables.TURNS.conform(turns.iloc[np.argsort(order[starts], kind="stable")])


def assemble(rows: pd.DataFrame, starts: NDArray[np.int64]) -> pd.DataFrame:
    """One row per turn from messages in turn order; ``starts`` are the positions where turns begin."""
    ends = np.append(starts[1:], len(rows))
    first, last = rows.iloc[starts], rows.iloc[ends - 1]
    # A loop over turns, not messages: list slices have no vectorised form.
    guids = cut(rows["guid"].tolist(), starts, ends)
    texts = ["\n".join(part) for part in cut(rows["text"].tolist(), starts, ends)]
    return pd.DataFrame(
        {
            "turn_id": first["guid"].to_numpy(),
            "conversation_id": first["conversation_id"].to_numpy(),
            "person_id": first["person_id"].mask(first["is_from_me"]).to_numpy(),
            "is_from_me": first["is_from_me"].to_numpy(),
            "is_group": first["is_group"].to_numpy(),
            "thread_root_guid": first["thread_root_guid"].to_numpy(),
            "message_guids": pd.Series(guids, dtype=object),
            "message_count": ends - starts,
            "text": pd.Series(texts, dtype="str"),
            "started_at": first["sent_at"].array,
            "ended_at": last["sent_at"].array,
        }
    )


def cut(
    values: list[Any], starts: Sequence[int] | NDArray[np.int64], ends: Sequence[int] | NDArray[np.int64]
) -> list[list[Any]]:
    """Slices ``values[start:end]``, one per pair of ``starts`` and ``ends``."""
    return [values[a:b] for a, b in zip(np.asarray(starts).tolist(), np.asarray(ends).tolist(), strict=True)]


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
