"""Phrases with slots and choices to text: ``<want to|wanna> get {food} {day}?``.

Here belongs the syntax and its expansion; the phrases are in ``texts``, who says them in ``situations``. ``<a|b>`` is
one of its sides, ``{name}`` a word of the lexicon. A slot keeps its word for as long as its ``Bindings`` live, so an
answer speaks of the same {day} as the question; ``{day2}`` is another word of the same list.
"""

from __future__ import annotations

import re
from functools import cache
from random import Random

from jarvis_resources.imessage.sample import texts

Bindings = dict[str, str]
"""Words chosen so far, by slot."""

_FRESH = frozenset({"d", "l", "hash", "code", "minutes", "count", "small", "url", "slug", "price"})
"""Slots that are drawn anew each time: digits, amounts, addresses of pages."""

_TOKEN = re.compile(r"[<>|]|\{\w+\}")

_Node = str | tuple[str, str] | list[list["_Node"]]
"""Literal text; a slot as (name, list); or a choice among sequences."""


def expand(phrase: str, random: Random, bindings: Bindings) -> str:
    """One text of ``phrase``; the words it chooses are added to ``bindings``. Raises KeyError for an unknown slot."""
    return _tidy("".join(_walk(_parse(phrase), random, bindings)))


def slots(phrase: str) -> set[str]:
    """The lexicon's lists that ``phrase`` uses."""
    return {re.sub(r"\d+$", "", match[1:-1]) for match in re.findall(r"\{\w+\}", phrase)}


@cache
def lexicon() -> dict[str, tuple[str, ...]]:
    """Every slot and its words."""
    return {name: tuple(words) for name, words in texts.read("lexicon")["slots"].items()}


def _tidy(text: str) -> str:
    """Empty choices leave double spaces and spaces before punctuation."""
    return re.sub(r" +([?!,.])", r"\1", re.sub(r"  +", " ", text)).strip()


@cache
def _parse(phrase: str) -> list[_Node]:
    """The phrase as a sequence of nodes."""
    sequence: list[_Node] = []
    stack: list[tuple[list[_Node], list[list[_Node]]]] = []
    place = 0
    for match in _TOKEN.finditer(phrase):
        if match.start() > place:
            sequence.append(phrase[place : match.start()])
        place = match.end()
        token = match.group()
        if token == "<":
            stack.append((sequence, [[]]))
            sequence = stack[-1][1][0]
        elif token == "|":
            stack[-1][1].append([])
            sequence = stack[-1][1][-1]
        elif token == ">":
            sequence, sides = stack.pop()
            sequence.append(sides)
        else:
            sequence.append((token[1:-1], re.sub(r"\d+$", "", token[1:-1])))
    if stack:
        raise ValueError("A phrase has a < without its >.")
    if place < len(phrase):
        sequence.append(phrase[place:])
    return sequence


def _walk(sequence: list[_Node], random: Random, bindings: Bindings) -> list[str]:
    out: list[str] = []
    for node in sequence:
        if isinstance(node, str):
            out.append(node)
        elif isinstance(node, list):
            out += _walk(random.choice(node), random, bindings)
        else:
            out.append(_word(*node, random, bindings))
    return out


def _word(slot: str, source: str, random: Random, bindings: Bindings) -> str:
    if slot in bindings:
        return bindings[slot]
    taken = {word for name, word in bindings.items() if name.rstrip("0123456789") == source}
    words = lexicon()[source]
    word = random.choice(words)
    if word in taken:
        word = random.choice([other for other in words if other not in taken] or list(words))
    text = "".join(_walk(_parse(word), random, bindings)) if "{" in word or "<" in word else word
    if source not in _FRESH:
        bindings[slot] = text
    return text
