"""Static encoders: distilled once, the same every time, made again when damaged, loaded without torch."""

from __future__ import annotations

import hashlib
import logging
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from jarvis_resources.encoders import Encoder, encoder_fingerprint, get_card, load_encoder, pins, require_weights
from jarvis_resources.errors import EncoderError
from jarvis_resources.settings import Settings, load_settings
from tests.encoders.tiny_bert import WIDTH, flip_byte, write_bert


@pytest.fixture(scope="module")
def static(shared_settings: Settings) -> Encoder:
    """The static encoder, distilled for the session."""
    return load_encoder("minilm-static", settings=shared_settings)


def _digests(folder: Path) -> dict[str, str]:
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir() if file.name != pins.NAME
    }


@pytest.fixture(scope="module")
def small_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A JARVIS_HOME with a tiny BERT, and a static encoder distilled from it."""
    settings = load_settings(home=str(tmp_path_factory.mktemp("small") / "home")).prepare()
    write_bert(settings.home / "tiny")
    rows = f"""
    [[encoder]]
    slug = "small-static"
    distilled_from = "tiny"
    dimension = 16
    [[encoder]]
    slug = "tiny"
    folder = "tiny"
    dimension = {WIDTH}
    """
    (settings.home / "encoders.toml").write_text(rows)
    load_encoder("small-static", settings=settings)
    return settings


def test_a_row_is_distilled_from_any_encoder(small_settings: Settings) -> None:
    encoder = load_encoder("small-static", settings=small_settings)
    assert encoder.backend == "static"
    assert encoder.encode(["hello there"]).shape == (1, 16)


def test_a_prefix_is_put_before_every_text(small_settings: Settings) -> None:
    with open(small_settings.home / "encoders.toml", "a") as rows:
        rows.write('[[encoder]]\nslug = "asking"\nfolder = "encoders/small-static"\ndimension = 16\n')
        rows.write('pooling = "static"\ndocument_prefix = "question: "\n')
    plain, asking = (load_encoder(slug, settings=small_settings) for slug in ("small-static", "asking"))
    assert np.array_equal(asking.encode(["when?"]), plain.encode(["question: when?"]))
    assert asking.fingerprint != plain.fingerprint


TEXTS = ["hello there", "a", "zzz qqq ☃ ☃", "lunch at 12? see you there", "the cat " * 400]
"""Words, a letter, tokens that nobody knows among others, and more than is looked at."""


@pytest.mark.parametrize("shared_rows", [False, True], ids=["a row for each token", "rows shared and weighted"])
def test_a_text_is_the_mean_that_model2vec_takes(small_settings: Settings, shared_rows: bool) -> None:
    from model2vec import StaticModel

    small = StaticModel.from_pretrained(small_settings.encoder_cache / "small-static")
    if shared_rows:
        draw = np.random.default_rng(0)
        count = len(small.embedding)
        small = StaticModel(
            draw.standard_normal((7, 16)).astype(np.float32),
            small.tokenizer,
            token_mapping=draw.integers(0, 7, count),
            weights=draw.random(count).astype(np.float32) + 0.5,
        )
    slug = "rows-shared" if shared_rows else "rows-of-its-own"
    small.save_pretrained(small_settings.home / slug)
    with open(small_settings.home / "encoders.toml", "a") as rows:
        rows.write(
            f'[[encoder]]\nslug = "{slug}"\nfolder = "{slug}"\ndimension = 16\npooling = "static"\nmax_tokens = 9\n'
        )
    found = load_encoder(slug, settings=small_settings).encode(TEXTS)
    expected = small.encode(TEXTS, normalize=True, max_length=9).astype(np.float32)
    known = np.linalg.norm(expected, axis=1) > 0.5
    assert known.sum() >= 4
    # Model2Vec rounds its means to half precision where its rows have that.
    assert np.allclose(found[known], expected[known], atol=2e-3)


def test_the_record_says_what_it_was_distilled_from(small_settings: Settings) -> None:
    recorded = pins.read(small_settings.encoder_cache / "small-static")
    assert recorded is not None
    assert recorded.distilled_from == "tiny"
    assert recorded.source_sha256 == pins.sha256(small_settings.home / "tiny" / "model.safetensors")
    assert {"config.json", "tokenizer.json", "model.safetensors"} <= set(recorded.files)


@pytest.mark.parametrize(
    "damage", ["flip", *(pytest.param(name, marks=pytest.mark.slow) for name in ("lose", "forget"))]
)
def test_a_damaged_distillation_is_made_again(
    small_settings: Settings, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = small_settings.encoder_cache / "small-static"
    before, files = encoder_fingerprint("small-static", settings=small_settings), _digests(folder)
    if damage == "flip":
        flip_byte(folder / "model.safetensors")
    elif damage == "lose":
        (folder / "tokenizer.json").unlink()
    else:
        (folder / pins.NAME).write_text("{")
    with caplog.at_level(logging.WARNING):
        assert load_encoder("small-static", settings=small_settings).fingerprint == before
    assert "The files of small-static are damaged; they are distilled again." in caplog.text
    assert _digests(folder) == files


def test_nothing_is_distilled_from_damaged_weights(small_settings: Settings, settings: Settings) -> None:
    shutil.copytree(small_settings.home, settings.home, dirs_exist_ok=True)
    load_encoder("tiny", settings=settings)
    shutil.rmtree(settings.encoder_cache / "small-static")
    flip_byte(settings.home / "tiny" / "model.safetensors")
    with pytest.raises(EncoderError, match=r"model\.safetensors of the encoder tiny in .* is damaged"):
        load_encoder("small-static", settings=settings)
    with pytest.raises(EncoderError, match=r"model\.safetensors of the encoder tiny in .* is damaged"):
        require_weights("small-static", settings=settings, thorough=True)


def test_the_cards_origin_is_another_card(settings: Settings) -> None:
    assert get_card("minilm-static").distilled_from == "all-minilm-l6-v2"


@pytest.mark.slow
def test_distilling_again_gives_the_same_files(static: Encoder, shared_settings: Settings, settings: Settings) -> None:
    again = load_encoder("minilm-static", settings=settings)
    name = "minilm-static"
    assert _digests(settings.encoder_cache / name) == _digests(shared_settings.encoder_cache / name)
    assert again.fingerprint == static.fingerprint


@pytest.mark.slow
def test_two_processes_distilling_at_once_end_with_one_encoder(settings: Settings) -> None:
    code = "from jarvis_resources.encoders import load_encoder as l; print(l('minilm-static').fingerprint)"
    children = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = [child.communicate()[0].split()[-1] for child in children]
    assert answers[0] == answers[1]
    assert sorted(path.name for path in settings.encoder_cache.iterdir()) == [".minilm-static.lock", "minilm-static"]


@pytest.mark.slow
def test_rows_have_length_one_even_where_no_token_is_known(static: Encoder, chat: tuple[str, ...]) -> None:
    vectors = static.encode(chat)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.array_equal(vectors[chat.index("")], np.eye(1, 256, 255, dtype=np.float32)[0])


@pytest.mark.slow
def test_similar_messages_are_near(static: Encoder) -> None:
    lunch, food, rain = static.encode(["want to grab lunch?", "shall we eat lunch together?", "it will rain today"])
    assert lunch @ food > lunch @ rain + 0.2


@pytest.mark.slow
def test_a_text_has_the_same_bits_alone_and_among_others(static: Encoder, chat: tuple[str, ...]) -> None:
    assert np.array_equal(static.encode(chat), np.vstack([static.encode([text]) for text in chat]))


@pytest.mark.slow
def test_what_was_distilled_is_private_and_loads_without_torch(static: Encoder, shared_settings: Settings) -> None:
    folder = shared_settings.encoder_cache / "minilm-static"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    code = (
        "import sys; from jarvis_resources.encoders import load_encoder as l; "
        "from jarvis_resources.settings import load_settings; "
        f"l('minilm-static', settings=load_settings(home={str(shared_settings.home)!r})).encode(['hi']); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_damaged_distillation_says_what_to_remove(settings: Settings) -> None:
    folder = settings.encoder_cache / "minilm-static"
    folder.mkdir()
    for name in ("config.json", "tokenizer.json"):
        (folder / name).write_text("{}")
    (folder / "model.safetensors").write_bytes(b"not safetensors")
    with pytest.raises(EncoderError, match="remove it and run again"):
        load_encoder("minilm-static", settings=settings)


def test_int8_is_refused_before_anything_is_distilled(settings: Settings) -> None:
    with pytest.raises(EncoderError, match="minilm-static runs in fp32 only; int8 needs the backend onnx"):
        load_encoder("minilm-static", precision="int8", settings=settings)
    assert not (settings.encoder_cache / "minilm-static").exists()
