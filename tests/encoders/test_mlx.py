"""MLX: a BERT of our own, on the processor build here. Equality with the other backends: ``test_backends_agree.py``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from jarvis_resources.encoders import Encoder, load_encoder
from jarvis_resources.errors import EncoderError
from jarvis_resources.settings import Settings, load_settings
from tests.encoders.tiny_bert import WIDTH, write_bert

pytest.importorskip("mlx.core")

ROW = '[[encoder]]\nslug = "tiny"\nfolder = "tiny"\ndimension = {}\nbackends = ["mlx"]\n'


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A JARVIS_HOME with a tiny BERT that mlx runs."""
    home: Path = load_settings(home=str(tmp_path_factory.mktemp("mlx") / "home")).prepare().home
    write_bert(home / "tiny")
    (home / "encoders.toml").write_text(ROW.format(WIDTH))
    return home


@pytest.fixture(scope="module")
def tiny(home: Path) -> Encoder:
    return load_encoder("tiny", settings=load_settings(home=str(home)))


def test_rows_are_float32_of_length_one(tiny: Encoder, chat: tuple[str, ...]) -> None:
    vectors = tiny.encode(chat)
    assert tiny.backend == "mlx"
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(chat), WIDTH)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_a_text_has_the_same_vector_alone_and_among_others(tiny: Encoder, chat: tuple[str, ...]) -> None:
    together = tiny.encode([*chat, *chat])
    alone = np.vstack([tiny.encode([text]) for text in chat])
    assert np.abs(together - np.vstack([alone, alone])).max() < 1e-5


def test_progress_counts_every_text(tiny: Encoder, chat: tuple[str, ...]) -> None:
    told: list[int] = []
    tiny.encode(chat, told.append)
    assert told == sorted(told)
    assert told[-1] == len(chat)
    assert tiny.encode([]).shape == (0, WIDTH)


def test_it_needs_no_torch(home: Path) -> None:
    code = (
        "import sys; from jarvis_resources.encoders import load_encoder as l; "
        "from jarvis_resources.settings import load_settings; "
        f"l('tiny', settings=load_settings(home={str(home)!r})).encode(['hi']); "
        "sys.exit(any(m in sys.modules for m in ('torch', 'transformers', 'onnxruntime')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("config.json", '{"model_type": "mpnet"}', "runs BERT encoders only, not 'mpnet'; use the backend sentence-"),
        ("model.safetensors", "not safetensors", r"model\.safetensors cannot be read"),
    ],
)
def test_files_that_it_cannot_run_are_named(settings: Settings, name: str, content: str, sentence: str) -> None:
    write_bert(settings.home / "tiny")
    (settings.home / "tiny" / name).write_text(content)
    (settings.home / "encoders.toml").write_text(ROW.format(WIDTH))
    with pytest.raises(EncoderError, match=sentence):
        load_encoder("tiny", settings=settings)


def test_a_row_with_a_wrong_dimension_is_refused(settings: Settings) -> None:
    write_bert(settings.home / "tiny")
    (settings.home / "encoders.toml").write_text(ROW.format(WIDTH + 1))
    with pytest.raises(EncoderError, match="are not those of tiny"):
        load_encoder("tiny", settings=settings)
