"""What anybody would try first, on the same tables: the thread's root, the message before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from jarvis_assets.pairs.turns import spoken

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIX_HOURS = pd.Timedelta(hours=6)


def thread_root(turns: pd.DataFrame, messages: pd.DataFrame) -> pd.DataFrame:
    """My threaded turns, each with its thread's root; none where that is mine or has no words."""
    mine = turns[turns["is_from_me"] & turns["thread_root_guid"].notna()]
    theirs = spoken(messages).loc[lambda rows: ~rows["is_from_me"], "guid"]
    answered = mine[mine["thread_root_guid"].isin(theirs)]
    return _pairs(answered["turn_id"], answered["thread_root_guid"])


def latest_in_thread(turns: pd.DataFrame, messages: pd.DataFrame) -> pd.DataFrame:
    """My threaded turns, each with the latest message by someone else in its thread before it."""
    mine = turns[turns["is_from_me"] & turns["thread_root_guid"].notna()]
    said = spoken(messages)
    return _before(
        mine, said.assign(thread_root_guid=said["thread_root_guid"].fillna(said["guid"])), "thread_root_guid"
    )


def previous_message(turns: pd.DataFrame, messages: pd.DataFrame, within: pd.Timedelta | None = None) -> pd.DataFrame:
    """My turns outside of threads, each with the latest message by someone else, if it is not older than ``within``."""
    mine = turns[turns["is_from_me"] & turns["thread_root_guid"].isna()]
    return _before(mine, spoken(messages), "conversation_id", within)


def _before(mine: pd.DataFrame, messages: pd.DataFrame, of: str, within: pd.Timedelta | None = None) -> pd.DataFrame:
    theirs = messages.loc[~messages["is_from_me"], [of, "sent_at", "guid"]]
    found = pd.merge_asof(
        mine[["turn_id", "started_at", of]].sort_values("started_at", kind="stable"),
        theirs.sort_values("sent_at", kind="stable"),
        left_on="started_at",
        right_on="sent_at",
        by=of,
        tolerance=within,
        allow_exact_matches=False,
    ).dropna(subset="guid")
    return _pairs(found["turn_id"], found["guid"])


def _pairs(responses: pd.Series[str], triggers: pd.Series[str]) -> pd.DataFrame:
    confidence: NDArray[np.float64] = np.ones(len(responses))
    return pd.DataFrame(
        {"response_guid": responses.to_numpy(), "trigger_guid": triggers.to_numpy(), "confidence": confidence}
    )
