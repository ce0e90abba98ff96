"""The dialogue act model, trained once for all tests of this folder with the real encoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from jarvis_assets.dialogue_acts import training
from jarvis_resources.encoders import load_encoder
from jarvis_resources.settings import load_settings
from jarvis_serving.understanding.dialogue_acts import DialogueActModel

Encode = Callable[[Sequence[str]], np.ndarray]


@pytest.fixture(scope="session")
def encode(tmp_path_factory: pytest.TempPathFactory) -> Encode:
    """all-minilm-l6-v2; each text is encoded once in a session."""
    home: Path = tmp_path_factory.mktemp("encoder")
    encoder = load_encoder("all-minilm-l6-v2", settings=load_settings(home=home, chat_db=home / "chat.db").prepare())
    known: dict[str, np.ndarray] = {}

    def vectors(texts: Sequence[str]) -> np.ndarray:
        new = list(dict.fromkeys(text for text in texts if text not in known))
        if new:
            known.update(zip(new, encoder.encode(new), strict=True))
        return np.stack([known[text] for text in texts]) if texts else np.zeros((0, encoder.dimension), np.float32)

    return vectors


@pytest.fixture(scope="session")
def trained(encode: Encode) -> training.Trained:
    """Trained on the exemplars alone."""
    return training.train(encode, "0" * 16, None)


@pytest.fixture(scope="session")
def model(trained: training.Trained) -> DialogueActModel:
    """The trained model."""
    return trained.model
