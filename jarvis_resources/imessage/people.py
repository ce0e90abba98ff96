"""Handles and the people behind them.

A person has several handles (numbers, addresses) and a handle several rows (iMessage, SMS, RCS). Here they are
normalised and merged: by equal normalised handles, Apple's ``person_centric_id``, a shared direct chat, a shared card.
The owner's own handles are nobody here: a message of theirs has no person. Chats are read in ``chats.py``.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import phonenumbers

from jarvis_resources.imessage.chats import Chat
from jarvis_resources.imessage.disjoint_sets import DisjointSets
from jarvis_resources.imessage.schema import Schema
from jarvis_resources.tables import SERVICES

if TYPE_CHECKING:
    from jarvis_resources.imessage.contacts import Contact

_FILTER_SUFFIX = re.compile(r"\((?:sms|filtered)\w*\)$", re.IGNORECASE)
"""What recent systems append to the handles of filtered SMS: ``(smsft)``, ``(smsfp)``, ``(smsft_rm)``."""
_SCHEME = re.compile(r"^(?:tel|mailto|sip):", re.IGNORECASE)
_ACCOUNT = re.compile(r"^[pe]:", re.IGNORECASE)
"""Accounts are written ``P:+15550100`` and ``E:me@example.com``."""
_NUMBER = re.compile(r"^\+?[\d\s().\-/ ]+$")
_SHORT_CODE = re.compile(r"^\d{3,8}$")
"""Short codes have three to eight digits worldwide; a subscriber's number is in E.164 here, with its "+"."""
_NO_REPLY = re.compile(
    r"^(?:.*[._+-])?(?:no[._-]?reply|do[._-]?not[._-]?reply|donotreply|notifications?|notify|alerts?|mailer-daemon)"
    r"(?:[._+-].*)?@"
)


@dataclass(frozen=True)
class Person:
    """One human and all of their handles."""

    person_id: str
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
        """The others in a chat: its handles, or where there are none its identifier."""
        places = {self.of_handle_row.get(row, -1) for row in chat.handle_rows}
        if not chat.handle_rows and not chat.is_group:
            places = {self.of_handle.get(normalise_handle(chat.identifier, country), -1)}
        return frozenset(places - {-1})


@lru_cache(maxsize=65_536)
def normalise_handle(raw: str, country: str = "US") -> str:
    """A handle in the one form it is compared in: E.164 for a phone number that parses, else folded to lower case.

    ``country`` (ISO 3166) is that of numbers written without an international prefix. Short codes stay as they are.
    """
    handle = _FILTER_SUFFIX.sub("", _SCHEME.sub("", raw.strip())).strip()
    if not _NUMBER.match(handle):
        return handle.casefold()
    plus = "+" if handle.startswith("+") else ""
    digits = re.sub(r"\D", "", handle)
    try:
        number = phonenumbers.parse(handle, country.upper())
    except phonenumbers.NumberParseException:
        return plus + digits
    if not plus and phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return digits  # a short code, or a local number whose area nobody knows
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def is_automated(handle: str) -> bool:
    """Whether a normalised handle is a short code, a sender's name, a business or an address nobody reads."""
    if handle.startswith("urn:"):
        return True
    if "@" in handle:
        return bool(_NO_REPLY.match(handle))
    return bool(_SHORT_CODE.match(handle)) or not handle.removeprefix("+").isdigit()


def service_of(name: str | None) -> str:
    """Apple's name of a service as one of ``tables.SERVICES``; iMessageLite is iMessage over satellite."""
    if name in SERVICES:
        return str(name)
    return "iMessage" if name and name.startswith("iMessage") else "other"


def own_handles(chats: Iterable[Chat], country: str) -> frozenset[str]:
    """The owner's handles, as the chats' accounts name them."""
    raw = {account for chat in chats for account in chat.own_accounts}
    return frozenset(normalise_handle(_ACCOUNT.sub("", account), country) for account in raw) - {""}


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
    mine = own_handles(chats, country)
    rows = _handle_rows(connection, schema, country)
    groups = DisjointSets()
    services: dict[str, set[str]] = {}
    by_apple: dict[str, str] = {}
    for _, handle, service, apple in rows:
        services.setdefault(handle, set()).add(service)
        groups.add(handle)
        # Apple may file one of the owner's handles under a contact card; that must not make the contact the owner.
        if apple and handle not in mine:
            groups.join(handle, by_apple.setdefault(apple, handle))
    handle_of_row = {row: handle for row, handle, _, _ in rows}
    for chat in chats:
        if not chat.is_group:
            sharing = [handle_of_row[row] for row in chat.handle_rows if row in handle_of_row]
            if not chat.handle_rows and chat.identifier:
                sharing = [normalise_handle(chat.identifier, country)]
                services.setdefault(sharing[0], set()).add(service_of(chat.service))
            others = [handle for handle in sharing if handle not in mine]
            for handle in others:
                groups.join(handle, others[0])
    names = _join_cards(groups, contacts, services.keys() - mine)

    places = dict.fromkeys(mine, -1)
    persons: list[Person] = []
    for together in groups.sets():
        handles = tuple(handle for handle in together if handle not in mine)
        if handles:
            places.update(dict.fromkeys(handles, len(persons)))
            seen_on = sorted({service for handle in handles for service in services.get(handle, ())})
            automated = all(is_automated(handle) for handle in handles)
            name = next((names[handle] for handle in handles if handle in names), None)
            persons.append(Person("p" + short_hash(handles[0]), handles, tuple(seen_on), name, automated))
    return People(tuple(persons), {row: places[handle] for row, handle in handle_of_row.items()}, places)


def _join_cards(groups: DisjointSets, contacts: Sequence[Contact], known: set[str]) -> dict[str, str]:
    """Join the handles of each card, and name them; a handle on several cards (a family's landline) joins nobody."""
    cards = Counter(handle for contact in contacts for handle in contact.handles)
    names: dict[str, str] = {}
    for contact in contacts:
        own = [handle for handle in contact.handles if handle in known and cards[handle] == 1]
        for handle in own:
            groups.join(handle, own[0])
            names[handle] = contact.name
    return names


def short_hash(identity: str) -> str:
    """12 hex digits that stand for an identity, the same in every run."""
    return hashlib.blake2b(identity.encode(), digest_size=6).hexdigest()


def _handle_rows(connection: sqlite3.Connection, schema: Schema, country: str) -> list[tuple[int, str, str, str]]:
    """(ROWID, normalised handle, service, Apple's person) of every handle."""
    if not schema.has("handle", "id"):
        return []
    query = (
        f"SELECT ROWID, id, {schema.column('handle', 'service')}, {schema.column('handle', 'country', chr(39) * 2)}, "
        f"{schema.column('handle', 'person_centric_id', chr(39) * 2)} FROM handle"
    )
    found = []
    for row, raw, service, its_country, apple in connection.execute(query):
        where = its_country if len(its_country) == 2 and its_country.isalpha() else country
        handle = normalise_handle(str(raw), where)
        if handle:
            found.append((row, handle, service_of(service), apple))
    return found
