"""The people behind the handles.

A person has several handles (numbers, addresses) and a handle several rows (iMessage, SMS, RCS). They are merged by
equal normalised handles, Apple's ``person_centric_id``, a shared direct chat, a shared card. The owner's own handles
are nobody here: a message of theirs has no person. Chats are read in ``chats.py``, handles normalised in ``handles.py``.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jarvis_resources.imessage.chats import Chat, identity
from jarvis_resources.imessage.disjoint_sets import DisjointSets
from jarvis_resources.imessage.handles import is_automated, is_country, normalise_handle, service_of
from jarvis_resources.imessage.owner import own_handles
from jarvis_resources.imessage.schema import Schema

if TYPE_CHECKING:
    from jarvis_resources.imessage.contacts import Contact

_MOST_HANDLES = 20
"""An id that more handles share stands for no human: it is what some version writes for having none."""


@dataclass(frozen=True)
class Person:
    """One human and all of their handles."""

    person_id: str
    """Of the handle that the owner has written with for longest, so that a new one does not change it."""
    handles: tuple[str, ...]
    services: tuple[str, ...]
    name: str | None
    """From Contacts."""
    is_automated: bool


@dataclass(frozen=True)
class People:
    """Everybody but the owner. A person is named by their place in ``persons``; −1 is the owner or nobody known."""

    persons: tuple[Person, ...]
    of_handle_row: dict[int, int]
    """``handle.ROWID`` → place; −1 for the owner's own handles."""
    of_handle: dict[str, int]
    """Normalised handle → place; −1 for the owner's own handles."""

    def members(self, chat: Chat, country: str) -> frozenset[int]:
        """The others in a chat: its handles' people, or where they are none known its identifier's.

        Should the handles of a direct chat be several people's, it is with the one whom its identifier names.
        """
        places = {self.of_handle_row.get(row, -1) for row in chat.handle_rows} - {-1}
        if not chat.is_group and len(places) != 1:
            named = self.of_handle.get(normalise_handle(chat.identifier, country), -1)
            places = {named} if named >= 0 else places
        return frozenset(places)

    def is_owners(self, chat: Chat, country: str) -> bool:
        """Whether a direct chat is the owner's with themselves: it is theirs by its handles or its identifier alone."""
        places = {self.of_handle_row[row] for row in chat.handle_rows if row in self.of_handle_row}
        places.add(self.of_handle.get(normalise_handle(chat.identifier, country), -2))
        return not chat.is_group and -1 in places and max(places) < 0


def read_people(
    connection: sqlite3.Connection,
    schema: Schema,
    chats: Sequence[Chat],
    country: str,
    contacts: Sequence[Contact] = (),
) -> People:
    """Merge the handles of an open database into people, in the order of their smallest handle.

    ``country`` is used for handles that name none of their own. Loops run over handles and chats, not messages.
    """
    rows, also_written = _handle_rows(connection, schema, country)
    handle_of_row = {row: handle for row, handle, _, _ in rows}
    mine = own_handles(chats, handle_of_row, country)
    services: dict[str, set[str]] = {}
    for _, handle, service, _ in rows:
        services.setdefault(handle, set()).add(service)
    groups = DisjointSets()
    filed_as = _join_ids(groups, [(handle, apple) for _, handle, _, apple in rows if handle not in mine])
    since = _join_chats(groups, chats, filed_as, handle_of_row, also_written, services, mine, country)
    names = _join_cards(groups, contacts, services.keys() - mine)

    places = dict.fromkeys(mine, -1)
    persons: list[Person] = []
    for handles in groups.sets():
        places.update(dict.fromkeys(handles, len(persons)))
        anchor = min(handles, key=lambda handle: (handle not in since, since.get(handle, 0), handle))
        seen_on = sorted({service for handle in handles for service in services.get(handle, ())})
        automated = all(is_automated(handle) for handle in handles)
        name = next((names[handle] for handle in handles if names.get(handle)), None)
        persons.append(Person("p" + short_hash(anchor), tuple(handles), tuple(seen_on), name, automated))
    for written, handle in also_written.items():
        places.setdefault(written, places[handle])
    return People(tuple(persons), {row: places[handle] for row, handle in handle_of_row.items()}, places)


def _join_ids(groups: DisjointSets, filed: Sequence[tuple[str, str]]) -> dict[str, set[str]]:
    """Make a set of each handle, join those that Apple files under one person, and answer whom it files each under."""
    under: dict[str, set[str]] = {}
    filed_as: dict[str, set[str]] = {}
    for handle, apple in filed:
        groups.add(handle)
        if apple:
            under.setdefault(apple, set()).add(handle)
    for apple, handles in under.items():
        if len(handles) <= _MOST_HANDLES:
            first = min(handles)
            for handle in handles:
                groups.join(handle, first)
                filed_as.setdefault(handle, set()).add(apple)
    return filed_as


def _join_chats(
    groups: DisjointSets,
    chats: Sequence[Chat],
    filed_as: Mapping[str, set[str]],
    handle_of_row: Mapping[int, str],
    also_written: Mapping[str, str],
    services: dict[str, set[str]],
    mine: frozenset[str],
    country: str,
) -> dict[str, int]:
    """Join the handles that lead to one direct chat, or to two of one identity, unless Apple files them apart.

    A chat without a handle adds that of its identifier to the known ones. Answers since when each handle was used.
    """
    since: dict[str, int] = {}
    led_by: dict[str, set[str]] = {}
    for chat in chats:
        if chat.is_group:
            continue
        members = [handle_of_row[row] for row in chat.handle_rows if row in handle_of_row]
        named = normalise_handle(chat.identifier, country)
        named = named if named in services else also_written.get(named, named)
        if not members and named and named not in mine:
            services.setdefault(named, set()).add(service_of(chat.service))
            groups.add(named)
        ways_in = {*members, named, *(normalise_handle(alias, country) for alias in chat.aliases)}
        others = {handle for handle in ways_in if handle in services and handle not in mine}
        for name in (f"row {chat.row}", *(f"id {one}" for one in chat.identities)):
            led_by.setdefault(name, set()).update(others)
        if chat.first_at is not None:
            for handle in others:
                since[handle] = min(chat.first_at, since.get(handle, chat.first_at))
    for handles in led_by.values():
        if len(handles) <= _MOST_HANDLES and not _are_filed_apart(handles, filed_as):
            first = min(handles, default="")
            for handle in handles:
                groups.join(handle, first)
    return since


def _are_filed_apart(handles: Iterable[str], filed_as: Mapping[str, set[str]]) -> bool:
    known = [filed_as[handle] for handle in handles if handle in filed_as]
    return bool(known) and not set.intersection(*known)


def _join_cards(groups: DisjointSets, contacts: Sequence[Contact], known: set[str]) -> dict[str, str]:
    """Join the handles of each card, and name them; a handle on several cards (a family's landline) joins nobody.

    Several accounts may hold one card: those are one that share a name and a handle, or all of several handles.
    """
    cards = DisjointSets()
    for number, contact in enumerate(contacts):
        name = " ".join(contact.name.casefold().split())
        same = [f"name {name}\n{handle}" for handle in contact.handles if name]
        if len(contact.handles) > 1:
            same.append("\n".join(("handles", *sorted(contact.handles))))
        for one in (f"card {number}", *same):
            cards.join(f"card {number}", one)
    merged = [[contacts[int(one[5:])] for one in names if one.startswith("card ")] for names in cards.sets()]
    handles_of = [sorted({handle for card in one for handle in card.handles}) for one in merged]
    held_by = Counter(handle for handles in handles_of for handle in handles)
    named: dict[str, str] = {}
    for same_cards, handles in zip(merged, handles_of, strict=True):
        own = [handle for handle in handles if handle in known and held_by[handle] == 1]
        name = min((card.name for card in same_cards if card.name), default="")
        for handle in own:
            groups.join(handle, own[0])
            named[handle] = name
    return named


def short_hash(identity: str) -> str:
    """12 hex digits that stand for an identity, the same in every run."""
    return hashlib.blake2b(identity.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def _handle_rows(
    connection: sqlite3.Connection, schema: Schema, country: str
) -> tuple[list[tuple[int, str, str, str]], dict[str, str]]:
    """(ROWID, normalised handle, service, Apple's person) of every handle, and what chats may call one instead.

    A chat's identifier names no country: a number that is written as a handle of another country is that handle.
    """
    if not schema.has("handle", "id"):
        return [], {}
    columns = ", ".join(schema.column("handle", name) for name in ("service", "country", "person_centric_id"))
    found = []
    also_written: dict[str, str] = {}
    for row, raw, service, its_country, apple in connection.execute(f"SELECT ROWID, id, {columns} FROM handle"):
        text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw or "")
        where = its_country if isinstance(its_country, str) and is_country(its_country) else country
        handle = normalise_handle(text, where)
        if handle:
            found.append((row, handle, service_of(service), identity(apple)))
            as_owner = handle if where.upper() == country.upper() else normalise_handle(text, country)
            if as_owner != handle:
                also_written[as_owner] = min(handle, also_written.get(as_owner, handle))
    return found, also_written
