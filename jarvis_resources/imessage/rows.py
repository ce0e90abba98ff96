"""The rows of ``message`` as columns: streamed in batches, decoded, kept in Arrow.

A row here is a function of the row of chat.db and of nothing else: a row that did not change need not be read again
(``rereading.py``). A million rows never stand in memory as Python objects, and only the columns that a table needs are
read: never payloads, and summaries only of edited rows. What the columns mean together (kinds, order, people's
names) is put together in ``messages.py``.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jarvis_resources.imessage.bodies import Bodies, read_bodies, with_values
from jarvis_resources.imessage.columns import Integers, Kind, Select, integers, stream
from jarvis_resources.imessage.edits import Summary, SummaryError, history, read_summary
from jarvis_resources.imessage.handles import service_of
from jarvis_resources.imessage.kinds import BIT, evidence_sql
from jarvis_resources.imessage.schema import Schema
from jarvis_resources.imessage.typedstream import AttributedBody, TypedstreamError, decode
from jarvis_resources.table_types import Type
from jarvis_resources.tables import SERVICES

Result = TypeVar("Result")

_SPAN = 32_768
"""Rows that one thread reads at a time."""
_MOST_THREADS = 4
"""Each holds a batch of bodies, and beyond a few they wait for the disk."""

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

ROWS = pa.schema(
    {
        "rowid": pa.int64(),
        "guid": pa.string(),
        "handle": pa.int64(),
        "from_me": pa.bool_(),
        "sent_at": pa.int64(),  # Unix µs, or UNKNOWN_TIME
        "edited_at": pa.int64(),  # likewise
        "association": pa.int32(),  # associated_message_type
        "associated_guid": pa.string(),
        "evidence": pa.int32(),  # bits of ``kinds.BIT``
        "claims_attachments": pa.bool_(),
        "service": pa.int8(),  # place in ``tables.SERVICES``
        "thread_root": pa.string(),
        "text": pa.string(),
        "damage": pa.string(),  # why there is no text although there should be
        "rescued": pa.bool_(),  # the body is damaged, and the text is from the plain column
        "damaged_edits": pa.bool_(),  # the record of edits cannot be read
        "edits": Type.EDITS.arrow,
    }
)
"""Columns of rows read; one row of ``message`` each."""


def rowids(database: Path) -> Integers:
    """Every ROWID of ``message``, in order."""
    return np.sort(integers(database, "message", "message.ROWID")[0])


def read_rows(
    database: Path, schema: Schema, wanted: Integers, progress: Callable[[int, int], None] | None = None
) -> pa.Table:
    """``ROWS`` of the rows of a snapshot whose ROWIDs are ``wanted`` (sorted).

    ``progress`` is called with rows done and rows in all. Raises ``ChatDatabaseError``.
    """
    spans = [wanted[start : start + _SPAN] for start in range(0, len(wanted), _SPAN)]
    parts = [ROWS.empty_table()]
    done = 0
    for part in in_threads(lambda span: _read_span(database, schema, span), spans):
        parts.append(part)
        done += len(part)
        if progress is not None:
            progress(done, len(wanted))
    return pa.concat_tables(parts)


def unix_microseconds(apple: Integers) -> Integers:
    """Dates of chat.db as µs since 1970, rounded down; 0 and what cannot be a date are ``UNKNOWN_TIME``."""
    nanoseconds = apple >= _FIRST_NANOSECONDS
    seconds = np.where(nanoseconds, 0, np.clip(apple, 0, _LATEST_SECONDS))
    since_2001 = np.where(nanoseconds, apple // 1000, seconds * 1_000_000)
    unix = since_2001 + _APPLE_EPOCH_SECONDS * 1_000_000
    return np.where((apple > 0) & (unix < _LATEST_SECONDS * 1_000_000), unix, UNKNOWN_TIME)


def in_threads(work: Callable[[Integers], Result], spans: list[Integers]) -> Iterator[Result]:
    """``work`` of every span in turn, a few of them at a time; never more results waiting than threads."""
    threads = min(_MOST_THREADS, os.cpu_count() or 1)
    with ThreadPoolExecutor(threads, "reader") as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            for span in spans:
                waiting.append(pool.submit(work, span))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _read_span(database: Path, schema: Schema, span: Integers) -> pa.Table:
    whole = span[-1] - span[0] < 2 * len(span)
    chosen = f"BETWEEN {span[0]} AND {span[-1]}" if whole else f"IN ({', '.join(map(str, span.tolist()))})"
    select = select_rows(schema, f"message WHERE message.ROWID {chosen}")
    batches = [_decoded(batch) for batch in stream(database, select)]
    found = pa.Table.from_batches(batches, ROWS)
    return found if len(found) == len(span) else found.filter(pc.is_in(found["rowid"], value_set=pa.array(span)))


def select_rows(schema: Schema, source: str) -> Select:
    """SELECT over ``message`` alone: joins would drop or double rows (orphans, rows in two chats)."""

    def column(name: str) -> str:
        return schema.column("message", name, "0")

    def number(name: str) -> str:
        return f"CAST({column(name)} AS INTEGER)"

    def text(name: str) -> tuple[Kind, str]:
        return Kind.TEXT, f"NULLIF({schema.column('message', name)}, '')"

    from_me = f"{number('is_from_me')} <> 0"
    if schema.has("message", "item_type") and schema.has("message", "share_direction"):
        sharing_mine = f"{number('other_handle')} <> 0 AND {number('share_direction')} = 0"
        from_me = f"CASE WHEN {number('item_type')} = {_LOCATION} THEN {sharing_mine} ELSE {from_me} END"
    summary = schema.column("message", "message_summary_info")
    touched = f"{number('date_edited')} <> 0 OR {number('date_retracted')} <> 0"
    return Select(
        {
            "rowid": (Kind.INTEGER, "message.ROWID"),
            "guid": (Kind.TEXT, f"COALESCE({schema.column('message', 'guid')}, 'row ' || message.ROWID)"),
            "handle": (Kind.INTEGER, column("handle_id")),
            "from_me": (Kind.INTEGER, from_me),
            "sent_at": (Kind.INTEGER, column("date")),
            "edited_at": (Kind.INTEGER, column("date_edited")),
            "retracted_at": (Kind.INTEGER, column("date_retracted")),
            "association": (Kind.INTEGER, column("associated_message_type")),
            "associated_guid": text("associated_message_guid"),
            "evidence": (Kind.INTEGER, evidence_sql(schema)),
            "claims_attachments": (Kind.INTEGER, f"{number('cache_has_attachments')} <> 0"),
            "service": (Kind.TEXT, schema.column("message", "service")),
            "thread_root": text("thread_originator_guid"),
            "plain": (Kind.RAW_TEXT, schema.column("message", "text")),
            "body": (Kind.BLOB, schema.column("message", "attributedBody")),
            "summary": (Kind.BLOB, f"CASE WHEN {touched} THEN {summary} END"),
        },
        source,
    )


def _decoded(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A batch as selected → ``ROWS``."""
    bodies = read_bodies(batch["body"], batch["plain"])
    edited = _edited(batch, bodies)
    texts = with_values(bodies.texts, edited.texts)
    textless = pc.is_null(texts).to_numpy(zero_copy_only=False)
    evidence = batch["evidence"].to_numpy().copy()
    evidence[edited.unsent] |= BIT["unsent"]
    evidence[textless] |= BIT["attachment_only"]
    count = len(batch)
    # Taken, hence copied: a column as it came keeps its whole batch in memory, bodies and all.
    taken = batch.select(["rowid", "guid", "handle", "associated_guid", "thread_root"])
    taken = taken.take(pa.array(np.arange(count)))
    columns = {
        **{name: taken[name] for name in taken.schema.names},
        "association": np.clip(batch["association"].to_numpy(), 0, 2**31 - 1).astype(np.int32),
        "from_me": batch["from_me"].cast(pa.bool_()),
        "sent_at": unix_microseconds(batch["sent_at"].to_numpy()),
        "edited_at": unix_microseconds(batch["edited_at"].to_numpy()),
        "evidence": evidence.astype(np.int32),
        "claims_attachments": batch["claims_attachments"].cast(pa.bool_()),
        "service": _services(batch["service"]),
        "text": texts,
        "damage": _sparse({row: why for row, why in bodies.damaged.items() if textless[row]}, count, pa.string()),
        "rescued": np.isin(np.arange(count), bodies.rescued),
        "damaged_edits": np.isin(np.arange(count), edited.damaged),
        "edits": _sparse(edited.histories, count, Type.EDITS.arrow),
    }
    return pa.record_batch([pa.array(columns[field.name], field.type) for field in ROWS], schema=ROWS)


@dataclass
class _Edited:
    """What the summaries of a batch say; keys and places are rows of the batch."""

    histories: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    texts: dict[int, str | None] = field(default_factory=dict)
    """Texts that differ from the body's: none of what was taken back, the history's where there is no body."""
    unsent: list[int] = field(default_factory=list)
    damaged: list[int] = field(default_factory=list)


def _edited(batch: pa.RecordBatch, bodies: Bodies) -> _Edited:
    """Histories of edited rows, and which are unsent; a loop over the few rows that have a summary."""
    edited = _Edited()
    retracted = batch["retracted_at"].to_numpy() != 0
    touched = retracted | batch["summary"].is_valid().to_numpy(zero_copy_only=False)
    for row in np.flatnonzero(touched).tolist():
        blob = batch["summary"][row].as_py()
        summary = Summary({}, frozenset(), frozenset())
        try:
            summary = read_summary(blob) if blob else summary
        except SummaryError:
            edited.damaged.append(row)
        text = bodies.texts[row].as_py()
        taken_back = summary.wholly_unsent and (summary.parts or text is None)
        if taken_back or (retracted[row] and text is None):
            edited.unsent.append(row)
            edited.texts[row] = None
        elif versions := history(summary, _rest(batch["body"][row].as_py(), summary)):
            if text is None:
                # Some systems keep an edited message's text nowhere but in its history.
                edited.texts[row] = versions[-1]["text"]
            else:
                versions[-1]["text"] = text
            edited.histories[row] = versions
    return edited


def _rest(blob: bytes | None, summary: Summary) -> AttributedBody | None:
    """The body, where an edited message has parts that were not edited; None where it has none or is damaged."""
    if not blob or not summary.versions or summary.parts == summary.versions.keys():
        return None
    try:
        return decode(blob)
    except TypedstreamError:
        return None


def _services(names: pa.StringArray) -> pa.Array:
    """Place of each service in ``tables.SERVICES``."""
    encoded = names.fill_null("").dictionary_encode()
    places = [SERVICES.index(service_of(name)) for name in encoded.dictionary.to_pylist()]
    return pa.array(places, pa.int8()).take(encoded.indices)


def _sparse(values: dict[int, Any], count: int, kind: pa.DataType) -> pa.Array:
    """A column that is null but for a few rows."""
    places = np.full(count, -1)
    places[list(values)] = np.arange(len(values))
    return pa.array(list(values.values()), kind).take(pa.array(places, mask=places < 0))
