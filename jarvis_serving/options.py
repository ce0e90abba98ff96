"""From scored candidates to the three replies that are shown, chosen as a set.

The three should together be likely to hold the reply the owner would type: each next option is the one that adds most
to the expected overlap with likely replies, which are the candidates and what was answered to the nearest messages. Commitments get at most one option per response type and never a yes
without a no. How a candidate is scored is learned (``calibration``); what it means for the route is decided in
``router``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from jarvis_resources.tables import RESPONSE_TYPES
from jarvis_serving import overlap
from jarvis_serving.retrieval import FEATURES
from jarvis_serving.understanding import response_types

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from jarvis_serving.calibration import Calibration, Ranker
    from jarvis_serving.retrieval import Candidates

OPTIONS = 3
"""Options shown (count)."""
RANKED = 5
"""Replies in the ranking that the evaluation looks at (count)."""
CONSIDERED = 100
"""Best-scored candidates among which the set is chosen; more cost milliseconds and change nothing."""
HEARD_SHARE = 0.7
"""Of the likely replies that a set should overlap with: the share that are answers to the nearest past messages, whoever
got them; the rest are the candidates themselves. On dev of public dialogues ROUGE-3x is 5.1 at 0, 5.5 at 0.5, 5.8 at
0.7, 5.7 at 0.9, and from there on the match rate falls."""
SAME_MEANING = 0.75
"""Cosine from which two options say the same thing: "lol" and "haha" have 0.78, "yes" and "sure" 0.57 (MiniLM)."""
SAME_WORDS = 0.75
"""F-measure of shared words from which two options are wordings of one."""

_POSITIVE = np.isin(RESPONSE_TYPES, list(response_types.POSITIVE))
_NEGATIVE = np.isin(RESPONSE_TYPES, list(response_types.NEGATIVE))


@dataclass(frozen=True)
class Option:
    """One reply to choose from.

    ``source``: template, history or generated; ``confidence``: calibrated probability that it means what the owner
    would have written; ``evidence``: what stands behind it (counts and reasons, never other people's words).
    """

    text: str
    response_type: str
    source: str
    confidence: float
    evidence: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The option as the API answers it."""
        return {
            "text": self.text,
            "response_type": self.response_type,
            "source": self.source,
            "confidence": round(self.confidence, 4),
            "evidence": self.evidence,
        }


@dataclass(frozen=True)
class Act:
    """What the incoming message does; ``sure`` False: the classifier abstains, and no rule may lean on it."""

    name: str
    confidence: float
    sure: bool
    is_plan: bool = False
    """A question that fixes when or where."""

    @property
    def commits(self) -> bool:
        """Whether answering commits the owner."""
        return self.sure and (self.name in response_types.COMMITMENTS or self.is_plan)


@dataclass(frozen=True)
class Chosen:
    """Positions among the candidates: ``options`` (≤ 3, best first), ``ranked`` (≤ 5); ``scores`` float32 [c]."""

    options: list[int]
    ranked: list[int]
    scores: NDArray[np.float32]


@dataclass(frozen=True)
class Considered:
    """What a set is chosen from, whatever the temperature; ``order`` holds at most ``CONSIDERED`` candidates, best first.

    ``shared`` float32 [o, o + heard]: overlap with each other and with what was answered to near messages; ``alike``
    bool [o, o]: say the same thing.
    """

    order: NDArray[np.int64]
    ranked: list[int]
    scores: NDArray[np.float32]
    types: NDArray[np.int64]
    shared: NDArray[np.float32]
    alike: NDArray[np.bool_]


def choose(candidates: Candidates, texts: Sequence[str], act: Act, calibration: Calibration) -> Chosen:
    """The best set of up to three options, and the five best replies one by one.

    ``texts``: of every distinct reply, by id.
    """
    return choose_set(consider(candidates, texts, act, calibration.ranker), act, calibration.temperature)


def consider(candidates: Candidates, texts: Sequence[str], act: Act, ranker: Ranker) -> Considered:
    """The candidates in the running, and how they overlap: most of a choice's time."""
    scores = ranker.score(candidates.features)
    order = np.argsort(-scores, kind="stable")
    order = order[~_asks_back(candidates)[order]]
    ranked = _apart(candidates, order, RANKED) if len(order) else []
    order = _of_valid_type(candidates, order, act)[:CONSIDERED]
    shared, words = overlap.matrices(
        [texts[reply] for reply in candidates.replies[order]], [texts[reply] for reply in candidates.heard]
    )
    vectors = candidates.vectors(order)
    alike = (vectors @ vectors.T > SAME_MEANING) | (words > SAME_WORDS)
    return Considered(order, ranked, scores, candidates.types[order], shared, alike)


def choose_set(considered: Considered, act: Act, temperature: float) -> Chosen:
    """The best set of up to three of those ``considered``."""
    order, scores, types, shared = considered.order, considered.scores, considered.types, considered.shared
    if not len(order):
        return Chosen([], considered.ranked, scores)
    heard = shared.shape[1] - len(order)
    weights = np.exp((scores[order] - scores[order[0]]) / temperature)
    weights *= (1 - HEARD_SHARE if heard else 1) / weights.sum()
    weights = np.concatenate([weights, np.full(heard, HEARD_SHARE / max(1, heard))])
    picked: list[int] = []
    covered = np.zeros(len(weights), np.float32)
    open_to = np.ones(len(order), np.bool_)
    while len(picked) < OPTIONS and open_to.any():
        room = open_to & _balancing(types, picked, open_to) if act.commits else open_to
        gain = np.where(room, np.maximum(shared, covered) @ weights, -1.0)
        best = int(gain.argmax())
        picked.append(best)
        covered = np.maximum(covered, shared[best])
        open_to &= ~considered.alike[best]
        if act.commits:
            open_to &= types != types[best]
    # The set was chosen as a set; it is shown surest first.
    return Chosen([int(order[row]) for row in sorted(picked)], considered.ranked, scores)


def _asks_back(candidates: Candidates) -> NDArray[np.bool_]:
    """Which candidates only ask what they were asked: the owner's own such questions lie near, and answer nothing."""
    echo = candidates.features[:, FEATURES.index("echo")]
    return np.asarray((echo > SAME_MEANING) & (candidates.types == RESPONSE_TYPES.index("QUESTION")))


def _of_valid_type(candidates: Candidates, order: NDArray[np.int64], act: Act) -> NDArray[np.int64]:
    """``order`` without the replies whose type cannot answer a sure act; as it is where that would leave none."""
    if not act.sure:
        return order
    valid = np.array([response_types.is_valid(act.name, name) for name in RESPONSE_TYPES])
    fitting = order[valid[candidates.types[order]]]
    return fitting if len(fitting) else order


def _balancing(types: NDArray[np.int64], picked: list[int], open_to: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which candidates slot 3 may take: after a yes without a no, only a no, where there is one; and the reverse."""
    everything = np.ones(len(types), np.bool_)
    if len(picked) != OPTIONS - 1:
        return everything
    said_yes, said_no = bool(_POSITIVE[types[picked]].any()), bool(_NEGATIVE[types[picked]].any())
    if said_yes == said_no:
        return everything
    wanted = (_NEGATIVE if said_yes else _POSITIVE)[types]
    return wanted if (wanted & open_to).any() else everything


def _apart(candidates: Candidates, order: NDArray[np.int64], count: int) -> list[int]:
    """The first ``count`` of ``order`` that are no near-duplicates of an earlier one."""
    first = order[: 10 * count]
    vectors = candidates.vectors(first)
    alike = vectors @ vectors.T > SAME_MEANING
    kept: list[int] = []
    for place in range(len(first)):
        if not alike[place, kept].any():
            kept.append(place)
            if len(kept) == count:
                break
    return [int(first[place]) for place in kept]
