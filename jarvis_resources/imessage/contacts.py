"""Names and handles from the Mac's address books.

Contacts keeps one ``AddressBook-v22.abcddb`` for each account; their cards give people names and say which handles
belong to one person. Nothing else of a card is read. Contacts are optional: without them people are known by handle.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jarvis_resources.imessage.diagnosis import explained
from jarvis_resources.imessage.handles import is_country, normalise_handle
from jarvis_resources.imessage.schema import open_in_place

ADDRESS_BOOK = Path("~/Library/Application Support/AddressBook")
"""Where macOS keeps the address books."""

_BOOKS = ("AddressBook-v22.abcddb", "Sources/*/AddressBook-v22.abcddb")
_NAMES = ("ZFIRSTNAME", "ZLASTNAME", "ZNICKNAME", "ZORGANIZATION")


@dataclass(frozen=True)
class Contact:
    """One card: a name, empty where it has none, and the normalised handles on it."""

    name: str
    handles: tuple[str, ...]


def read_contacts(folder: Path = ADDRESS_BOOK, country: str = "US") -> tuple[Contact, ...]:
    """Every card with a handle, of every address book under ``folder``; none where there is no book.

    ``country`` (ISO 3166) is that of numbers without a prefix. Raises ``ChatDatabaseError`` when a book cannot be read.
    """
    folder = folder.expanduser()
    books = sorted(book for pattern in _BOOKS for book in folder.glob(pattern))
    return tuple(contact for book in books for contact in _read_book(book, country))


def _read_book(book: Path, country: str) -> list[Contact]:
    with explained(book), closing(open_in_place(book)) as connection:
        names = {
            card: f"{first} {last}".strip() or nick or company
            for card, first, last, nick, company in _rows(connection, "ZABCDRECORD", "Z_PK", *_NAMES)
        }
        handles: dict[object, set[str]] = {}
        for card, number, written_in in _rows(connection, "ZABCDPHONENUMBER", "ZOWNER", "ZFULLNUMBER", "ZCOUNTRYCODE"):
            where = written_in if is_country(written_in) else country
            handles.setdefault(card, set()).add(normalise_handle(number, where))
        for card, address in _rows(connection, "ZABCDEMAILADDRESS", "ZOWNER", "ZADDRESS"):
            handles.setdefault(card, set()).add(normalise_handle(address, country))
    on_cards = {card: tuple(sorted(handles.get(card, set()) - {""})) for card in names}
    return [Contact(name, on_cards[card]) for card, name in names.items() if on_cards[card]]


def _rows(connection: sqlite3.Connection, table: str, key: str, *names: str) -> Iterator[tuple[Any, ...]]:
    """``key`` and the texts of ``names`` in every row, empty where there is no such column; nothing without the table."""
    present = {column[1] for column in connection.execute(f"PRAGMA table_info({table})")}
    if key in present:
        columns = ", ".join(f"TRIM(CAST({name} AS TEXT))" if name in present else "NULL" for name in names)
        for row, *texts in connection.execute(f"SELECT {key}, {columns} FROM {table} ORDER BY {key}"):
            yield row, *(text or "" for text in texts)
