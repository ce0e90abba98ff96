"""What the benchmark of the index measures: on which vectors, and what counts as found."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import index
from jarvis_resources import index_tuning


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two corpora with 40 distinct messages, some of them in both."""
    monkeypatch.setattr(index, "INDEXED", 30)
    monkeypatch.setattr(index, "QUESTIONS", 6)
    monkeypatch.setattr(index, "TUNING", 4)
    for name, numbers in (("one", range(25)), ("two", range(15, 40))):
        (tmp_path / name).mkdir()
        with gzip.open(tmp_path / name / f"{name}.jsonl.gz", "wt", encoding="utf-8") as file:
            for number in numbers:
                file.write(json.dumps({"text": f"message {number}"}) + "\n")
            file.write(json.dumps({"text": " "}) + "\n" + json.dumps({"id": 7}) + "\n")
    return tmp_path


def test_every_message_is_taken_once_in_an_order_of_its_own(corpus: Path) -> None:
    chosen = index.texts(corpus)
    assert sorted(chosen) == sorted(f"message {number}" for number in range(40))
    assert chosen == index.texts(corpus)
    assert chosen != sorted(chosen)


def test_too_few_messages_are_refused(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "INDEXED", 31)
    with pytest.raises(SystemExit, match="only 40 distinct messages"):
        index.texts(corpus)


def test_resampled_vectors_lie_near_one_text_and_lean_to_another() -> None:
    originals = np.eye(40, 64, dtype=np.float16)
    made = index._resampled(originals, 2_000, np.random.default_rng(3)).astype(np.float32)
    assert np.allclose(np.linalg.norm(made, axis=1), 1, atol=2e-3)
    cosines = np.sort(made @ originals.T.astype(np.float32), axis=1)
    mixed = cosines[:, -2] > 0
    assert np.allclose(cosines[mixed, -1], 1 / 1.25**0.5, atol=2e-3)
    assert np.allclose(cosines[mixed, -2], 0.5 / 1.25**0.5, atol=2e-3)
    assert mixed.mean() > 0.9


def test_recall_counts_what_ties_with_the_tenth_and_nothing_less() -> None:
    worst = np.array([0.5, 0.5], np.float32)
    scores = np.array([[0.9, 0.5], [0.5, 0.4999]], np.float32)
    assert index_tuning.recall(scores, worst) == 0.75


def test_the_exact_tenth_is_the_same_however_the_vectors_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    vectors, questions = random.standard_normal((2, 500, 16)).astype(np.float32)
    expected = np.sort(questions @ vectors.T, axis=1)[:, -10]
    for rows in (64, 500):
        monkeypatch.setattr(index_tuning, "_CHUNK_ROWS", rows)
        assert np.allclose(index_tuning.exact_worst(vectors, questions, 10), expected, atol=1e-4)
    some = np.arange(0, 500, 3)
    expected = np.sort(questions @ vectors[some].T, axis=1)[:, -10]
    assert np.allclose(index_tuning.exact_worst(vectors, questions, 10, some), expected, atol=1e-4)
