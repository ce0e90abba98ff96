"""The systems that JARVIS must beat, each answering the same holdout messages.

Null baselines know nothing of the message (a random reply to the same person, the most common replies, a constant trio
chosen on dev, no system at all); BM25 and the nearest trigger are the simplest retrieval. Each sees train rows only, and
gives up to five ranked replies and up to three options per message. JARVIS's own answers come from
``jarvis_serving.suggester.batch_answers``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from jarvis_assets.evaluation.rouge import Overlaps
from jarvis_serving.normalise import key_text

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from jarvis_resources.vector_index import VectorIndex

RANKED = 5
"""Ranked replies per message (count)."""
OPTIONS = 3
"""Options per message (count)."""

RETRIEVAL = "retrieval"
PREVIOUS_RELEASE = "previous release"
NEAREST_TRIGGER = "nearest trigger"
BM25 = "BM25"
CONSTANT_TRIO = "constant trio"
MOST_COMMON = "most common"
RANDOM_REPLY = "random reply"
NO_SYSTEM = "no system"
NULL_BASELINES = (CONSTANT_TRIO, MOST_COMMON, RANDOM_REPLY, NO_SYSTEM)
"""Systems that do not look at the message: what a measure is worth without understanding."""
SYSTEMS = (RETRIEVAL, PREVIOUS_RELEASE, NEAREST_TRIGGER, BM25, *NULL_BASELINES)
"""Every system's name, in the order of tables and plots."""

_POOL = 5_000
"""Replies that the constant trio is chosen from: the most common ones."""
_DEV_SAMPLE = 2_000
"""Dev replies that it is chosen on; with the pool, a matrix of 40 MB."""
_NEIGHBOURS = 25
"""Hits fetched to find five distinct replies."""


@dataclass(frozen=True)
class Answers:
    """What one system answers to each message, in the messages' order."""

    ranked: list[list[str]]
    """Up to five distinct replies, best first."""
    options: list[list[str]]
    """Up to three that would be shown; empty: the message is not answered."""
    scores: NDArray[np.float64] | None = None
    """The system's own score of its first reply; None: it has none."""

    def __post_init__(self) -> None:
        if len(self.ranked) != len(self.options) or (self.scores is not None and len(self.scores) != len(self.ranked)):
            raise ValueError("ranked, options and scores must speak of the same messages")


def no_system(asked: pd.DataFrame) -> Answers:
    """Nobody suggests anything: the owner types every reply."""
    return _ranked([[] for _ in range(len(asked))])


def most_common(train: pd.DataFrame, asked: pd.DataFrame) -> Answers:
    """The five replies used most often, whatever the message."""
    return _constant(_wordings(train)[:RANKED], len(asked))


def random_reply(train: pd.DataFrame, asked: pd.DataFrame, *, seed: int = 0) -> Answers:
    """Random replies given to the same person; of the whole history where there are none with that person."""
    draw = np.random.default_rng(seed)
    texts = train["response_text"].to_numpy(object)
    by_person = train.groupby("person_id", sort=False).indices
    everybody = np.arange(len(texts))
    chosen: list[list[str]] = []
    # One draw per message: at most settings.evaluation_pairs of them.
    for person in asked["person_id"]:
        rows = by_person.get(person, everybody)
        if len(rows):
            rows = draw.choice(rows, size=min(len(rows), _NEIGHBOURS), replace=False)
        chosen.append(_distinct([texts[row] for row in rows]))
    return _ranked(chosen)


def constant_trio(train: pd.DataFrame, dev: pd.DataFrame, asked: pd.DataFrame) -> Answers:
    """The three replies that, always offered, have the best ROUGE-3x on dev; chosen greedily from the common replies.

    Two more are added the same way for the ranking of five. Without dev pairs they are the most common replies.
    """
    pool = _wordings(train)[:_POOL]
    real = dev.sort_values("pair_id")["response_text"].tolist()[:_DEV_SAMPLE]
    if not pool or not real:
        return _constant(pool[:RANKED], len(asked))
    overlaps = Overlaps([*pool, *real])
    gain = overlaps.matrix(np.arange(len(pool)), np.arange(len(pool), len(pool) + len(real)))
    best = np.zeros(len(real), np.float32)
    picked: list[int] = []
    for _ in range(min(RANKED, len(pool))):
        totals = np.maximum(gain, best).sum(axis=1, dtype=np.float64)
        totals[picked] = -1
        picked.append(int(totals.argmax()))
        best = np.maximum(best, gain[picked[-1]])
    return _constant([pool[row] for row in picked], len(asked))


def bm25(train: pd.DataFrame, asked: pd.DataFrame) -> Answers:
    """The replies given to the messages with the best BM25 score (every word counts, no stemming)."""
    if train.empty or asked.empty:
        return no_system(asked)
    import bm25s

    words = {"stopwords": None, "token_pattern": r"(?u)\b\w+\b", "show_progress": False}
    index = bm25s.BM25()
    index.index(bm25s.tokenize(train["trigger_text"].tolist(), **words), show_progress=False)
    queries = bm25s.tokenize(asked["trigger_text"].tolist(), return_ids=False, **words)
    hits, scores = index.retrieve(queries, k=min(_NEIGHBOURS, len(train)), show_progress=False, n_threads=0)
    texts = train["response_text"].to_numpy(object)
    ranked = [
        _distinct([texts[row] for row, score in zip(rows, found, strict=True) if score > 0])
        for rows, found in zip(hits, scores, strict=True)
    ]
    return _ranked(ranked, scores[:, 0].astype(np.float64))


def nearest_trigger(
    pairs: pd.DataFrame,
    train_rows: NDArray[np.int64],
    asked_rows: NDArray[np.int64],
    vectors: NDArray[np.float16],
    index: VectorIndex,
) -> Answers:
    """The replies given to the nearest messages; ``scores`` is the cosine of the nearest.

    ``vectors`` is float16 [pairs, 2, d] (trigger, response) and ``index`` holds the triggers, id = row of ``pairs``.
    """
    allowed = np.zeros(len(pairs), np.bool_)
    allowed[train_rows] = True
    queries = np.ascontiguousarray(vectors[asked_rows, 0], np.float32)
    scores, hits = index.search(queries, min(_NEIGHBOURS, max(1, len(train_rows))), allowed=allowed)
    texts = pairs["response_text"].to_numpy(object)
    ranked = [_distinct([texts[row] for row in rows if row >= 0]) for rows in hits]
    top = np.where(hits[:, 0] >= 0, scores[:, 0], np.nan).astype(np.float64)
    return _ranked(ranked, top)


def _wordings(train: pd.DataFrame) -> list[str]:
    """Distinct replies by falling use; the most used spelling stands for its key, ties in the order of a hash."""
    if train.empty:
        return []
    replies = train.groupby("response_text", sort=True)["occurrences"].sum().reset_index()
    replies["key"] = replies["response_text"].map(key_text)
    replies["uses"] = replies.groupby("key")["occurrences"].transform("sum")
    # A tie broken by the alphabet would fill a pool of once-used replies with those that begin with "a".
    replies["tie"] = [crc32(key.encode("utf-8", "surrogatepass")) for key in replies["key"]]
    replies = replies.sort_values(["uses", "tie", "key", "occurrences"], ascending=[False, True, True, False])
    return [str(text) for text in replies.drop_duplicates("key")["response_text"]]


def _distinct(texts: Sequence[str]) -> list[str]:
    """The first five texts whose keys differ."""
    kept: dict[str, str] = {}
    for text in texts:
        kept.setdefault(key_text(text), text)
        if len(kept) == RANKED:
            break
    return list(kept.values())


def _constant(texts: list[str], count: int) -> Answers:
    return _ranked([texts] * count)


def _ranked(ranked: list[list[str]], scores: NDArray[np.float64] | None = None) -> Answers:
    return Answers(ranked, [texts[:OPTIONS] for texts in ranked], scores)
