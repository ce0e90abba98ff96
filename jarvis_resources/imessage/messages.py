"""The history as tables: messages, people, conversations, and a report of what was read.

Everything that chat.db spreads over rows, chats and handles comes together here, column by column: who sent a row, in
which conversation, when, and which kind it is once all evidence is in. Reading the rows is ``rows.py``'s, judging
them ``kinds.py``'s; no loop here runs over messages.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from jarvis_resources.imessage.activity import conversations_table, people_table
from jarvis_resources.imessage.chats import read_chats
from jarvis_resources.imessage.contacts import Contact
from jarvis_resources.imessage.conversations import Conversations, merge_chats
from jarvis_resources.imessage.diagnosis import explained
from jarvis_resources.imessage.kinds import BIT, LINK_CARD, kinds_of, tapback_kinds
from jarvis_resources.imessage.people import People, read_people
from jarvis_resources.imessage.rows import UNKNOWN_TIME, Integers, Rows, look_up, pairs, read_rows
from jarvis_resources.imessage.schema import Schema, open_readonly, probe
from jarvis_resources.imessage.tapbacks import find_text_tapbacks, target_guids
from jarvis_resources.tables import KINDS, MESSAGES, SERVICES, TAPBACKS

if TYPE_CHECKING:
    import pandas as pd


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
    rescued: int
    """Rows whose rich body is damaged and whose plain text was used."""
    damaged_edits: int
    """Rows whose record of edits cannot be read."""


@dataclass(frozen=True)
class History:
    """A message history as the tables of ``tables.py``."""

    messages: pd.DataFrame
    people: pd.DataFrame
    conversations: pd.DataFrame
    report: ReadReport


def read_history(
    snapshot: Path,
    *,
    country: str = "US",
    contacts: Sequence[Contact] = (),
    progress: Callable[[int, int], None] | None = None,
) -> History:
    """Everything in a snapshot of chat.db.

    Messages are ordered by time, then ROWID; those without a time come last. ``country`` (ISO 3166) is that of phone
    numbers that name none; ``contacts`` (of ``contacts.read_contacts``) name people and merge their handles; ``progress`` is
    called with rows done and rows in all. Raises ``ChatDatabaseError``.
    """
    with explained(snapshot), closing(open_readonly(snapshot)) as connection:
        schema = probe(connection)
        chats = read_chats(connection, schema)
        people = read_people(connection, schema, chats, country, contacts)
        conversations = merge_chats(chats, people, country)
        placed = _places(connection, schema, conversations)
        rows = read_rows(connection, schema, progress)
    columns = _settle(rows, placed, people, conversations)
    return History(
        messages=_messages_table(columns, rows, people, conversations),
        people=people_table(people, columns.person, columns.kind, columns.sent_at),
        conversations=conversations_table(
            conversations, people, columns.conversation, columns.from_me, columns.kind, columns.sent_at
        ),
        report=_report(columns, rows, schema),
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
    """Place in ``Rows`` of each message."""
    conversation: Integers
    """Place in ``Conversations.all``; −1: none."""
    person: Integers
    """Sender's place in ``People.persons``; −1: me, or not known."""
    from_me: npt.NDArray[np.bool_]
    sent_at: Integers
    text: pa.ChunkedArray
    kind: npt.NDArray[np.int8]
    tapback: npt.NDArray[np.int8]
    """Place in ``TAPBACKS``; −1: no tapback."""
    text_tapback_targets: dict[int, int | None]
    """Place of a tapback sent as text → place of the message it is on."""


def _places(connection: sqlite3.Connection, schema: Schema, conversations: Conversations) -> _Placed:
    """A message in several chats (one person's, nearly always) is placed by the first of them."""

    def read(table: str) -> tuple[Integers, Integers]:
        if not schema.has(table):
            return np.empty(0, np.int64), np.empty(0, np.int64)
        rowids, chat_rows = pairs(
            connection, f"SELECT message_id, MIN(chat_id) FROM {table} GROUP BY message_id ORDER BY message_id"
        )
        known = np.array(sorted(conversations.of_chat_row.items()), np.int64).reshape(-1, 2)
        return rowids, look_up(known[:, 0], known[:, 1], chat_rows, -1)

    return _Placed(*read("chat_message_join"), *read("chat_recoverable_message_join"))


def _settle(rows: Rows, placed: _Placed, people: People, conversations: Conversations) -> _Columns:
    """Order, place, sender and kind of every row."""
    unsorted_time = rows.numbers["sent_at"]
    last = np.where(unsorted_time == UNKNOWN_TIME, np.iinfo(np.int64).max, unsorted_time)
    order = np.lexsort((rows.numbers["rowid"], last))
    numbers = {name: column[order] for name, column in rows.numbers.items()}
    rowid, evidence = numbers["rowid"], numbers["evidence"]
    from_me = numbers["from_me"] != 0

    conversation = look_up(placed.rowids, placed.conversation, rowid, -1)
    deleted_from = look_up(placed.deleted_rowids, placed.deleted_conversation, rowid, -2)
    conversation = np.where(conversation == -1, np.maximum(deleted_from, -1), conversation)
    evidence[deleted_from != -2] |= BIT["deleted"]
    evidence |= _evidence_of_conversations(conversations, conversation, from_me)

    text = rows.text.take(pa.array(order))
    linked = np.flatnonzero(evidence & LINK_CARD)
    says_more = pc.fill_null(pc.match_substring_regex(text.take(pa.array(linked)), r"\S\s+\S"), False).to_numpy()
    evidence[linked[~says_more]] |= BIT["app"]

    tapback = tapback_kinds(numbers["association"])
    ordinary = kinds_of(evidence) == KINDS.index("normal")
    as_text = find_text_tapbacks(text, conversation, numbers["attachments"], ordinary)
    for found in as_text:
        evidence[found.place] |= BIT["tapback_removed" if found.removed else "tapback"]
        tapback[found.place] = TAPBACKS.index(found.kind)
    kind = kinds_of(evidence)
    tapback[(kind != KINDS.index("tapback")) & (kind != KINDS.index("tapback_removed"))] = -1
    return _Columns(
        order=order,
        conversation=conversation,
        person=_senders(numbers["handle"], conversation, from_me, people, conversations),
        from_me=from_me,
        sent_at=numbers["sent_at"],
        text=text,
        kind=kind,
        tapback=tapback,
        text_tapback_targets={found.place: found.target for found in as_text},
    )


def _evidence_of_conversations(
    conversations: Conversations, conversation: Integers, from_me: npt.NDArray[np.bool_]
) -> Integers:
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
    from_me: npt.NDArray[np.bool_],
    people: People,
    conversations: Conversations,
) -> Integers:
    """Who sent each row: by its handle; where it has none, by the only other person of its direct chat."""
    known = np.array(sorted(people.of_handle_row.items()), np.int64).reshape(-1, 2)
    by_handle = look_up(known[:, 0], known[:, 1], handle, -1)
    only_other = [one.members[0] if not one.is_group and len(one.members) == 1 else -1 for one in conversations.all]
    by_chat = np.array([*only_other, -1], np.int64)[conversation]
    return np.where(from_me, -1, np.where(by_handle >= 0, by_handle, by_chat))


def _messages_table(columns: _Columns, rows: Rows, people: People, conversations: Conversations) -> pd.DataFrame:
    order = pa.array(columns.order)
    guid = rows.guid.take(order)
    kind, tapback = columns.kind, columns.tapback
    edited_at = rows.numbers["edited_at"][columns.order]
    in_group = np.array([*(one.is_group for one in conversations.all), False], bool)[columns.conversation]
    target = pc.if_else(pa.array(tapback >= 0), target_guids(rows.associated_guid.take(order)), None)
    as_text = {place: on for place, on in columns.text_tapback_targets.items() if on is not None}
    target = _overwrite(target, as_text, guid)
    frame = pa.table(
        {
            "guid": guid,
            "rowid": rows.numbers["rowid"][columns.order],
            "conversation_id": _named([one.conversation_id for one in conversations.all], columns.conversation),
            "person_id": _named([one.person_id for one in people.persons], columns.person),
            "is_from_me": columns.from_me,
            "is_group": in_group,
            "sent_at": _times(columns.sent_at),
            "kind": _named(list(KINDS), kind),
            "text": columns.text,
            "service": _named(list(SERVICES), rows.numbers["service"][columns.order]),
            "thread_root_guid": rows.thread_root.take(order),
            "edited_at": _times(edited_at),
            "tapback_kind": _named(list(TAPBACKS), tapback),
            "tapback_target_guid": target,
            "attachment_count": rows.numbers["attachments"][columns.order],
        }
    ).to_pandas()
    frame["edit_history"] = _sparse(rows.edits, columns.order)
    return MESSAGES.conform(frame)


def _named(names: list[str], places: npt.NDArray[Any]) -> pa.Array:
    """The name at each place; null at −1."""
    indices = pa.array(places.astype(np.int32), mask=places < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(names, pa.string())).cast(pa.string())


def _overwrite(column: pa.ChunkedArray, source_of: dict[int, int], source: pa.ChunkedArray) -> pa.ChunkedArray:
    """``column`` with, at each place of ``source_of``, what ``source`` has at the other."""
    places = sorted(source_of)
    mask = np.zeros(len(column), bool)
    mask[places] = True
    values = source.take(pa.array([source_of[place] for place in places], pa.int64()))
    return pc.replace_with_mask(column, pa.array(mask), values.combine_chunks())


def _times(microseconds: Integers) -> pa.Array:
    return pa.array(microseconds, pa.timestamp("us", tz="UTC"), mask=microseconds == UNKNOWN_TIME)


def _sparse(values: dict[int, Any], order: Integers) -> npt.NDArray[np.object_]:
    """An object column that is None but for a few rows; keys are places before ordering."""
    column = np.full(len(order), None, dtype=object)
    if values:
        place_of = np.empty(len(order), np.int64)
        place_of[order] = np.arange(len(order))
        for place, value in values.items():
            column[place_of[place]] = value
    return column


def _report(columns: _Columns, rows: Rows, schema: Schema) -> ReadReport:
    counts = np.bincount(columns.kind, minlength=len(KINDS))
    reason = rows.numbers["reason"][columns.order]
    corrupt = reason[(columns.kind == KINDS.index("corrupt")) & (reason >= 0)]
    why = np.bincount(corrupt, minlength=len(rows.reasons))
    return ReadReport(
        kinds={kind: int(count) for kind, count in zip(KINDS, counts, strict=True) if count},
        corrupt_reasons={reason: int(count) for reason, count in zip(rows.reasons, why, strict=True) if count},
        losses=schema.losses,
        rows=len(columns.kind),
        rescued=rows.rescued,
        damaged_edits=rows.damaged_edits,
    )
