"""The public database with known truth: every text exact, every row of its kind, everybody told apart."""

from __future__ import annotations

import gzip
import json
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import typedstream as oracle
from handmade import frame

from jarvis_resources import tables
from jarvis_resources.imessage.messages import History, read_history
from jarvis_resources.imessage.snapshot import take_snapshot
from jarvis_resources.imessage.typedstream import TypedstreamError, decode, decode_text


@pytest.fixture(scope="module")
def folder(test_data: Path) -> Path:
    if not (test_data / "chatdb" / "truth.jsonl.gz").is_file():
        pytest.skip("no public chat.db here (JARVIS_TEST_DATA)")
    return test_data / "chatdb"


@pytest.fixture(scope="module")
def database(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    unpacked = tmp_path_factory.mktemp("public") / "sample.chat.db"
    with gzip.open(folder / "sample.chat.db.gz") as packed, unpacked.open("wb") as out:
        shutil.copyfileobj(packed, out)
    return take_snapshot(unpacked, unpacked.parent / "snapshot").path


@pytest.fixture(scope="module")
def history(database: Path) -> History:
    return read_history(database)


@pytest.fixture(scope="module")
def joined(history: History, folder: Path) -> pd.DataFrame:
    """Our row beside the true one."""
    with gzip.open(folder / "truth.jsonl.gz", "rt", encoding="utf-8") as lines:
        truth = pd.DataFrame([json.loads(line) for line in lines])
    return frame(history).merge(truth, on="guid", how="outer", suffixes=("", "_true"), indicator=True)


def test_no_row_is_lost_invented_or_doubled(joined: pd.DataFrame) -> None:
    assert (joined["_merge"] == "both").all()
    assert joined["guid"].is_unique


def test_the_tables_are_as_declared(history: History) -> None:
    assert tables.violations(tables.MESSAGES, frame(history)) == []
    assert tables.violations(tables.PEOPLE, history.people) == []
    assert tables.violations(tables.CONVERSATIONS, history.conversations) == []


def test_every_row_has_its_kind(joined: pd.DataFrame) -> None:
    wrong = joined[joined["kind"] != joined["kind_true"]]
    assert Counter(zip(wrong["kind_true"], wrong["kind"], strict=True)) == {}


def test_every_text_is_exact(joined: pd.DataFrame) -> None:
    normal = joined[joined["kind_true"] == "normal"]
    assert (normal["text"].fillna("") == normal["text_true"].fillna("")).all()


def test_every_sender_time_and_thread_is_right(joined: pd.DataFrame) -> None:
    assert (joined["is_from_me"] == (joined["sender"] == "me")).all()
    assert (joined["is_group"] == joined["is_group_true"]).all()
    true_time = pd.to_datetime(joined["date_utc"], format="ISO8601", utc=True)
    assert (joined["sent_at"].isna() == true_time.isna()).all()
    assert ((joined["sent_at"] - true_time).abs().max()) <= timedelta(microseconds=1)
    assert (joined["thread_root_guid"].fillna("") == joined["thread_root"].fillna("")).all()


def test_tapbacks_are_on_the_right_message(joined: pd.DataFrame) -> None:
    with_association = joined[
        joined["kind"].isin(["tapback", "tapback_removed"]) & (joined["subkind"] != "sms_text_tapback")
    ]
    assert (with_association["tapback_target_guid"] == with_association["about"]).all()


def test_edited_messages_have_every_version(joined: pd.DataFrame) -> None:
    edited = joined[joined["edited"].notna()]
    assert len(edited) > 400
    for ours, true in zip(edited["edit_history"], edited["edited"], strict=True):
        assert [version["text"] for version in ours] == [version["text"] for version in true]
        for version, expected in zip(ours, true, strict=True):
            sent = datetime.fromisoformat(expected["date_utc"].replace("Z", "+00:00"))
            assert abs(version["sent_at"] - sent) <= timedelta(microseconds=2)


@pytest.mark.parametrize(("ours", "true"), [("conversation_id", "conversation"), ("person_id", "sender")])
def test_everybody_and_every_conversation_is_told_apart(joined: pd.DataFrame, ours: str, true: str) -> None:
    known = joined[
        (joined["kind_true"] == "normal") & joined[ours].notna() & joined[true].notna() & (joined[true] != "me")
    ]
    matches = known[[ours, true]].drop_duplicates()
    assert matches[ours].is_unique
    assert matches[true].is_unique


def some_bodies(database: Path, step: int) -> Iterator[bytes]:
    with closing(sqlite3.connect(database)) as connection:
        query = f"SELECT attributedBody FROM message WHERE attributedBody IS NOT NULL AND ROWID % {step} = 0"
        yield from (blob for (blob,) in connection.execute(query))


def outcome(reader: Any, blob: bytes) -> str | None:
    try:
        return str(reader(blob))
    except (TypedstreamError, oracle.InvalidTypedStreamError, EOFError):
        return None


def test_an_independent_reader_agrees_on_its_bodies(database: Path) -> None:
    checked = 0
    for blob in some_bodies(database, step=40):
        expected = outcome(lambda body: oracle.unarchive_from_data(body).contents[0].value.value, blob)
        if expected is not None:
            assert decode_text(blob) == expected
            assert "".join(run.text for run in decode(blob).runs) == expected
            checked += 1
    assert checked > 900


def test_ids_are_the_same_in_every_run(history: History, database: Path) -> None:
    again = read_history(database)
    assert again.people["person_id"].equals(history.people["person_id"])
    assert again.conversations["conversation_id"].equals(history.conversations["conversation_id"])
