"""Our ROUGE is rouge-score's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from jarvis_assets.evaluation.rouge import Overlaps

SCORER = RougeScorer(["rouge1", "rouge2", "rouge3"], use_stemmer=True)


def reference(option: str, real: str) -> float:
    scores = SCORER.score(real, option)
    return 100 * (scores["rouge1"].fmeasure / 6 + scores["rouge2"].fmeasure / 3 + scores["rouge3"].fmeasure / 2)


TEXTS = [
    "see you at seven, I'll bring the salad",
    "I will bring salads at seven!",
    "no no no no",
    "no no",
    "haha",
    "👍",
    "",
    "Running late, running late, running late",
    "we ran late and we were running",
    "ok",
    "OK.",
]


def test_every_pair_of_texts_scores_as_rouge_score_says():
    overlaps = Overlaps(TEXTS)
    rows = np.arange(len(TEXTS))
    matrix = overlaps.matrix(rows, rows)
    expected = [[reference(left, right) for right in TEXTS] for left in TEXTS]
    np.testing.assert_allclose(matrix, expected, atol=1e-4)
    left, right = np.meshgrid(rows, rows, indexing="ij")
    np.testing.assert_allclose(overlaps.pairwise(left.ravel(), right.ravel()), np.ravel(expected), atol=1e-4)


words = st.lists(
    st.sampled_from(["we", "are", "going", "gone", "to", "the", "the", "cinema", "tonight", "7", "ok", "né", "☕"]),
    max_size=9,
).map(" ".join)


@hypothesis_settings(max_examples=150, deadline=None)
@given(words, words)
def test_repeated_and_stemmed_words_score_as_rouge_score_says(option: str, real: str):
    score = Overlaps([option, real]).pairwise(np.array([0]), np.array([1]))[0]
    assert score == pytest.approx(reference(option, real), abs=1e-4)


def test_no_texts_have_no_scores():
    none = np.empty(0, np.int64)
    assert Overlaps([]).pairwise(none, none).shape == (0,)
    assert Overlaps([]).matrix(none, none).shape == (0, 0)
