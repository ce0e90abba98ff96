"""Templates: what the owner says again and again, and to what kind of message.

A template is a cluster of (incoming, reply) patterns that could stand for each other: same act, same response type, both
sides near in meaning. It is kept as text with its evidence (uses, people, time span), so that any encoder can match it
later. Whether somebody may be offered one is the leak guard's business, and not decided here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from hashlib import blake2b
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from jarvis_assets.topics.neighbours import nearest
from jarvis_resources import tables
from jarvis_serving.normalise import key_text, wording_key

if TYPE_CHECKING:
    from numpy.typing import NDArray

COLUMNS = ("pair_id", "trigger_text", "response_text", "person_id", "responded_at", "occurrences")
"""What of ``pairs`` templates are made of."""
FEWEST_USES = 3
"""Uses (occurrences) that make a pattern: two may be chance."""
REPLY_WEIGHT = 2 / 3
"""Share of the reply in the similarity of two patterns: act and type bind the incoming messages already."""
PATTERN_BAR = 0.65
"""Least weighted cosine between a member and its leader: a reply in the same words joins whatever it answers, one at
0.8 needs incoming messages at 0.35, one at 0.7 needs them at 0.55."""
REPLY_BAR = 0.65
"""Least cosine between the replies, whatever they answer: below, they are different things to say."""
EXAMPLES = 10
"""Incoming messages and wordings kept (count)."""

_NEIGHBOURS = 64
"""Candidates per pattern; what a larger cluster leaves over, the next leader takes."""
_ROWS_AT_ONCE = 4_096
"""Patterns compared side by side at once: bounds the memory to some hundred megabytes."""


def mine(
    pairs: pd.DataFrame,
    vectors: NDArray[np.float16],
    dialogue_acts: pd.DataFrame,
    splits: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Table REPLY_TEMPLATES from ``pairs`` and their unit vectors [pairs, 2, d] (trigger, response).

    With ``splits`` only train rows are mined, so that dev and holdout stay unseen. Replies whose type the classifier was
    not sure of, and pairs marked as mismatched, teach nothing.
    """
    patterns = _patterns(pairs, dialogue_acts, splits)
    if patterns.empty:
        return tables.REPLY_TEMPLATES.empty()
    # The first pair of a pattern lends it its vectors: equal keys have all but equal vectors.
    representative = patterns.drop_duplicates("pattern", keep="first")
    uses = patterns.groupby("pattern")["occurrences"].sum().to_numpy()
    leader = np.empty(len(representative), np.int64)
    # One round for each act and type that occurs: at most a hundred.
    for rows in representative.groupby(["trigger_da_type", "response_da_type"], sort=True).indices.values():
        sides = vectors[representative["row"].to_numpy()[rows]].astype(np.float32)
        leader[rows] = rows[_lead(sides, uses[rows])]
    patterns["cluster"] = leader[patterns["pattern"]]
    total = patterns.groupby("cluster")["occurrences"].transform("sum")
    kept = patterns[total >= FEWEST_USES].sort_values("cluster", kind="stable")
    if kept.empty:
        return tables.REPLY_TEMPLATES.empty()
    starts = np.flatnonzero(np.diff(kept["cluster"].to_numpy(), prepend=-1))
    members = kept.to_dict("list")
    # One round for each template, on plain lists: a frame for each would cost milliseconds.
    rows = [
        _template({name: values[start:end] for name, values in members.items()}, vectors)
        for start, end in pairwise([*starts.tolist(), len(kept)])
    ]
    frame = pd.DataFrame(rows).sort_values(["uses", "template_id"], ascending=[False, True])
    return tables.REPLY_TEMPLATES.conform(frame)


def _patterns(pairs: pd.DataFrame, dialogue_acts: pd.DataFrame, splits: pd.DataFrame | None) -> pd.DataFrame:
    """Pairs to mine, with their row in ``pairs`` and the number of their pattern (act, type, both keys)."""
    acts = dialogue_acts.set_index("pair_id")[["trigger_da_type", "response_da_type", "abstained", "mismatch"]]
    rows = pairs[list(COLUMNS)].reset_index(drop=True).join(acts, on="pair_id", how="inner")
    usable = ~rows["abstained"].astype(bool) & rows["mismatch"].isna()
    if splits is not None:
        usable &= rows["pair_id"].map(splits.set_index("pair_id")["split_pair"]) == "train"
    rows = rows[usable].copy()
    rows["row"] = rows.index.to_numpy()
    rows["reply_key"] = [wording_key(text) for text in rows["response_text"]]
    rows["incoming_key"] = [key_text(text) for text in rows["trigger_text"]]
    # Numbered by first appearance, so that the numbers are the positions of each pattern's first row.
    rows["pattern"] = rows.groupby(
        ["trigger_da_type", "response_da_type", "incoming_key", "reply_key"], sort=False
    ).ngroup()
    return rows


def _lead(sides: NDArray[np.float32], uses: NDArray[np.int64]) -> NDArray[np.int64]:
    """Leader clustering: for each pattern [n, 2, d] the position of its leader (itself, where it leads).

    The pattern with the most uses around it leads first and takes its neighbours that nobody has taken.
    """
    neighbours = _neighbours(sides)
    near = np.where(neighbours >= 0, uses[neighbours], 0).sum(axis=1)
    leader = np.full(len(sides), -1, np.int64)
    # Greedy by nature: whom a leader takes, the next one cannot have. Each step touches at most 64 patterns.
    for pattern in np.argsort(-near, kind="stable"):
        if leader[pattern] < 0:
            around = neighbours[pattern]
            around = around[around >= 0]
            leader[around[leader[around] < 0]] = pattern
            leader[pattern] = pattern
    return leader


def _neighbours(sides: NDArray[np.float32]) -> NDArray[np.int64]:
    """Up to 64 patterns that each could stand for, itself among them: int64 [n, k], −1 = none."""
    # Unit rows side by side, so weighted that an inner product is the weighted mean of both cosines.
    weights = np.sqrt(np.array([1 - REPLY_WEIGHT, REPLY_WEIGHT], np.float32))
    joined = np.ascontiguousarray((sides * weights[:, None]).reshape(len(sides), -1))
    cosine, rows = nearest(joined, min(_NEIGHBOURS, len(sides)))
    rows[cosine < PATTERN_BAR] = -1
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        block = rows[start : start + _ROWS_AT_ONCE]
        own = sides[start : start + _ROWS_AT_ONCE, 1]
        block[np.einsum("nd,nkd->nk", own, sides[block, 1]) < REPLY_BAR] = -1
    return rows


def _template(members: dict[str, list[Any]], vectors: NDArray[np.float16]) -> dict[str, object]:
    """One row of REPLY_TEMPLATES from the pairs of one cluster, column by column."""
    incoming = vectors[members["row"], 0].astype(np.float32)
    examples: dict[str, str] = {}
    for place in np.argsort(-(incoming @ incoming.mean(axis=0)), kind="stable"):
        examples.setdefault(members["incoming_key"][place], members["trigger_text"][place])
    uses: Counter[str] = Counter()
    spellings: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for key, text, times in zip(members["reply_key"], members["response_text"], members["occurrences"], strict=True):
        uses[key] += times
        spellings[key][text] += times
    by_use = sorted(uses, key=lambda key: (-uses[key], key))
    wordings = [_most_used(spellings[key]) for key in by_use[:EXAMPLES]]
    act, kind = members["trigger_da_type"][0], members["response_da_type"][0]
    incoming_texts = list(examples.values())
    return {
        "template_id": blake2b(min(members["pair_id"]).encode(), digest_size=8).hexdigest(),
        "trigger_act": act,
        "response_type": kind,
        "incoming_text": incoming_texts[0],
        "reply_text": wordings[0],
        "incoming_examples": incoming_texts[:EXAMPLES],
        "reply_wordings": wordings,
        "uses": uses.total(),
        "person_ids": sorted(set(members["person_id"])),
        "first_at": min(members["responded_at"]),
        "last_at": max(members["responded_at"]),
    }


def _most_used(spellings: Counter[str]) -> str:
    return min(spellings, key=lambda text: (-spellings[text], text))
