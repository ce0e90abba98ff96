"""A pair is labelled once in its life: by the same model, of the same words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from jarvis_assets.dialogue_acts import remembered
from jarvis_assets.dialogue_acts.labelling import Said
from jarvis_serving.understanding.dialogue_acts import DialogueActModel
from tests.understanding.test_labelling import SAID, Encode, pairs, vectors

LABELS = "labels-small"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Triggers that the model was asked about, call by call."""
    calls: list[list[str]] = []
    ask = Said.of

    def counted(model: DialogueActModel, frame, both: np.ndarray) -> Said:
        calls.append(frame["trigger_text"].tolist())
        return ask(model, frame, both)

    monkeypatch.setattr(remembered.Said, "of", counted)
    return calls


def same(one: Said, other: Said) -> bool:
    return all(np.array_equal(values, vars(other)[name]) for name, values in vars(one).items())


def test_only_new_pairs_are_asked_about(model: DialogueActModel, encode: Encode, asked, tmp_path: Path) -> None:
    both = vectors(encode, SAID)
    remembered.said_of(model, pairs(SAID[:4]), both[:4], tmp_path, LABELS)
    order = [5, 0, 2, 4, 1, 3]
    found = remembered.said_of(model, pairs([SAID[row] for row in order]), both[order], tmp_path, LABELS)
    assert asked == [[trigger for trigger, _ in SAID[:4]], [SAID[5][0], SAID[4][0]]]
    assert same(found, Said.of(model, pairs([SAID[row] for row in order]), both[order]))


def test_other_words_another_model_or_damage_are_asked_about(
    model: DialogueActModel, encode: Encode, asked, tmp_path: Path
) -> None:
    both = vectors(encode, SAID)
    remembered.said_of(model, pairs(SAID), both, tmp_path, LABELS)
    edited = [(SAID[0][0], "no"), *SAID[1:]]
    remembered.said_of(model, pairs(edited), both, tmp_path, LABELS)
    remembered.said_of(replace(model, abstain_below=0.9), pairs(edited), both, tmp_path, LABELS)
    (file,) = tmp_path.iterdir()
    content = bytearray(file.read_bytes())
    content[-20] ^= 4  # a bit of a confidence, which no format notices
    file.write_bytes(content)
    remembered.said_of(replace(model, abstain_below=0.9), pairs(edited), both, tmp_path, LABELS)
    assert [len(call) for call in asked] == [6, 1, 6, 6]
    assert file.stat().st_mode & 0o777 == 0o600


def test_pairs_that_are_gone_are_forgotten_and_none_are_fine(
    model: DialogueActModel, encode: Encode, asked, tmp_path: Path
) -> None:
    both = vectors(encode, SAID)
    remembered.said_of(model, pairs(SAID), both, tmp_path, LABELS)
    assert len(remembered.said_of(model, pairs([]), both[:0], tmp_path, LABELS).act) == 0
    remembered.said_of(model, pairs(SAID), both, tmp_path, LABELS)
    assert [len(call) for call in asked] == [6, 0, 6]
