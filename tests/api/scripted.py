"""A Suggester with a script: what the HTTP edge and the page need to be asked all their questions, without mining.

It answers with the real ``Suggestion`` and has the real ``Drafts`` behind it. The real Suggester is met in
``test_real_suggester``.
"""

from __future__ import annotations

from typing import Any

from jarvis_serving.contacts import Conversation
from jarvis_serving.drafts import Draft, Drafts
from jarvis_serving.generation import DraftRequest, Line
from jarvis_serving.options import Option
from jarvis_serving.router import Route
from jarvis_serving.suggester import Suggestion

TOKEN = "a-token-of-the-tests"
RELEASE = "20260101-000000"
OPTIONS = [
    Option(
        "yes please!! where were you thinking",
        "AGREE",
        "template",
        0.74,
        {"uses": 14, "people": 6, "allowed": "used with 6 people and carries no specifics", "template_id": "t1"},
    ),
    Option("ugh can't tomorrow, sorry", "DECLINE", "history", 0.52, {"uses": 3, "people": 3, "allowed": "as above"}),
    Option(
        "let me check and get back to you", "DEFER", "history", 0.41, {"uses": 9, "people": 5, "allowed": "as above"}
    ),
]
SIGNALS: dict[str, Any] = {
    "dialogue_act": {"type": "INVITATION", "confidence": 0.91, "sure": True},
    "intent": [{"name": "PLAN", "confidence": 0.8}],
    "needs_context": {"label": "STANDALONE", "confidence": 0.97},
    "skip": {"label": "NEEDS_RESPONSE", "confidence": 0.99},
    "topic": "lunch · food",
    "top_score": 0.87,
    "guard": {"may_offer": 214, "withheld": 1310, "min_people": 3},
}


class ScriptedSuggester:
    """Answers by the message's first word: "skip", "draft", "explode"; anything else is ready. Records its calls."""

    release_name = RELEASE

    def __init__(self, drafts: Drafts | None = None) -> None:
        self.drafts = drafts
        self.calls: list[dict[str, Any]] = []

    def conversations(self) -> list[Conversation]:
        return [
            Conversation("d1", "p1", "Ana Ruiz", ["+15550100"], False, 1810, "CLOSE_FRIEND", None),
            Conversation("d2", "p2", "Sam", ["+15550101"], False, 4, "UNKNOWN", None),
            Conversation("d3", "p3", "Sam", ["+15550102"], False, 7, "UNKNOWN", None),
        ]

    def draft(self, draft_id: str) -> Draft:
        if self.drafts is None:
            raise KeyError(draft_id)
        return self.drafts.poll(draft_id)

    def suggest(
        self, text: str, contact: str | None = None, history: list[Line] | None = None, is_group: bool = False
    ) -> Suggestion:
        self.calls.append({"text": text, "contact": contact, "history": history, "is_group": is_group})
        number = f"s{len(self.calls)}"
        first = text.split()[0]
        if first == "explode":
            raise RuntimeError(f"no rule for {text!r}")
        if first == "skip":
            return Suggestion(number, Route.SKIP, 0.8, [], SIGNALS, "low confidence", None, None, RELEASE)
        if contact == "p2":
            return Suggestion(number, Route.COLD_START, 1.0, OPTIONS[2:], SIGNALS, "few messages", 4, None, RELEASE)
        if first == "draft" and self.drafts is not None:
            draft_id = self.drafts.submit(DraftRequest(text))
            return Suggestion(number, Route.GENERATE, 0.47, OPTIONS, SIGNALS, None, None, draft_id, RELEASE)
        return Suggestion(number, Route.TEMPLATE, 0.74, OPTIONS, SIGNALS, None, None, None, RELEASE)
