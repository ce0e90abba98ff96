"""SELECTs of a snapshot as Arrow columns, without a Python object for any value.

A million rows are read through Arrow's own SQLite driver, which fills columns in C and lets other threads work
meanwhile. What is selected, and what it means, is the caller's business.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from urllib.parse import quote

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jarvis_resources.imessage.diagnosis import damaged

Integers = npt.NDArray[np.int64]

_BATCH = 16_384
"""Rows of a batch: some 10 MB of bodies, large enough that the cost of a batch vanishes."""


class Kind(Enum):
    """A column's type: SQLite lets every row hold anything, so each value is cast to it."""

    INTEGER = ("INTEGER", "0", pa.int64())
    TEXT = ("TEXT", "'-'", pa.string())
    BLOB = ("BLOB", "x'00'", pa.binary())
    RAW_TEXT = ("TEXT", "x'00'", pa.binary())
    """Text as bytes, whether they are UTF-8 or not."""


@dataclass(frozen=True)
class Select:
    """``SELECT`` of named expressions ``FROM`` somewhere (which may go on with WHERE and more)."""

    columns: Mapping[str, tuple[Kind, str]]
    """Name → its type and its SQL expression."""
    source: str

    @property
    def sql(self) -> str:
        """The query, led by one made-up row: the driver takes each column's type from the first row that it meets."""
        lead = ", ".join(f'{kind.value[1]} AS "{name}"' for name, (kind, _) in self.columns.items())
        casts = ", ".join(f"CAST({expression} AS {kind.value[0]})" for kind, expression in self.columns.values())
        return f"SELECT {lead} UNION ALL SELECT {casts} FROM {self.source}"


def stream(database: Path, select: Select, *, batch: int = _BATCH) -> Iterator[pa.RecordBatch]:
    """The rows of a SELECT in batches; TEXT columns hold UTF-8, with U+FFFD for what is none.

    Each call has a connection of its own. Raises ``ChatDatabaseError`` when the database cannot be read to its end.
    """
    from adbc_driver_manager import dbapi as adbc
    from adbc_driver_sqlite import dbapi

    address = f"file:{quote(str(database.absolute()))}?mode=ro"
    try:
        with dbapi.connect(address, autocommit=True) as connection, connection.cursor() as cursor:
            cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(batch)})
            cursor.execute(select.sql)
            lead = 1
            for rows in cursor.fetch_record_batch():
                yield _readable(rows.slice(lead))
                lead = 0
    except (adbc.Error, pa.ArrowException, OSError) as error:
        raise damaged(database) from error


def integers(database: Path, source: str, *expressions: str) -> tuple[Integers, ...]:
    """Integer columns as arrays; a null is 0."""
    select = Select(
        {f"c{place}": (Kind.INTEGER, f"COALESCE({sql}, 0)") for place, sql in enumerate(expressions)}, source
    )
    batches = list(stream(database, select, batch=8 * _BATCH))
    return tuple(
        np.concatenate([rows.column(place).to_numpy() for rows in batches]).astype(np.int64, copy=False)
        for place in range(len(expressions))
    )


def look_up(keys: Integers, values: Integers, wanted: Integers, absent: int) -> Integers:
    """``values`` at the places where the sorted ``keys`` equal ``wanted``; ``absent`` where none does."""
    if not len(keys):
        return np.full(len(wanted), absent, np.int64)
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[places] == wanted, values[places], absent)


def _readable(rows: pa.RecordBatch) -> pa.RecordBatch:
    """SQLite hands out whatever bytes a TEXT holds; Arrow's text must be UTF-8."""
    for place, field in enumerate(rows.schema):
        if field.type == pa.string():
            try:
                rows.column(place).validate(full=True)
            except pa.ArrowInvalid:
                raw = rows.column(place).view(pa.binary()).to_pylist()
                mended = pa.array([None if one is None else one.decode("utf-8", "replace") for one in raw], pa.string())
                rows = rows.set_column(place, field, mended)
    return rows
