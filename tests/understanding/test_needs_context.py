"""Whether a message can be answered as it stands."""

from __future__ import annotations

import pytest
from scoring import macro_f1, majority_floor

from jarvis_serving.understanding import needs_context

ALONE, CONTEXT, REFERENCE = needs_context.LABELS

LABELLED = [
    ("want to grab lunch tomorrow?", ALONE), ("can you pick up milk on the way home", ALONE), ("i got the job!!", ALONE),
    ("my dog died", ALONE), ("what are you doing tonight?", ALONE), ("hey how are you", ALONE), ("what time does the movie start?", ALONE),
    ("did you feed the cat", ALONE), ("happy birthday!!", ALONE), ("where do you want to eat on friday?", ALONE), ("is it raining there?", ALONE),
    ("just got to the airport", ALONE), ("what do you think of my new haircut", ALONE), ("have you seen that new dune movie?", ALONE),
    ("send me your address", ALONE), ("are you free this weekend?", ALONE), ("guess who just called me", ALONE), ("call me", ALONE),
    ("i'm so tired today", ALONE), ("who's bringing dessert on thursday", ALONE),
    ("what time?", CONTEXT), ("where?", CONTEXT), ("which one?", CONTEXT), ("why not?", CONTEXT), ("how much was it?", CONTEXT),
    ("did you?", CONTEXT), ("what about tomorrow?", CONTEXT), ("is that ok?", CONTEXT), ("who was that", CONTEXT), ("when is it", CONTEXT),
    ("what do you mean?", CONTEXT), ("is she coming?", CONTEXT), ("really?", CONTEXT), ("how come", CONTEXT), ("do you want it?", CONTEXT),
    ("can i have the other one?", CONTEXT), ("same time as last week?", CONTEXT), ("??", CONTEXT), ("you sure?", CONTEXT), ("what did he say", CONTEXT),
    ("that's hilarious", REFERENCE), ("sounds good", REFERENCE), ("me too", REFERENCE), ("i love it", REFERENCE), ("exactly", REFERENCE),
    ("that makes sense", REFERENCE), ("the blue one", REFERENCE), ("not really", REFERENCE), ("it was so good", REFERENCE), ("lol", REFERENCE),
    ("yeah that works", REFERENCE), ("no way", REFERENCE), ("he's the worst", REFERENCE), ("i didn't know that", REFERENCE), ("works for me", REFERENCE),
    ("this is amazing", REFERENCE), ("same", REFERENCE), ("because i was asleep", REFERENCE), ("i told them already", REFERENCE), ("agreed", REFERENCE),
]  # fmt: skip


def test_labelled_messages_are_told_apart():
    true = [label for _, label in LABELLED]
    found = [needs_context.classify(text).label for text, _ in LABELLED]
    assert macro_f1(true, found) >= 0.75
    assert macro_f1(true, found) >= majority_floor(true) + 0.15


@pytest.mark.parametrize("text", ["what time?", "Where??", "which one", "why not"])
def test_a_bare_question_word_needs_context_for_sure(text: str):
    verdict = needs_context.classify(text)
    assert verdict.label == CONTEXT
    assert verdict.confidence > 0.9


@pytest.mark.parametrize("text", ["", "👍", "?" * 2_000, "that " * 3_000])
def test_any_text_gets_a_verdict(text: str):
    verdict = needs_context.classify(text)
    assert verdict.label in needs_context.LABELS
    assert 0.0 <= verdict.confidence <= 1.0
