"""SELECTs as Arrow columns: whatever SQLite holds, every value arrives as its column's type."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from jarvis_resources.errors import ChatDatabaseError
from jarvis_resources.imessage.columns import Kind, Select, integers, look_up, stream

THREE = {"n": (Kind.INTEGER, "n"), "t": (Kind.TEXT, "t"), "b": (Kind.BLOB, "b")}


@pytest.fixture
def database(tmp_path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(tmp_path / "a b?#%.db", isolation_level=None)
    connection.execute("CREATE TABLE thing (n, t, b)")
    return connection


def path_of(connection: sqlite3.Connection) -> Path:
    return Path(connection.execute("PRAGMA database_list").fetchone()[2])


def test_nothing_is_no_rows_of_the_right_types(database: sqlite3.Connection) -> None:
    batches = list(stream(path_of(database), Select(THREE, "thing")))
    assert sum(len(batch) for batch in batches) == 0
    assert [str(kind) for kind in batches[0].schema.types] == ["int64", "string", "binary"]


def test_columns_of_nulls_keep_their_types_when_a_value_comes_late(database: sqlite3.Connection) -> None:
    database.executemany("INSERT INTO thing VALUES (?, ?, ?)", [(None, None, None)] * 5 + [(7, "late", b"\0")])
    batches = list(stream(path_of(database), Select(THREE, "thing"), batch=2))
    found = [tuple(row.values()) for one in batches for row in one.to_pylist()]
    assert found == [(None, None, None)] * 5 + [(7, "late", b"\0")]


def test_every_value_is_cast_to_its_columns_type(database: sqlite3.Connection) -> None:
    database.execute("INSERT INTO thing VALUES ('12 rows', 3.5, 'text'), (2.9, x'c3a9', 8), (x'31', ?, NULL)", ["é\0z"])
    batches = list(stream(path_of(database), Select(THREE, "thing")))
    found = [tuple(row.values()) for one in batches for row in one.to_pylist()]
    assert found == [(12, "3.5", b"text"), (2, "é", b"8"), (1, "é\0z", None)]


def test_text_that_is_no_utf8_is_read_with_replacements(database: sqlite3.Connection) -> None:
    database.execute("INSERT INTO thing VALUES (1, CAST(x'636166e9' AS TEXT), NULL), (2, 'fine', NULL)")
    batches = list(stream(path_of(database), Select(THREE, "thing")))
    assert [row["t"] for one in batches for row in one.to_pylist()] == ["caf\ufffd", "fine"]


def test_integers_come_as_arrays_with_zero_for_null(database: sqlite3.Connection) -> None:
    database.execute("INSERT INTO thing VALUES (1, 2, 3), (NULL, 5, 6)")
    first, second = integers(path_of(database), "thing", "n", "t * 2")
    assert (first.tolist(), second.tolist()) == ([1, 0], [4, 10])


def test_a_query_that_fails_has_its_sentence(database: sqlite3.Connection) -> None:
    with pytest.raises(ChatDatabaseError, match="truncated or damaged"):
        integers(path_of(database), "no_such_table", "n")


def test_look_up_finds_by_sorted_key(database: sqlite3.Connection) -> None:
    import numpy as np

    keys, values = np.array([2, 5, 9]), np.array([20, 50, 90])
    assert look_up(keys, values, np.array([9, 1, 5, 10]), -1).tolist() == [90, -1, 50, -1]
    assert look_up(keys[:0], values[:0], np.array([9]), -1).tolist() == [-1]
