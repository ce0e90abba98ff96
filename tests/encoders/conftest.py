"""Encoders that several test modules share; each is loaded once."""

from __future__ import annotations

from pathlib import Path

import pytest

from jarvis_resources.encoders import Encoder, load_encoder
from jarvis_resources.settings import Settings, load_settings


@pytest.fixture(scope="session")
def chat() -> tuple[str, ...]:
    """Short messages of every kind, and one that is longer than the encoder reads."""
    return (
        "",
        "ok",
        "want to grab lunch tomorrow?",
        "can't tonight sorry, maybe thursday",
        "HAHAHA no way",
        "👍",
        "so proud of you!! 🎉",
        "naïve café, 你好",
        "line one\nline two",
        "  spaces   everywhere  ",
        "see you at 7 by the station, bring the blue jacket I left at yours",
        "word " * 400,
    )


@pytest.fixture(scope="session")
def shared_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings on a JARVIS_HOME that the whole session shares."""
    home: Path = tmp_path_factory.mktemp("encoders") / "home"
    return load_settings(home=str(home)).prepare()


@pytest.fixture(scope="session")
def minilm(shared_settings: Settings) -> Encoder:
    """The default encoder on its default backend."""
    return load_encoder("all-minilm-l6-v2", settings=shared_settings)
