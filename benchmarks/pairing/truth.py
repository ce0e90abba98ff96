"""What every message of a database with a truth answers, and whether pairs say the same.

A pair is right when its trigger is the true target or of the target's burst, by the truth's own bursts: one sender, one
conversation, pauses of at most ten minutes. A response is taken with what follows in its burst: any of these messages
may carry the link. Where all that is known of them is that they answer nobody, the pair is wrong; where nothing is
known, it is not counted.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

BURST_GAP_SECONDS = 600
"""Longest pause inside a burst of the truth (seconds), as its readme has it."""
BETWEEN = ("normal", "attachment_only", "app", "corrupt")
"""Kinds of rows that can stand between two messages of a burst: what a person could see as a message."""
ME = "me"


@dataclass(frozen=True)
class Truth:
    """The messages, row by row, and what they answer."""

    rows: pd.DataFrame
    """guid, conversation, group, sender, mine, normal, said (normal with a text and a conversation), threaded,
    link_known, sent_at, burst (a number of its own for a row outside of bursts), target (row of the message it answers;
    −1: none, or gone), text (as it is now), edited (versions, or None)."""
    answers: pd.DataFrame
    """row, target: every message by somebody else that a row answers, as rows."""

    @classmethod
    def read(cls, path: Path) -> Truth:
        """The truth in a file of JSON lines."""
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            return cls.of([json.loads(line) for line in lines])

    @classmethod
    def of(cls, told: Sequence[dict[str, Any]]) -> Truth:
        """The truth of such lines, in the order in which the database holds them."""
        frame = pd.DataFrame(told)
        place = pd.Index(frame["guid"])
        sender, kind = frame["sender"].to_numpy(dtype=object), frame["kind"]
        has_text = frame["text"].fillna("").ne("").to_numpy(dtype=bool)
        rows = pd.DataFrame(
            {
                "guid": frame["guid"],
                "conversation": frame["conversation"].fillna(""),
                "group": frame["is_group"].fillna(False).astype(bool),
                "sender": sender,
                "mine": sender == ME,
                "normal": kind == "normal",
                "said": (kind == "normal") & has_text & frame["conversation"].fillna("").ne(""),
                "threaded": frame["threaded"].fillna(False).astype(bool),
                "link_known": frame["link_known"].fillna(False).astype(bool),
                "sent_at": pd.to_datetime(frame["date_utc"], utc=True, format="ISO8601"),
                "target": place.get_indexer(pd.Index(frame["reply_to"].fillna(""))),
                "text": frame["text"].astype(object).where(frame["text"].notna(), None),
                "edited": frame.get("edited"),
            }
        )
        rows["burst"] = _bursts(rows, kind.isin(BETWEEN).to_numpy())
        also = frame.get("reply_to_all", pd.Series(None, index=frame.index, dtype=object))
        more = also[also.map(lambda many: isinstance(many, list))].explode().dropna()
        answers = pd.DataFrame(
            {
                "row": np.concatenate([np.arange(len(rows)), more.index.to_numpy(dtype=np.int64)]),
                "target": np.concatenate([rows["target"].to_numpy(), place.get_indexer(pd.Index(more))]),
            }
        ).drop_duplicates()
        answers = answers[answers["target"] >= 0]
        by_another = sender[answers["row"]] != sender[answers["target"]]
        return cls(rows, answers[by_another].reset_index(drop=True))

    def row(self, guids: pd.Series[str]) -> NDArray[np.int64]:
        """The rows of these guids; −1: not in the truth."""
        return np.asarray(pd.Index(self.rows["guid"]).get_indexer(pd.Index(guids)), dtype=np.int64)

    def bursts(self, guids: pd.Series[str]) -> NDArray[np.int64]:
        """The bursts of these guids; −1: not in the truth."""
        at = self.row(guids)
        return np.where(at >= 0, self.rows["burst"].to_numpy()[at], -1)

    def replies(self) -> pd.DataFrame:
        """The rows that are my replies to somebody else, with words on both sides."""
        rows, target = self.rows, self.rows["target"].to_numpy()
        answered = (target >= 0) & rows["said"].to_numpy()[target] & ~rows["mine"].to_numpy()[target]
        return rows[rows["mine"] & rows["said"] & answered]

    def judge(self, pairs: pd.DataFrame) -> pd.DataFrame:
        """Per pair: there (its response is in the truth), conversation, group, known (it is told what it answers), right.

        A response that is no normal message of mine is not counted, and so not known.
        """
        response, trigger = self.row(pairs["response_guid"]), self.bursts(pairs["trigger_guid"])
        there = response >= 0
        rows = self.rows.iloc[response].reset_index(drop=True)
        counted = there & (rows["mine"] & rows["normal"]).to_numpy()
        asked = pd.DataFrame({"pair": np.arange(len(pairs)), "burst": rows["burst"], "at": rows["sent_at"]})[counted]
        members = self.rows[["burst", "sent_at", "link_known"]].reset_index(names="row")
        said = asked.merge(members, on="burst")
        said = said[(said["row"].to_numpy() == response[said["pair"]]) | (said["sent_at"] >= said["at"])]
        answered = said.merge(self.answers, on="row")
        known, right = (np.zeros(len(pairs), dtype=bool) for _ in range(2))
        known[said.loc[said["link_known"], "pair"]] = True
        known[answered["pair"]] = True
        hit = self.rows["burst"].to_numpy()[answered["target"]] == trigger[answered["pair"]]
        right[answered.loc[hit, "pair"]] = True
        return pd.DataFrame(
            {
                "there": there,
                "conversation": rows["conversation"].where(there, ""),
                "group": rows["group"],
                "known": known,
                "right": right,
            }
        )

    def covered(self, pairs: pd.DataFrame, sureness: NDArray[np.float64]) -> pd.DataFrame:
        """Per true reply of mine: conversation, group, threaded, sureness of its surest right pair (NaN: it has none).

        A pair counts for every reply of its response's burst that answers a message of its trigger's burst.
        """
        replies = self.replies()
        told = self.answers[self.answers["row"].isin(replies.index)]
        burst = self.rows["burst"].to_numpy()
        told = told.assign(response=burst[told["row"]], trigger=burst[told["target"]])
        found = pd.DataFrame(
            {
                "response": self.bursts(pairs["response_guid"]),
                "trigger": self.bursts(pairs["trigger_guid"]),
                "sureness": sureness,
            }
        )
        best = told.merge(found, on=["response", "trigger"]).groupby("row")["sureness"].max()
        return replies[["conversation", "group", "threaded"]].assign(sureness=best.reindex(replies.index))

    def gold(self, pairs: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        """(conversation, right) of each pair, and (conversation, found) of each inline reply of mine to another.

        Right: the very message answered. Threaded messages of one burst that answer the same message are one reply.
        """
        replies = self.replies()
        asked = replies.loc[replies["threaded"], ["burst", "target", "conversation"]].drop_duplicates(
            ["burst", "target"]
        )
        response, trigger = self.row(pairs["response_guid"]), self.row(pairs["trigger_guid"])
        rows = self.rows.iloc[response]
        said: pd.MultiIndex = pd.MultiIndex.from_arrays([rows["burst"], trigger])
        true: pd.MultiIndex = pd.MultiIndex.from_frame(asked[["burst", "target"]])
        answers_it = (rows["target"].to_numpy() == trigger) & (trigger >= 0) & (response >= 0)
        right = answers_it & rows["threaded"].to_numpy() & said.isin(true)
        return (
            pd.DataFrame({"conversation": rows["conversation"].to_numpy(), "right": right}),
            pd.DataFrame({"conversation": asked["conversation"].to_numpy(), "found": true.isin(said[right])}),
        )

    def edited(self, pairs: pd.DataFrame) -> pd.DataFrame:
        """Per pair whose trigger was ever edited: conversation, later (edited after I replied), exact (reads as then)."""
        response, trigger = self.row(pairs["response_guid"]), self.row(pairs["trigger_guid"])
        versions = self.rows["edited"].iloc[trigger]
        at = np.flatnonzero((response >= 0) & (trigger >= 0) & versions.map(lambda one: isinstance(one, list)))
        # A loop over edited triggers: a few hundred.
        stood = [
            _as_it_stood(versions.iloc[pair], self.rows["sent_at"].iloc[response[pair]], self.rows["text"].iloc[trigger[pair]])
            for pair in at
        ]  # fmt: skip
        return pd.DataFrame(
            {
                "conversation": self.rows["conversation"].to_numpy()[response[at]],
                "later": np.array(stood, dtype=object) != self.rows["text"].to_numpy(dtype=object)[trigger[at]],
                "exact": np.array(stood, dtype=object) == pairs["trigger_text"].to_numpy(dtype=object)[at],
            }
        )


def _bursts(rows: pd.DataFrame, between: NDArray[np.bool_]) -> NDArray[np.int64]:
    inside = rows[between & rows["conversation"].ne("") & rows["sent_at"].notna()]
    inside = inside.sort_values(["conversation", "sent_at"], kind="stable")
    pause = inside["sent_at"].diff().dt.total_seconds()
    same = inside[["conversation", "sender"]].eq(inside[["conversation", "sender"]].shift()).all(axis=1)
    burst = len(rows) + np.arange(len(rows))
    burst[inside.index] = np.cumsum(~(same & (pause <= BURST_GAP_SECONDS)).to_numpy())
    return burst


def _as_it_stood(versions: list[dict[str, str]], when: pd.Timestamp, now: str) -> str:
    if pd.isna(when):
        return now
    past = [one["text"] for one in versions if datetime.fromisoformat(one["date_utc"]) <= when.to_pydatetime()]
    return past[-1] if past else versions[0]["text"]
