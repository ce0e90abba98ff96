"""Training: good on chat that it has not seen, honest about how sure it is, and never worse for a corpus."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from jarvis_assets.dialogue_acts import fitting, training
from jarvis_assets.dialogue_acts.scores import measure
from jarvis_assets.evaluation.measures import ece
from jarvis_resources import corpora
from jarvis_resources.tables import TRIGGER_ACTS
from jarvis_serving.understanding import exemplars
from jarvis_serving.understanding.structure import features
from jarvis_serving.understanding.wording import tokens

Encode = Callable[[Sequence[str]], np.ndarray]


def figures(trained: training.Trained, head: str, data: str = training.CHAT) -> dict[str, float]:
    return {m.measure: m.value for m in trained.report if m.head == head and m.data == data}


def test_acts_of_unseen_themes_are_recognised(trained: training.Trained):
    found = figures(trained, "trigger")
    assert found["macro_f1"] > 0.78
    assert found["accuracy"] > found["majority_floor"] + 0.3


def test_reply_types_of_unseen_scenes_are_recognised(trained: training.Trained):
    found = figures(trained, "response")
    assert found["macro_f1"] > 0.82
    # The three that a commitment turns on matter most.
    assert np.mean([found[f"f1_{name}"] for name in ("AGREE", "DECLINE", "DEFER")]) > 0.85


@pytest.mark.parametrize("head", ["trigger", "response"])
def test_confidence_is_honest_on_unseen_chat(trained: training.Trained, head: str):
    assert figures(trained, head)["ece"] < 0.04


@pytest.mark.parametrize("head", ["trigger", "response"])
def test_what_is_kept_above_the_threshold_is_nine_tenths_right(trained: training.Trained, head: str):
    found = figures(trained, head)
    assert found["kept_accuracy"] >= training.KEPT_ACCURACY
    assert found["kept_share"] > 0.6


def examples(encode: Encode) -> fitting.Examples:
    said = exemplars.triggers()[::3]
    words = [tokens(exemplar.text) for exemplar in said]
    return fitting.Examples(
        vectors=encode([exemplar.text for exemplar in said]),
        structure=features([exemplar.text for exemplar in said]),
        words=words,
        previous=None,
        labels=np.array([TRIGGER_ACTS.index(exemplar.act) for exemplar in said]),
        groups=[exemplar.group for exemplar in said],
    )


def test_fitting_twice_gives_the_same_head(encode: Encode):
    chat = examples(encode)
    assert fitting.fit(chat, TRIGGER_ACTS).to_json() == fitting.fit(chat, TRIGGER_ACTS).to_json()


def test_a_class_without_a_row_is_never_chosen(encode: Encode):
    chat = examples(encode)
    greeting = TRIGGER_ACTS.index("GREETING")
    head = fitting.fit(chat.where(chat.labels != greeting), TRIGGER_ACTS)
    chosen = head.logits(chat.vectors, chat.structure, chat.words, None).argmax(axis=1)
    assert greeting not in chosen


def test_the_report_reads_as_a_table_and_as_numbers(trained: training.Trained):
    table = trained.as_markdown()
    assert "| trigger | exemplars, themes held out | macro_f1 |" in table
    numbers = trained.as_numbers()
    assert 0.0 < numbers["response macro_f1"] < 1.0
    assert numbers["trigger corpus share"] == 0.0


def test_a_group_is_held_out_whole():
    groups = ["a", "b", "a", "c", "b"]
    folds = fitting.fold_of(groups)
    assert folds[0] == folds[2]
    assert folds[1] == folds[4]
    assert set(folds) <= set(range(fitting.FOLDS))


def test_the_threshold_is_the_lowest_that_keeps_the_accuracy():
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]])
    assert fitting.abstention_threshold(probabilities, np.array([0, 0, 1, 1]), 0.9) == pytest.approx(0.8)
    assert fitting.abstention_threshold(probabilities, np.array([0, 0, 0, 0]), 0.9) == pytest.approx(0.6)
    assert fitting.abstention_threshold(probabilities, np.array([1, 1, 1, 1]), 0.9) == 1.0


def test_temperature_softens_a_boastful_classifier():
    logits = np.tile([[4.0, 0.0]], (100, 1))
    labels = np.array([0] * 70 + [1] * 30)
    softened = fitting.softmax(logits, fitting.best_temperature(logits, labels))
    assert softened[0, 0] == pytest.approx(0.70, abs=0.05)


def test_measures_of_a_perfect_and_of_a_hopeless_classifier():
    labels = np.array([0, 1, 0, 1] * 10)
    perfect = {m.measure: m.value for m in measure("h", "d", np.eye(2)[labels], labels, ["a", "b"])}
    hopeless = {m.measure: m.value for m in measure("h", "d", np.eye(2)[1 - labels], labels, ["a", "b"])}
    assert (perfect["accuracy"], perfect["macro_f1"], perfect["ece"]) == (1.0, 1.0, 0.0)
    assert (hopeless["accuracy"], hopeless["macro_f1"], hopeless["ece"]) == (0.0, 0.0, 1.0)
    assert ece(np.full(100, 0.6), np.arange(100) % 2 == 0) == pytest.approx(0.1, abs=0.05)


def speech(folder: Path, act_of: Callable[[int], str]) -> Path:
    """A corpus of our own wording in SwDA's shape."""
    (folder / "swda").mkdir()
    said = [
        "Well, I would say that number {} is fine,",
        "Do you have number {} at home?",
        "Uh-huh, {},",
        "Right, number {},",
    ]
    rows = [
        {
            "conv_id": f"c{n // 40}",
            "idx": n % 40,
            "caller": "AB"[n % 2],
            "text": said[n % 4].format(n),
            "act": act_of(n),
            "split": "test" if n < 80 else "train",
        }
        for n in range(400)
    ]
    (folder / "swda" / "swda.jsonl.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    return folder


@pytest.mark.slow
def test_a_corpus_whose_labels_are_nonsense_cannot_spoil_chat(
    trained: training.Trained, encode: Encode, tmp_path: Path
):
    wrong = ["qy", "b", "sd", "ad"]
    spoiled = training.train(encode, "0" * 16, speech(tmp_path, lambda n: wrong[(n * 7 + n // 3) % 4]))
    for head in ("trigger", "response"):
        assert figures(spoiled, head)["accuracy"] >= figures(trained, head)["accuracy"] - 0.005
        # It is measured on the corpus' own test rows too, and does badly there.
        assert figures(spoiled, head, training.SPEECH)["accuracy"] < 0.7


@pytest.mark.slow
def test_telephone_speech_does_not_spoil_chat(trained: training.Trained, encode: Encode, test_data: Path):
    if corpora.swda(test_data) is None:
        pytest.skip("SwDA is not here")
    with_speech = training.train(encode, "0" * 16, test_data)
    for head in ("trigger", "response"):
        assert figures(with_speech, head)["accuracy"] >= figures(trained, head)["accuracy"]
        assert figures(with_speech, head, training.SPEECH)["accuracy"] > 0.6


def test_a_kept_model_is_the_same_model_with_the_same_measures(trained: training.Trained):
    again = training.Trained.from_bytes(trained.to_bytes())
    assert again.model.to_json() == trained.model.to_json()
    assert (again.report, again.as_numbers()) == (trained.report, trained.as_numbers())


def test_it_is_learned_anew_for_another_encoder_or_corpus_and_for_nothing_else(tmp_path: Path):
    folder = speech(tmp_path, lambda row: row)
    key = training.learned_from("encoder one", folder)
    assert training.learned_from("encoder one", folder) == key
    others = {training.learned_from("encoder two", folder), training.learned_from("encoder one", None)}
    (folder / "swda" / "swda.jsonl.gz").write_bytes(b"another corpus")
    others.add(training.learned_from("encoder one", folder))
    assert len(others | {key}) == 4
