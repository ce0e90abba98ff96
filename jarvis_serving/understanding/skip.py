"""Whether an incoming message wants an answer at all.

NEEDS_RESPONSE, OPTIONAL or NO_RESPONSE, from its wording and the act that the classifier found. Missing a message
that waits for an answer is worse than offering a suggestion nobody needs, so doubt says NEEDS_RESPONSE. What is done
with the verdict (a SKIP) is the router's decision.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from jarvis_resources.imessage.tapbacks import reads_as_tapback
from jarvis_serving.understanding.rules import response_type_of_words
from jarvis_serving.understanding.wording import tokens

NEEDS_RESPONSE, OPTIONAL, NO_RESPONSE = "NEEDS_RESPONSE", "OPTIONAL", "NO_RESPONSE"
SKIPS = (NEEDS_RESPONSE, OPTIONAL, NO_RESPONSE)

_AUTOMATED = re.compile(
    r"\b(?:verification|security|login|one-time|passcode|confirmation) (?:code|pin|password)\b|\bcode is:? ?\d{4,8}\b|"
    r"\breply stop\b|\btext stop\b|\bto (?:opt out|unsubscribe)\b|\bmsg ?& ?data rates\b|\bdo not reply\b|"
    r"\bi'?m driving with (?:focus|do not disturb)\b|\bcall failed\b|\bmissed (?:a )?call\b",
    re.IGNORECASE,
)
_CLOSES = re.compile(
    r"(?:(?:ok|alright|got it|gotcha|noted|received|understood|perfect|great|cool|sounds good|aw|haha) ?)*"
    r"(?:(?:thanks|thank you|cheers|much appreciated|bye|good night|night night|night|sweet dreams|sleep (?:well|tight)|"
    r"see you|later|talk (?:to you )?(?:later|soon)|take care|got to go|have a good (?:one|night|day)|love you(?: too)?|"
    r"you are welcome|no problem|no worries|any ?time|do not worry about it|same to you|you too|ok|got it|noted|received|understood|will do|"
    r"<\w+>|!|then|there|soon|tomorrow|so much|a lot|again|man|bro|babe|everyone|guys) ?)+"
)
"""A text of nothing but farewell, thanks and consent."""
_REACTS = re.compile(
    r"(?:(?:haha|nice|cool|awesome|great|sweet|true|same|exactly|right|yes|yeah|no|oh|ah|ok|wow|aw|bet|facts|word|sure|"
    r"makes sense|fair enough|fair|i see|i know right|for sure|good point|good to know|sounds good|works for me|perfect|"
    r"so|that|is|it|dead|i am dead|omg|here|lit|dope|good|<\w+>|!|man|bro|dude) ?){1,5}"
)
"""A text of nothing but a reaction."""
_ASKS = frozenset({"INVITATION", "YN_QUESTION", "WH_QUESTION", "OPINION", "REQUEST"})
_MENTION = re.compile(r"^@|\s@\w")
_SURE, _LIKELY, _DOUBTFUL = 0.97, 0.85, 0.65
"""Confidence of a fixed form, of a clear wording, and of a guess. To be measured on the owner's own history."""


@dataclass(frozen=True)
class Skip:
    """The verdict (one of ``SKIPS``) and how sure it is (0–1)."""

    label: str
    confidence: float


def classify(text: str, is_group: bool, act_label: str, act_conf: float) -> Skip:
    """Whether ``text`` wants an answer, given its trigger act (of ``tables.TRIGGER_ACTS``) and the act's confidence."""
    stripped = text.strip()
    if not stripped or reads_as_tapback(stripped) or _AUTOMATED.search(stripped):
        return Skip(NO_RESPONSE, _SURE)
    words = tokens(stripped)
    if "?" in words or act_label in _ASKS:
        sure = _LIKELY if not is_group or _MENTION.search(stripped) else _DOUBTFUL
        return Skip(NEEDS_RESPONSE, max(sure, float(act_conf)) if act_label in _ASKS else sure)
    joined = " ".join(words)
    spoken = any(word.isalpha() for word in words)
    if spoken and _CLOSES.fullmatch(joined):
        return Skip(NO_RESPONSE, _LIKELY)
    if _REACTS.fullmatch(joined):
        return Skip(NO_RESPONSE if is_group else OPTIONAL, _LIKELY)
    if act_label == "ACKNOWLEDGE":
        short = len(words) <= 4 or response_type_of_words(words) == "ACKNOWLEDGE"
        return Skip(OPTIONAL, float(act_conf)) if short else Skip(NEEDS_RESPONSE, _DOUBTFUL)
    if is_group and act_label in {"INFO_STATEMENT", "GREETING"}:
        return Skip(OPTIONAL, _LIKELY if len(words) <= 3 else _DOUBTFUL)
    return Skip(NEEDS_RESPONSE, _LIKELY if act_label in {"GOOD_NEWS", "BAD_NEWS", "GREETING"} else _DOUBTFUL)
