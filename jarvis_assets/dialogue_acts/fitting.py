"""Fitting, cross-validating and calibrating one linear head.

Rows come as ``Examples``, whose groups are held out whole. What the rows are, and which corpus they come from, is
decided in ``training``; the fitted head is ``jarvis_serving.understanding.linear_head``'s and knows nothing of how it
came about.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from jarvis_serving.understanding.linear_head import (
    ACT_SCALE,
    VECTOR_SCALE,
    WORD_SCALE,
    LinearHead,
    bag,
    softmax,
    structure_scales,
    word_pairs,
)

FOLDS = 5
"""Parts of the groups, each held out once."""
INVERSE_REGULARISATION = 0.3
"""scikit-learn's C (chosen on held-out exemplar themes among 0.1, 0.3, 1, 3)."""
TOLERANCE = 1e-3
"""Gradient at which the solver stops: ten times scikit-learn's, which moved held-out accuracy by 0.0005."""
BALANCE = 0.5
"""How far rare classes are lifted: 0 leaves each row its weight, 1 makes classes weigh alike. In between, since chat
does tell far more than it proposes, yet a proposal must not be missed (0, 0.5, 1 tried on held-out themes)."""
MIN_GROUPS = 2
"""Themes in which a word or pair must occur to enter the vocabulary: one theme's words cannot generalise."""
_TEMPERATURES = np.geomspace(0.25, 4.0, 81)
"""Temperatures tried."""


@dataclass(frozen=True)
class Examples:
    """n labelled texts.

    ``vectors`` float32 [n, d], ``structure`` float32 [n, s], ``words`` n lists, ``previous`` float32 [n, p] or None,
    ``labels`` int64 [n] (columns of the classes), ``groups`` n names of what is held out together.
    """

    vectors: np.ndarray
    structure: np.ndarray
    words: Sequence[Sequence[str]]
    previous: np.ndarray | None
    labels: np.ndarray
    groups: Sequence[str]

    def __len__(self) -> int:
        return len(self.labels)

    def where(self, chosen: np.ndarray) -> Examples:
        """The rows at which ``chosen`` bool [n] is true."""
        rows = np.flatnonzero(chosen).tolist()
        return Examples(
            self.vectors[rows],
            self.structure[rows],
            [self.words[row] for row in rows],
            None if self.previous is None else self.previous[rows],
            self.labels[rows],
            [self.groups[row] for row in rows],
        )


def fit(chat: Examples, classes: Sequence[str], corpus: Examples | None = None, share: float = 0.0) -> LinearHead:
    """A head from ``chat``, and from ``corpus`` rows that together weigh ``share`` times as much.

    Rare classes are lifted within each source (``BALANCE``). The vocabulary is that of the chat.
    """
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    sources = [chat] if corpus is None or share == 0.0 else [chat, corpus]
    vocabulary = _vocabulary(chat)
    columns = {gram: column for column, gram in enumerate(vocabulary)}
    design = np.vstack([_design(source, columns) for source in sources])
    labels = np.concatenate([source.labels for source in sources])
    weights = np.concatenate(
        [
            _balanced(source.labels) * factor
            for source, factor in zip(sources, (len(chat), len(chat) * share), strict=False)
        ]
    )
    model = LogisticRegression(C=INVERSE_REGULARISATION, max_iter=500, tol=TOLERANCE)
    # The products are small: on a busy machine several threads spend a hundred times longer waiting for each other.
    with threadpool_limits(1):
        model.fit(design, labels, sample_weight=weights)
    coefficients = np.zeros((design.shape[1], len(classes)), np.float32)
    intercept = np.full(len(classes), -30.0, np.float32)  # a class without a row is never chosen
    coefficients[:, model.classes_] = model.coef_.T
    intercept[model.classes_] = model.intercept_
    return _head(chat, classes, vocabulary, coefficients, intercept)


def _head(
    chat: Examples,
    classes: Sequence[str],
    vocabulary: tuple[str, ...],
    coefficients: np.ndarray,
    intercept: np.ndarray,
) -> LinearHead:
    """The head whose blocks take raw features: the scales are folded into the weights."""
    dimension, structural = chat.vectors.shape[1], chat.structure.shape[1]
    bounds = np.cumsum([dimension, structural, len(vocabulary)])
    vector, structure, words, previous = np.split(coefficients, bounds)
    return LinearHead(
        classes=tuple(classes),
        vector=vector * VECTOR_SCALE,
        structure=structure * structure_scales()[:, None],
        words=words * WORD_SCALE,
        previous=previous * ACT_SCALE,
        intercept=intercept,
        vocabulary=vocabulary,
    )


def _design(examples: Examples, columns: dict[str, int]) -> np.ndarray:
    """All blocks side by side, scaled: float32 [n, d + s + v + p]."""
    said = np.zeros((len(examples), len(columns)), np.float32)
    found, values, starts = bag(examples.words, columns)
    said[np.repeat(np.arange(len(examples)), np.diff(starts)), found] = values
    blocks = [examples.vectors * VECTOR_SCALE, examples.structure * structure_scales(), said * WORD_SCALE]
    if examples.previous is not None:
        blocks.append(examples.previous * ACT_SCALE)
    return np.hstack(blocks).astype(np.float32)


def _vocabulary(examples: Examples) -> tuple[str, ...]:
    """Words and pairs that occur in at least ``MIN_GROUPS`` groups, sorted."""
    seen: dict[str, set[str]] = defaultdict(set)
    for words, group in zip(examples.words, examples.groups, strict=True):
        for gram in word_pairs(words):
            seen[gram].add(group)
    return tuple(sorted(gram for gram, groups in seen.items() if len(groups) >= MIN_GROUPS))


def _balanced(labels: np.ndarray) -> np.ndarray:
    """A weight per row so that classes weigh by their count to the power 1 − ``BALANCE`` and all rows together 1."""
    _, column, counts = np.unique(labels, return_inverse=True, return_counts=True)
    weights = counts[column].astype(np.float64) ** -BALANCE
    return np.asarray(weights / weights.sum())


def fold_of(groups: Sequence[str]) -> np.ndarray:
    """Fold 0 … ``FOLDS`` − 1 of each group, by its hash: int64 [n]."""
    return np.array([int.from_bytes(blake2b(g.encode(), digest_size=4).digest(), "big") % FOLDS for g in groups])


def held_out_logits(
    chat: Examples, classes: Sequence[str], corpus: Examples | None = None, share: float = 0.0
) -> np.ndarray:
    """Logits of every chat row by a head that has not seen its group: float32 [n, c]."""
    folds = fold_of(chat.groups)
    logits = np.zeros((len(chat), len(classes)), np.float32)
    for fold in range(FOLDS):
        out = folds == fold
        if out.any():
            rest = chat.where(out)
            head = fit(chat.where(~out), classes, corpus, share)
            logits[out] = head.logits(rest.vectors, rest.structure, rest.words, rest.previous)
    return logits


def best_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Temperature of least negative log-likelihood (Guo et al. 2017)."""
    rows = np.arange(len(labels))
    losses = [-np.log(np.maximum(softmax(logits, t)[rows, labels], 1e-12)).mean() for t in _TEMPERATURES]
    return float(_TEMPERATURES[int(np.argmin(losses))])


def held_out_probabilities(logits: np.ndarray, examples: Examples) -> np.ndarray:
    """Probabilities of held-out logits, each fold's temperature chosen on the other folds: float64 [n, c]."""
    folds = fold_of(examples.groups)
    found = np.zeros(logits.shape)
    for fold in range(FOLDS):
        out = folds == fold
        found[out] = softmax(logits[out], best_temperature(logits[~out], examples.labels[~out]))
    return found


def abstention_threshold(probabilities: np.ndarray, labels: np.ndarray, accuracy: float) -> float:
    """Least confidence at and above which labels are right with at least ``accuracy``; 1.0 where none is."""
    confidence = probabilities.max(axis=1)
    order = np.argsort(-confidence, kind="stable")
    right = probabilities.argmax(axis=1)[order] == labels[order]
    good = np.flatnonzero(np.cumsum(right) / np.arange(1, len(right) + 1) >= accuracy)
    return float(confidence[order[good[-1]]]) if len(good) else 1.0
