"""The synthetic sample that the tests of it share, written once, and an independent decoder for its bodies."""

from __future__ import annotations

import gzip
import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest
import typedstream as oracle

from jarvis_resources.imessage.sample import SampleReport, write_sample

ROWS = 20_000


@dataclass(frozen=True)
class Sample:
    """A written sample, its truth by guid, and its rows."""

    report: SampleReport
    truth: dict[str, dict[str, Any]]
    rows: dict[str, sqlite3.Row]

    def said(self, **wanted: Any) -> list[dict[str, Any]]:
        """The truth about ordinary messages that have these fields."""
        return [
            record for record in self.truth.values()
            if record["kind"] == "normal" and all(record.get(name) == value for name, value in wanted.items())
        ]  # fmt: skip


def opened(report: SampleReport) -> Sample:
    with gzip.open(report.truth_path, "rt", encoding="utf-8") as file:
        truth = [json.loads(line) for line in file]
    with closing(sqlite3.connect(report.path)) as connection:
        connection.row_factory = sqlite3.Row
        rows = connection.execute("SELECT * FROM message").fetchall()
    return Sample(report, {record["guid"]: record for record in truth}, {row["guid"]: row for row in rows})


_written: list[Sample] = []
"""Writing takes seconds, so two modules of tests share one."""


def default_sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """The sample that ``jarvis sample`` makes when nothing is asked for."""
    if not _written:
        _written.append(opened(write_sample(tmp_path_factory.mktemp("sample") / "chat.db")))
    return _written[0]


def unarchived(body: bytes) -> tuple[str, list[tuple[dict[str, Any], int]]]:
    """Text and runs (attributes, length) of a body, by pytypedstream."""
    first, *rest = (group.value if hasattr(group, "value") else group for group in contents(body))
    known: dict[int, dict[str, Any]] = {}
    runs = []
    while rest:
        number, length = rest.pop(0), rest.pop(0)
        if number not in known:
            known[number] = rest.pop(0)
        runs.append((known[number], length))
    return first, runs


def contents(body: bytes) -> list[Any]:
    """The values of an archived attributed string, its dictionaries as plain ones."""
    out = []
    for group in oracle.unarchive_from_data(body).contents:
        for value in group.values:
            if hasattr(value, "contents") and isinstance(value.contents, dict):
                value = {key.value: item for key, item in value.contents.items()}
            out.append(value)
    return out
