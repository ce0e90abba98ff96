"""Learning a head of the reply-link model from links that are known.

Maximum likelihood with a Gaussian prior around another head: an owner with a thousand inline replies moves far from
what ships, one with fifty hardly at all. Calibration and threshold are fitted on dev responses that the weights never
saw. Which links are true, and which fold a response is in, is decided in ``truth``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from jarvis_assets.pairs.links.weights import Head, Problem, logit, sigmoid, softmax

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

PRIOR_STRENGTH = 4.0
"""Weight of the prior, in responses' worth of log-likelihood per squared unit of weight."""
FEWEST_TO_ADAPT = 500
"""Turns from which the share of those that answer is told; of fewer, a few odd ones decide."""
EM_ROUNDS = 100
"""Rounds of expectation maximisation: many times what it takes to settle."""
SHARES = (0.05, 0.98)
"""No history is taken to hold less, or more, turns that answer somebody."""
FEWEST_TO_CALIBRATE = 60
"""With fewer dev responses a Platt scale is noise, and the prior's is kept."""
NOBODY = -1
"""Truth of a response that answers nobody."""


@dataclass(frozen=True)
class Truth:
    """Per response of a ``Problem``, which candidate (row of the problem) it answers; ``NOBODY``: none of them.

    ``known_nobody`` tells the two kinds of none apart: True where the response is known to answer nobody, False where
    its true trigger is merely no candidate (it then counts as wrong, and teaches nothing).
    """

    answer: NDArray[np.int64]
    known_nobody: NDArray[np.bool_]


def fit(problem: Problem, truth: Truth, prior: Head, *, strength: float = PRIOR_STRENGTH) -> Head:
    """The head of highest posterior given ``truth``; calibration and threshold stay the prior's.

    Where no response is known to answer nobody, the weights of "nobody" stay the prior's too: links alone say nothing
    about openers.
    """
    whom = _fit_whom(problem, truth, prior.candidate, strength)
    n = len(problem.nobody)
    _, together = softmax(problem.candidate @ whom, problem.response, n)
    has = np.isfinite(together)
    if not has.any():
        return prior
    if not truth.known_nobody.any():
        # Only what the new weights shift is made up for: answers are no sample of all turns.
        _, before = softmax(problem.candidate @ prior.candidate, problem.response, n)
        return replace(prior, candidate=whom, level=prior.level + float((together - before)[has].mean()))
    head = replace(prior, candidate=whom, level=float(together[has].mean()))
    weights = _fit_nobody(problem.nobody[has], together[has] - head.level, truth.known_nobody[has], head, strength)
    answering = 1.0 - float(truth.known_nobody[has].mean())
    return replace(head, nobody=weights[:-1], support=float(weights[-1]), answering=answering)


def _fit_whom(problem: Problem, truth: Truth, start: NDArray[np.float64], strength: float) -> NDArray[np.float64]:
    """Weights of the candidates: conditional logit over the responses whose true trigger is a candidate."""
    has_answer = truth.answer >= 0
    use = np.flatnonzero(has_answer[problem.response])
    x = problem.candidate[use].astype(np.float64)
    group = (np.cumsum(has_answer) - 1)[problem.response[use]]
    n = int(has_answer.sum())
    if n == 0:
        return start
    true = np.searchsorted(use, truth.answer[has_answer])

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        share, _ = softmax(x @ weights, group, n)
        value = -float(np.log(np.maximum(share[true], 1e-300)).sum())
        pull = share.copy()
        pull[true] -= 1.0
        away = weights - start
        return value + 0.5 * strength * float(away @ away), x.T @ pull + strength * away

    return _minimum(loss, start)


def _fit_nobody(
    nobody: NDArray[np.float32],
    together: NDArray[np.float64],
    silent: NDArray[np.bool_],
    prior: Head,
    strength: float,
) -> NDArray[np.float64]:
    """Weights of "answers nobody", then ``support``: logistic regression over responses that have a candidate."""
    z = np.column_stack([nobody.astype(np.float64), -together])
    start = np.append(prior.nobody, prior.support)
    y = silent.astype(np.float64)

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        score = z @ weights
        away = weights - start
        value = float(np.logaddexp(0.0, score).sum() - y @ score)
        return value + 0.5 * strength * float(away @ away), z.T @ (sigmoid(score) - y) + strength * away

    return _minimum(loss, start)


def _minimum(
    loss: Callable[[NDArray[np.float64]], tuple[float, NDArray[np.float64]]], start: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Where a smooth convex ``loss`` (value and gradient) is least."""
    from scipy.optimize import minimize

    return np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 300}).x)


def calibrate(problem: Problem, truth: Truth, head: Head) -> Head:
    """``head`` with a Platt scale fitted on dev responses that answer; unchanged where they are too few or all right."""
    best = problem.best(head)
    tells = (best.winner >= 0) & ~truth.known_nobody
    right = (best.winner == truth.answer)[tells]
    if len(right) < FEWEST_TO_CALIBRATE or right.all() or not right.any():
        return head
    slope, intercept = platt(best.share[tells], right)
    return replace(head, slope=slope, intercept=intercept)


def platt(share: NDArray[np.float64], right: NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and intercept on the logit of ``share`` under which ``right`` is likeliest (Platt 1999).

    A weak pull to the identity keeps a handful of responses from making it a step.
    """
    from scipy.optimize import minimize

    x, y = logit(share), right.astype(np.float64)

    def loss(ab: NDArray[np.float64]) -> float:
        s = ab[0] * x + ab[1]
        return float(np.logaddexp(0.0, s).sum() - y @ s + (ab[0] - 1.0) ** 2 + 0.1 * ab[1] ** 2)

    slope, intercept = minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead").x
    return float(max(slope, 0.05)), float(intercept)


def adapt(problem: Problem, head: Head) -> Head:
    """``head`` with the share of turns that answer anybody shifted to that of ``problem``, whose truth nobody knows.

    Expectation maximisation over the probabilities (Saerens, Latinne and Decaestecker 2002): what a turn that answers
    looks like is taken to be the same everywhere, how many do is not. Unchanged where the turns are too few.
    """
    best = problem.best(replace(head, shift=0.0))
    answers = best.answers[best.winner >= 0]
    if len(answers) < FEWEST_TO_ADAPT:
        return head
    learned = logit(np.array([np.clip(head.answering, *SHARES)]))[0]
    shift = 0.0
    for _ in range(EM_ROUNDS):
        share = float(sigmoid(logit(answers) + shift).mean())
        shift = float(logit(np.array([np.clip(share, *SHARES)]))[0] - learned)
    return replace(head, shift=shift)


def choose_threshold(problem: Problem, head: Head, *, precision: float) -> Head:
    """``head`` with the threshold at which its dev pairs are expected to reach ``precision``; else unchanged."""
    best = problem.best(head)
    found = threshold_for(best.confidence[best.winner >= 0], precision)
    return head if found is None else replace(head, threshold=found)


def threshold_for(confidence: NDArray[np.float64], precision: float) -> float | None:
    """The lowest threshold at which the links kept are expected to reach ``precision``; None: too few, or none reaches it.

    What is expected is the mean of their calibrated probabilities: counting hits among the few dozen pairs at the top
    of an owner's dev fold moves the threshold by chance.
    """
    if len(confidence) < FEWEST_TO_CALIBRATE:
        return None
    ranked = np.sort(confidence)[::-1]
    reached = np.flatnonzero(np.cumsum(ranked) / np.arange(1, len(ranked) + 1) >= precision)
    return float(ranked[reached[-1]]) if len(reached) else None
