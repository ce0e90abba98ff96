"""How well an encoder's vectors serve, measured on the owner's own holdout: from vectors alone.

The definitions are those of ``docs/measures.md``. Which encoders are asked, and what they cost, is for ``ways``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jarvis_assets.evaluation.measures import Bootstrap, Interval
from jarvis_assets.vectors.tuning.measures import OTHERS, nearest

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]
    Encode = Callable[[Sequence[str]], Vectors]

MOST_ASKED = 4_000
"""Most holdout messages: their replies are compared with each other, all with all."""
MOST_HISTORY = 8_000
"""Most train pairs in which the nearest are looked for."""
NEIGHBOURS = 10
"""Replies nearest to the real one: what a good neighbourhood would offer."""
LOOKED_AT = 100
"""Nearest triggers whose replies are looked at."""
MOST_CLUSTERED = 3_000
"""Most replies that are clustered, twice: seconds instead of minutes."""
_BLOCK = 512
"""Messages compared at a time: 512 × 8,000 cosines are 16 MB."""


@dataclass(frozen=True)
class Sample:
    """What every encoder is asked: holdout exchanges, and the history to answer from."""

    asked: list[str]
    replies: list[str]
    reply_key: NDArray[np.int64]
    """int64 [asked]: replies that mean the same have the same number."""
    conversation: NDArray[np.object_]
    history: list[str]
    history_replies: list[str]

    @classmethod
    def of(cls, pairs: pd.DataFrame, splits: pd.DataFrame, key: Callable[[str], str]) -> Sample:
        """The holdout and the history of ``split_pair``, each pair's side as in ``splits``; the latest of too many."""
        side = splits.set_index("pair_id")["split_pair"].reindex(pairs["pair_id"]).to_numpy(object)
        ordered = pairs.assign(side=side).sort_values("responded_at", kind="stable")
        asked = ordered[ordered["side"] == "holdout"].tail(MOST_ASKED)
        history = ordered[ordered["side"] == "train"].tail(MOST_HISTORY)
        replies = asked["response_text"].tolist()
        return cls(
            asked=asked["trigger_text"].tolist(),
            replies=replies,
            reply_key=np.unique(np.array([key(text) for text in replies], str), return_inverse=True)[1],
            conversation=asked["conversation_id"].fillna("").to_numpy(object),
            history=history["trigger_text"].tolist(),
            history_replies=history["response_text"].tolist(),
        )


@dataclass(frozen=True)
class Quality:
    """One encoder's measures; NaN where there was too little to measure."""

    recall_at_1: float
    recall_low: float
    recall_high: float
    neighbour_recall: float
    topic_coverage: float
    topic_agreement: float


def measure(encode: Encode, judge: Encode, sample: Sample, *, seed: int = 0, topics: bool = True) -> Quality:
    """Ask an encoder; ``judge`` says which replies are alike (the fixed pairing encoder)."""
    triggers, replies = encode(sample.asked), encode(sample.replies)
    recall = Bootstrap(sample.conversation).mean(expected_recall(triggers, replies, sample.reply_key))
    neighbours = np.nan
    if len(sample.history) >= LOOKED_AT and sample.asked:
        near = nearest(triggers, encode(sample.history), LOOKED_AT)
        alike = nearest(judge(sample.replies), judge(sample.history_replies), NEIGHBOURS)
        neighbours = found_among(alike, near)
    coverage, agreement = (
        topic_measures(encode(sample.history_replies[-MOST_CLUSTERED:]), seed) if topics else (np.nan,) * 2
    )
    return Quality(*_numbers(recall), neighbours, coverage, agreement)


def expected_recall(triggers: Vectors, replies: Vectors, key: NDArray[np.int64]) -> NDArray[np.float64]:
    """Chance that each message's real reply comes before ``OTHERS`` others drawn from all replies: float64 [n].

    (1 − share of the others that come before it)^99: the mean over all draws, so no luck of one draw is in it. A tie
    counts against the real reply; replies that mean the same are no others. NaN where there is no other.
    """
    found = np.full(len(triggers), np.nan)
    # A loop over blocks: all cosines at once would be the square of the messages.
    for start in range(0, len(triggers), _BLOCK):
        block = slice(start, start + _BLOCK)
        cosines = triggers[block] @ replies.T
        real = np.einsum("nd,nd->n", triggers[block], replies[block])
        other = key[block, None] != key[None, :]
        before = ((cosines >= real[:, None]) & other).sum(axis=1)
        others = other.sum(axis=1)
        share = np.divide(before, others, out=np.full(len(real), np.nan), where=others > 0)
        found[block] = (1 - share) ** OTHERS
    return found


def found_among(wanted: NDArray[np.int64], given: NDArray[np.int64]) -> float:
    """Mean share of each row of ``wanted`` that is in the same row of ``given``."""
    return float(np.mean([np.isin(one, other).mean() for one, other in zip(wanted, given, strict=True)]))


def topic_measures(vectors: Vectors, seed: int) -> tuple[float, float]:
    """Share of replies that are in a topic, and how far two seeds agree on topics (AMI); NaN without vectors."""
    from sklearn.metrics import adjusted_mutual_info_score

    from jarvis_assets.topics import clustering

    if not len(vectors):
        return np.nan, np.nan
    one, two = (clustering.cluster(vectors.astype(np.float16), seed=seed + step).ids for step in (0, 1))
    return float((one != clustering.NOISE).mean()), float(adjusted_mutual_info_score(one, two))


def agreement(vectors: Vectors, reference: Vectors) -> float:
    """Mean cosine of the same texts under two ways to run one encoder."""
    return float(np.einsum("nd,nd->n", vectors, reference).mean()) if len(vectors) else np.nan


def _numbers(found: Interval) -> tuple[float, float, float]:
    return found.value, found.low, found.high
