"""minilm-static: distilled once, the same every time, loaded without torch."""

from __future__ import annotations

import hashlib
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from jarvis_resources.encoders import Encoder, load_encoder
from jarvis_resources.errors import EncoderError
from jarvis_resources.settings import Settings


@pytest.fixture(scope="module")
def static(shared_settings: Settings) -> Encoder:
    """The static encoder, distilled for the session."""
    return load_encoder("minilm-static", settings=shared_settings)


def _digests(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}


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
    with pytest.raises(EncoderError, match="runs minilm-static in fp32 only"):
        load_encoder("minilm-static", precision="int8", settings=settings)
    assert not (settings.encoder_cache / "minilm-static").exists()
