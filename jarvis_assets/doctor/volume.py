"""How much there is to mine: messages by person, place and month, and inline replies, counted inside SQLite.

No text of a message is read, only counts leave the database. A message here is what somebody said to somebody, by the
evidence of its row alone: what only its body shows (a lone attachment, a tapback sent as words) still counts as one.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path

from jarvis_assets.doctor import queries
from jarvis_resources.errors import ChatDatabaseError
from jarvis_resources.imessage import schema
from jarvis_resources.imessage.chats import read_chats
from jarvis_resources.imessage.contacts import Contact, read_contacts
from jarvis_resources.imessage.conversations import Conversations, merge_chats
from jarvis_resources.imessage.diagnosis import code_of, explained, refuse_unlike_sqlite
from jarvis_resources.imessage.ios_backup import database_in, is_ios_backup, read_backup_contacts
from jarvis_resources.imessage.people import People, read_people
from jarvis_resources.settings import Settings

FULL_DISK_ACCESS = (
    "On a Mac: open System Settings > Privacy & Security > Full Disk Access, switch it on for your terminal app, quit "
    "and reopen that app, and run `jarvis doctor` again."
)

_APPLE_EPOCH = date(2001, 1, 1)
_LAST_DAY = 36_159
"""2100-01-01 in days since 2001: a date beyond is damage, not a date."""
_LATELY_DAYS = 365
"""What counts as lately: a year evens out holidays."""
_DAYS_A_MONTH = 365.25 / 12


@dataclass(frozen=True)
class Person:
    """One person's messages with the owner in direct conversations, both ways."""

    messages: int
    name: str | None = None
    """Null unless the owner allows names to be shown."""


@dataclass(frozen=True)
class Months:
    """Messages by calendar month (UTC), without a gap."""

    first: str | None = None
    """The first month, as 2019-04; null when no message is dated."""
    mine: tuple[int, ...] = ()
    theirs: tuple[int, ...] = ()


@dataclass(frozen=True)
class Volume:
    """What is in a Messages database, by counting."""

    rows: int
    bytes: int
    """Size of the database with its ``-wal``."""
    mine: int = 0
    theirs: int = 0
    direct: int = 0
    in_groups: int = 0
    placeless: int = 0
    """Messages in no conversation: nothing can be learned from them."""
    with_myself: int = 0
    automated: int = 0
    """Messages in direct conversations with short codes and no-reply senders."""
    groups: int = 0
    """Group conversations with messages."""
    people: tuple[Person, ...] = ()
    """Everybody with messages in direct conversations, most first."""
    months: Months = field(default_factory=Months)
    first_day: str | None = None
    last_day: str | None = None
    undated: int = 0
    a_month_lately: float | None = None
    """Messages a month over the last year before the newest message, or over the whole history where it is shorter."""
    inline_replies: int = 0
    """My messages that use the inline-reply feature."""
    gold_candidates_direct: int = 0
    gold_candidates_groups: int = 0
    """My inline replies in whose thread somebody else had written before, or whose root is somebody else's."""
    my_unthreaded_direct: int = 0
    my_unthreaded_groups: int = 0
    """My messages that use no inline reply."""
    losses: tuple[str, ...] = ()
    """What this database's schema hides, a sentence each."""

    @property
    def messages(self) -> int:
        """Rows that somebody said to somebody."""
        return self.mine + self.theirs

    @property
    def gold_candidates(self) -> int:
        """My inline replies that answer someone else."""
        return self.gold_candidates_direct + self.gold_candidates_groups

    def people_with(self, at_least: int) -> int:
        """People with at least so many messages."""
        return sum(person.messages >= at_least for person in self.people)


def require_readable(chat_db: Path) -> None:
    """Raise ``ChatDatabaseError`` unless ``chat_db`` is a Messages database that can be read right now."""
    with _opened(chat_db) as (_, connection):
        schema.probe(connection)


def count(chat_db: Path, settings: Settings) -> Volume:
    """Count what is in ``chat_db`` (a file, a folder of Messages, an iOS backup); raises ``ChatDatabaseError``."""
    with _opened(chat_db) as (path, connection):
        found = schema.probe(connection)
        chats = read_chats(connection, found)
        people = read_people(connection, found, chats, settings.country, _contacts(chat_db, settings))
        conversations = merge_chats(chats, people, settings.country)
        rows = connection.execute("SELECT COUNT(*) FROM message").fetchone()[0]
        connection.execute("PRAGMA temp_store=MEMORY")  # 30 MB for a million messages, and no file of ours
        connection.execute(f"CREATE TEMP TABLE said AS {queries.messages(found)}")
        by_place = connection.execute(queries.by_chat(found)).fetchall()
        candidates = connection.execute(queries.candidates(found)).fetchall()
        days = connection.execute(queries.BY_DAY).fetchall()
    size = sum(file.stat().st_size for file in (path, schema.beside(path, "-wal")) if file.exists())
    volume = Volume(rows=rows, bytes=size, losses=found.losses)
    volume = _with_places(volume, by_place, candidates, conversations)
    return _with_people(_with_dates(volume, days), by_place, conversations, people, show_names=settings.show_text)


def how_to_read(error: ChatDatabaseError) -> str:
    """The error's sentence, and how to grant Full Disk Access where that may be what is missing."""
    cause = error.__cause__
    locked = isinstance(cause, sqlite3.Error) and code_of(cause) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
    hidden = isinstance(cause, FileNotFoundError)
    return f"{error} {FULL_DISK_ACCESS}" if locked or hidden else str(error)


@contextmanager
def _opened(chat_db: Path) -> Iterator[tuple[Path, sqlite3.Connection]]:
    path = database_in(chat_db)
    refuse_unlike_sqlite(path)
    with explained(path), closing(schema.open_in_place(path)) as connection:
        yield path, connection


def _contacts(chat_db: Path, settings: Settings) -> tuple[Contact, ...]:
    """The cards that merge a person's handles, as a mining would find them; none where they cannot be read."""
    sample_book = chat_db.with_name(f"{chat_db.name}.contacts")
    try:
        if is_ios_backup(chat_db):
            return read_backup_contacts(chat_db, settings.country)
        return read_contacts(sample_book if sample_book.is_dir() else settings.address_book, settings.country)
    except ChatDatabaseError:
        return ()  # people stay apart by handle; permission for chat.db itself is what is judged


def _with_places(
    volume: Volume,
    by_chat: Sequence[tuple[int | None, int, int, int]],
    candidates: Sequence[tuple[int | None, int]],
    conversations: Conversations,
) -> Volume:
    """The counts that depend on where; loops run over chats, never over messages."""
    totals: Counter[str] = Counter()
    groups: set[int] = set()
    for chat, mine, threaded, messages in by_chat:
        totals["mine" if mine else "theirs"] += messages
        totals["inline replies"] += messages if mine and threaded else 0
        place = _place(conversations, chat)
        if place is None:
            totals["placeless"] += messages
        elif conversations.all[place].is_self:
            totals["with myself"] += messages
        else:
            where = "groups" if conversations.all[place].is_group else "direct"
            totals[where] += messages
            totals[f"unthreaded {where}"] += messages if mine and not threaded else 0
            groups |= {place} if where == "groups" else set()
    for chat, replies in candidates:
        place = _place(conversations, chat)
        if place is not None:
            totals["gold groups" if conversations.all[place].is_group else "gold direct"] += replies
    return replace(
        volume,
        mine=totals["mine"],
        theirs=totals["theirs"],
        direct=totals["direct"],
        in_groups=totals["groups"],
        placeless=totals["placeless"],
        with_myself=totals["with myself"],
        groups=len(groups),
        inline_replies=totals["inline replies"],
        gold_candidates_direct=totals["gold direct"],
        gold_candidates_groups=totals["gold groups"],
        my_unthreaded_direct=totals["unthreaded direct"],
        my_unthreaded_groups=totals["unthreaded groups"],
    )


def _with_people(
    volume: Volume,
    by_chat: Sequence[tuple[int | None, int, int, int]],
    conversations: Conversations,
    people: People,
    *,
    show_names: bool,
) -> Volume:
    """The counts that depend on who; loops run over chats and people."""
    with_person: Counter[int] = Counter()
    for chat, _, _, messages in by_chat:
        place = _place(conversations, chat)
        if place is not None and not conversations.all[place].is_group:
            with_person.update(dict.fromkeys(conversations.all[place].members[:1], messages))
    persons = {place: people.persons[place] for place in with_person}
    ranked = sorted(persons, key=lambda place: (-with_person[place], place))
    return replace(
        volume,
        automated=sum(with_person[place] for place in ranked if persons[place].is_automated),
        people=tuple(
            Person(with_person[place], (persons[place].name or persons[place].handles[0]) if show_names else None)
            for place in ranked
            if not persons[place].is_automated
        ),
    )


def _place(conversations: Conversations, chat: int | None) -> int | None:
    return None if chat is None else conversations.of_chat_row.get(chat)


def _with_dates(volume: Volume, days: Sequence[tuple[int, int, int]]) -> Volume:
    """The counts that depend on when; loops run over days."""
    dated = [row for row in days if 0 < row[0] < _LAST_DAY]
    volume = replace(volume, undated=sum(messages for _, _, messages in days) - sum(row[2] for row in dated))
    if not dated:
        return volume
    first, last = (_APPLE_EPOCH + timedelta(days=edge(row[0] for row in dated)) for edge in (min, max))
    length = 12 * (last.year - first.year) + last.month - first.month + 1
    sides = {True: [0] * length, False: [0] * length}
    lately = 0
    for day, mine, messages in dated:
        when = _APPLE_EPOCH + timedelta(days=day)
        sides[bool(mine)][12 * (when.year - first.year) + when.month - first.month] += messages
        lately += messages if (last - when).days < _LATELY_DAYS else 0
    span = min((last - first).days + 1, _LATELY_DAYS)
    return replace(
        volume,
        first_day=first.isoformat(),
        last_day=last.isoformat(),
        a_month_lately=round(lately / max(span / _DAYS_A_MONTH, 1.0), 1),
        months=Months(f"{first:%Y-%m}", tuple(sides[True]), tuple(sides[False])),
    )
