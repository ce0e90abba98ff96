"""Drafts: asked for and polled, written one after the other, dropped or given up with a reason."""

from __future__ import annotations

import threading
import time

import pytest

from jarvis_resources.errors import LanguageModelError
from jarvis_resources.language_models import load_language_model
from jarvis_serving.drafts import REMEMBERED, WAITING, Drafts
from jarvis_serving.generation import DraftRequest

ASK = DraftRequest("lunch?")


class Held:
    """A language model that waits until it is let go, then answers; counts what it was asked."""

    name = "held"

    def __init__(self, answer: str = "sure") -> None:
        self.answer = answer
        self.gone = threading.Event()
        self.begun = threading.Event()
        self.prompts: list[str] = []

    def generate(self, prompt: str, *, max_tokens: int, deadline_seconds: float) -> str:
        self.prompts.append(prompt)
        self.begun.set()
        assert self.gone.wait(10)
        return self.answer


class Broken:
    """A language model that fails: as one does (``LanguageModelError``), or by a bug of its own."""

    name = "broken"

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)

    def generate(self, prompt: str, *, max_tokens: int, deadline_seconds: float) -> str:
        if self.errors:
            raise self.errors.pop(0)
        return "fine"


def anything_goes(_text: str) -> None:
    return None


def test_real_model_writes_a_draft_in_the_background(tiny_model):
    drafts = Drafts(load_language_model(tiny_model), anything_goes)
    draft_id = drafts.submit(ASK)
    assert drafts.poll(draft_id).to_json() == {"id": draft_id, "status": "generating"}
    assert drafts.wait(draft_id, 30).to_json() == {
        "id": draft_id,
        "status": "complete",
        "suggestion": "sounds good to me",
    }


def test_submit_returns_while_the_model_is_still_writing():
    model = Held()
    drafts = Drafts(model, anything_goes)
    began = time.perf_counter()
    draft_id = drafts.submit(ASK, "mine")
    assert time.perf_counter() - began < 0.5
    assert draft_id == "mine"
    assert drafts.poll("mine").status == "generating"
    model.gone.set()
    assert drafts.wait("mine", 5).suggestion == "sure"


def test_draft_naming_what_the_conversation_does_not_is_dropped_and_not_shown():
    model = Held("see you at 8")
    model.gone.set()
    draft = (drafts := Drafts(model, anything_goes_but_numbers)).wait(drafts.submit(ASK), 5)
    assert (draft.status, draft.suggestion) == ("failed", None)
    assert draft.reason == "the draft named a number that the conversation does not mention"


def anything_goes_but_numbers(text: str) -> str | None:
    return "a number" if any(c.isdigit() for c in text) else None


@pytest.mark.parametrize("answer", ["", "   \n", "word " * 200])
def test_empty_and_rambling_answers_are_no_drafts(answer):
    model = Held(answer)
    model.gone.set()
    drafts = Drafts(model, anything_goes)
    assert drafts.wait(drafts.submit(ASK), 5).status == "failed"


def test_model_that_fails_says_why_and_the_next_draft_still_comes():
    drafts = Drafts(Broken(LanguageModelError("The model is too slow.")), anything_goes)
    first = drafts.wait(drafts.submit(ASK), 5)
    assert (first.status, first.reason) == ("failed", "The model is too slow.")
    assert drafts.wait(drafts.submit(ASK), 5).status == "complete"


def test_bug_in_a_model_is_reported_fails_its_draft_and_the_next_one_still_comes(monkeypatch):
    seen: list[type[BaseException] | None] = []
    monkeypatch.setattr(threading, "excepthook", lambda report: seen.append(report.exc_type))
    drafts = Drafts(Broken(ZeroDivisionError()), anything_goes)
    assert drafts.wait(drafts.submit(ASK), 5).status == "failed"
    assert drafts.wait(drafts.submit(ASK), 5).status == "complete"
    assert seen == [ZeroDivisionError]


def test_newer_drafts_push_out_the_oldest_that_still_waits():
    model = Held()
    drafts = Drafts(model, anything_goes)
    writing = drafts.submit(ASK)
    assert model.begun.wait(5)
    waiting = [drafts.submit(ASK) for _ in range(WAITING + 1)]
    assert drafts.poll(waiting[0]).status == "expired"
    model.gone.set()
    assert [drafts.wait(each, 5).status for each in (writing, *waiting[1:])] == ["complete"] * (WAITING + 1)
    assert len(model.prompts) == WAITING + 1


def test_old_draft_answers_expired_without_its_text():
    model = Held()
    model.gone.set()
    drafts = Drafts(model, anything_goes, keep_seconds=0.2)
    draft_id = drafts.submit(ASK)
    assert drafts.wait(draft_id, 5).status == "complete"
    time.sleep(0.25)
    assert drafts.poll(draft_id).to_json() == {"id": draft_id, "status": "expired", "reason": "the draft is too old"}


def test_unknown_id_is_a_key_error():
    with pytest.raises(KeyError):
        Drafts(Held(), anything_goes).poll("never")


def test_memory_of_old_ids_is_bounded():
    model = Held()
    drafts = Drafts(model, anything_goes)
    first = drafts.submit(ASK)
    for _ in range(REMEMBERED):
        drafts.submit(ASK)
    with pytest.raises(KeyError):
        drafts.poll(first)
    model.gone.set()


def test_closed_drafts_take_no_more():
    drafts = Drafts(Held(), anything_goes)
    drafts.close()
    with pytest.raises(LanguageModelError):
        drafts.submit(ASK)
