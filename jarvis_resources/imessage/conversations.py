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
    """Merge direct chats by person, and groups by members or by identity.

    A group's identity is the same on another service and after somebody joined; its members are the same when it was
    made anew. Ids depend neither on the order of rows nor on what is merged with a chat later: those of direct
    conversations follow the person's, that of a group is of its oldest chat.
    """
    members = {chat.row: people.members(chat, country) for chat in chats}
    together: dict[str, list[Chat]] = {}
    direct = sorted((chat for chat in chats if not chat.is_group), key=lambda chat: chat.guid)
    known_as = {name: members[chat.row] for chat in direct if members[chat.row] for name in chat.identities}
    for chat in direct:
        others = members[chat.row] or next(
            (known_as[name] for name in chat.identities if name in known_as), frozenset()
        )
        if others:
            key = "d" + _names(others, people)
        elif people.is_owners(chat, country):
            key = "s"
        else:
            key = f"d~ {chat.guid}"
        together.setdefault(key, []).append(chat)
    for group in _merge_groups([chat for chat in chats if chat.is_group], members, people):
        together["g" + _name_of_oldest(group)] = group

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


def _merge_groups(groups: Sequence[Chat], members: dict[int, frozenset[int]], people: People) -> list[list[Chat]]:
    """Group chats that are one group; what is left of a group with only one other member is told by identity alone."""
    names = DisjointSets()
    for chat in groups:
        known_as = [f"row {chat.row}", *(f"id {identity}" for identity in chat.identities)]
        if len(members[chat.row]) > 1:
            known_as.append(f"members {_names(members[chat.row], people)}")
        for name in known_as:
            names.join(known_as[0], name)
    by_row = {f"row {chat.row}": chat for chat in groups}
    return [sorted((by_row[name] for name in one if name in by_row), key=lambda chat: chat.row) for one in names.sets()]


def _name_of_oldest(group: Sequence[Chat]) -> str:
    oldest = min(group, key=lambda chat: (chat.first_at is None, chat.first_at or 0, chat.guid))
    return f"id {oldest.identities[0]}" if oldest.identities else f"~ {oldest.guid}"


def _names(members: Iterable[int], people: People) -> str:
    return ",".join(sorted(people.persons[place].person_id for place in members))
