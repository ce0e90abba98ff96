"""The same texts give the same vectors, whatever runs the encoder: every pair of backend and precision, two networks."""

from __future__ import annotations

from functools import cache
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from jarvis_resources.encoders import load_encoder
from jarvis_resources.encoders.backends import how_to_install, runs_here
from jarvis_resources.encoders.registry import BERT_BACKENDS, Backend
from jarvis_resources.settings import Settings, load_settings
from tests.encoders.tiny_bert import WIDTH, write_bert

FP32_TOLERANCE = 1e-4
"""Largest difference of any number of two fp32 vectors of length 1, whatever the backends."""
INT8_COSINE = 0.95
"""Least cosine between a vector in int8 and its like in fp32."""
RUNNERS: list[tuple[Backend, str]] = [*((backend, "fp32") for backend in BERT_BACKENDS), ("onnx", "int8")]
TEXTS = ("", "ok", "want to grab lunch tomorrow?", "so proud of you!! 🎉", "naïve café, 你好", "half an emoji \ud83d")
"""Few and short: MLX's processor build encodes about three texts a second."""
LONG = "word " * 400


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A JARVIS_HOME with tiny BERTs that pool either way; the default encoder is there anyway."""
    settings = load_settings(home=str(tmp_path_factory.mktemp("agree") / "home")).prepare()
    row = (
        '[[encoder]]\nslug = "tiny-{0}"\nfolder = "{1}"\ndimension = {2}\npooling = "{0}"\ndocument_prefix = "say: "\n'
    )
    folder = write_bert(settings.home / "tiny")
    rows = "".join(row.format(pooling, folder, WIDTH) for pooling in ("mean", "cls"))
    (settings.home / "encoders.toml").write_text(rows)
    return settings


@cache
def _vectors(home: Path, slug: str, backend: Backend, precision: str) -> np.ndarray:
    encoder = load_encoder(slug, backend, precision, settings=load_settings(home=str(home)))
    assert (encoder.backend, encoder.precision) == (backend, precision)
    texts = [*TEXTS, LONG] if slug.startswith("tiny") else list(TEXTS)
    return encoder.encode(texts)


@pytest.mark.parametrize("slug", ["all-minilm-l6-v2", "tiny-mean", "tiny-cls"])
@pytest.mark.parametrize(("one", "other"), combinations(RUNNERS, 2), ids=lambda runner: "-".join(runner))
def test_vectors_agree(networks: Settings, slug: str, one: tuple[Backend, str], other: tuple[Backend, str]) -> None:
    for backend, _precision in (one, other):
        if not runs_here(backend):
            pytest.skip(f"{backend} is not installed here ({how_to_install(backend)})")
    first, second = (_vectors(networks.home, slug, *runner) for runner in (one, other))
    if "int8" in (one[1], other[1]):
        assert np.einsum("ij,ij->i", first, second).min() > INT8_COSINE
    else:
        assert np.abs(first - second).max() < FP32_TOLERANCE


@pytest.mark.parametrize("backend", [backend for backend in BERT_BACKENDS if runs_here(backend)])
def test_fp32_vectors_are_one_encoder_to_the_store_whatever_ran(networks: Settings, backend: Backend) -> None:
    found = load_encoder("tiny-mean", backend, settings=networks).fingerprint
    assert found == load_encoder("tiny-mean", "onnx", settings=networks).fingerprint


@pytest.mark.parametrize("backend", [backend for backend in BERT_BACKENDS if not runs_here(backend)])
def test_a_backend_that_is_not_installed_says_so_in_a_sentence(networks: Settings, backend: Backend) -> None:
    from jarvis_resources.errors import EncoderError

    with pytest.raises(EncoderError, match=f"The backend {backend} is not installed here; run `pip install"):
        load_encoder("tiny-mean", backend, settings=networks)
