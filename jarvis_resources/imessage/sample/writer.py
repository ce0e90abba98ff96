"""The sample's messages into an SQLite file with Apple's schema, and its cast into an address book.

Here belongs which column holds what: handles and chats, dates in seconds or nanoseconds, bodies as text, typedstream or
both, edits as a property list. What the rows say was decided before; the only chances taken here are of storage.
"""

from __future__ import annotations

import plistlib
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

from jarvis_resources.imessage.sample import bodies, clock, ddl, truth
from jarvis_resources.imessage.sample.personas import OWNER_EMAIL, OWNER_PHONE, Handle, Person, Room
from jarvis_resources.imessage.sample.record import DAY, SECOND, Message, new_guid
from jarvis_resources.imessage.sample.typedstream_writer import utf16_length

_APPLE_EPOCH = 978_307_200 * SECOND
"""2001-01-01, from which chat.db counts."""

_GROUP, _DIRECT = 43, 45
"""chat.style."""

_BODY_ONLY, _TEXT_ONLY = 0.58, 0.19
"""Shares of messages stored as a typedstream alone and as text alone; the rest have both."""

_MOVED_GROUPS = {"grp-05": 1_609_459_200 * SECOND, "grp-11": 1_672_531_200 * SECOND}
"""Groups that were made anew, and when: until then their messages are in another chat."""

_PROGRESS_ROWS = 5000


class Writer:
    """Writes one database; rows first, then ``finish``."""

    def __init__(self, connection: sqlite3.Connection, random: Random) -> None:
        self._connection = connection
        self._random = random
        self._handles: dict[tuple[str, str], int] = {}
        self._chats: dict[tuple[str, str], tuple[int, str]] = {}
        self._last: dict[int, str] = {}
        self._account = new_guid(random)
        self._rows = 0
        for statement in (*ddl.TABLES, *ddl.INDEXES):
            connection.execute(statement)
        connection.execute("INSERT INTO _SqliteDatabaseProperties VALUES ('_ClientVersion', '18026')")

    def write(self, messages: Sequence[Message], progress: Callable[[int], None]) -> list[dict[str, Any]]:
        """Every message as a row, in the order they were synced in; returns the truth about each."""
        late = {
            message.guid: self._random.random() ** 3 * 90 * DAY for message in messages if self._random.random() < 0.04
        }
        ordered = sorted(
            messages, key=lambda m: (m.at + (late.get(m.guid, 0) if m.at > clock.NANOSECONDS_SINCE else 0), m.guid)
        )
        records = []
        for message in ordered:
            records.append(self._row(message))
            if len(records) % _PROGRESS_ROWS == 0:
                progress(len(records))
        return records

    def _row(self, message: Message) -> dict[str, Any]:
        self._rows += 1
        chats = self._chats_of(message)
        joined = chats if message.in_chat else []
        at = None if message.undated else _stored(message.at)
        date = _apple(at)
        mine = message.sender is None
        columns: dict[str, Any] = {
            "ROWID": self._rows, "guid": message.guid, "version": 10, "service": self._service(message),
            "handle_id": self._handle_of(message), "account": self._login(), "account_guid": self._account,
            "date": date, "is_delivered": 1, "is_finished": 1, "is_from_me": int(mine), "is_sent": int(mine), "is_read": 1,
            "date_delivered" if mine else "date_read": _apple(_stored(message.at + 2 * SECOND)),
            "was_data_detected": 1, "destination_caller_id": OWNER_PHONE, "part_count": max(1, len(message.files)),
            "cache_has_attachments": int(bool(message.files)),
        }  # fmt: skip
        if message.room is not None and message.room.is_group and chats:
            columns["cache_roomnames"] = chats[0][1].rpartition(";")[2]
        if chats and message.in_chat:
            if chats[0][0] in self._last and self._random.random() < 0.85:
                columns["reply_to_guid"] = self._last[chats[0][0]]
            self._last[chats[0][0]] = message.guid
        if message.thread is not None:
            columns["thread_originator_guid"] = message.thread.guid
            columns["thread_originator_part"] = f"0:0:{utf16_length(message.thread.text or '')}"
        self._store_text(message, columns)
        if message.versions:
            columns["message_summary_info"] = _edits(message, self._random)
            columns["date_edited"] = _apple(_stored(message.versions[-1].at))
        columns |= message.columns
        for name in ("date_edited", "date_retracted"):
            if name in message.columns:
                columns[name] = _apple(_stored(message.columns[name]))
        if isinstance(other := columns.get("other_handle"), Person):
            columns["other_handle"] = self._handle(other.handles[0], other)
        self._insert("message", columns)
        for chat, _ in joined:
            self._insert("chat_message_join", {"chat_id": chat, "message_id": self._rows, "message_date": date})
        if not message.in_chat and chats:
            gone = _apple(_stored(message.at + DAY))
            self._insert(
                "chat_recoverable_message_join", {"chat_id": chats[0][0], "message_id": self._rows, "delete_date": gone}
            )
        self._attach(message)
        return truth.row(message, at, [guid for _, guid in joined])

    def _store_text(self, message: Message, columns: dict[str, Any]) -> None:
        text = bodies.stored_text(message)
        rich = bool(message.mention or message.bold or message.files or message.body)
        draw = self._random.random()
        mutable = self._random.random() < 0.5
        if message.body is not None or text is None or draw < _BODY_ONLY:
            columns["attributedBody"] = bodies.body(message, mutable=mutable)
        elif draw < _BODY_ONLY + _TEXT_ONLY and not rich:
            columns["text"] = text
        else:
            columns["text"], columns["attributedBody"] = text, bodies.body(message, mutable=mutable)
        if message.kind in ("tapback", "tapback_removed") and text is not None and self._random.random() < 0.4:
            columns["text"], columns["attributedBody"] = text, None

    def _chats_of(self, message: Message) -> list[tuple[int, str]]:
        """(ROWID, guid) of the chats that a message is in."""
        room = message.room
        if room is None:
            return []
        if room.is_group:
            return [self._group(room, message.at)]
        person = room.members[0]
        handle = message.handle or person.handles[0]
        chats = [self._direct(room, handle)]
        if message.also_in_other_chat:
            chats.append(self._direct(room, next(other for other in person.handles if other != handle)))
        return chats

    def _direct(self, room: Room, handle: Handle) -> tuple[int, str]:
        key = (room.key, f"{handle.service};-;{handle.address}")
        if key not in self._chats:
            group = new_guid(self._random)
            self._new_chat(key, room, _DIRECT, handle.service, handle.address, group)
            if not room.is_self:
                self._join(key, [(handle, room.members[0])])
        return self._chats[key]

    def _group(self, room: Room, at: int) -> tuple[int, str]:
        old = at < _MOVED_GROUPS.get(room.key, 0)
        service = "iMessage" if room.threads and not old else "SMS"
        key = (room.key, "old" if old else "new")
        if key not in self._chats:
            identifier = f"chat{self._random.randrange(10**17, 10**18)}"
            self._new_chat(key, room, _GROUP, service, identifier, new_guid(self._random))
            self._join(key, [(person.handles[0], person) for person in room.members])
        return self._chats[key]

    def _new_chat(
        self, key: tuple[str, str], room: Room, style: int, service: str, identifier: str, group: str
    ) -> None:
        number = len(self._chats) + 1
        guid = f"{service};{'+' if style == _GROUP else '-'};{identifier}"
        self._chats[key] = (number, guid)
        self._insert("chat", {
            "ROWID": number, "guid": guid, "style": style, "state": 3, "account_id": self._account,
            "chat_identifier": identifier, "service_name": service, "account_login": f"P:{OWNER_PHONE}",
            "room_name": identifier if style == _GROUP else None, "last_addressed_handle": OWNER_PHONE,
            "display_name": (room.name or "") if style == _GROUP else "", "group_id": group, "original_group_id": group,
            "is_filtered": room.filtered,
        })  # fmt: skip

    def _join(self, key: tuple[str, str], members: list[tuple[Handle, Person]]) -> None:
        for handle, person in members:
            self._insert(
                "chat_handle_join", {"chat_id": self._chats[key][0], "handle_id": self._handle(handle, person)}
            )

    def _handle(self, handle: Handle, person: Person) -> int:
        key = (handle.address, handle.service)
        if key not in self._handles:
            self._handles[key] = len(self._handles) + 1
            self._insert("handle", {
                "ROWID": self._handles[key], "id": handle.address, "country": handle.country, "service": handle.service,
                "person_centric_id": person.centric,
            })  # fmt: skip
        return self._handles[key]

    def _handle_of(self, message: Message) -> int:
        """Theirs carry the sender's handle; mine mostly none, else the recipient's."""
        if message.sender is not None:
            direct = message.handle is not None and message.room is not None and not message.room.is_group
            return self._handle(
                message.handle if direct and message.handle else message.sender.handles[0], message.sender
            )
        room = message.room
        if room is None or room.is_group or room.is_self or self._random.random() < 0.72:
            return 0
        return self._handle(message.handle or room.members[0].handles[0], room.members[0])

    def _service(self, message: Message) -> str:
        if message.room is not None and message.room.is_group:
            return "iMessage" if message.room.threads else "SMS"
        if message.handle is not None:
            return message.handle.service
        member = message.room.members[0] if message.room else message.sender
        return member.handles[0].service if member else "iMessage"

    def _login(self) -> str:
        return f"P:{OWNER_PHONE}" if self._random.random() < 0.75 else f"E:{OWNER_EMAIL}"

    def _attach(self, message: Message) -> None:
        for file in message.files:
            folder = "StickerCache" if file.sticker else "Attachments"
            seconds = (_stored(message.at) - _APPLE_EPOCH) // SECOND
            cursor = self._insert("attachment", {
                "guid": file.guid, "original_guid": file.guid, "created_date": seconds, "start_date": seconds,
                "filename": f"~/Library/Messages/{folder}/{file.guid[5:7].lower()}/{file.guid}/{file.name}",
                "uti": file.uti, "mime_type": file.mime, "transfer_state": 5, "is_outgoing": int(message.sender is None),
                "transfer_name": file.name, "total_bytes": file.size, "is_sticker": int(file.sticker),
            })  # fmt: skip
            self._insert("message_attachment_join", {"message_id": self._rows, "attachment_id": cursor.lastrowid})

    def _insert(self, table: str, columns: dict[str, Any]) -> sqlite3.Cursor:
        # Names come from this module, never from a message.
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        return self._connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(columns.values()))


def write_address_book(path: Path, cast: Sequence[Person]) -> None:
    """The names of ``cast`` as Contacts keeps them, with the columns that a reader of names needs."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "CREATE TABLE ZABCDRECORD (Z_PK INTEGER PRIMARY KEY, ZFIRSTNAME VARCHAR, ZLASTNAME VARCHAR, "
            "ZNICKNAME VARCHAR, ZORGANIZATION VARCHAR)"
        )
        connection.execute(
            "CREATE TABLE ZABCDPHONENUMBER (Z_PK INTEGER PRIMARY KEY, ZOWNER INTEGER, ZFULLNUMBER VARCHAR)"
        )
        connection.execute(
            "CREATE TABLE ZABCDEMAILADDRESS (Z_PK INTEGER PRIMARY KEY, ZOWNER INTEGER, ZADDRESS VARCHAR)"
        )
        for number, person in enumerate(cast, 1):
            connection.execute("INSERT INTO ZABCDRECORD (Z_PK, ZFIRSTNAME) VALUES (?, ?)", (number, person.name))
            for address in dict.fromkeys(handle.address for handle in person.handles):
                table = (
                    "ZABCDEMAILADDRESS (ZOWNER, ZADDRESS)"
                    if "@" in address
                    else "ZABCDPHONENUMBER (ZOWNER, ZFULLNUMBER)"
                )
                connection.execute(f"INSERT INTO {table} VALUES (?, ?)", (number, _as_typed(address)))


def _as_typed(address: str) -> str:
    """Telephone numbers as people type them into Contacts, without the country."""
    return address if "@" in address else f"({address[2:5]}) {address[5:8]}-{address[8:]}"


def _stored(at: int) -> int:
    """The time to the precision that its day was stored in."""
    return at // SECOND * SECOND if at < clock.NANOSECONDS_SINCE else at


def _apple(at: int | None) -> int:
    """Microseconds since 1970 as chat.db stores a date; 0 for none."""
    if at is None:
        return 0
    since = at - _APPLE_EPOCH
    return since // SECOND if at < clock.NANOSECONDS_SINCE else since * 1000


def _edits(message: Message, random: Random) -> bytes:
    """``message_summary_info`` of an edited message: its versions as typedstreams, with their times."""
    versions = []
    for number, version in enumerate(message.versions):
        entry: dict[str, Any] = {
            "d": (_stored(version.at) - _APPLE_EPOCH) / SECOND,
            "t": bodies.version_body(version.text, mutable=random.random() < 0.5),
        }
        versions.append(entry if number == 0 else {"bcg": new_guid(random), **entry})
    first = {"le": utf16_length(message.versions[0].text), "lo": 0}
    summary = {"amc": 0, "ec": {"0": versions}, "ep": [0], "otr": {"0": first}, "ust": True}
    return plistlib.dumps(summary, fmt=plistlib.FMT_BINARY)
