"""Bursts in two-party messenger dialogues (samsum): is the burst just before mine the one that is answered?

No reply links are known there beyond the speakers' turns, and no times: a message every 20 seconds is pretended. Each
speaker in turn is "me". Measured with the model that ships, at its threshold: nothing is learned from these dialogues.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from benchmarks.pairing.intervals import Figure, share
from benchmarks.segments import encoded
from jarvis_assets.pairs import reply_links, segments
from jarvis_assets.pairs.links.weights import LinkModel
from jarvis_assets.pairs.turns import build_turns
from jarvis_resources import tables

if TYPE_CHECKING:
    from numpy.typing import NDArray

SECONDS_APART = 20
START = pd.Timestamp("2024-01-01T12:00:00Z")
ATTACHMENT = r"(?:<file_\w+>\s*)+"
"""A text that stands for a picture and the like: a message without words."""


def measure(file: Path) -> dict[str, dict[str, Figure | int]]:
    """By kind of turn: how many turns of mine follow one of theirs, how many got a pair, and how often just before."""
    messages = messages_of(file)
    turns = build_turns(messages)
    vectors = encoded(turns["text"])
    numbers = segments.segment(turns, vectors)
    pairs = reply_links.pair_unthreaded_turns(turns, messages, vectors, numbers, LinkModel.shipped()).pairs
    return score(turns, pairs)


def score(turns: pd.DataFrame, pairs: pd.DataFrame) -> dict[str, dict[str, Figure | int]]:
    """The same of turns and the pairs found among them."""
    turn_of = pd.Series(
        np.repeat(np.arange(len(turns)), turns["message_count"]),
        index=[guid for guids in turns["message_guids"] for guid in guids],
    )
    follows = turns["conversation_id"].eq(turns["conversation_id"].shift()) & turns["is_from_me"]
    answered = np.full(len(turns), -1)
    answered[turn_of.loc[pairs["response_guid"]]] = turn_of.loc[pairs["trigger_guid"]]
    several = turns["message_count"].shift(fill_value=0).gt(1)
    kinds = {"my turns after theirs": follows, "… after a burst of several messages": follows & several}
    return {name: _figures(turns, answered, rows.to_numpy(dtype=bool)) for name, rows in kinds.items()}


def _figures(turns: pd.DataFrame, answered: NDArray[np.int64], asked: NDArray[np.bool_]) -> dict[str, Figure | int]:
    rows = np.flatnonzero(asked)
    paired = answered[rows] >= 0
    just_before = answered[rows] == rows - 1
    # One dialogue seen from both sides is one dialogue.
    dialogue = turns["conversation_id"].iloc[rows].str.rsplit("/", n=1).str[0]
    return {
        "turns": len(rows),
        "got_a_pair": share(dialogue, paired),
        "of_the_burst_just_before": share(dialogue, just_before, paired),
    }


def messages_of(file: Path) -> pd.DataFrame:
    """The table ``messages`` of the two-party dialogues, each from both sides (``dialogue/me``)."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        said = pd.DataFrame([json.loads(line) for line in lines])
    said = said[said.groupby("conv_id")["speaker"].transform("nunique") == 2]
    sides = said[["conv_id", "speaker"]].drop_duplicates().rename(columns={"speaker": "me"})
    rows = said.merge(sides, on="conv_id").sort_values(["conv_id", "me", "idx"], ignore_index=True)
    mine = rows["speaker"] == rows["me"]
    wordless = rows["text"].str.fullmatch(ATTACHMENT)
    conversation = rows["conv_id"] + "/" + rows["me"]
    columns: dict[str, Any] = {
        "guid": conversation + "/" + rows["idx"].astype(str),
        "rowid": rows.index,
        "conversation_id": conversation,
        "person_id": rows["speaker"].mask(mine),
        "is_from_me": mine,
        "is_group": False,
        "sent_at": (START + pd.to_timedelta(rows["idx"] * SECONDS_APART, unit="s")).astype("datetime64[us, UTC]"),
        "kind": np.where(wordless, "attachment_only", "normal"),
        "text": rows["text"].mask(wordless),
        "service": "iMessage",
        "thread_root_guid": None,
        "edited_at": pd.Series(pd.NaT, index=rows.index, dtype="datetime64[us, UTC]"),
        "edit_history": pd.Series(None, index=rows.index, dtype=object),
        "tapback_kind": None,
        "tapback_target_guid": None,
        "attachment_count": wordless.astype(int),
    }
    return tables.MESSAGES.conform(pd.DataFrame(columns))
