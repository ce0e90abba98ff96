"""A situation played: who says what, what each line answers, and what kind of act it is.

Here belongs the order of speaking and the choice of replies; texts are still plain (``voices`` spells them) and without
times (``history`` sets the clock). A ``Line`` is one turn. Its links are the truth that pairs are later scored with.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from random import Random

from jarvis_resources.imessage.sample import grammar, texts
from jarvis_resources.imessage.sample.grammar import Bindings
from jarvis_resources.imessage.sample.personas import Person
from jarvis_resources.imessage.sample.situations import MIXES, Situation, load, parse

Speaker = Person | None
"""None is the owner."""

_HABIT = {
    "AGREE": 0.4, "DECLINE": 0.36, "DEFER": 0.36, "ACKNOWLEDGE": 0.5, "REACT_POSITIVE": 0.36, "REACT_SYMPATHY": 0.36,
    "GREETING": 0.0, "STATEMENT": 0.2, "ANSWER": 0.1, "QUESTION": 0.15,
}  # fmt: skip
"""Share of the owner's replies of each type that are a habit, said to many people, not made for the occasion."""

_OTHERS_HABIT = 0.45
"""Others fall back on habit this much as often as the owner."""

_SILENCE = {"ACKNOWLEDGE": 0.55, "INFO_STATEMENT": 0.1, "GREETING": 0.06}
"""Share of messages of an act that nobody answers; of the others, 0.03."""

_MANY = frozenset({"GOOD_NEWS", "INVITATION", "BAD_NEWS"})
"""Acts that several people of a group answer."""


@dataclass(eq=False, slots=True)
class Line:
    """One turn of a dialogue."""

    speaker: Speaker
    text: str
    answers: Line | None
    """The turn it answers, which also is what its time is reckoned from."""
    act: str | None = None
    kind: str | None = None
    """Response type, where it is a reply."""

    @property
    def mood(self) -> str:
        """What chooses the emoji."""
        return self.kind or self.act or ""


def choose(relation: str, random: Random, *, group: bool, hour: int, month: int) -> Situation:
    """A situation that happens between such people at such a local time; ValueError when none does."""
    pool = [
        s
        for s in _by_relation()[relation]
        if s.group != ("no" if group else "only")
        and s.hours[0] <= hour < s.hours[1]
        and (not s.months or month in s.months)
    ]
    if not pool:
        raise ValueError(f"No situation for {relation}.")
    return random.choices(pool, [s.weight * (3.0 if group and s.group == "only" else 1.0) for s in pool])[0]


def question_act(text: str) -> str:
    """WH_QUESTION or YN_QUESTION, by the first words."""
    words = text.lower().replace("'", " ").split()
    asking = {"what", "when", "where", "who", "which", "how", "why", "whose"}
    return "WH_QUESTION" if asking & set(words[:3]) else "YN_QUESTION"


@cache
def _by_relation() -> dict[str, list[Situation]]:
    found: dict[str, list[Situation]] = {}
    for situation in load().values():
        for relation in sorted(situation.relations):
            found.setdefault(relation, []).append(situation)
    return found


@dataclass
class Scene:
    """One playing of a situation; ``lines`` fills up, each line after the one it answers.

    ``relation`` of the conversation decides whether the habits are those of work.
    """

    random: Random
    relation: str
    bindings: Bindings
    lines: list[Line] = field(default_factory=list)

    def play(self, situation: Situation, opener: Speaker, others: list[Speaker]) -> list[Line]:
        """The lines of ``situation`` opened by ``opener``; of several ``others``, some answer."""
        opening, cases = self._open(situation, opener)
        answering = others
        if len(others) > 1:
            most = 4 if situation.group == "only" or situation.act in _MANY else 2
            answering = self.random.sample(others, self.random.randint(1, min(most, len(others))))
            if None in others and None not in answering and self.random.random() < 0.45:
                answering[0] = None
        for number, speaker in enumerate(answering):
            if self.random.random() >= _SILENCE.get(situation.act, 0.03):
                self._answer(situation, cases, opening, speaker, depth=0, close=number == 0)
        return self.lines

    def _say(self, speaker: Speaker, phrase: str, answers: Line | None, act: str | None, kind: str | None) -> Line:
        line = Line(speaker, grammar.expand(phrase, self.random, self.bindings), answers, act, kind)
        self.lines.append(line)
        return line

    def _open(self, situation: Situation, opener: Speaker, after: Line | None = None) -> tuple[Line, frozenset[str]]:
        phrase = parse(self.random.choice(situation.opening))
        kind = None
        if after is not None:
            kind = "QUESTION" if situation.act.endswith("QUESTION") else "STATEMENT"
        return self._say(opener, phrase.text, after, situation.act, kind), phrase.cases

    def _answer(
        self, situation: Situation, cases: frozenset[str], opening: Line, speaker: Speaker, *, depth: int, close: bool
    ) -> None:
        fitting = situation.answers(cases)
        if not fitting:
            return
        weights = MIXES[situation.act]
        kind = self.random.choices(list(fitting), [weights[k] for k in fitting])[0]
        reply = self._reply(situation, kind, fitting[kind], opening, speaker)
        told = self.lines[-1]
        rest = [k for k in fitting if k != "QUESTION"]
        if kind == "QUESTION" and told is not reply and rest and self.random.random() < 0.6:
            # Asked and told; now the reply proper.
            kind = self.random.choices(rest, [weights[k] for k in rest])[0]
            reply = self._reply(situation, kind, fitting[kind], told, speaker)
        if close and self.lines[-1] is reply and self.random.random() < 0.62:
            self._close(situation, kind, reply, opening.speaker, depth)

    def _reply(self, situation: Situation, kind: str, phrases: list[str], answered: Line, speaker: Speaker) -> Line:
        """Adds a reply of one type and whatever its phrase goes on with; returns the reply."""
        share = _HABIT[kind] * (1.0 if speaker is None else _OTHERS_HABIT)
        habits = self._habits(kind, situation.act) if self.random.random() < share else []
        turns = self.random.choice(habits or phrases).split(" -> ")
        act = kind if kind in ("ACKNOWLEDGE", "GREETING") else None
        reply = self._say(speaker, turns[0], answered, act, kind)
        if kind == "QUESTION":
            reply.act = question_act(reply.text)
        self._go_on(turns[1:], reply, answered.speaker)
        return reply

    def _go_on(self, turns: list[str], last: Line, speaker: Speaker) -> None:
        """The turns after ``->``, the two sides alternating."""
        other = last.speaker
        for turn in turns:
            kind = "ANSWER" if last.act in ("YN_QUESTION", "WH_QUESTION", "OPINION") else "STATEMENT"
            last = self._say(speaker, turn, last, None, kind)
            speaker, other = other, speaker

    def _close(self, situation: Situation, kind: str, reply: Line, speaker: Speaker, depth: int) -> None:
        """The opener's last word, or another situation that grows out of this one."""
        closing = texts.read("owner")["closing_work" if self.relation in ("work", "service") else "closing"]
        own = situation.after.get(kind, ())
        if not own or self.random.random() < 0.4:
            own = tuple(closing[kind])
        if reply.text.endswith("?") and kind in ("AGREE", "DECLINE", "REACT_POSITIVE", "REACT_SYMPATHY"):
            own = tuple(closing["ASKED_TIME" if "time" in reply.text else "ASKED"])
        phrase = self.random.choice(own)
        if not phrase.startswith("@"):
            turns = phrase.split(" -> ")
            last = self._say(speaker, turns[0], reply, "ACKNOWLEDGE", "ACKNOWLEDGE")
            if last.text.endswith("?"):
                last.act, last.kind = question_act(last.text), "QUESTION"
            self._go_on(turns[1:], last, reply.speaker)
        elif depth < 2:
            following = load()[phrase[1:]]
            opening, cases = self._open(following, speaker, after=reply)
            self._answer(following, cases, opening, reply.speaker, depth=depth + 1, close=True)

    def _habits(self, kind: str, act: str) -> list[str]:
        lists = texts.read("owner")["work" if self.relation in ("work", "service") else "social"]
        special = list(lists.get(f"{kind} {act}", []))
        # "Happy to" answers a request, not a question of fact; "got it" answers no thanks.
        alone = act == "ACKNOWLEDGE" or (act == "YN_QUESTION" and kind in ("AGREE", "DECLINE"))
        return special if alone else special * 2 + list(lists.get(kind, []))
