"""The tables' one declaration: what it gives, and what it refuses."""

from __future__ import annotations

import stat
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from docs import generate
from jarvis_resources import tables
from jarvis_resources.errors import JarvisError

FEEDBACK = tables.SUGGESTION_FEEDBACK


def one_verdict(**changes: object) -> pd.DataFrame:
    row = {
        "suggestion_id": "s1",
        "given_at": pd.Timestamp("2026-03-01T12:00:00Z"),
        "action": "sent",
        "option": 0,
        "route": "TEMPLATE",
        **changes,
    }
    return FEEDBACK.conform(pd.DataFrame([row]))


@pytest.mark.parametrize("table", tables.ALL.values(), ids=lambda table: table.name)
def test_an_empty_table_obeys_its_own_declaration(table: tables.Table) -> None:
    assert tables.violations(table, table.empty()) == []


@pytest.mark.parametrize("table", tables.ALL.values(), ids=lambda table: table.name)
def test_every_column_has_a_meaning(table: tables.Table) -> None:
    assert all(column.meaning.strip() for column in table.columns.values())


def test_a_value_outside_the_declaration_is_a_violation_that_quotes_no_data() -> None:
    found = tables.violations(FEEDBACK, one_verdict(action="a secret text", option=7))
    assert len(found) == 2
    assert "secret" not in " ".join(found)


def test_a_null_in_a_column_that_allows_none_is_a_violation() -> None:
    assert tables.violations(FEEDBACK, one_verdict(route=None)) != []


def test_a_missing_column_is_named() -> None:
    with pytest.raises(JarvisError, match="given_at"):
        FEEDBACK.conform(pd.DataFrame({"suggestion_id": ["s1"]}))


def test_what_is_written_is_read_back_with_the_same_types(tmp_path: Path) -> None:
    history = [{"sent_at": pd.Timestamp("2026-01-01T00:00:00Z").to_pydatetime(), "text": "hm"}]
    frame = tables.MESSAGES.empty()
    frame.loc[0] = [
        "g", 1, None, None, True, False, pd.NaT, "normal", "hmm", "iMessage", None, pd.NaT, history, None, None, 0,
    ]  # fmt: skip
    frame = tables.MESSAGES.conform(frame)
    file = tmp_path / "messages.parquet"
    tables.MESSAGES.write(frame, file)
    back = tables.MESSAGES.read(file)
    assert list(map(str, back.dtypes)) == list(map(str, frame.dtypes))
    assert back.loc[0, "edit_history"] == history
    assert back["person_id"].isna().all()
    assert pq.read_schema(file).equals(tables.MESSAGES.arrow_schema)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_long_lists_stay_in_arrow_and_come_out_as_lists_and_any_reader_reads_the_file(tmp_path: Path) -> None:
    file = tmp_path / "turns.parquet"
    turns = tables.TURNS.empty()
    at = pd.Timestamp("2026-01-01T00:00:00Z")
    turns.loc[0] = ["g", "d1", None, True, False, None, ["g", "h"], 2, "hm\nwell", at, at]
    turns = tables.TURNS.conform(turns)
    tables.TURNS.write(turns, file)
    for frame in (turns, tables.TURNS.read(file), tables.TURNS.read(file, columns=["message_guids"])):
        assert frame["message_guids"].dtype == tables.Type.GUIDS.dtype
        assert frame["message_guids"].tolist() == [["g", "h"]]
    assert list(tables.TURNS.read(file).columns) == list(tables.TURNS.columns)
    assert list(pd.read_parquet(file)["message_guids"][0]) == ["g", "h"]
    assert tables.violations(tables.TURNS, tables.TURNS.read(file)) == []


def test_some_columns_can_be_read_alone(tmp_path: Path) -> None:
    file = tmp_path / "feedback.parquet"
    FEEDBACK.write(one_verdict(), file)
    assert list(FEEDBACK.read(file, columns=["route"]).columns) == ["route"]


def test_a_failed_write_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "feedback.parquet"
    FEEDBACK.write(one_verdict(), file)
    before = file.read_bytes()
    with pytest.raises(JarvisError):
        FEEDBACK.write(pd.DataFrame({"route": ["x"]}), file)
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def test_the_table_dictionary_in_the_docs_is_the_declaration() -> None:
    assert generate.TABLES.read_text(encoding="utf-8") == generate.dictionary(), "run: make docs"
