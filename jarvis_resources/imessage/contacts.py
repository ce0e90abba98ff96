"""Names and handles from the Mac's address books.

Contacts keeps one ``AddressBook-v22.abcddb`` for each account; their cards give people names and say which handles
belong to one person. Nothing else of a card is read. Contacts are optional: without them people are known by handle.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from jarvis_resources.imessage.diagnosis import explained
from jarvis_resources.imessage.people import normalise_handle
from jarvis_resources.imessage.schema import is_quiet, open_readonly

ADDRESS_BOOK = Path("~/Library/Application Support/AddressBook")
"""Where macOS keeps the address books."""

_BOOKS = ("AddressBook-v22.abcddb", "Sources/*/AddressBook-v22.abcddb")
_CARDS = (
    "SELECT Z_PK, TRIM(COALESCE(ZFIRSTNAME, '') || ' ' || COALESCE(ZLASTNAME, '')), "
    "COALESCE(ZNICKNAME, ''), COALESCE(ZORGANIZATION, '') FROM ZABCDRECORD"
)
_HANDLES = (
    "SELECT ZOWNER, ZFULLNUMBER FROM ZABCDPHONENUMBER WHERE ZFULLNUMBER <> '' "
    "UNION ALL SELECT ZOWNER, ZADDRESS FROM ZABCDEMAILADDRESS WHERE ZADDRESS <> ''"
)


@dataclass(frozen=True)
class Contact:
    """One card: a name, and the normalised handles on it."""

    name: str
    handles: tuple[str, ...]


def read_contacts(folder: Path = ADDRESS_BOOK, country: str = "US") -> tuple[Contact, ...]:
    """Every card with a name and a handle, of every address book under ``folder``; none where there is no book.

    ``country`` (ISO 3166) is that of numbers without a prefix. Raises ``ChatDatabaseError`` when a book cannot be read.
    """
    folder = folder.expanduser()
    books = sorted(book for pattern in _BOOKS for book in folder.glob(pattern))
    return tuple(contact for book in books for contact in _read_book(book, country))


def _read_book(book: Path, country: str) -> Sequence[Contact]:
    with explained(book), closing(open_readonly(book, immutable=is_quiet(book))) as connection:
        names = {card: full or nick or company for card, full, nick, company in connection.execute(_CARDS)}
        handles: dict[int, set[str]] = {}
        for card, raw in connection.execute(_HANDLES):
            handles.setdefault(card, set()).add(normalise_handle(raw, country))
    return [Contact(name, tuple(sorted(handles[card]))) for card, name in names.items() if name and card in handles]
