"""The rows of ``message`` as columns: streamed in batches, decoded, and kept as arrays.

A million rows never stand in memory as Python objects: each batch becomes Arrow and NumPy arrays before the next is
fetched, and only the columns that a table needs are read (never payloads, and summaries only of edited rows). What
the columns mean together (kinds, order, people's names) is put together in ``messages.py``.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jarvis_resources.imessage.bodies import NOTHING_STORED, Bodies, read_bodies
from jarvis_resources.imessage.edits import Summary, SummaryError, history, read_summary
from jarvis_resources.imessage.kinds import BIT, evidence_sql
from jarvis_resources.imessage.people import service_of
from jarvis_resources.imessage.schema import Schema
from jarvis_resources.imessage.typedstream import AttributedBody, TypedstreamError, decode
from jarvis_resources.tables import SERVICES

Integers = npt.NDArray[np.int64]

_BATCH = 16_384
"""Rows fetched at once: some 20 MB of bodies, large enough that the cost of a batch vanishes."""

_LOCATION = 4
"""``item_type`` of a shared location, where ``is_from_me`` does not say who shared it."""

_FIRST_NANOSECONDS = 10**12
"""Dates from here on are nanoseconds since 2001 (as of iOS 11), below seconds: no second count reaches it."""
_APPLE_EPOCH_SECONDS = 978_307_200
"""2001-01-01 in Unix time."""
_LATEST_SECONDS = 4_102_444_800
"""2100-01-01 in Unix time: a date beyond is damage, not a date."""
UNKNOWN_TIME = np.iinfo(np.int64).min
"""A time that chat.db does not know (NumPy's NaT)."""


@dataclass
class Rows:
    """Every row of ``message``, by ROWID; one place of every column is one row."""

    guid: pa.ChunkedArray
    text: pa.ChunkedArray
    thread_root: pa.ChunkedArray
    associated_guid: pa.ChunkedArray
    numbers: dict[str, Integers]
    """rowid, handle, from_me, association, evidence (bits of ``kinds.BIT``), sent_at and edited_at (Unix µs or
    ``UNKNOWN_TIME``), attachments, service (place in ``tables.SERVICES``), reason (place in ``reasons``, or −1)."""
    edits: dict[int, list[dict[str, Any]]]
    """Place → edit history."""
    reasons: tuple[str, ...]
    """Why a row has no text although it should."""
    rescued: int
    """Rows whose body is damaged but whose plain text is there."""
    damaged_edits: int
    """Rows whose record of edits cannot be read."""


def read_rows(connection: sqlite3.Connection, schema: Schema, progress: Callable[[int, int], None] | None) -> Rows:
    """All rows of an open database; ``progress`` is called with rows done and rows in all."""
    total: int = connection.execute("SELECT COUNT(*) FROM message").fetchone()[0]
    reader = _Reader(*_attachment_counts(connection, schema))
    cursor = connection.execute(_query(schema))
    while batch := cursor.fetchmany(_BATCH):
        reader.read(batch)
        if progress is not None:
            progress(reader.rows, total)
    return reader.finish()


def unix_microseconds(apple: Integers) -> Integers:
    """Dates of chat.db as µs since 1970, rounded down; 0 and what cannot be a date are ``UNKNOWN_TIME``."""
    nanoseconds = apple >= _FIRST_NANOSECONDS
    seconds = np.where(nanoseconds, 0, np.clip(apple, 0, _LATEST_SECONDS))
    since_2001 = np.where(nanoseconds, apple // 1000, seconds * 1_000_000)
    unix = since_2001 + _APPLE_EPOCH_SECONDS * 1_000_000
    return np.where((apple > 0) & (unix < _LATEST_SECONDS * 1_000_000), unix, UNKNOWN_TIME)


def pairs(connection: sqlite3.Connection, query: str) -> tuple[Integers, Integers]:
    """The two integer columns of a query, streamed into arrays."""
    cursor = connection.execute(query)
    batches = []
    while batch := cursor.fetchmany(_BATCH):
        batches.append(np.array(batch, dtype=np.int64))
    table = np.concatenate(batches) if batches else np.empty((0, 2), np.int64)
    return table[:, 0], table[:, 1]


def look_up(keys: Integers, values: Integers, wanted: Integers, absent: int) -> Integers:
    """``values`` at the places where the sorted ``keys`` equal ``wanted``; ``absent`` where none does."""
    if not len(keys):
        return np.full(len(wanted), absent, np.int64)
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[places] == wanted, values[places], absent)


def _attachment_counts(connection: sqlite3.Connection, schema: Schema) -> tuple[Integers, Integers]:
    """Messages with attachments, by ROWID, and how many they have."""
    if not schema.has("message_attachment_join"):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    return pairs(
        connection, "SELECT message_id, COUNT(*) FROM message_attachment_join GROUP BY message_id ORDER BY message_id"
    )


def _query(schema: Schema) -> str:
    """One SELECT over ``message`` alone: joins would drop or double rows (orphans, rows in two chats).

    Every column is cast, since SQLite lets a row hold anything in any of them.
    """

    def number(name: str) -> str:
        return f"CAST({schema.column('message', name, '0')} AS INTEGER)"

    def cast(name: str, kind: str) -> str:
        return f"CAST({schema.column('message', name)} AS {kind})"

    from_me = f"{number('is_from_me')} <> 0"
    if schema.has("message", "item_type") and schema.has("message", "share_direction"):
        sharing_mine = f"{number('other_handle')} <> 0 AND {number('share_direction')} = 0"
        from_me = f"CASE WHEN {number('item_type')} = {_LOCATION} THEN {sharing_mine} ELSE {from_me} END"
    edited_or_unsent = f"{number('date_edited')} <> 0 OR {number('date_retracted')} <> 0"
    columns = (
        "message.ROWID", number("handle_id"), from_me, number("date"), number("date_edited"),
        number("associated_message_type"), evidence_sql(schema), number("cache_has_attachments"),
        number("date_retracted"),
        f"COALESCE({cast('guid', 'TEXT')}, 'row ' || message.ROWID)", cast("service", "TEXT"),
        f"NULLIF({cast('thread_originator_guid', 'TEXT')}, '')",
        f"NULLIF({cast('associated_message_guid', 'TEXT')}, '')",
        cast("text", "BLOB"), cast("attributedBody", "BLOB"),
        f"CASE WHEN {edited_or_unsent} THEN {cast('message_summary_info', 'BLOB')} END",
    )  # fmt: skip
    return f"SELECT {', '.join(columns)} FROM message ORDER BY message.ROWID"


_NUMBERS = (
    "rowid",
    "handle",
    "from_me",
    "sent_at",
    "edited_at",
    "association",
    "evidence",
    "has_attachments",
    "retracted",
)


@dataclass
class _Reader:
    """Turns batches of rows into columns."""

    attached_rows: Integers
    attached_counts: Integers
    rows: int = 0
    numbers: dict[str, list[Integers]] = field(default_factory=dict)
    texts: dict[str, list[pa.Array]] = field(default_factory=dict)
    edits: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    services: dict[str | None, int] = field(default_factory=dict)

    def read(self, batch: Sequence[tuple[Any, ...]]) -> None:
        columns: list[tuple[Any, ...]] = list(zip(*batch, strict=True))
        numbers = {name: np.array(column, np.int64) for name, column in zip(_NUMBERS, columns, strict=False)}
        guid, service, thread, associated, plain, blobs, summaries = columns[len(_NUMBERS) :]
        bodies = read_bodies(blobs, plain)
        evidence = numbers["evidence"]
        self._apply_edits(bodies, blobs, summaries, numbers.pop("retracted"), evidence)

        attachments = look_up(self.attached_rows, self.attached_counts, numbers["rowid"], 0)
        attached = (attachments > 0) | (numbers.pop("has_attachments") != 0)
        reason = np.full(len(batch), -1, np.int64)
        for row, why in bodies.damaged.items():
            if bodies.texts[row] is None and not (why == NOTHING_STORED and attached[row]):
                evidence[row] |= BIT["corrupt"]
                reason[row] = self.reasons.setdefault(why, len(self.reasons))
        textless = np.fromiter((text is None for text in bodies.texts), bool, len(batch))
        evidence[textless] |= BIT["attachment_only"]

        numbers["sent_at"] = unix_microseconds(numbers["sent_at"])
        numbers["edited_at"] = unix_microseconds(numbers["edited_at"])
        numbers["attachments"], numbers["reason"] = attachments, reason
        numbers["service"] = np.fromiter(map(self._service, service), np.int64, len(batch))
        for name, array in numbers.items():
            self.numbers.setdefault(name, []).append(array)
        for name, column in (("guid", guid), ("thread", thread), ("associated", associated), ("text", bodies.texts)):
            self.texts.setdefault(name, []).append(pa.array(column, pa.string()))
        self.counts["rescued"] += bodies.rescued
        self.rows += len(batch)

    def _apply_edits(
        self,
        bodies: Bodies,
        blobs: Sequence[bytes | None],
        summaries: Sequence[bytes | None],
        retracted: Integers,
        evidence: Integers,
    ) -> None:
        """Histories of edited rows, and which are unsent; a loop over the few rows that have a summary."""
        for row, blob in enumerate(summaries):
            if blob is None and not retracted[row]:
                continue
            summary = Summary({}, frozenset(), frozenset())
            try:
                summary = read_summary(blob) if blob else summary
            except SummaryError:
                self.counts["damaged edits"] += 1
            if summary.wholly_unsent or (retracted[row] and bodies.texts[row] is None):
                evidence[row] |= BIT["unsent"]
                bodies.texts[row] = None
            elif versions := history(summary, _rest(blobs[row], summary)):
                if bodies.texts[row] is None:
                    # Some systems keep an edited message's text nowhere but in its history.
                    bodies.texts[row] = versions[-1]["text"]
                else:
                    versions[-1]["text"] = bodies.texts[row]
                self.edits[self.rows + row] = versions

    def _service(self, name: str | None) -> int:
        if name not in self.services:
            self.services[name] = SERVICES.index(service_of(name))
        return self.services[name]

    def finish(self) -> Rows:
        names = [name for name in _NUMBERS if name not in ("has_attachments", "retracted")]
        empty = np.empty(0, np.int64)
        numbers = {
            name: np.concatenate(self.numbers.pop(name, [empty]))
            for name in (*names, "attachments", "reason", "service")
        }
        text, guid, thread, associated = (
            pa.chunked_array(self.texts.pop(name, []), pa.string()) for name in ("text", "guid", "thread", "associated")
        )
        return Rows(
            guid, text, thread, associated, numbers, self.edits, tuple(self.reasons),
            self.counts["rescued"], self.counts["damaged edits"],
        )  # fmt: skip


def _rest(blob: bytes | None, summary: Summary) -> AttributedBody | None:
    """The body, where an edited message has parts that were not edited; None where it has none or is damaged."""
    if not blob or not summary.versions or summary.parts == summary.versions.keys():
        return None
    try:
        return decode(blob)
    except TypedstreamError:
        return None
