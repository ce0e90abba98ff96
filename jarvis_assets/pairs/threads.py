"""Which message an inline reply answers, from the thread alone.

A thread is its root and every message that carries the root's guid. What is answered is decided by time within the
thread and nothing else; ``gold`` makes pairs of it, ``reply_links`` takes it as the truth to learn from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from jarvis_assets.pairs.turns import codes

if TYPE_CHECKING:
    from numpy.typing import NDArray

ANSWERABLE = ("normal", "attachment_only", "app", "corrupt", "sticker", "unsent")
"""Kinds of rows that I may have answered when I pressed "reply": what a person could see as a message."""
_ME = "\x00me"
_COLUMNS = ["guid", "rowid", "person_id", "is_from_me", "sent_at", "thread_root_guid"]


def answered_in_thread(messages: pd.DataFrame, guids: pd.Series[str]) -> pd.DataFrame:
    """What each threaded message in ``guids`` answers: the latest message by someone else in its thread before it.

    Where there is none it is the root. One row per guid, in order: ``trigger_guid`` (null: the root is not in the
    database, or it is the sender's own), ``trigger_is_mine`` (the root is by the same sender, who answers nobody
    else), ``rivals`` (unanswered messages by others in the thread besides the trigger).
    """
    rows = messages.loc[messages["kind"].isin(ANSWERABLE), _COLUMNS]
    roots = rows["thread_root_guid"].dropna().unique()
    is_root = rows["guid"].isin(roots)
    member = rows[rows["thread_root_guid"].notna() | is_root]
    # Undated rows come first: they can only ever be a root.
    member = member.assign(thread=member["thread_root_guid"].fillna(member["guid"])).sort_values(
        ["thread", "sent_at", "rowid"], kind="stable", na_position="first", ignore_index=True
    )
    thread = codes(member["thread"])
    sender = codes(member["person_id"].fillna("").mask(member["is_from_me"], _ME))
    latest, unanswered = _latest_by_another(thread, sender)

    place: pd.Index[str] = pd.Index(member["guid"])
    at = place.get_indexer(pd.Index(guids))
    root_at = place.get_indexer(pd.Index(member["thread"].iloc[at])) if len(at) else at
    found = latest[at] if len(at) else at
    by_root = (found < 0) & (root_at >= 0)
    own = by_root & (sender[root_at] == sender[at]) if len(at) else by_root
    trigger = np.where(found >= 0, found, np.where(by_root & ~own, root_at, -1))
    return pd.DataFrame(
        {
            "trigger_guid": member["guid"].reindex(trigger).to_numpy(),
            "trigger_is_mine": own,
            "rivals": np.maximum(unanswered[at] - 1, 0) if len(at) else at,
        }
    )


def _latest_by_another(
    thread: NDArray[np.int64], sender: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Per row (sorted by thread and time): the last earlier row of the thread by another sender, −1 where none.

    With it, how many rows by others lie between the sender's own previous row (or the thread's start) and this one.
    """
    n = len(thread)
    rows = np.arange(n)
    new_thread = np.ones(n, dtype=bool)
    new_thread[1:] = thread[1:] != thread[:-1]
    thread_start = np.maximum.accumulate(np.where(new_thread, rows, 0))
    new_run = new_thread.copy()
    new_run[1:] |= sender[1:] != sender[:-1]
    run_start = np.maximum.accumulate(np.where(new_run, rows, 0))
    # The row before this sender's run is by someone else, if it is of the same thread.
    before = run_start - 1
    latest = np.where(before >= thread_start, before, -1)

    order = np.lexsort((rows, sender, thread))
    own_previous = np.full(n, -1, dtype=np.int64)
    same = (thread[order][1:] == thread[order][:-1]) & (sender[order][1:] == sender[order][:-1])
    own_previous[order[1:][same]] = order[:-1][same]
    unanswered = rows - np.where(own_previous >= 0, own_previous + 1, thread_start)
    return latest, unanswered
