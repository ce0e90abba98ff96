"""What people write to each other about: the act that opens, the typed replies, and what may come after.

Here belongs the shape of a situation and reading it from ``texts``; ``dialogue`` plays it. A phrase may go on after
``->`` with the other side's next turn, and ``//`` cuts a turn into messages sent one after the other. ``#ab`` before a
phrase names its cases: a reply answers only the openings that share one with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from jarvis_resources.imessage.sample import texts
from jarvis_resources.tables import RESPONSE_TYPES, TRIGGER_ACTS

RELATIONS = ("close", "family", "acq", "work", "service")
"""Close friends, family, acquaintances, colleagues, and the clinic, the school, the garage."""

MIXES: Mapping[str, Mapping[str, float]] = {
    "INVITATION": {"AGREE": 46, "DECLINE": 22, "DEFER": 17, "QUESTION": 15},
    "YN_QUESTION": {"AGREE": 43, "DECLINE": 28, "DEFER": 12, "ANSWER": 9, "QUESTION": 8},
    "REQUEST": {"AGREE": 55, "DECLINE": 17, "DEFER": 15, "QUESTION": 13},
    "WH_QUESTION": {"ANSWER": 76, "DEFER": 12, "QUESTION": 12},
    "OPINION": {"ANSWER": 64, "STATEMENT": 18, "QUESTION": 18},
    "GOOD_NEWS": {"REACT_POSITIVE": 76, "STATEMENT": 6, "QUESTION": 18},
    "BAD_NEWS": {"REACT_SYMPATHY": 76, "QUESTION": 24},
    "INFO_STATEMENT": {"ACKNOWLEDGE": 32, "STATEMENT": 26, "QUESTION": 19, "REACT_POSITIVE": 23},
    "GREETING": {"GREETING": 80, "QUESTION": 20},
    "ACKNOWLEDGE": {"ACKNOWLEDGE": 100},
}
"""How often each act gets each type of reply. Judgement, not measurement."""

GROUP = ("yes", "no", "only")


@dataclass(frozen=True)
class Phrase:
    """A phrase, and the cases it belongs to; a reply without cases fits every opening."""

    text: str
    cases: frozenset[str]


@cache
def parse(raw: str) -> Phrase:
    """``#ab text`` belongs to the cases a and b of its situation."""
    if raw.startswith("#"):
        cases, _, text = raw[1:].partition(" ")
        return Phrase(text, frozenset(cases))
    return Phrase(raw, frozenset())


@dataclass(frozen=True)
class Later:
    """A situation that follows some hours after, about the same things."""

    situation: str
    hours: tuple[float, float]


@dataclass(frozen=True)
class Situation:
    """One occasion to write: its opening phrases and the replies that life has for them."""

    name: str
    act: str
    relations: frozenset[str]
    opening: tuple[str, ...]
    replies: Mapping[str, tuple[str, ...]]
    """Phrases by response type."""
    after: Mapping[str, tuple[str, ...]]
    """By response type: closing phrases, and ``@name`` of situations that follow at once."""
    later: Mapping[str, Later]
    """By response type: what follows another day."""
    weight: float = 1.0
    opener: str = "both"
    """Who opens: ``me``, ``them`` or ``both``."""
    group: str = "yes"
    """Whether it happens in groups: ``yes``, ``no``, ``only``."""
    hours: tuple[int, int] = (0, 24)
    """Local hours of the day in which it opens."""
    months: tuple[int, ...] = ()
    """Months in which it happens; none: all."""

    def answers(self, cases: frozenset[str]) -> dict[str, list[str]]:
        """Phrases by response type that fit an opening of these cases; types with none are left out."""
        fitting = {
            kind: [phrase.text for phrase in map(parse, self.replies[kind]) if not phrase.cases or phrase.cases & cases]
            for kind in MIXES[self.act]
            if kind in self.replies
        }
        return {kind: phrases for kind, phrases in fitting.items() if phrases}


@cache
def load() -> dict[str, Situation]:
    """Every situation by its name. Raises ValueError, with the situation's name, where the texts break the rules."""
    found: dict[str, Situation] = {}
    for file in texts.SITUATION_FILES:
        for name, raw in texts.read(file).items():
            found[name] = _situation(name, raw)
    for situation in found.values():
        names = {p[1:] for phrases in situation.after.values() for p in phrases if p.startswith("@")}
        if missing := (names | {later.situation for later in situation.later.values()}) - set(found):
            raise ValueError(f"{situation.name} leads to the unknown {sorted(missing)[0]}.")
    return found


def _situation(name: str, raw: Mapping[str, Any]) -> Situation:
    known = {"act", "with", "weight", "who", "group", "hours", "months", "open", "next", "later", *RESPONSE_TYPES}
    relations = frozenset(raw["with"].split())
    situation = Situation(
        name=name,
        act=raw["act"],
        relations=relations,
        opening=tuple(raw["open"]),
        replies={kind: tuple(raw[kind]) for kind in RESPONSE_TYPES if kind in raw},
        after={kind: tuple(phrases) for kind, phrases in raw.get("next", {}).items()},
        later={kind: Later(to, (low, high)) for kind, (to, low, high) in raw.get("later", {}).items()},
        weight=float(raw.get("weight", 1.0)),
        opener=raw.get("who", "both"),
        group=raw.get("group", "yes"),
        hours=tuple(raw.get("hours", (0, 24))),
        months=tuple(raw.get("months", ())),
    )
    broken = (
        set(raw) - known
        or relations - set(RELATIONS)
        or ({situation.act} - set(TRIGGER_ACTS))
        or ({situation.opener} - {"me", "them", "both"})
        or ({situation.group} - set(GROUP))
        or (set(situation.after) | set(situation.later)) - set(situation.replies)
    )
    if broken or not situation.opening:
        raise ValueError(f"The situation {name} breaks a rule: {sorted(map(str, broken))}.")
    return situation
