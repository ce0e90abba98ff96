"""The registry is complete, and an encoder that cannot be had says what to do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from jarvis_assets import encoders_terminal
from jarvis_resources.encoders import CARDS, encoder_fingerprint, get_card, load_encoder, pins
from jarvis_resources.encoders.backends import runs_here
from jarvis_resources.encoders.registry import BERT_BACKENDS
from jarvis_resources.errors import EncoderError
from jarvis_resources.settings import Settings
from tests.encoders.tiny_bert import PACKAGED, WIDTH, write_bert

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
    assert "run `jarvis encoders fetch bge-small-en-v1.5`" in sentence


def test_the_tuned_encoder_says_how_to_make_it(settings: Settings) -> None:
    with pytest.raises(EncoderError, match=r"make them with `jarvis encoders tune`, or put config\.json, "):
        load_encoder("minilm-tuned", settings=settings)


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
    (folder / "config.json").write_text('{"model_type": "mpnet", "hidden_size": 384}')
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
        ({"backend": "static"}, "backend 'static' cannot run all-minilm-l6-v2; choose one of: auto, onnx"),
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


def test_importing_the_registry_costs_nothing() -> None:
    heavy = ("torch", "numpy", "onnxruntime", "mlx", "huggingface_hub", "model2vec", "pandas")
    code = f"import sys, jarvis_resources.encoders; sys.exit(any(m in sys.modules for m in {heavy}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_list_says_what_is_here_and_what_can_run_it(settings: Settings) -> None:
    write_bert(settings.home / "tiny")
    row = f'[[encoder]]\nslug = "tiny"\nfolder = "tiny"\ndimension = {WIDTH}\nlicence = "MIT"\n'
    (settings.home / "encoders.toml").write_text(row)
    here = pins.sha256(settings.home / "tiny" / "model.safetensors")
    of = {"slug": "tiny", "weights": here}
    speeds = [
        {**of, "backend": "onnx", "precision": "fp32", "texts_per_second": 900.0},
        {**of, "backend": "onnx", "precision": "int8", "texts_per_second": 1234.0},
        {**of, "weights": "of another tuning", "backend": "onnx", "precision": "int8", "texts_per_second": 9999.0},
        {**of, "backend": "mlx", "precision": "fp32"},
    ]
    (settings.encoder_cache / "measured.json").write_text(json.dumps(speeds))
    found = {row["encoder"]: row for row in encoders_terminal.rows(settings)}
    assert list(found) == [*CARDS, "tiny"]
    assert (found["tiny"]["here"], found["tiny"]["yours"], found["tiny"]["licence"]) == (True, True, "MIT")
    assert found["tiny"]["bytes"] == sum(path.stat().st_size for path in (settings.home / "tiny").iterdir())
    assert found["tiny"]["measured"]["texts_per_second"] == 1234.0
    assert (found["bge-small-en-v1.5"]["here"], found["bge-small-en-v1.5"]["bytes"]) == (False, None)
    assert found["minilm-static"]["here"] is None  # made here when first used
    assert set(found["all-minilm-l6-v2"]["backends_here"]) == {b for b in BERT_BACKENDS if runs_here(b)}
    assert found["all-minilm-l6-v2"]["measured"] is None


@pytest.mark.parametrize("content", ["", "{}", "[1]"])
def test_measurements_that_cannot_be_read_are_none(settings: Settings, content: str) -> None:
    (settings.encoder_cache / "measured.json").write_text(content)
    assert all(row["measured"] is None for row in encoders_terminal.rows(settings))


def test_the_table_fits_a_terminal_of_80_columns(settings: Settings) -> None:
    command = [sys.executable, "-m", "jarvis_assets.cli", "encoders"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "COLUMNS": "80"})
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["encoder", "here", "MB", "dim", "licence", "runs", "on", "texts/s"]
    assert [line.split()[0] for line in lines[1 : 1 + len(CARDS)]] == list(CARDS)
