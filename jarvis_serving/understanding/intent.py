"""What an incoming message wants of the owner: several intents at once, the most pressing first.

"congrats!! are we still on for dinner?" is news and a question about a plan. Intents are read from the sentences of a
message one by one, by wording; the single act that the classifier settles on is ``dialogue_acts``' matter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from jarvis_serving.understanding.response_types import is_plan_question
from jarvis_serving.understanding.rules import trigger_act_of_words
from jarvis_serving.understanding.wording import tokens

PRIORITY = (
    "EMERGENCY",
    "REQUEST",
    "INVITATION",
    "PLAN_QUESTION",
    "QUESTION",
    "OPINION",
    "BAD_NEWS",
    "GOOD_NEWS",
    "APOLOGY",
    "THANKS",
    "GREETING",
    "FAREWELL",
    "ACKNOWLEDGEMENT",
    "STATEMENT",
)
"""Every intent, the one that may least be left unanswered first."""

_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+|(?<=\?)(?=\w)")
_BY_ACT = {
    "INVITATION": "INVITATION",
    "REQUEST": "REQUEST",
    "OPINION": "OPINION",
    "YN_QUESTION": "QUESTION",
    "BAD_NEWS": "BAD_NEWS",
    "GOOD_NEWS": "GOOD_NEWS",
    "GREETING": "GREETING",
    "ACKNOWLEDGE": "ACKNOWLEDGEMENT",
}
_EMERGENCY = re.compile(
    r"\b(?:emergency|911|call an ambulance|ambulance|help me now|call me (?:now|asap|right now|immediately)|"
    r"(?:had|been in|got in) (?:a|an) (?:car )?(?:accident|crash)|being followed|house is on fire|not breathing|stroke|bleeding)\b"
)
_APOLOGY = re.compile(
    r"\b(?:(?:i am|so|really|very) (?:so |really |very )?sorry|sorry (?:about|for|i|that)|my bad|i apologize|my apologies|forgive me)\b|^sorry(?: !)*$"
)
_SYMPATHY = re.compile(r"\bsorry (?:for your loss|to hear|that happened|you)\b")
_THANKS = re.compile(r"\b(?:thanks|thank you|appreciate)\b")
_FAREWELL = re.compile(
    r"\b(?:bye|good night|see you (?:then|there|soon|later|tomorrow)|talk to you later|talk (?:later|soon)|take care|got to go|sleep well)\b"
)
_BY_RULE, _BY_PHRASE, _BY_MARK, _BY_DEFAULT = 0.95, 0.9, 0.75, 0.6
"""Confidence of an act rule (their precision on our exemplars is 0.96), of a set phrase, of a question mark alone, and
of nothing found. To be measured on labelled messages."""


@dataclass(frozen=True)
class Intent:
    """One intent (of ``PRIORITY``) and how sure it is (0–1)."""

    name: str
    confidence: float


def detect(text: str) -> list[Intent]:
    """Intents of ``text``, the most pressing first; never empty unless the text is."""
    found: dict[str, float] = {}
    for sentence in _SENTENCE.split(text):
        for name, confidence in _of_sentence(sentence):
            found[name] = max(confidence, found.get(name, 0.0))
    if len(found) > 1:
        found.pop("STATEMENT", None)
    return [Intent(name, found[name]) for name in PRIORITY if name in found]


def _of_sentence(sentence: str) -> list[tuple[str, float]]:
    """Intents of one sentence, in no order."""
    words = tokens(sentence)
    if not words:
        return []
    joined = " ".join(words)
    found: list[tuple[str, float]] = []
    if _EMERGENCY.search(joined):
        found.append(("EMERGENCY", _BY_PHRASE))
    if _APOLOGY.search(joined) and not _SYMPATHY.search(joined):
        found.append(("APOLOGY", _BY_PHRASE))
    if _THANKS.search(joined):
        found.append(("THANKS", _BY_PHRASE))
    if _FAREWELL.search(joined):
        found.append(("FAREWELL", _BY_PHRASE))
    act = trigger_act_of_words(words)
    if act == "WH_QUESTION":
        found.append(("PLAN_QUESTION" if is_plan_question(sentence) else "QUESTION", _BY_RULE))
    elif act is not None and not (found and act in {"ACKNOWLEDGE", "GREETING"}):
        found.append((_BY_ACT[act], _BY_RULE))
    elif act is None and "?" in words:
        found.append(("QUESTION", _BY_MARK))
    return found or [("STATEMENT", _BY_DEFAULT)]
