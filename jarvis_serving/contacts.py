"""Whom the owner writes with: from a handle, a name or an id to one person, and what is known of them.

Counts come from the last mining; for somebody new the living chat.db is asked, which knows better. Nothing here
decides what a count means: ``router`` does.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from jarvis_resources.errors import ChatDatabaseError, SettingsError
from jarvis_serving.generation import Line

if TYPE_CHECKING:
    from jarvis_resources.imessage.live import LiveReader
    from jarvis_serving.bank import Bank

HISTORY_MESSAGES = 20
"""Earlier messages looked up when none are given."""


@dataclass(frozen=True)
class Contact:
    """One person as serving knows them; ``person_id`` None: somebody the last mining never met."""

    person_id: str | None
    display_name: str | None
    handles: tuple[str, ...]
    message_count: int
    """Messages both ways in direct conversations, at the last mining."""
    relationship: str


@dataclass(frozen=True)
class Conversation:
    """One direct conversation, as ``GET /conversations`` lists it."""

    conversation_id: str | None
    person_id: str
    display_name: str | None
    handles: list[str]
    is_group: bool
    message_count: int
    relationship: str
    last_at: str | None

    def to_json(self) -> dict[str, Any]:
        """The row as JSON."""
        return asdict(self)


class Contacts:
    """The people of ``bank``, found by id, handle or name; ``live`` reads the living chat.db, None where there is none."""

    def __init__(self, bank: Bank, live: LiveReader | None, country: str = "US") -> None:
        self._bank = bank
        self._live = live
        self._country = country
        profiles = {row.person_id: row for row in bank.profiles.itertuples(index=False)}
        self._by_id: dict[str, Contact] = {}
        self._by_handle: dict[str, str] = {}
        self._by_name: dict[str, list[str]] = {}
        # One round for each person: thousands at most.
        for row in bank.people.itertuples(index=False):
            profile = profiles.get(row.person_id)
            name = row.display_name if isinstance(row.display_name, str) else None
            contact = Contact(
                row.person_id,
                name,
                tuple(row.handles),
                int(profile.message_count) if profile else 0,
                profile.relationship if profile else "UNKNOWN",
            )
            self._by_id[contact.person_id or ""] = contact
            self._by_handle.update(dict.fromkeys(map(str.casefold, contact.handles), row.person_id))
            for key in {name.casefold(), name.split()[0].casefold()} if name and name.strip() else ():
                self._by_name.setdefault(key, []).append(row.person_id)

    def find(self, contact: str) -> Contact:
        """The person that ``contact`` (person_id, handle, full name or an only first name) means.

        A stranger is a Contact without a person_id. Raises ``SettingsError`` when a name means several people.
        """
        wanted = contact.strip()
        if wanted in self._by_id:
            return self._by_id[wanted]
        if (person := self._by_handle.get(wanted.casefold())) is not None:
            return self._by_id[person]
        if people := self._by_name.get(wanted.casefold()):
            full = [p for p in people if (self._by_id[p].display_name or "").casefold() == wanted.casefold()] or people
            if len(full) > 1:
                raise SettingsError(f"{len(full)} people have that name; say the phone number or address instead.")
            return self._by_id[full[0]]
        from jarvis_resources.imessage.handles import normalise_handle

        handle = normalise_handle(wanted, self._country)
        if (person := self._by_handle.get(handle.casefold())) is not None:
            return self._by_id[person]
        return Contact(None, None, (handle,), 0, "UNKNOWN")

    def message_count(self, contact: Contact, enough: int) -> int:
        """Messages both ways with ``contact``: the mined count when it is ``enough``, else the live one if larger.

        A history only grows, so somebody who had enough at the last mining needs no look into chat.db.
        """
        if contact.message_count >= enough or self._live is None:
            return contact.message_count
        try:
            return max(contact.message_count, self._live.count(contact.handles))
        except ChatDatabaseError:
            return contact.message_count  # not readable now: what the last mining counted still stands

    def history(self, contact: Contact) -> tuple[Line, ...]:
        """The last messages with ``contact``, oldest first: live where chat.db can be read, else as last mined."""
        if self._live is not None:
            try:
                return tuple(Line(m.text, m.is_from_me) for m in self._live.recent(contact.handles, HISTORY_MESSAGES))
            except ChatDatabaseError:
                pass  # not readable now: what was last mined is older, but true
        recent = self._bank.recent
        if recent is None or contact.person_id is None:
            return ()
        mine = recent[recent["person_id"] == contact.person_id].tail(HISTORY_MESSAGES)
        return tuple(Line(text, bool(me)) for text, me in zip(mine["text"], mine["is_from_me"], strict=True))

    def conversations(self) -> list[Conversation]:
        """Direct conversations with people, the latest first; automated senders are left out."""
        pairs = self._bank.pairs
        direct = pairs.loc[~pairs["is_group"]].drop_duplicates("person_id")
        of_person = dict(zip(direct["person_id"], direct["conversation_id"], strict=True))
        people = self._bank.people
        people = people[~people["is_automated"]].sort_values("last_at", ascending=False, na_position="last")
        rows: list[Conversation] = []
        for person_id, last in zip(people["person_id"], people["last_at"], strict=True):
            known = self._by_id[person_id]
            if not known.message_count:
                continue
            rows.append(
                Conversation(
                    of_person.get(person_id),
                    person_id,
                    known.display_name,
                    list(known.handles),
                    False,
                    known.message_count,
                    known.relationship,
                    last.isoformat() if last == last else None,
                )
            )
        return rows
