"""The default backend: equal to sentence-transformers, equal to itself whatever the batch, and free of torch."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from jarvis_resources.encoders import Encoder, load_encoder
from jarvis_resources.encoders.onnx import batches
from jarvis_resources.settings import Settings


def test_vectors_equal_those_of_sentence_transformers(
    minilm: Encoder, shared_settings: Settings, chat: tuple[str, ...]
) -> None:
    reference = load_encoder("all-minilm-l6-v2", "sentence-transformers", settings=shared_settings)
    assert np.abs(minilm.encode(chat) - reference.encode(chat)).max() < 1e-4


def test_rows_are_float32_of_length_one(minilm: Encoder, chat: tuple[str, ...]) -> None:
    vectors = minilm.encode(chat)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(chat), minilm.dimension)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_text_has_the_same_bits_alone_and_among_others(
    shared_settings: Settings, precision: str, chat: tuple[str, ...]
) -> None:
    encoder = load_encoder("all-minilm-l6-v2", precision=precision, settings=shared_settings)
    crowd = [*chat, *(f"{greeting} {name}" for greeting in ("hi", "hey", "yo") for name in ("ana", "ben", "kim"))]
    together = encoder.encode(crowd)
    alone = np.vstack([encoder.encode([text]) for text in crowd])
    assert np.array_equal(together, alone)


def test_int8_stays_close_and_is_another_encoder_to_the_store(
    minilm: Encoder, shared_settings: Settings, chat: tuple[str, ...]
) -> None:
    encoder = load_encoder("all-minilm-l6-v2", precision="int8", settings=shared_settings)
    cosines = np.einsum("ij,ij->i", encoder.encode(chat), minilm.encode(chat))
    assert cosines.mean() > 0.985
    assert cosines.min() > 0.95
    assert encoder.fingerprint != minilm.fingerprint


def test_no_texts_give_no_rows(minilm: Encoder) -> None:
    assert minilm.encode([]).shape == (0, 384)


def test_progress_counts_every_text(minilm: Encoder, chat: tuple[str, ...]) -> None:
    told: list[int] = []
    minilm.encode(chat, told.append)
    assert told == sorted(told)
    assert told[-1] == len(chat)


def test_half_an_emoji_does_not_stop_it(minilm: Encoder) -> None:
    assert np.isfinite(minilm.encode(["\ud83d lone surrogate"])).all()


def test_meaning_is_in_the_vectors(minilm: Encoder) -> None:
    lunch, food, rain = minilm.encode(["want to grab lunch?", "shall we get something to eat?", "it will rain today"])
    assert lunch @ food > lunch @ rain + 0.2


def test_batches_hold_equal_lengths_within_the_budget() -> None:
    lengths = np.array([3, 9, 3, 3, 5, 3, 700])
    found = [rows.tolist() for rows in batches(lengths, budget=9)]
    assert found == [[0, 2, 3], [5], [4], [1], [6]]
    assert batches(np.array([], np.int64), budget=9) == []


def test_encoding_needs_no_torch() -> None:
    code = (
        "import sys; from jarvis_resources.encoders import load_encoder; "
        "load_encoder('all-minilm-l6-v2').encode(['hi']); "
        "sys.exit(any(m in sys.modules for m in ('torch', 'transformers', 'sentence_transformers')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
