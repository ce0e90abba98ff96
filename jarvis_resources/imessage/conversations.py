"""Which chats are one conversation.

A conversation is what a person would call one: everything with the same person, or with the same group of people,
on whatever service and handle. Chats with oneself are a kind of their own, since their directions are unreliable.
Loops here run over chats, never over messages.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from jarvis_resources.imessage.chats import Chat
from jarvis_resources.imessage.disjoint_sets import DisjointSets
from jarvis_resources.imessage.people import People, short_hash


@dataclass(frozen=True)
class Conversation:
    """The chats that are one conversation, and who is in it."""

    conversation_id: str
    is_group: bool
    is_self: bool
    members: tuple[int, ...]
    """The others, as places in ``People.persons``, sorted."""
    chat_guids: tuple[str, ...]
    display_name: str | None
    is_filtered: bool
    """Messages filtered every one of its chats."""


@dataclass(frozen=True)
class Conversations:
    """Every conversation; one is named by its place in ``all``."""

    all: tuple[Conversation, ...]
    of_chat_row: dict[int, int]
    """``chat.ROWID`` → place."""


def merge_chats(chats: Sequence[Chat], people: People, country: str) -> Conversations:
    """Merge direct chats by person, and groups by members or by ``group_id``.

    A group's ``group_id`` is the same on another service and after somebody joined; its members are the same when it
    was made anew. The identifiers do not depend on the order of rows.
    """
    members = {chat.row: people.members(chat, country) for chat in chats}
    together: dict[str, list[Chat]] = {}
    for chat in chats:
        if not chat.is_group:
            prefix = "d" if members[chat.row] else "s"
            together.setdefault(prefix + _names(members[chat.row], people), []).append(chat)
    for identity, group in _merge_groups([chat for chat in chats if chat.is_group], members, people):
        together["g" + identity] = group

    conversations: list[Conversation] = []
    of_chat_row: dict[int, int] = {}
    for key, merged in sorted(together.items()):
        of_chat_row.update((chat.row, len(conversations)) for chat in merged)
        names = [chat.display_name for chat in merged if chat.display_name]
        conversations.append(
            Conversation(
                conversation_id=key[0] + short_hash(key[1:]),
                is_group=key[0] == "g",
                is_self=key[0] == "s",
                members=tuple(sorted(frozenset[int]().union(*(members[chat.row] for chat in merged)))),
                chat_guids=tuple(sorted(chat.guid for chat in merged)),
                display_name=names[-1] if names else None,
                is_filtered=all(chat.is_filtered for chat in merged),
            )
        )
    return Conversations(tuple(conversations), of_chat_row)


def _merge_groups(
    groups: Sequence[Chat], members: dict[int, frozenset[int]], people: People
) -> list[tuple[str, list[Chat]]]:
    """Group chats that are one group, each with the smallest of the names that it goes by."""
    names = DisjointSets()
    for chat in groups:
        known_as = [f"id {identity}" for identity in chat.identities]
        if members[chat.row]:
            known_as.append(f"members {_names(members[chat.row], people)}")
        for name in known_as:
            names.join(f"row {chat.row}", name)
        names.join(f"row {chat.row}", f"~ {chat.guid}")  # last in order: a name only for want of others
    by_row = {f"row {chat.row}": chat for chat in groups}
    return [
        (one[0], sorted((by_row[name] for name in one if name in by_row), key=lambda chat: chat.row))
        for one in names.sets()
    ]


def _names(members: Iterable[int], people: People) -> str:
    return ",".join(sorted(people.persons[place].person_id for place in members))
