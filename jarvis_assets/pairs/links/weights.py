"""The reply-link model: how likely a turn answers each of its candidates, or nobody.

Two factors: a logistic regression says whether the turn answers anybody at all, and a conditional logit (a softmax over
scores linear in the features, then a Platt scale) says whom; a link's probability is their product. They are apart
because inline replies teach the second and say nothing of the first. Groups and direct chats have weights of their
own. It is stored as JSON numbers under its features' names; where candidates and truth come from is the business of
``reply_links``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np

from jarvis_assets.pairs.links.features import CANDIDATE_FEATURES, NOBODY_FEATURES
from jarvis_resources.errors import JarvisError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from jarvis_assets.pairs.links.ranker import Ranker

FORMAT = 2
"""Version of the JSON form."""
_TINY = 1e-9


@dataclass(frozen=True)
class Head:
    """Weights for one kind of conversation (direct or group), its calibration and its threshold.

    ``slope`` and ``intercept``: Platt scale on the logit of the best candidate's share of the softmax. ``threshold``:
    probability of a link below which there is no pair.
    """

    candidate: NDArray[np.float64]
    """One weight for each of ``CANDIDATE_FEATURES``."""
    nobody: NDArray[np.float64]
    """One weight for each of ``NOBODY_FEATURES``."""
    support: float = 1.0
    """Weight, against "nobody", of how well the candidates do together (log-sum-exp of their scores, over ``level``)."""
    level: float = 0.0
    """Mean of that over the responses learned from: what is usual."""
    slope: float = 1.0
    intercept: float = 0.0
    threshold: float = 0.5
    answering: float = 0.5
    """Share of the responses learned from, with a candidate, that answered anybody."""
    shift: float = 0.0
    """What is added to the log-odds of answering anybody, where another share of the turns does."""


@dataclass(frozen=True)
class LinkModel:
    """Two heads, and where their numbers come from (in words, for the report).

    ``ranker``: the trees that take the group head's place where public links were there to learn from. They are kept in
    a file of their own and are no part of the JSON.
    """

    direct: Head
    group: Head
    provenance: str = ""
    measures: Mapping[str, float] = field(default_factory=dict)
    ranker: Ranker | None = None

    @property
    def group_threshold(self) -> float:
        """Probability of a link in a group below which there is no pair."""
        return self.ranker.threshold if self.ranker else self.group.threshold

    def to_json(self) -> dict[str, Any]:
        """The model as JSON: every weight under its feature's name."""
        return {
            "format": FORMAT,
            "provenance": self.provenance,
            "measures": dict(self.measures),
            "direct": _head_to_json(self.direct),
            "group": _head_to_json(self.group),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> LinkModel:
        """The model of such a JSON; raises ``JarvisError`` where it is of another version or lacks a feature."""
        if data.get("format") != FORMAT:
            raise JarvisError("The reply-link model is of another version; run `jarvis mine` again to learn it anew.")
        return cls(
            direct=_head_from_json(data["direct"]),
            group=_head_from_json(data["group"]),
            provenance=str(data.get("provenance", "")),
            measures=dict(data.get("measures", {})),
        )

    @classmethod
    def shipped(cls) -> LinkModel:
        """The model that ships with JARVIS, learned from our own synthetic sample by ``scripts/train_link_model.py``."""
        text = resources.files("jarvis_assets.pairs.links").joinpath("shipped.json").read_text(encoding="utf-8")
        return cls.from_json(json.loads(text))

    @classmethod
    def zero(cls) -> LinkModel:
        """A model that knows nothing: where learning from nothing begins."""
        head = Head(np.zeros(len(CANDIDATE_FEATURES)), np.zeros(len(NOBODY_FEATURES)))
        return cls(head, head, "nothing")

    def with_head(self, *, group: bool, head: Head) -> LinkModel:
        """This model with one head replaced."""
        return replace(self, group=head) if group else replace(self, direct=head)


@dataclass(frozen=True)
class Problem:
    """Responses of one kind with their candidates' features; what a head scores and learns from.

    ``response`` (rising) says which of the n responses each of the k candidates belongs to.
    """

    candidate: NDArray[np.float32]
    nobody: NDArray[np.float32]
    response: NDArray[np.int64]

    def best(self, head: Head) -> Best:
        """Per response, its most probable candidate."""
        share, together = softmax(self.candidate @ head.candidate, self.response, len(self.nobody))
        top = np.zeros(len(self.nobody))
        np.maximum.at(top, self.response, share)
        winner = np.full(len(self.nobody), -1, dtype=np.int64)
        hit = np.flatnonzero(share >= top[self.response])[::-1]
        winner[self.response[hit]] = hit  # of equals, the latest turn
        return Best(
            winner=winner,
            share=top,
            answers=sigmoid(head.support * (together - head.level) - self.nobody @ head.nobody + head.shift),
            whom=sigmoid(head.slope * logit(top) + head.intercept),
        )


@dataclass(frozen=True)
class Best:
    """The best candidate of each of n responses: its row in the problem (−1: none), and how sure that is.

    ``share``: its raw share of the softmax; ``whom``: the same, calibrated; ``answers``: probability that the response
    answers anybody.
    """

    winner: NDArray[np.int64]
    share: NDArray[np.float64]
    answers: NDArray[np.float64]
    whom: NDArray[np.float64]

    @property
    def confidence(self) -> NDArray[np.float64]:
        """Probability that the response answers this candidate."""
        return self.answers * self.whom


def softmax(
    scores: NDArray[np.float64], response: NDArray[np.int64], n: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Softmax over each response's candidates [k], and the log of its denominator [n] (−inf: no candidate)."""
    top = np.full(n, -np.inf)
    np.maximum.at(top, response, scores)
    weights = np.exp(scores - top[response])
    total = np.bincount(response, weights=weights, minlength=n)
    with np.errstate(divide="ignore"):
        return weights / total[response], top + np.log(total)


def sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 / (1 + e^−x), without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)))


def logit(probability: NDArray[np.float64]) -> NDArray[np.float64]:
    """log(p / (1 − p)), kept finite."""
    p = np.clip(probability, _TINY, 1.0 - _TINY)
    return np.asarray(np.log(p) - np.log1p(-p))


def _head_to_json(head: Head) -> dict[str, Any]:
    return {
        "candidate": dict(zip(CANDIDATE_FEATURES, head.candidate.round(4).tolist(), strict=True)),
        "nobody": dict(zip(NOBODY_FEATURES, head.nobody.round(4).tolist(), strict=True)),
        "support": round(head.support, 4),
        "level": round(head.level, 4),
        "slope": round(head.slope, 4),
        "intercept": round(head.intercept, 4),
        "threshold": round(head.threshold, 4),
        "answering": round(head.answering, 4),
        "shift": round(head.shift, 4),
    }


def _head_from_json(data: Mapping[str, Any]) -> Head:
    try:
        return Head(
            np.array([data["candidate"][name] for name in CANDIDATE_FEATURES], dtype=np.float64),
            np.array([data["nobody"][name] for name in NOBODY_FEATURES], dtype=np.float64),
            *(
                float(data[name])
                for name in ("support", "level", "slope", "intercept", "threshold", "answering", "shift")
            ),
        )
    except KeyError as missing:
        raise JarvisError(
            f"The reply-link model lacks {missing}; run `jarvis mine` again to learn it anew."
        ) from missing
