"""A second reading decodes only what changed, and yields exactly what a first one would."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import pytest

from jarvis_resources.imessage import rereading
from jarvis_resources.imessage.messages import History, read_history
from jarvis_resources.imessage.sample import write_sample
from jarvis_resources.imessage.sample.typedstream_writer import Run, encode
from jarvis_resources.imessage.snapshot import take_snapshot


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample(tmp_path_factory.mktemp("sample") / "chat.db", messages=1500, seed=3).path


@pytest.fixture
def living(sample: Path, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A database in WAL mode that somebody goes on writing to."""
    shutil.copy(sample, tmp_path / "chat.db")
    with closing(sqlite3.connect(tmp_path / "chat.db", isolation_level=None)) as connection:
        for trigger in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {trigger[0]}")
        connection.execute("PRAGMA journal_mode=WAL")
        yield connection


@pytest.fixture
def mined(tmp_path: Path) -> Callable[[], History]:
    """Snapshot and read, as a mining does, keeping what was read."""

    def mine() -> History:
        snapshot = take_snapshot(tmp_path / "chat.db", tmp_path / "snapshots")
        return read_history(snapshot.path, kept=tmp_path / "snapshots" / "read")

    return mine


def assert_as_a_whole_reading(history: History, tmp_path: Path) -> None:
    whole = read_history(take_snapshot(tmp_path / "chat.db", tmp_path / "other").path)
    assert history.messages.equals(whole.messages)
    assert history.people.equals(whole.people)
    assert history.conversations.equals(whole.conversations)
    ours, theirs = asdict(history.report), asdict(whole.report)
    assert (ours.pop("rows_read"), theirs.pop("rows_read")) == (history.report.rows_read, len(whole.messages))
    assert ours == theirs


def test_the_first_reading_reads_everything_and_the_second_nothing(
    living: sqlite3.Connection, mined: Callable[[], History], tmp_path: Path
) -> None:
    first = mined()
    assert first.report.rows_read == len(first.messages) > 1000
    second = mined()
    assert second.report.rows_read == 0
    assert_as_a_whole_reading(second, tmp_path)


CHANGES = {
    "new": "INSERT INTO message (guid, text, date, service, handle_id) SELECT 'new', 'just now', MAX(date) + 1, 'SMS', 1 FROM message",
    "new and old": "INSERT INTO message (guid, text, date, service) SELECT 'old', 'long ago', MIN(date) - 1, 'SMS' FROM message",
    "a text of equal length, and nothing else": "UPDATE message SET attributedBody = NULL, text = 'abc' WHERE ROWID = 700",
    "re-dated": "UPDATE message SET date = date - 86400000000000 WHERE ROWID = 700",
    "undated": "UPDATE message SET date = 0 WHERE ROWID = 700",
    "unsent": "UPDATE message SET date_retracted = 1, text = NULL, attributedBody = NULL WHERE ROWID = 700",
    "damaged": "UPDATE message SET text = NULL, attributedBody = x'040b7374726561' WHERE ROWID = 700",
    "junk": "UPDATE message SET is_spam = 1 WHERE ROWID = 700",
    "failed": "UPDATE message SET error = 22 WHERE ROWID = 700",
    "another guid": "UPDATE message SET guid = 'other' WHERE ROWID = 700",
    "another ROWID": "UPDATE message SET ROWID = 900000 WHERE ROWID = 700",
}


@pytest.mark.parametrize("change", CHANGES)
def test_one_changed_row_is_the_one_row_read(
    living: sqlite3.Connection, mined: Callable[[], History], tmp_path: Path, change: str
) -> None:
    mined()
    assert living.execute(CHANGES[change]).rowcount == 1
    again = mined()
    assert again.report.rows_read == 1
    assert_as_a_whole_reading(again, tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM message WHERE ROWID = 700",
        "DELETE FROM chat_message_join WHERE message_id = 700",
        "UPDATE chat_message_join SET chat_id = 2 WHERE message_id = 700 AND chat_id <> 2",
        "INSERT INTO chat_recoverable_message_join (chat_id, message_id) VALUES (1, 700)",
        "INSERT INTO message_attachment_join (message_id, attachment_id) VALUES (700, 424242)",
        "UPDATE handle SET person_centric_id = 'one and the same' WHERE ROWID IN (2, 3)",
        "UPDATE chat SET display_name = 'Renamed' WHERE ROWID = 1",
        "UPDATE message SET is_read = 1 - is_read WHERE ROWID = 700",
    ],
)
def test_what_changed_elsewhere_needs_no_row_read(
    living: sqlite3.Connection, mined: Callable[[], History], tmp_path: Path, change: str
) -> None:
    mined()
    living.execute(change)
    again = mined()
    assert again.report.rows_read == 0
    assert_as_a_whole_reading(again, tmp_path)


def test_a_database_that_lives_on_between_readings(
    living: sqlite3.Connection, mined: Callable[[], History], tmp_path: Path
) -> None:
    """Six minings of a history that grows and is edited all over."""
    rng = random.Random(0)
    mined()
    for mining in range(6):
        rows = [row for (row,) in living.execute("SELECT ROWID FROM message")]
        touched = rng.sample(rows, 40)
        for number, row in enumerate(touched[:20]):
            said = f"edited {mining} {number} " + "é" * rng.randrange(300)
            living.execute(
                "UPDATE message SET text = ?, attributedBody = ?, date_edited = date + 1 WHERE ROWID = ?",
                [said, encode([Run(said)], mutable=bool(number % 2)), row],
            )
        living.executemany("DELETE FROM message WHERE ROWID = ?", [[row] for row in touched[20:25]])
        living.executemany("UPDATE message SET date = date + 7 WHERE ROWID = ?", [[row] for row in touched[25:]])
        chats = rng.choices(range(1, 5), k=30)
        for number, chat in enumerate(chats):
            new = living.execute(
                "INSERT INTO message (guid, text, date, handle_id) SELECT ?, ?, MAX(date) + 1, 1 FROM message",
                [f"{mining}-{number}", f"new {number}"],
            ).lastrowid
            living.execute("INSERT INTO chat_message_join (chat_id, message_id) VALUES (?, ?)", [chat, new])
        again = mined()
        assert 0 < again.report.rows_read <= 20 + 15 + 30
        assert_as_a_whole_reading(again, tmp_path)


def test_another_schema_is_read_anew(living: sqlite3.Connection, mined: Callable[[], History], tmp_path: Path) -> None:
    mined()
    living.execute("ALTER TABLE message ADD COLUMN filter_action INTEGER DEFAULT 2")
    again = mined()
    assert again.report.rows_read == len(again.messages)
    assert_as_a_whole_reading(again, tmp_path)


def test_another_version_of_the_reader_reads_anew(
    living: sqlite3.Connection, mined: Callable[[], History], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = mined()
    monkeypatch.setattr(rereading, "_fingerprint", lambda schema: b"another")
    assert mined().report.rows_read == len(first.messages)


def cut(read: Path) -> None:
    os.truncate(read / "rows.arrow", 5000)


def lose_rows(read: Path) -> None:
    (read / "rows.arrow").unlink()


def lose_snapshot(read: Path) -> None:
    (read / "chat.db").unlink()


def tamper(read: Path) -> None:
    with closing(sqlite3.connect(read / "chat.db")) as connection:
        connection.execute("UPDATE message SET text = 'tampered', attributedBody = NULL WHERE ROWID = 700")
        connection.commit()


@pytest.mark.parametrize("spoil", [cut, lose_rows, lose_snapshot, tamper])
def test_what_was_kept_is_not_trusted_when_anything_is_amiss(
    living: sqlite3.Connection, mined: Callable[[], History], tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    mined()
    spoil(tmp_path / "snapshots" / "read")
    living.execute(CHANGES["new"])
    again = mined()
    assert again.report.rows_read == len(again.messages)
    assert_as_a_whole_reading(again, tmp_path)


def test_what_is_kept_is_private_and_costs_no_second_snapshot(
    living: sqlite3.Connection, mined: Callable[[], History], tmp_path: Path
) -> None:
    mined()
    read = tmp_path / "snapshots" / "read"
    assert {path.name: path.stat().st_mode & 0o777 for path in read.iterdir()} == {
        "chat.db": 0o600,
        "rows.arrow": 0o600,
    }
    assert (read.stat().st_mode & 0o777) == 0o700
    assert (read / "chat.db").samefile(tmp_path / "snapshots" / "chat.db")


def test_a_file_system_without_hard_links_reads_everything_each_time(
    living: sqlite3.Connection, mined: Callable[[], History], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("Operation not supported")

    monkeypatch.setattr(os, "link", refuse)
    first = mined()
    assert mined().report.rows_read == len(first.messages)
