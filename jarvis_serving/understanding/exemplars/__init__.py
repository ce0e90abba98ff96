"""The chat that the classifiers learn from: messages written by us, with what they do.

``triggers.toml`` holds incoming messages by act and theme; ``replies.toml`` holds scenes, in which the same incoming
messages meet replies of every type. A theme or scene is the unit that is held out when a classifier is measured. No
text of another corpus belongs here.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from jarvis_resources.tables import RESPONSE_TYPES, TRIGGER_ACTS
from jarvis_serving.normalise import key_text
from jarvis_serving.understanding.wording import tokens

PAIRINGS = 2
"""Incoming messages of its scene that each reply is paired with: one would tie a reply to an accident of wording, all
would let long scenes outweigh the others."""


ACT_OF_REPLY: MappingProxyType[str, str] = MappingProxyType(
    {
        "STATEMENT": "INFO_STATEMENT",
        "ANSWER": "INFO_STATEMENT",
        "DECLINE": "INFO_STATEMENT",
        "DEFER": "INFO_STATEMENT",
        "REACT_POSITIVE": "INFO_STATEMENT",
        "REACT_SYMPATHY": "INFO_STATEMENT",
        "ACKNOWLEDGE": "ACKNOWLEDGE",
        "GREETING": "GREETING",
    }
)
"""Response type → what such a reply is to the one who reads it: most messages stand in the middle of a conversation."""
TELLING_WORDS = 3
"""Words from which an answer tells something of its own; "no" or "2pm" alone is left out."""


@dataclass(frozen=True)
class TriggerExemplar:
    """An incoming message and its act; ``group`` names its theme."""

    text: str
    act: str
    group: str


@dataclass(frozen=True)
class ReplyExemplar:
    """A reply, its type, the message it answers with that message's act; ``group`` names its scene."""

    text: str
    response_type: str
    trigger: str
    trigger_act: str
    group: str


@cache
def triggers() -> tuple[TriggerExemplar, ...]:
    """All incoming messages, in the files' order, and the replies that somebody may in turn have to answer."""
    data: dict[str, dict[str, list[str]]] = _read("triggers.toml")
    opening = [
        TriggerExemplar(text, act, f"{act}/{theme}")
        for act in TRIGGER_ACTS
        for theme, texts in data[act].items()
        for text in texts
    ]
    known = {key_text(exemplar.text) for exemplar in opening}
    answering: dict[str, TriggerExemplar] = {}
    for reply in replies():
        act = ACT_OF_REPLY.get(reply.response_type)
        telling = act != "INFO_STATEMENT" or len(tokens(reply.text)) >= TELLING_WORDS
        if act is not None and telling and key_text(reply.text) not in known:
            answering.setdefault(key_text(reply.text), TriggerExemplar(reply.text, act, f"scene/{reply.group}"))
    return (*opening, *answering.values())


@cache
def replies() -> tuple[ReplyExemplar, ...]:
    """All replies, each with ``PAIRINGS`` of its scene's incoming messages, in the file's order."""
    found: list[ReplyExemplar] = []
    for scene in _read("replies.toml")["scene"]:
        incoming = scene["to"]
        for response_type in RESPONSE_TYPES:
            for position, text in enumerate(scene.get(response_type, ())):
                for step in range(min(PAIRINGS, len(incoming))):
                    trigger = incoming[(position + step) % len(incoming)]
                    found.append(ReplyExemplar(text, response_type, trigger, scene["act"], scene["name"]))
    return tuple(found)


def sources() -> tuple[str, ...]:
    """The data files as they are written."""
    return tuple(_text(name) for name in ("triggers.toml", "replies.toml"))


def _read(name: str) -> dict:  # type: ignore[type-arg]
    """One of the data files of this folder."""
    return tomllib.loads(_text(name))


def _text(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
