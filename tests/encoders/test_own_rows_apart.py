"""Rows that share a folder and differ in how it is used never share what was made of it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from jarvis_resources.encoders import load_encoder
from jarvis_resources.errors import EncoderError
from jarvis_resources.settings import Settings
from tests.encoders.tiny_bert import WIDTH, write_bert

TEXTS = ("hello there", "want to grab lunch tomorrow?", "ok " * 30)


def rows(settings: Settings, *extras: str) -> None:
    """Encoders ``tiny-0``, ``tiny-1`` … of one folder, each with its extra keys."""
    write_bert(settings.home / "tiny")
    (settings.home / "encoders.toml").write_text(
        "\n".join(
            f'[[encoder]]\nslug = "tiny-{number}"\nfolder = "tiny"\ndimension = {WIDTH}\n{extra}'
            for number, extra in enumerate(extras)
        )
    )


@pytest.mark.parametrize("first", [0, 1])
def test_int8_of_one_row_does_not_depend_on_which_other_came_first(settings: Settings, first: int) -> None:
    rows(settings, "", 'document_prefix = "passage: of a long prefix "\nmax_tokens = 7')
    found = {}
    for number in (first, 1 - first):
        found[number] = load_encoder(f"tiny-{number}", "onnx", "int8", settings=settings).encode(TEXTS)
    kept = sorted((settings.encoder_cache / "int8").iterdir())
    assert len(kept) == 2
    for file in kept:
        file.unlink()
    for number, vectors in found.items():
        assert np.array_equal(load_encoder(f"tiny-{number}", "onnx", "int8", settings=settings).encode(TEXTS), vectors)


def test_layers_that_the_row_does_not_name_are_not_run(settings: Settings) -> None:
    rows(settings, 'pooling = "mean"')
    tiny = settings.home / "tiny"
    module = "sentence_transformers.models."
    (tiny / "modules.json").write_text(
        json.dumps(
            [
                {"idx": 0, "name": "0", "path": "", "type": f"{module}Transformer"},
                {"idx": 1, "name": "1", "path": "1_Pooling", "type": f"{module}Pooling"},
            ]
        )
    )
    (tiny / "1_Pooling").mkdir()
    (tiny / "1_Pooling" / "config.json").write_text(
        json.dumps(
            {"word_embedding_dimension": WIDTH, "pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}
        )
    )
    one, other = (load_encoder("tiny-0", backend, settings=settings) for backend in ("onnx", "sentence-transformers"))
    assert one.fingerprint == other.fingerprint
    assert np.allclose(one.encode(TEXTS), other.encode(TEXTS), atol=1e-4)


def test_more_tokens_than_positions_are_refused_at_once(settings: Settings) -> None:
    rows(settings, "max_tokens = 1024", "max_tokens = 512")
    with pytest.raises(
        EncoderError, match=r"tiny-0 takes 1024 tokens .* 512 positions; set max_tokens to 512 or less\."
    ):
        load_encoder("tiny-0", settings=settings)
    assert load_encoder("tiny-1", "onnx", settings=settings).encode(["word " * 2000]).shape == (1, WIDTH)
