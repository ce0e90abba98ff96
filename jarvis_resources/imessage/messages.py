"""The history as tables: messages, people, conversations, and a report of what was read.

Everything that chat.db spreads over rows, chats and handles comes together here, column by column: who sent a row, in
which conversation, when, and which kind it is once all evidence is in. Reading the rows is ``rows.py``'s, judging
them ``kinds.py``'s; no loop here runs over messages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from jarvis_resources.imessage.activity import conversations_table, people_table
from jarvis_resources.imessage.bodies import NOTHING_STORED
from jarvis_resources.imessage.chats import read_chats
from jarvis_resources.imessage.columns import Integers, integers, look_up
from jarvis_resources.imessage.contacts import Contact
from jarvis_resources.imessage.conversations import Conversations, merge_chats
from jarvis_resources.imessage.diagnosis import explained
from jarvis_resources.imessage.edits import text_at
from jarvis_resources.imessage.kinds import BIT, LINK_CARD, kinds_of, tapback_kinds
from jarvis_resources.imessage.people import People, read_people
from jarvis_resources.imessage.rereading import rows_of
from jarvis_resources.imessage.rows import UNKNOWN_TIME
from jarvis_resources.imessage.schema import Schema, open_readonly, probe
from jarvis_resources.imessage.tapbacks import find_text_tapbacks, target_guids
from jarvis_resources.tables import KINDS, MESSAGES, SERVICES, TAPBACKS

if TYPE_CHECKING:
    import pandas as pd

Flags = npt.NDArray[np.bool_]
_Rows = dict[str, pa.ChunkedArray]
"""Columns of ``rows.ROWS`` that have not been put in order yet: each is let go once it has been, to save memory."""


@dataclass(frozen=True)
class ReadReport:
    """What was read, and what could not be."""

    kinds: dict[str, int]
    """Rows of each kind that occurs."""
    corrupt_reasons: dict[str, int]
    """Why corrupt rows have no text; the counts add up to ``kinds["corrupt"]``."""
    losses: tuple[str, ...]
    """What this database's schema hides, a sentence each."""
    rows: int
    rows_read: int
    """Rows whose content was read and decoded; the others stand as they were read before."""
    rescued: int
    """Rows whose rich body is damaged and whose plain text was used."""
    damaged_edits: int
    """Rows whose record of edits cannot be read."""


@dataclass(frozen=True)
class History:
    """A message history as the tables of ``tables.py``; the messages, which may be millions, stay in Arrow."""

    messages: pa.Table
    people: pd.DataFrame
    conversations: pd.DataFrame
    report: ReadReport

    def text_at(self, guid: str, when: datetime) -> str | None:
        """What a message said at a moment (with its time zone); None when it had no text. Raises ``KeyError``."""
        place = pc.index(self.messages["guid"], guid).as_py()
        if place < 0:
            raise KeyError(guid)
        row = self.messages.slice(place, 1).to_pylist()[0]
        return text_at(row["text"], row["edit_history"], when)


def read_history(
    snapshot: Path,
    *,
    country: str = "US",
    contacts: Sequence[Contact] = (),
    progress: Callable[[int, int], None] | None = None,
    kept: Path | None = None,
) -> History:
    """Everything in a snapshot of chat.db.

    Messages are ordered by time, then ROWID; those without a time come last. ``country`` (ISO 3166) is that of phone
    numbers that name none; ``contacts`` (of ``contacts.read_contacts``) name people and merge their handles; ``progress`` is
    called with rows done and rows in all; ``kept`` is a folder of this reader's own, where it keeps what it read so that
    the next reading need only decode what differs. Raises ``ChatDatabaseError``.
    """
    with explained(snapshot), closing(open_readonly(snapshot)) as connection:
        schema = probe(connection)
        chats = read_chats(connection, schema)
        people = read_people(connection, schema, chats, country, contacts)
        conversations = merge_chats(chats, people, country)
        placed = _places(snapshot, schema, conversations)
        attached = _attachments(snapshot, schema)
        table, read = rows_of(snapshot, schema, kept, progress)
    rows = dict(zip(table.schema.names, table.columns, strict=True))
    report = partial(_report, rows["damage"], rows["rescued"], rows["damaged_edits"], read, schema)
    del table
    columns = _settle(rows, placed, attached, people, conversations)
    return History(
        messages=_messages_table(columns, rows, people, conversations),
        people=people_table(people, columns.person, columns.kind, columns.sent_at),
        conversations=conversations_table(
            conversations, people, columns.conversation, columns.from_me, columns.kind, columns.sent_at
        ),
        report=report(columns),
    )


@dataclass(frozen=True)
class _Placed:
    """Which conversation each message is in, and which messages are deleted, by sorted ROWID."""

    rowids: Integers
    conversation: Integers
    deleted_rowids: Integers
    deleted_conversation: Integers


@dataclass(frozen=True)
class _Columns:
    """The settled columns, in chronological order."""

    order: Integers
    """Place in the rows as read of each message."""
    rowid: Integers
    conversation: Integers
    """Place in ``Conversations.all``; −1: none."""
    person: Integers
    """Sender's place in ``People.persons``; −1: me, or not known."""
    from_me: Flags
    sent_at: Integers
    text: pa.ChunkedArray
    attachments: Integers
    kind: npt.NDArray[np.int8]
    tapback: npt.NDArray[np.int8]
    """Place in ``TAPBACKS``; −1: no tapback."""
    text_tapback_targets: dict[int, int | None]
    """Place of a tapback sent as text → place of the message it is on."""


def _places(snapshot: Path, schema: Schema, conversations: Conversations) -> _Placed:
    """A message in several chats (one person's, nearly always) is placed by the first of them."""
    known = np.array(sorted(conversations.of_chat_row.items()), np.int64).reshape(-1, 2)

    def read(table: str) -> tuple[Integers, Integers]:
        if not schema.has(table):
            return np.empty(0, np.int64), np.empty(0, np.int64)
        rowids, chat_rows = integers(snapshot, f"{table} NOT INDEXED", "message_id", "chat_id")
        order = np.lexsort((chat_rows, rowids))
        rowids, first = np.unique(rowids[order], return_index=True)
        return rowids, look_up(known[:, 0], known[:, 1], chat_rows[order][first], -1)

    return _Placed(*read("chat_message_join"), *read("chat_recoverable_message_join"))


def _attachments(snapshot: Path, schema: Schema) -> tuple[Integers, Integers]:
    """Messages with attachments, by ROWID, and how many they have."""
    if not schema.has("message_attachment_join"):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    rowids, counts = np.unique(integers(snapshot, "message_attachment_join", "message_id")[0], return_counts=True)
    return rowids, counts.astype(np.int64)


def _settle(
    rows: _Rows,
    placed: _Placed,
    attached: tuple[Integers, Integers],
    people: People,
    conversations: Conversations,
) -> _Columns:
    """Order, place, sender and kind of every row; takes from ``rows`` what it puts in order."""
    unsorted_time = rows["sent_at"].to_numpy()
    last = np.where(unsorted_time == UNKNOWN_TIME, np.iinfo(np.int64).max, unsorted_time)
    order = np.lexsort((rows["rowid"].to_numpy(), last))

    def column(name: str) -> Any:
        return rows.pop(name).to_numpy()[order]

    rowid, evidence, from_me = column("rowid"), column("evidence"), column("from_me")
    conversation = look_up(placed.rowids, placed.conversation, rowid, -1)
    deleted_from = look_up(placed.deleted_rowids, placed.deleted_conversation, rowid, -2)
    conversation = np.where(conversation == -1, np.maximum(deleted_from, -1), conversation)
    evidence[deleted_from != -2] |= BIT["deleted"]
    evidence |= _evidence_of_conversations(conversations, conversation, from_me)

    attachments = look_up(*attached, rowid, 0)
    damage = rows.pop("damage")
    damaged = damage.is_valid().to_numpy()
    excused = pc.fill_null(pc.equal(damage, NOTHING_STORED), False).to_numpy()[order]
    excused &= (attachments > 0) | column("claims_attachments")  # it is its attachments, and they say so
    evidence[damaged[order] & ~excused] |= BIT["corrupt"]

    text = rows.pop("text").take(pa.array(order))
    linked = np.flatnonzero(evidence & LINK_CARD)
    says_more = pc.fill_null(pc.match_substring_regex(text.take(pa.array(linked)), r"\S\s+\S"), False).to_numpy()
    evidence[linked[~says_more]] |= BIT["app"]

    tapback = tapback_kinds(column("association"))
    ordinary = kinds_of(evidence) == KINDS.index("normal")
    as_text = find_text_tapbacks(text, conversation, attachments, ordinary)
    for found in as_text:
        evidence[found.place] |= BIT["tapback_removed" if found.removed else "tapback"]
        tapback[found.place] = -1 if found.kind is None else TAPBACKS.index(found.kind)
    kind = kinds_of(evidence)
    tapback[(kind != KINDS.index("tapback")) & (kind != KINDS.index("tapback_removed"))] = -1
    return _Columns(
        order=order,
        rowid=rowid,
        conversation=conversation,
        person=_senders(column("handle"), conversation, from_me, people, conversations),
        from_me=from_me,
        sent_at=column("sent_at"),
        text=text,
        attachments=attachments,
        kind=kind,
        tapback=tapback,
        text_tapback_targets={found.place: found.target for found in as_text},
    )


def _evidence_of_conversations(conversations: Conversations, conversation: Integers, from_me: Flags) -> Integers:
    """What a row's conversation says of it: talk with oneself, or filtered and never answered by the owner."""
    answered = np.bincount(conversation[from_me & (conversation >= 0)], minlength=len(conversations.all)) > 0
    bits = [
        (BIT["self"] if one.is_self else 0) | (BIT["spam"] if one.is_filtered and not answered[place] else 0)
        for place, one in enumerate(conversations.all)
    ]
    return np.array([*bits, 0], np.int64)[conversation]  # −1, no conversation, takes the last


def _senders(
    handle: Integers,
    conversation: Integers,
    from_me: Flags,
    people: People,
    conversations: Conversations,
) -> Integers:
    """Who sent each row: by its handle; where it has none, by the only other person of its direct chat."""
    known = np.array(sorted(people.of_handle_row.items()), np.int64).reshape(-1, 2)
    by_handle = look_up(known[:, 0], known[:, 1], handle, -1)
    only_other = [one.members[0] if not one.is_group and len(one.members) == 1 else -1 for one in conversations.all]
    by_chat = np.array([*only_other, -1], np.int64)[conversation]
    return np.where(from_me, -1, np.where(by_handle >= 0, by_handle, by_chat))


def _messages_table(columns: _Columns, rows: _Rows, people: People, conversations: Conversations) -> pa.Table:
    order = pa.array(columns.order)

    def ordered(name: str) -> pa.ChunkedArray:
        return rows.pop(name).take(order)

    guid = ordered("guid")
    kind, tapback = columns.kind, columns.tapback
    in_group = np.array([*(one.is_group for one in conversations.all), False], bool)[columns.conversation]
    return pa.table(
        {
            "guid": guid,
            "rowid": columns.rowid,
            "conversation_id": _named([one.conversation_id for one in conversations.all], columns.conversation),
            "person_id": _named([one.person_id for one in people.persons], columns.person),
            "is_from_me": columns.from_me,
            "is_group": in_group,
            "sent_at": _times(columns.sent_at),
            "kind": _named(KINDS, kind),
            "text": columns.text,
            "service": _named(SERVICES, ordered("service").to_numpy()),
            "thread_root_guid": ordered("thread_root"),
            "edited_at": _times(ordered("edited_at").to_numpy()),
            "edit_history": ordered("edits"),
            "tapback_kind": _named(TAPBACKS, tapback),
            "tapback_target_guid": _targets(columns, rows.pop("associated_guid"), guid),
            "attachment_count": columns.attachments,
        },
        MESSAGES.arrow_schema,
    )


def _named(names: Sequence[str], places: npt.NDArray[Any]) -> pa.Array:
    """The name at each place; null at −1."""
    return pa.array(names, pa.string()).take(pa.array(places.astype(np.int32), mask=places < 0))


def _targets(columns: _Columns, associated: pa.ChunkedArray, guid: pa.ChunkedArray) -> pa.ChunkedArray:
    """What each tapback is on: as its row says (``associated`` is as read), or the message that its text quotes."""
    quoting = columns.text_tapback_targets
    saying = np.setdiff1d(np.flatnonzero(columns.tapback >= 0), list(quoting))
    quoted = {place: target for place, target in quoting.items() if target is not None}
    named = target_guids(associated.take(pa.array(columns.order[saying])))
    values = pa.chunked_array([*named.chunks, *guid.take(pa.array(quoted.values(), pa.int64())).chunks], pa.string())
    places = np.full(len(guid), -1)
    places[[*saying.tolist(), *quoted]] = np.arange(len(values))
    return values.take(pa.array(places, mask=places < 0))


def _times(microseconds: Integers) -> pa.Array:
    return pa.array(microseconds, pa.timestamp("us", tz="UTC"), mask=microseconds == UNKNOWN_TIME)


def _report(
    damage: pa.ChunkedArray,
    rescued: pa.ChunkedArray,
    damaged_edits: pa.ChunkedArray,
    read: int,
    schema: Schema,
    columns: _Columns,
) -> ReadReport:
    counts = np.bincount(columns.kind, minlength=len(KINDS))
    corrupt = pa.array(columns.order[columns.kind == KINDS.index("corrupt")])
    why = pc.value_counts(damage.take(corrupt).combine_chunks()).to_pylist()
    return ReadReport(
        kinds={kind: int(count) for kind, count in zip(KINDS, counts, strict=True) if count},
        corrupt_reasons={one["values"]: one["counts"] for one in why},
        losses=schema.losses,
        rows=len(columns.order),
        rows_read=read,
        rescued=pc.sum(rescued).as_py() or 0,
        damaged_edits=pc.sum(damaged_edits).as_py() or 0,
    )
