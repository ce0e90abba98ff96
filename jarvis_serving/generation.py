"""What a language model is asked for a draft, and what of its answer may be believed.

The prompt holds the conversation with this person and few-shot examples that the leak guard already allowed; nothing
else of the history. The answer is cut to one message and dropped when it names anything that the conversation does
not: a small model invents times and names gladly. Queueing and threads belong to ``drafts``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from jarvis_serving import specifics

MAX_TOKENS = 60
"""Tokens of a draft: a long text message is about 40."""
HISTORY_LINES = 20
"""Earlier messages in a prompt; more slows a small model down and rarely changes the reply."""
LINE_CHARACTERS = 300
"""Longest line in a prompt: a wall of text would push out the conversation."""
MAX_EXAMPLES = 5
"""Few-shot examples in a prompt."""
DRAFT_CHARACTERS = 400
"""Longest draft offered; longer ones are the model rambling."""


@dataclass(frozen=True)
class Line:
    """One earlier message of the conversation."""

    text: str
    is_from_me: bool


@dataclass(frozen=True)
class Example:
    """An incoming message and how the owner answered it; the leak guard allowed both for this person."""

    incoming: str
    reply: str


@dataclass(frozen=True)
class DraftRequest:
    """Everything that a draft is written from. ``history`` is oldest first and does not hold ``message``."""

    message: str
    history: tuple[Line, ...] = ()
    examples: tuple[Example, ...] = ()
    name: str | None = None
    """The person's name; None: unknown."""
    relationship: str | None = None
    """One of ``tables.RELATIONSHIPS``; None or UNKNOWN: says nothing in the prompt."""
    response_type: str | None = None
    """The type of reply wanted (``tables.RESPONSE_TYPES``); None: whatever fits."""
    is_group: bool = False


_TYPE_WISH = {
    "AGREE": "Say yes.",
    "DECLINE": "Say no, kindly.",
    "DEFER": "Say that I will check and come back to it.",
    "ACKNOWLEDGE": "Let them know that I saw it.",
    "ANSWER": "Answer their question if the conversation holds the answer.",
    "QUESTION": "Ask the one thing I need to know.",
    "REACT_POSITIVE": "Be glad with them.",
    "REACT_SYMPATHY": "Be sorry with them.",
    "STATEMENT": "Say what I think.",
    "GREETING": "Greet them back.",
}
_RELATIONSHIP_NOTE = {
    "CLOSE_FRIEND": "a close friend",
    "FAMILY": "family",
    "ACQUAINTANCE": "somebody I know a little",
    "PROFESSIONAL": "somebody from work",
}


def prompt(request: DraftRequest) -> str:
    """``request`` as one instruction to a language model: how I write, the conversation, the message to answer."""
    who = _RELATIONSHIP_NOTE.get(request.relationship or "", "somebody I know")
    name = _line(request.name) if request.name else "Them"
    parts = [
        "Write my next text message. One short message, in my own style, nothing else: no quotes, no explanation, "
        "no names, times or places that the conversation does not mention.",
        f"I am writing {'in a group' if request.is_group else 'to ' + who}.",
    ]
    if request.response_type in _TYPE_WISH:
        parts.append(_TYPE_WISH[request.response_type])
    if request.examples:
        parts.append("How I answered such messages before:")
        parts += [f"Them: {_line(e.incoming)}\nMe: {_line(e.reply)}" for e in request.examples[:MAX_EXAMPLES]]
    parts.append("The conversation:")
    parts += [f"{'Me' if line.is_from_me else name}: {_line(line.text)}" for line in request.history[-HISTORY_LINES:]]
    parts.append(f"{name}: {_line(request.message)}\nMe:")
    return "\n".join(parts)


def _line(text: str) -> str:
    """``text`` on one line, cut at a word: a line break in a message would look like another speaker's turn."""
    flat = " ".join(text.split())
    return flat if len(flat) <= LINE_CHARACTERS else flat[:LINE_CHARACTERS].rsplit(" ", 1)[0] + " …"


_THINKING = re.compile(r"<think>.*?(</think>|\Z)", re.DOTALL)
_SPEAKER = re.compile(r"^\s*(me|them|you|reply|draft|answer)\s*:\s*", re.IGNORECASE)
_QUOTES = {'"': '"', "“": "”", "'": "'", "‘": "’", "«": "»"}


def first_message(answer: str, name: str | None = None) -> str:
    """The one message in a model's ``answer``: no thinking aloud, no speaker label, no quotes, no next turn.

    Empty when the answer holds none.
    """
    lines = [line.strip() for line in _THINKING.sub("", answer).replace("\ufffd", "").splitlines()]
    first = next((line for line in lines if line), "")
    first = _SPEAKER.sub("", first).strip()
    if name and first.casefold().startswith(f"{name.casefold()}:"):
        return ""  # The model went on as the other person.
    if len(first) > 1 and _QUOTES.get(first[0]) == first[-1]:
        first = first[1:-1].strip()
    return first


_UNIT = re.compile(r"https?://\S+|www\.\S+|[\w.+-]+@[\w-]+\.[\w.-]+|\d+|[^\W\d_]+(?:['’][^\W\d_]+)*")
_SENTENCE_START = re.compile(r"(?:^|[.!?…:;]\s+|\n\s*)$")


def unsupported(draft: str, conversation: Sequence[str], kind_of: Callable[[str], str | None]) -> str | None:
    """What ``draft`` names that ``conversation`` does not, as a noun phrase that never quotes; None: nothing.

    ``kind_of(text)`` is the leak guard's ``Guard.specifics``: the kind of specific in a text, or None. Numbers, links
    and addresses are compared whole, words without case. A secret is never supported.
    """
    if specifics.secret(draft):
        return "a secret"
    known = {_folded(unit) for text in conversation for unit in _UNIT.findall(text)}
    for found in _UNIT.finditer(draft):
        unit = found.group()
        if _folded(unit) in known:
            continue
        # After a comma the guard reads a capital as a name; at the start of a sentence it is only grammar.
        inside = not _SENTENCE_START.search(draft[: found.start()])
        if (kind := kind_of(f", {unit}" if inside else unit)) is not None:
            return kind
    return None


def _folded(unit: str) -> str:
    return unit.casefold().replace("’", "'").removesuffix("'s")
