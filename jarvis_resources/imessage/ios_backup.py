"""Where the database is when a folder is given: in ~/Library/Messages under its name, in an iOS backup under a hash.

An iOS backup names every file by the SHA-1 of its domain and path; its sms.db is a chat.db, its address book lies
beside it. An encrypted backup is told from a readable one before anything is opened.
"""

from __future__ import annotations

import plistlib
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from xml.parsers.expat import ExpatError

from jarvis_resources.errors import ChatDatabaseError
from jarvis_resources.imessage.contacts import Contact
from jarvis_resources.imessage.diagnosis import explained
from jarvis_resources.imessage.handles import normalise_handle
from jarvis_resources.imessage.schema import open_in_place

_MESSAGES = "3d0d7e5fb2ce288813306e4d4636395e047a3d28"
"""SHA-1 of "HomeDomain-Library/SMS/sms.db"."""
_ADDRESS_BOOK = "31bb7ba8914766d4ba40d6dfb6113c8b614be442"
"""SHA-1 of "HomeDomain-Library/AddressBook/AddressBook.sqlitedb"."""
_PLAIN_NAMES = ("chat.db", "sms.db")
_MANIFESTS = ("Manifest.db", "Manifest.plist", "Manifest.mbdb")
"""One of these makes a folder an iOS backup; the last is of iOS 9 and before."""

_PHONE, _EMAIL = 3, 4
"""``ABMultiValue.property``."""


def database_in(path: Path) -> Path:
    """The Messages database at ``path``: the file itself, or the one in a folder of Messages or of an iOS backup.

    Raises ``ChatDatabaseError``, with a sentence of its own for an encrypted backup, one without messages, a folder of
    several backups, and a folder with nothing of the sort.
    """
    path = path.expanduser()
    with explained(path):
        if not path.is_dir():
            return path
        if found := _first_file(path, *_PLAIN_NAMES):
            return found
        if is_ios_backup(path):
            return _backed_up(path, _MESSAGES)
        backups = sorted(folder for folder in path.iterdir() if is_ios_backup(folder))
    if backups:
        newest = max(backups, key=lambda folder: folder.stat().st_mtime)
        raise ChatDatabaseError(
            f"{path} holds {len(backups)} iOS backups: give the folder of one; the newest is {newest}."
        )
    raise ChatDatabaseError(
        f"{path} is a folder with no Messages database in it: give the path of a chat.db, or the folder of an iOS backup."
    )


def is_ios_backup(folder: Path) -> bool:
    """Whether a folder is one device's backup, readable or not."""
    return _first_file(folder, *_MANIFESTS, *_places(_MESSAGES)) is not None


def read_backup_contacts(folder: Path, country: str = "US") -> tuple[Contact, ...]:
    """Every card with a handle in an iOS backup's address book; none where it has no book.

    ``country`` (ISO 3166) is that of numbers without a prefix. Raises ``ChatDatabaseError`` when the book cannot be read.
    """
    book = _first_file(folder.expanduser(), *_places(_ADDRESS_BOOK))
    return tuple(_read_book(book, country)) if book else ()


def _backed_up(folder: Path, name: str) -> Path:
    if _is_encrypted(folder):
        raise ChatDatabaseError(
            f"{folder} is an encrypted iOS backup: make one with “Encrypt local backup” switched off, and give its folder."
        )
    found = _first_file(folder, *_places(name))
    if found is None:
        raise ChatDatabaseError(
            f"{folder} is an iOS backup without the messages (3d/{name}), so it is encrypted or not complete: "
            "make a new one that is not encrypted, and give its folder."
        )
    return found


def _is_encrypted(folder: Path) -> bool:
    try:
        return bool(plistlib.loads((folder / "Manifest.plist").read_bytes()).get("IsEncrypted"))
    except (FileNotFoundError, plistlib.InvalidFileException, ExpatError, ValueError, AttributeError):
        return False  # the database itself tells, when it is opened


def _places(name: str) -> tuple[str, str]:
    """Where a backed-up file lies: in a folder of its first two digits, before iOS 10 beside the manifest."""
    return f"{name[:2]}/{name}", name


def _first_file(folder: Path, *names: str) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _read_book(book: Path, country: str) -> Sequence[Contact]:
    with explained(book), closing(open_in_place(book)) as connection:
        known = {row[1].casefold() for row in connection.execute("PRAGMA table_info(ABPerson)")}
        columns = (name if name.casefold() in known else "''" for name in ("First", "Last", "Nickname", "Organization"))
        first, last, nickname, company = (f"COALESCE({column}, '')" for column in columns)
        cards = f"SELECT ROWID, TRIM({first} || ' ' || {last}), {nickname}, {company} FROM ABPerson ORDER BY ROWID"
        names = {card: full or nick or firm for card, full, nick, firm in connection.execute(cards)}
        values = f"SELECT record_id, value FROM ABMultiValue WHERE property IN ({_PHONE}, {_EMAIL}) AND value <> ''"
        handles: dict[int, set[str]] = {}
        for card, raw in connection.execute(values):
            handles.setdefault(card, set()).add(normalise_handle(str(raw), country))
    on_cards = {card: tuple(sorted(handles.get(card, set()) - {""})) for card in names}
    return [Contact(name, on_cards[card]) for card, name in names.items() if on_cards[card]]
