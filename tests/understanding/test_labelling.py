"""Pairs get the labels that serving would give, and odd ones are pointed out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest

from jarvis_assets.dialogue_acts.labelling import label_pairs, mismatches
from jarvis_resources import tables
from jarvis_serving.understanding.dialogue_acts import DialogueActModel

Encode = Callable[[Sequence[str]], np.ndarray]
SAID = [
    ("want to grab lunch tomorrow?", "im free"),
    ("want to grab dinner tonight?", "can't tonight sorry"),
    ("my dog died", "thats so sad"),
    ("what time works?", "2pm"),
    ("hey", "heyy"),
    ("can you pick up milk", "let me check"),
]


def pairs(said: Sequence[tuple[str, str]]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "pair_id": [f"{row:032x}" for row in range(len(said))],
            "trigger_text": [trigger for trigger, _ in said],
            "response_text": [reply for _, reply in said],
        }
    )


def topics(ids: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame({"pair_id": list(ids), "cluster_id": 3, "cluster_conf": 0.5})


def vectors(encode: Encode, said: Sequence[tuple[str, str]]) -> np.ndarray:
    sides = [encode([pair[side] for pair in said]) for side in (0, 1)]
    return np.stack(sides, axis=1).astype(np.float16)


def test_each_pair_is_labelled_and_the_table_is_valid(model: DialogueActModel, encode: Encode):
    frame = pairs(SAID)
    found = label_pairs(model, frame, vectors(encode, SAID), topics(frame["pair_id"][1:]))
    assert tables.violations(tables.DIALOGUE_ACTS, found) == []
    assert found["trigger_da_type"].tolist() == [
        "INVITATION",
        "INVITATION",
        "BAD_NEWS",
        "WH_QUESTION",
        "GREETING",
        "REQUEST",
    ]
    assert found["response_da_type"].tolist() == ["AGREE", "DECLINE", "REACT_SYMPATHY", "ANSWER", "GREETING", "DEFER"]
    assert found["cluster_id"].tolist() == [-1, 3, 3, 3, 3, 3]
    assert found["structural_type"].tolist()[3] == "ANSWER"
    assert not found["abstained"].any()


def test_labels_are_those_that_serving_gives(model: DialogueActModel, encode: Encode):
    both = vectors(encode, SAID)
    found = label_pairs(model, pairs(SAID), both, topics([]))
    served = model.triggers(both[:, 0], [trigger for trigger, _ in SAID])
    assert found["trigger_da_type"].tolist() == served.types
    assert found["trigger_da_conf"].to_numpy() == pytest.approx(served.confidence)


def test_no_pairs_give_an_empty_table(model: DialogueActModel):
    found = label_pairs(model, pairs([]), np.zeros((0, 2, 384), np.float16), topics([]))
    assert len(found) == 0
    assert tables.violations(tables.DIALOGUE_ACTS, found) == []


def test_odd_pairs_are_pointed_out():
    draw = np.random.default_rng(0).normal(size=(400, 2, 64))
    both = draw / np.linalg.norm(draw, axis=2, keepdims=True)
    both[0, 1] = both[1, 1] = 0.9 * both[0, 0]  # an echo: the reply says what the trigger said
    both[1, 0] = both[0, 0]
    both[2, 1] = -both[2, 0]  # the reply has nothing to do with the trigger
    acts = ["INVITATION"] * 400
    found = mismatches(both.astype(np.float16), acts, ["STATEMENT", "AGREE"] + ["AGREE"] * 398)
    assert found[0] == "mislabelled"
    assert found[1] is None
    assert found[2] == "bad_pair"
    assert sum(value is not None for value in found) / 400 < 0.1


def test_a_handful_of_pairs_is_too_few_to_point_at_odd_ones(model: DialogueActModel, encode: Encode):
    found = label_pairs(model, pairs(SAID), vectors(encode, SAID), topics([]))
    assert found["mismatch"].isna().all()
