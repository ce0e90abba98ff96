"""Known links: what the reply-link model learns from and is measured against.

Inline replies state whom they answer, the owner's and in groups everybody's; a synthetic sample knows it of every
turn. Which fold a response is in follows from the hash of its guid. The features never see any of this.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from jarvis_assets.pairs.links.candidates import Candidates, candidates
from jarvis_assets.pairs.links.features import candidate_features, nobody_features
from jarvis_assets.pairs.links.fitting import Truth
from jarvis_assets.pairs.links.inputs import LinkInputs
from jarvis_assets.pairs.links.weights import Problem
from jarvis_assets.pairs.threads import answered_in_thread
from jarvis_assets.pairs.timeline import turns_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

TRAIN, DEV, TEST = 0, 1, 2
"""Folds of the link model: 60, 20 and 20 % of the responses."""
_TRAIN_BYTES, _DEV_BYTES = 154, 205
"""Values of the hash's first byte (of 256) below which a response is in train, and in dev."""


def explicit_links(turns: pd.DataFrame, messages: pd.DataFrame) -> pd.DataFrame:
    """Links that inline replies state, mine and the others': one row per threaded turn whose trigger is in a turn.

    Columns ``response`` and ``trigger``: rows of ``turns`` (int64).
    """
    threaded = np.flatnonzero(turns["thread_root_guid"].notna().to_numpy())
    answered = answered_in_thread(messages, turns["turn_id"].iloc[threaded])
    trigger = turns_of(turns, answered["trigger_guid"])
    keep = trigger >= 0
    return pd.DataFrame({"response": threaded[keep], "trigger": trigger[keep]})


def links_of_guids(turns: pd.DataFrame, response_guids: pd.Series[str], trigger_guids: pd.Series[str]) -> pd.DataFrame:
    """Links told message by message (trigger null: known to answer nobody), as rows of ``turns``.

    A turn answers what its first message with a known trigger by someone else answers; it answers nobody when all that
    is known of its messages says so. Messages outside of turns are left out.
    """
    rows = pd.Index([guid for members in turns["message_guids"] for guid in members])
    turn_of = np.repeat(np.arange(len(turns)), turns["message_count"])
    response = rows.get_indexer(pd.Index(response_guids))
    trigger = rows.get_indexer(pd.Index(trigger_guids.fillna("")))
    told = (response >= 0) & ((trigger >= 0) | trigger_guids.isna().to_numpy())
    links = pd.DataFrame(
        {"response": turn_of[response[told]], "trigger": np.where(trigger[told] >= 0, turn_of[trigger[told]], -1)}
    )
    speaker = turns["person_id"].fillna("").to_numpy(dtype=str)
    own = (links["trigger"] >= 0) & (speaker[links["trigger"]] == speaker[links["response"]])
    links.loc[own, "trigger"] = -1
    links["silent"] = links["trigger"] < 0
    ordered = links.sort_values(["response", "silent"], kind="stable")
    return ordered.drop_duplicates("response")[["response", "trigger"]].reset_index(drop=True)


def fold_of(guids: pd.Series[str]) -> NDArray[np.int64]:
    """Fold of each response by the hash of its guid: ``TRAIN``, ``DEV`` or ``TEST``."""
    hashed = [blake2b(guid.encode(), digest_size=1, person=b"link-fold").digest()[0] for guid in guids]
    return np.asarray(np.digitize(np.array(hashed, dtype=np.int64), [_TRAIN_BYTES, _DEV_BYTES]), dtype=np.int64)


def problem_of(inputs: LinkInputs, responses: NDArray[np.int64]) -> tuple[Candidates, Problem]:
    """Candidates and features of responses (rows of the turns table)."""
    found = candidates(inputs.arrays, responses)
    return found, Problem(candidate_features(inputs, found), nobody_features(inputs, found), found.response)


def problem_with_truth(inputs: LinkInputs, links: pd.DataFrame) -> tuple[Problem, Truth]:
    """The problem of links' responses, and which candidate is the true one (trigger −1: known to answer nobody)."""
    found, problem = problem_of(inputs, links["response"].to_numpy(dtype=np.int64))
    trigger = links["trigger"].to_numpy(dtype=np.int64)
    answer = np.full(len(links), -1, dtype=np.int64)
    hit = np.flatnonzero(found.turn == trigger[found.response])
    answer[found.response[hit]] = hit
    return problem, Truth(answer, trigger < 0)
