"""The trained model names what a person would name, says how sure it is, and survives storage."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from jarvis_resources.errors import ReleaseError
from jarvis_resources.tables import RESPONSE_TYPES, TRIGGER_ACTS
from jarvis_serving.understanding import dialogue_acts
from jarvis_serving.understanding.dialogue_acts import DialogueActModel

Encode = Callable[[Sequence[str]], np.ndarray]


@pytest.mark.parametrize(
    ("text", "act"),
    [
        ("want to grab lunch tomorrow?", "INVITATION"),
        ("wanna come over later", "INVITATION"),
        ("we're doing tacos tuesday, you should come", "INVITATION"),
        ("can you pick up milk", "REQUEST"),
        ("send me the pics from saturday pls", "REQUEST"),
        ("what time works?", "WH_QUESTION"),
        ("where did you put the tape", "WH_QUESTION"),
        ("did you eat", "YN_QUESTION"),
        ("have you seen my charger?", "YN_QUESTION"),
        ("what do you think of this jacket?", "OPINION"),
        ("i got the job!!", "GOOD_NEWS"),
        ("we got engaged!!!", "GOOD_NEWS"),
        ("my dog died", "BAD_NEWS"),
        ("grandma is in the hospital again", "BAD_NEWS"),
        ("heyy", "GREETING"),
        ("good morning :)", "GREETING"),
        ("ok", "ACKNOWLEDGE"),
        ("thank you so much!", "ACKNOWLEDGE"),
        ("leaving the office now", "INFO_STATEMENT"),
        ("they moved the meeting to 4", "INFO_STATEMENT"),
    ],
)
def test_an_incoming_message_has_its_act(model: DialogueActModel, encode: Encode, text: str, act: str):
    assert model.triggers(encode([text]), [text]).types == [act]


@pytest.mark.parametrize(
    ("trigger", "reply", "response_type"),
    [
        ("want to grab lunch tomorrow?", "im free", "AGREE"),
        ("want to grab lunch tomorrow?", "can't tonight sorry", "DECLINE"),
        ("want to grab lunch tomorrow?", "let me check", "DEFER"),
        ("want to grab lunch tomorrow?", "where?", "QUESTION"),
        ("can you pick up milk", "ok", "AGREE"),
        ("im running late", "ok", "ACKNOWLEDGE"),
        ("what time works?", "2pm", "ANSWER"),
        ("where are you", "at the airport", "ANSWER"),
        ("my dog died", "thats so sad", "REACT_SYMPATHY"),
        ("my dog died", "im so sorry", "REACT_SYMPATHY"),
        ("i got the job!!", "lets gooo", "REACT_POSITIVE"),
        ("i got the job!!", "congrats!!", "REACT_POSITIVE"),
        ("i got the job!!", "when do you start?", "QUESTION"),
        ("heyy", "heyyy", "GREETING"),
        ("did you eat", "yeah", "AGREE"),
        ("did you eat", "not yet", "DECLINE"),
    ],
)
def test_a_reply_has_its_type(model: DialogueActModel, encode: Encode, trigger: str, reply: str, response_type: str):
    known = model.responses(encode([reply]), [reply], encode([trigger]), [trigger])
    by_vector = model.responses(encode([reply]), [reply], encode([trigger]))
    assert known.types == [response_type]
    assert by_vector.types == [response_type]


def test_probabilities_follow_the_order_of_the_tables(model: DialogueActModel, encode: Encode):
    texts = ["hey", "did you eat?", "my cat died"]
    found = model.triggers(encode(texts), texts)
    assert found.probabilities.shape == (3, len(TRIGGER_ACTS))
    assert found.probabilities.sum(axis=1) == pytest.approx([1.0, 1.0, 1.0])
    assert found.confidence == pytest.approx(found.probabilities.max(axis=1))
    assert [TRIGGER_ACTS[column] for column in found.probabilities.argmax(axis=1)] == found.types
    assert model.response.classes == RESPONSE_TYPES


def test_no_text_gets_no_label(model: DialogueActModel, encode: Encode):
    none = encode([])
    assert model.triggers(none, []).types == []
    found = model.responses(none, [], none)
    assert found.probabilities.shape == (0, len(RESPONSE_TYPES))
    assert found.confidence.shape == (0,)


def test_what_nobody_can_make_out_is_less_sure_than_what_is_plain(model: DialogueActModel, encode: Encode):
    texts = ["asdf qwer zxcv", "congratulations on the baby!!"]
    found = model.responses(encode(texts), texts, encode(["hey", "we had the baby"]))
    assert found.confidence[0] < found.confidence[1]
    assert found.confidence[1] > model.abstain_below


def test_labels_do_not_depend_on_what_else_is_labelled(
    model: DialogueActModel, encode: Encode, monkeypatch: pytest.MonkeyPatch
):
    texts = ["hey", "what time?", "", "i failed my test", "ok cool"]
    together = model.triggers(encode(texts), texts)
    monkeypatch.setattr(dialogue_acts, "_CHUNK", 2)
    in_parts = model.triggers(encode(texts), texts)
    assert in_parts.types == together.types
    assert in_parts.probabilities == pytest.approx(together.probabilities, abs=1e-6)


def test_a_stored_model_answers_as_before(model: DialogueActModel, encode: Encode):
    again = DialogueActModel.from_json(json.loads(json.dumps(model.to_json())))
    texts = ["want to come?", "so sorry to hear that", "2pm", "lol"]
    assert again.encoder_fingerprint == model.encoder_fingerprint
    assert again.abstain_below == model.abstain_below
    assert again.triggers(encode(texts), texts).probabilities == pytest.approx(
        model.triggers(encode(texts), texts).probabilities, abs=1e-4
    )


@pytest.mark.parametrize("lost", ["trigger", "response", "abstain_below", "structural_features"])
def test_a_damaged_model_is_refused(model: DialogueActModel, lost: str):
    data = model.to_json()
    del data[lost]
    with pytest.raises(ReleaseError, match="damaged"):
        DialogueActModel.from_json(data)


def test_a_model_of_other_features_is_refused(model: DialogueActModel):
    data = model.to_json() | {"structural_features": ["another"]}
    with pytest.raises(ReleaseError, match="another version"):
        DialogueActModel.from_json(data)
