"""Which replies answer which message: the design's table as data.

The response types that are valid for each trigger act, the three options offered for it, which types say yes and
which say no. Recognising an act or a type is the classifiers' matter (``dialogue_acts``), and choosing the options is
the serving side's.
"""

from __future__ import annotations

from types import MappingProxyType

VALID: MappingProxyType[str, tuple[str, ...]] = MappingProxyType(
    {
        "INVITATION": ("AGREE", "DECLINE", "DEFER", "QUESTION"),
        "YN_QUESTION": ("AGREE", "DECLINE", "DEFER", "ANSWER", "QUESTION"),
        "WH_QUESTION": ("ANSWER", "QUESTION", "DEFER"),
        "INFO_STATEMENT": ("ACKNOWLEDGE", "STATEMENT", "QUESTION", "REACT_POSITIVE"),
        "OPINION": ("ANSWER", "STATEMENT", "QUESTION"),
        "REQUEST": ("AGREE", "DECLINE", "DEFER", "QUESTION"),
        "GOOD_NEWS": ("REACT_POSITIVE", "QUESTION"),
        "BAD_NEWS": ("REACT_SYMPATHY", "QUESTION"),
        "GREETING": ("GREETING", "QUESTION"),
        "ACKNOWLEDGE": (),
    }
)
"""Trigger act → response types that answer it, likeliest first; empty: usually nothing does."""

OFFERED: MappingProxyType[str, tuple[str, ...]] = MappingProxyType(
    {
        "INVITATION": ("AGREE", "DECLINE", "DEFER"),
        "YN_QUESTION": ("AGREE", "DECLINE", "QUESTION"),
        "WH_QUESTION": ("ANSWER", "DEFER", "QUESTION"),
        "INFO_STATEMENT": ("ACKNOWLEDGE", "STATEMENT", "QUESTION"),
        "OPINION": ("ANSWER", "STATEMENT", "QUESTION"),
        "REQUEST": ("AGREE", "DECLINE", "DEFER"),
        "GOOD_NEWS": ("REACT_POSITIVE", "REACT_POSITIVE", "QUESTION"),
        "BAD_NEWS": ("REACT_SYMPATHY", "REACT_SYMPATHY", "QUESTION"),
        "GREETING": ("GREETING", "GREETING", "QUESTION"),
        "ACKNOWLEDGE": (),
    }
)
"""Trigger act → the types of the three options shown, in order."""

COMMITMENTS: frozenset[str] = frozenset({"INVITATION", "REQUEST", "YN_QUESTION"})
"""Acts that only the owner can answer: at most one option per response type, and a yes never stands without a no.

Questions about plans ("what time works?") are commitments too: ``is_plan_question`` tells them from other questions.
"""

POSITIVE: frozenset[str] = frozenset({"AGREE", "REACT_POSITIVE"})
"""Types that say yes."""

NEGATIVE: frozenset[str] = frozenset({"DECLINE"})
"""Types that say no."""

_PLAN_WORDS = frozenset({"when", "where"})
_PLAN_PHRASES = ("what time", "what day", "which day", "what is the plan", "where at", "how late", "how soon")
_PAST = frozenset({"was", "were", "did", "had"})


def is_plan_question(text: str) -> bool:
    """Whether a WH_QUESTION asks when or where something shall be, so that answering it commits the owner."""
    from jarvis_serving.understanding.wording import tokens

    words = tokens(text)
    if _PAST & set(words):
        return False
    joined = " ".join(words)
    return bool(_PLAN_WORDS & set(words)) or any(phrase in joined for phrase in _PLAN_PHRASES)


def is_valid(act: str, response_type: str) -> bool:
    """Whether ``response_type`` answers ``act`` by the table; an act without valid types takes any."""
    return not VALID[act] or response_type in VALID[act]
