"""From an incoming message to the owner's replies that might answer it, each with its features.

Trigger similarity alone is the wrong key: every reply that may reach the person is a candidate and is scored directly.
The nearest past messages only say what the owner tends to answer; a linear map says where the reply should lie. The
same code serves one message and evaluates thousands. Which candidates become options is decided in ``options``.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from jarvis_resources.tables import RESPONSE_TYPES, TRIGGER_ACTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jarvis_serving.bank import Bank
    from jarvis_serving.privacy import Guard

NEIGHBOURS = 200
"""Past messages looked at for one incoming message (count)."""
NEIGHBOUR_TEMPERATURE = 0.1
"""Cosine difference that makes a neighbour count e times less; chosen once, the ranker's weights absorb the rest."""
MOST_CANDIDATES = 3_000
"""Replies of one person that are scored: 1 ms. Of more, the most used with them and then the latest are taken."""
_POOLS_KEPT = 16
"""People whose candidates stay in memory, at most 5 MB each; more are made again in milliseconds."""
_PRIOR_TYPE_USES = 1.0
"""Uses added to every (act, type) cell, so that a type never seen with an act stays possible."""

FEATURES = (
    "mapped",
    "consensus",
    "vote",
    "trigger_score",
    "type",
    "length_gap",
    "echo",
    "uses",
    "people",
    "with_person",
    "person_style",
    "centrality",
    "length",
    "question",
)
"""Names of the columns of ``Candidates.features``; see ``_Pool`` and ``Retriever.retrieve`` for their meaning."""


@dataclass(frozen=True)
class Candidates:
    """The c replies that may answer one message.

    ``replies`` int64 [c]: ids; ``features`` float32 [c, len(FEATURES)]; ``types`` int64 [c]: index into RESPONSE_TYPES;
    ``neighbours`` int64 [k]: rows of the nearest past messages, best first, with ``top_score`` the best's cosine (−1:
    there is none); ``heard`` int64 [k]: what the owner answered to them, which may be nobody else's to read.
    """

    replies: NDArray[np.int64]
    features: NDArray[np.float32]
    types: NDArray[np.int64]
    neighbours: NDArray[np.int64]
    heard: NDArray[np.int64]
    top_score: float
    _reply_vectors: NDArray[np.float16]

    def __len__(self) -> int:
        return len(self.replies)

    def vectors(self, rows: Sequence[int] | NDArray[np.int64] | slice = slice(None)) -> NDArray[np.float32]:
        """Vectors of the candidates at ``rows`` (all unless told): float32 [rows, d], length 1."""
        return self._reply_vectors[self.replies[rows]].astype(np.float32)

    def take(self, rows: NDArray[np.int64]) -> Candidates:
        """Only the candidates at ``rows``."""
        return replace(self, replies=self.replies[rows], features=self.features[rows], types=self.types[rows])


@dataclass(frozen=True)
class _Pool:
    """What is known of a person's candidates before a message comes."""

    ids: NDArray[np.int64]
    vectors: NDArray[np.float32]
    types: NDArray[np.int64]
    fixed: NDArray[np.float32]
    """The features that do not depend on the message, in the order of FEATURES from ``uses`` on."""
    log_length: NDArray[np.float32]


class Retriever:
    """Finds and describes candidates in ``bank``; ``guard`` None lets every reply through (evaluation only)."""

    def __init__(self, bank: Bank, guard: Guard | None) -> None:
        self._bank = bank
        self._guard = guard
        self._pools: OrderedDict[str | None, _Pool] = OrderedDict()
        replies = bank.replies
        self._log_length = np.log1p([len(text) for text in replies.texts]).astype(np.float32)
        self._question = np.array([text.rstrip().endswith("?") for text in replies.texts], np.float32)
        self._type_given_act = type_given_act(bank)
        mean = bank.reply_vectors.astype(np.float32).T @ replies.uses.astype(np.float32) if len(replies) else None
        self._mean = None if mean is None else mean / max(1, int(replies.uses.sum()))

    def retrieve(
        self,
        vectors: NDArray[np.float32],
        person_ids: Sequence[str | None],
        act_probabilities: NDArray[np.float64],
        *,
        k: int = NEIGHBOURS,
    ) -> list[Candidates]:
        """The candidates of each of q messages.

        ``vectors`` float32 [q, d]; ``act_probabilities`` float64 [q, acts] in the order of TRIGGER_ACTS.
        """
        scores, rows = self._bank.index.search(np.ascontiguousarray(vectors, np.float32), k)
        mapped = self._bank.reply_map(vectors)
        found: dict[int, Candidates] = {}
        # A loop over messages: each has a pool of its own size. Those to one person come together and share it.
        for i in sorted(range(len(person_ids)), key=lambda i: person_ids[i] or ""):
            near = rows[i] >= 0
            found[i] = self._describe(
                vectors[i], mapped[i], scores[i][near], rows[i][near], person_ids[i], act_probabilities[i]
            )
        return [found[i] for i in range(len(person_ids))]

    def _describe(
        self,
        vector: NDArray[np.float32],
        mapped: NDArray[np.float32],
        scores: NDArray[np.float32],
        rows: NDArray[np.int64],
        person_id: str | None,
        acts: NDArray[np.float64],
    ) -> Candidates:
        pool = self._pool(person_id)
        count = len(pool.ids)
        features = np.zeros((count, len(FEATURES)), np.float32)
        if not count or not len(rows):
            return Candidates(
                pool.ids[:0], features[:0], pool.types[:0], rows, rows[:0], -1.0, self._bank.reply_vectors
            )
        weights = np.exp((scores - scores[0]) / NEIGHBOUR_TEMPERATURE)
        weights /= weights.sum()
        heard = self._bank.replies.of_row[rows]
        centre = weights @ self._bank.reply_vectors[heard].astype(np.float32)
        length = float(weights @ self._log_length[heard])
        votes = np.bincount(heard, weights, minlength=len(self._bank.replies))[pool.ids]
        nearest = np.full(len(self._bank.replies), scores[-1], np.float32)
        np.maximum.at(nearest, heard, scores)
        centre /= max(float(np.linalg.norm(centre)), 1e-9)
        cosines = pool.vectors @ np.stack([mapped, centre, vector], axis=1)
        features[:, 0:2] = cosines[:, :2]
        features[:, 2] = np.log1p(20 * votes)
        features[:, 3] = nearest[pool.ids]
        features[:, 4] = np.log(np.maximum(acts @ self._type_given_act, 1e-6))[pool.types]
        features[:, 5] = np.abs(pool.log_length - length)
        features[:, 6] = cosines[:, 2]
        features[:, 7:] = pool.fixed
        return Candidates(pool.ids, features, pool.types, rows, heard, float(scores[0]), self._bank.reply_vectors)

    def _pool(self, person_id: str | None) -> _Pool:
        known = self._pools.get(person_id)
        if known is None:
            known = self._make_pool(person_id)
            self._pools[person_id] = known
            if len(self._pools) > _POOLS_KEPT:
                self._pools.popitem(last=False)
        self._pools.move_to_end(person_id)
        return known

    def _make_pool(self, person_id: str | None) -> _Pool:
        replies = self._bank.replies
        ids = np.arange(len(replies)) if self._guard is None else self._guard.eligible(person_id)
        own, uses = replies.used_with(person_id), replies.uses_with(person_id)
        with_person = np.zeros(len(replies), np.float32)
        with_person[own] = uses
        if self._guard is not None and len(ids) > MOST_CANDIDATES:
            worth = np.lexsort((-replies.row[ids], -replies.uses[ids], -with_person[ids]))
            ids = np.sort(ids[worth[:MOST_CANDIDATES]])
        vectors = self._bank.reply_vectors[ids].astype(np.float32)
        mean = self._mean if self._mean is not None else np.zeros(vectors.shape[1], np.float32)
        style = mean
        if len(own):
            style = uses.astype(np.float32) @ self._bank.reply_vectors[own].astype(np.float32) / uses.sum()
        fixed = np.stack(
            [
                np.log1p(replies.uses[ids]),
                np.log1p(replies.people_counts[ids]),
                np.log1p(with_person[ids]),
                vectors @ style,
                vectors @ mean,
                self._log_length[ids],
                self._question[ids],
            ],
            axis=1,
        ).astype(np.float32)
        return _Pool(ids, vectors, replies.types[ids], fixed, self._log_length[ids])


def type_given_act(bank: Bank) -> NDArray[np.float64]:
    """P(response type | trigger act) as this owner answers: float64 [acts, types], smoothed, rows sum to 1."""
    counts = np.full((len(TRIGGER_ACTS), len(RESPONSE_TYPES)), _PRIOR_TYPE_USES)
    acts = {name: index for index, name in enumerate(TRIGGER_ACTS)}
    types = {name: index for index, name in enumerate(RESPONSE_TYPES)}
    seen = bank.pairs.groupby(["trigger_da_type", "response_da_type"], observed=True).size()
    for (act, kind), number in seen.items():
        counts[acts[act], types[kind]] += number
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))
