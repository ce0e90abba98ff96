"""What wants an answer is never skipped for being short; what ends a conversation is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from scoring import macro_f1, majority_floor

from jarvis_serving.understanding import skip
from jarvis_serving.understanding.dialogue_acts import DialogueActModel

Encode = Callable[[Sequence[str]], np.ndarray]
NEEDED, OPTIONAL, NONE = skip.SKIPS

DIRECT = [
    ("wanna get dinner friday", NEEDED), ("what are you up to", NEEDED), ("can you call me when you're free", NEEDED),
    ("did the plumber come", NEEDED), ("my grandma passed away", NEEDED), ("i got the promotion!!", NEEDED), ("hey", NEEDED),
    ("u there?", NEEDED), ("?", NEEDED), ("how'd it go", NEEDED), ("should i get bangs", NEEDED), ("send me the doc pls", NEEDED),
    ("good morning!", NEEDED), ("i think we need to talk about last night", NEEDED), ("so i ran into your ex today", NEEDED),
    ("they want to know if we're bringing the kids", NEEDED), ("im outside", NEEDED), ("i'm so stressed about tomorrow", NEEDED),
    ("call me", NEEDED), ("thoughts on this couch", NEEDED),
    ("lol", OPTIONAL), ("haha nice", OPTIONAL), ("👍", OPTIONAL), ("cool", OPTIONAL), ("yeah true", OPTIONAL), ("makes sense", OPTIONAL),
    ("nice", OPTIONAL), ("😂😂", OPTIONAL), ("oh ok", OPTIONAL), ("awesome", OPTIONAL), ("fair enough", OPTIONAL), ("same", OPTIONAL),
    ("ok bye", NONE), ("see you tomorrow!", NONE), ("goodnight, love you", NONE), ("thanks!", NONE), ("ok thanks see you then", NONE),
    ("talk later", NONE), ("np", NONE), ("you're welcome", NONE), ("got it, thanks", NONE), ("ok", NONE),
    ("Loved “see you at 8”", NONE), ("Laughed at an image", NONE), ("Your verification code is 481223", NONE),
    ("Sale! 20% off today. Reply STOP to opt out", NONE), ("", NONE), ("I'm driving with Focus turned on. I'll see your message later", NONE),
]  # fmt: skip


def classify(model: DialogueActModel, encode: Encode, text: str, is_group: bool = False) -> skip.Skip:
    act = model.triggers(encode([text]), [text])
    return skip.classify(text, is_group, act.types[0], float(act.confidence[0]))


def test_labelled_messages_are_told_apart(model: DialogueActModel, encode: Encode):
    true = [label for _, label in DIRECT]
    found = [classify(model, encode, text).label for text, _ in DIRECT]
    assert macro_f1(true, found) >= 0.75
    assert macro_f1(true, found) >= majority_floor(true) + 0.15


def test_hardly_a_message_that_needs_an_answer_is_skipped(model: DialogueActModel, encode: Encode):
    needed = [text for text, label in DIRECT if label == NEEDED]
    missed = [text for text in needed if classify(model, encode, text).label == NONE]
    assert missed == []


@pytest.mark.parametrize("text", ["anyone want to carpool?", "@sam can you bring ice", "what time is it at"])
def test_a_question_to_a_group_still_needs_an_answer(model: DialogueActModel, encode: Encode, text: str):
    assert classify(model, encode, text, is_group=True).label == NEEDED


@pytest.mark.parametrize("text", ["lol", "😂", "nice", "haha that dog", "running late"])
def test_chatter_in_a_group_needs_none(model: DialogueActModel, encode: Encode, text: str):
    assert classify(model, encode, text, is_group=True).label != NEEDED


def test_confidence_is_a_share(model: DialogueActModel, encode: Encode):
    assert all(0.0 <= classify(model, encode, text).confidence <= 1.0 for text, _ in DIRECT)
