"""What serving learns on dev: the ranker's weights, the calibration curve and the two bars.

Dev alone: the bank knows only train rows while dev messages are asked, and the holdout is never looked at. The curve
and the bars come from cross-fitted scores, so that no message helped to judge itself. Serving reads the result from
``jarvis_serving.calibration``; how good it is on unseen messages is measured in ``holdout``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from jarvis_assets.evaluation.rouge import Overlaps
from jarvis_serving import options
from jarvis_serving.batch import act_of
from jarvis_serving.calibration import Calibration, Ranker
from jarvis_serving.one_thread import one_thread
from jarvis_serving.retrieval import FEATURES, Candidates, Retriever

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jarvis_serving.bank import Bank
    from jarvis_serving.options import Act

FEWEST_DEV_PAIRS = 60
"""Dev messages below which nothing is fitted: thirteen weights and a curve need several each."""
MOST_DEV_PAIRS = 3_000
"""Dev messages looked at, chosen by hash; more change the third digit."""
_FOLDS = 5
_BEST_CANDIDATES = 40
"""Likeliest candidates of each message in the ranker's training; the rest is sampled."""
_OTHER_CANDIDATES = 20
_KEPT_CANDIDATES = 500
"""Candidates kept of each message, by an unfitted guess: bounds the memory to 30 kB a message."""
_CHANCE_PAIRS = 20_000
"""Random pairs of replies behind the match threshold."""
CHANCE = 0.99
"""Percentile of random pairs from which a reply counts as matching (docs/measures.md)."""
TEMPLATE_PRECISION = 0.5
"""A TEMPLATE is offered as the answer: at least every second one should be."""
_FEWEST_ABOVE = 20
"""Dev messages above a bar before its precision is believed."""
_SUREST = 0.9
"""Where no bar reaches TEMPLATE_PRECISION, only the surest tenth of dev is called a TEMPLATE."""
_LEAST_SURE = 0.05
"""Silence is for options that are likelier wrong than a reply chosen blindly, and at most for this share of dev: a person
chooses among three, and three doubtful ones still help more often than none."""
TEMPERATURES = (0.5, 1.0, 2.0)
"""Softmax temperatures tried on dev."""
_MATCH_LOSS = 0.95
"""Share of the best temperature's match rate that the chosen one must keep."""
_BINS = 10
_SMOOTHING = 20
"""Messages of average precision mixed into each end of the curve, so that no probability is 0 or 1 by chance."""


@dataclass(frozen=True)
class _Asked:
    """One dev message: its candidates, their cosines with the real reply, its act and its row."""

    candidates: Candidates
    similarity: NDArray[np.float32]
    act: Act
    row: int
    fold: int


@one_thread()
def fit(bank: Bank, train: NDArray[np.int64], dev: NDArray[np.int64]) -> Calibration:
    """The calibration of ``bank`` from its rows ``train`` (known) and ``dev`` (asked).

    With fewer than FEWEST_DEV_PAIRS usable dev messages it is ``Calibration.untrained``.
    """
    allowed = np.zeros(len(bank), np.bool_)
    allowed[train] = True
    known = bank.restricted(allowed)
    threshold = match_threshold(known.reply_vectors)
    asked = [each for each in _ask(bank, known, _by_hash(bank, dev)) if len(each.candidates)]
    labels = np.array([(each.similarity >= threshold).any() for each in asked])
    if len(asked) < FEWEST_DEV_PAIRS or labels.all() or not labels.any():
        return Calibration.untrained(len(asked))
    folds = np.array([each.fold for each in asked])
    rankers = [_fit_ranker([a for a in asked if a.fold != fold], threshold) for fold in range(_FOLDS)]
    final = _fit_ranker(asked, threshold)
    temperature, picks = _choose_temperature(bank, known, asked, rankers, threshold)
    best = np.array([pick[0] for pick in picks])
    right = np.array([pick[1] for pick in picks])
    scores, precisions = _curve(best, right)
    predicted = np.empty(len(best))
    for fold in range(_FOLDS):
        rest = folds != fold
        predicted[~rest] = np.interp(best[~rest], *_curve(best[rest], right[rest]))
    blind = _blind_precision(asked, known, threshold)
    fitted = np.interp(best, scores, precisions)
    return Calibration(
        ranker=final,
        temperature=temperature,
        scores=tuple(scores.tolist()),
        precisions=tuple(precisions.tolist()),
        match_threshold=threshold,
        template_bar=_template_bar(fitted, right),
        generate_bar=float(min(blind, np.quantile(fitted, _LEAST_SURE))),
        dev_pairs=len(asked),
        reliability=_reliability(predicted, right),
        measured={
            "best_option_match": float(right.mean()),
            "any_option_match": float(np.mean([pick[2] for pick in picks])),
            "rouge_3x": float(np.mean([pick[3] for pick in picks])),
            "blind_match": blind,
            "score_correlation": _correlation(asked, rankers),
        },
    )


def match_threshold(vectors: NDArray[np.float16]) -> float:
    """The CHANCE percentile of the cosine of random pairs of ``vectors`` [n, d]; 1.0 for fewer than two."""
    if len(vectors) < 2:
        return 1.0
    draw = np.random.default_rng(0)
    left = draw.integers(len(vectors), size=_CHANCE_PAIRS)
    right = (left + draw.integers(1, len(vectors), size=_CHANCE_PAIRS)) % len(vectors)
    cosines = np.einsum("nd,nd->n", vectors[left].astype(np.float32), vectors[right].astype(np.float32))
    return float(np.quantile(cosines, CHANCE))


def _by_hash(bank: Bank, dev: NDArray[np.int64]) -> NDArray[np.int64]:
    """At most MOST_DEV_PAIRS of ``dev``, chosen by the pair's own hash so that they stay when the history grows."""
    ids = bank.pairs["pair_id"].to_numpy(object)[dev]
    return np.sort(dev[np.argsort([pair_id[-16:] for pair_id in ids], kind="stable")[:MOST_DEV_PAIRS]])


def _ask(bank: Bank, known: Bank, rows: NDArray[np.int64]) -> list[_Asked]:
    """Every dev message with its guarded candidates, folds by conversation."""
    vectors = bank.vectors[rows].astype(np.float32)
    texts = bank.pairs["trigger_text"].to_numpy(object)[rows].tolist()
    people = bank.pairs["person_id"].to_numpy(object)[rows].tolist()
    places = bank.pairs["conversation_id"].to_numpy(object)[rows].tolist()
    labels = bank.acts.triggers(vectors[:, 0], texts)
    found = Retriever(known, known.guard).retrieve(vectors[:, 0], people, labels.probabilities)
    first_guess = Calibration.untrained().ranker
    asked: list[_Asked] = []
    for i, candidates in enumerate(found):
        likely = np.argsort(-first_guess.score(candidates.features), kind="stable")[:_KEPT_CANDIDATES]
        kept = candidates.take(likely)
        act = act_of(bank.acts, labels, i, texts[i])
        fold = crc32(str(places[i]).encode()) % _FOLDS
        asked.append(_Asked(kept, kept.vectors() @ vectors[i, 1], act, int(rows[i]), fold))
    return asked


def _fit_ranker(asked: list[_Asked], threshold: float) -> Ranker:
    """Logistic weights on sampled candidates: a candidate is right when it matches the real reply."""
    from sklearn.linear_model import LogisticRegression

    draw = np.random.default_rng(0)
    parts: list[NDArray[np.float32]] = []
    right: list[NDArray[np.bool_]] = []
    for each in asked:
        likely = np.argsort(-each.candidates.features[:, :2].sum(axis=1))[:_BEST_CANDIDATES]
        others = draw.integers(len(each.candidates), size=_OTHER_CANDIDATES)
        rows = np.union1d(likely, others)
        parts.append(each.candidates.features[rows])
        right.append(each.similarity[rows] >= threshold)
    features, labels = np.concatenate(parts).astype(np.float64), np.concatenate(right)
    mean, scale = features.mean(axis=0), features.std(axis=0)
    scale[scale < 1e-6] = 1.0  # a constant column gets the weight 0, whatever its scale
    if labels.all() or not labels.any():
        return Calibration.untrained().ranker
    model = LogisticRegression(C=1.0, max_iter=500).fit((features - mean) / scale, labels)
    return Ranker(
        tuple(model.coef_[0].tolist()), tuple(mean.tolist()), tuple(scale.tolist()), float(model.intercept_[0])
    )


_Pick = tuple[float, bool, bool, float]
"""Of one message: score of the surest option, whether it matches, whether any option does, ROUGE-3x of the options."""


def _choose_temperature(
    bank: Bank, known: Bank, asked: list[_Asked], rankers: list[Ranker], threshold: float
) -> tuple[float, list[_Pick]]:
    """The temperature with the best ROUGE-3x on dev that loses little of the match rate, and its options."""
    texts = bank.pairs["response_text"].to_numpy(object)
    overlaps = Overlaps([*known.replies.texts, *(str(texts[each.row]) for each in asked)])
    picks: list[list[_Pick]] = [[] for _ in TEMPERATURES]
    for number, each in enumerate(asked):
        considered = options.consider(each.candidates, known.replies.texts, each.act, rankers[each.fold])
        for temperature, picked in zip(TEMPERATURES, picks, strict=True):
            chosen = options.choose_set(considered, each.act, temperature)
            shown = np.array(chosen.options)
            surest = int(shown[chosen.scores[shown].argmax()])
            matches = each.similarity[shown] >= threshold
            rouge = overlaps.matrix(each.candidates.replies[shown], np.array([len(known.replies) + number])).max()
            picked.append(
                (
                    float(chosen.scores[surest]),
                    bool(each.similarity[surest] >= threshold),
                    bool(matches.any()),
                    float(rouge),
                )
            )
    tried = list(zip(TEMPERATURES, picks, strict=True))
    most = max(np.mean([pick[2] for pick in picks]) for _, picks in tried)
    kept = [each for each in tried if np.mean([pick[2] for pick in each[1]]) >= _MATCH_LOSS * most]
    return max(kept, key=lambda each: float(np.mean([pick[3] for pick in each[1]])))


def _curve(scores: NDArray[np.float64], right: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points of the monotone curve from score to precision (isotonic regression, its ends drawn to the mean)."""
    from sklearn.isotonic import IsotonicRegression

    mean = float(right.mean())
    ends = np.array([scores.min(), scores.max()])
    model = IsotonicRegression(out_of_bounds="clip").fit(
        np.concatenate([scores, ends]),
        np.concatenate([right.astype(np.float64), [mean, mean]]),
        sample_weight=np.concatenate([np.ones(len(scores)), [_SMOOTHING / 2, _SMOOTHING / 2]]),
    )
    return np.asarray(model.X_thresholds_, np.float64), np.asarray(model.y_thresholds_, np.float64)


def _template_bar(predicted: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """The lowest bar above which at least TEMPLATE_PRECISION of dev's surest options match."""
    order = np.argsort(-predicted, kind="stable")
    precision = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    enough = np.flatnonzero((precision >= TEMPLATE_PRECISION) & (np.arange(1, len(order) + 1) >= _FEWEST_ABOVE))
    if len(enough):
        return float(predicted[order[enough[-1]]])
    return float(np.quantile(predicted, _SUREST))


def _blind_precision(asked: list[_Asked], known: Bank, threshold: float) -> float:
    """How often the person's most used reply matches, whatever the message: below that, silence is better."""
    uses = FEATURES.index("uses")
    return float(np.mean([each.similarity[each.candidates.features[:, uses].argmax()] >= threshold for each in asked]))


def _correlation(asked: list[_Asked], rankers: list[Ranker]) -> float:
    """Pearson's r over messages of the best candidate's score and its real similarity, cross-fitted."""
    best: list[tuple[float, float]] = []
    for each in asked:
        scores = rankers[each.fold].score(each.candidates.features)
        top = int(scores.argmax())
        best.append((float(scores[top]), float(each.similarity[top])))
    left, right = np.array(best).T
    return float(np.corrcoef(left, right)[0, 1]) if left.std() and right.std() else 0.0


def _reliability(predicted: NDArray[np.float64], right: NDArray[np.bool_]) -> tuple[tuple[float, float, int], ...]:
    """(mean predicted, observed, n) in bins of equal mass."""
    parts = np.array_split(np.argsort(predicted, kind="stable"), _BINS)
    return tuple((float(predicted[p].mean()), float(right[p].mean()), len(p)) for p in parts if len(p))
