"""A snapshot holds what Messages holds, leaves the original as it was, and says in one sentence why it cannot be."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from handmade import ChatDb

from jarvis_resources.errors import ChatDatabaseError
from jarvis_resources.imessage import snapshot as module
from jarvis_resources.imessage.diagnosis import explain
from jarvis_resources.imessage.snapshot import take_snapshot


def count(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        number: int = connection.execute("SELECT COUNT(*) FROM message").fetchone()[0]
        return number


def refusal(source: Path, folder: Path) -> str:
    with pytest.raises(ChatDatabaseError) as caught:
        take_snapshot(source, folder)
    assert not list(folder.glob(".*")) if folder.exists() else True, "leftovers"
    return str(caught.value)


def stamps(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Every file beside the database; of the shared-memory file only that it is there, since readers lock in it."""
    return {
        path.name: (0, 0, b"")
        if path.name.endswith("-shm")
        else (path.stat().st_mtime_ns, path.stat().st_size, path.read_bytes())
        for path in folder.iterdir()
        if path.is_file()
    }


@pytest.fixture
def wal_db(chat_db: ChatDb) -> ChatDb:
    chat_db.message("checkpointed")
    chat_db.connection.execute("PRAGMA journal_mode=WAL")
    chat_db.connection.execute("PRAGMA wal_autocheckpoint=0")
    chat_db.message("only in the wal")
    return chat_db


def test_messages_that_lie_only_in_the_wal_are_in_the_snapshot(wal_db: ChatDb, tmp_path: Path) -> None:
    taken = take_snapshot(wal_db.path, tmp_path / "out")
    assert count(taken.path) == 2
    assert (taken.method, taken.stale, taken.warnings) == ("backup", False, ())


def test_the_snapshot_is_one_private_file_that_is_not_in_wal_mode(wal_db: ChatDb, tmp_path: Path) -> None:
    taken = take_snapshot(wal_db.path, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["chat.db"]
    assert stat.S_IMODE(taken.path.stat().st_mode) == 0o600
    assert taken.size == taken.path.stat().st_size
    with closing(sqlite3.connect(taken.path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "delete"


def test_the_original_is_left_as_it_was(wal_db: ChatDb, tmp_path: Path) -> None:
    before = stamps(wal_db.path.parent)
    take_snapshot(wal_db.path, tmp_path / "out")
    assert stamps(wal_db.path.parent) == before


def test_a_database_that_nobody_has_open_gets_no_files_beside_it(wal_db: ChatDb, tmp_path: Path) -> None:
    wal_db.connection.close()
    assert [path.name for path in tmp_path.iterdir()] == ["chat.db"]
    assert count(take_snapshot(wal_db.path, tmp_path / "out").path) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["chat.db", "out"]


def test_the_digest_is_that_of_the_content(chat_db: ChatDb, tmp_path: Path) -> None:
    chat_db.message("one")
    first = take_snapshot(chat_db.path, tmp_path / "a").digest
    assert take_snapshot(chat_db.path, tmp_path / "b").digest == first
    chat_db.message("two")
    assert take_snapshot(chat_db.path, tmp_path / "a").digest != first


def test_progress_ends_at_all_pages(chat_db: ChatDb, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    take_snapshot(chat_db.path, tmp_path / "out", progress=lambda done, total: seen.append((done, total)))
    assert seen
    assert seen[-1][0] == seen[-1][1]


def test_a_failure_leaves_the_snapshot_before_it(chat_db: ChatDb, tmp_path: Path) -> None:
    good = take_snapshot(chat_db.path, tmp_path / "out")
    bad = tmp_path / "bad.db"
    bad.write_bytes(chat_db.path.read_bytes()[:5000])
    refusal(bad, tmp_path / "out")
    assert good.path.read_bytes()


def test_a_refused_connection_falls_back_to_copying_the_files(
    wal_db: ChatDb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused(monkeypatch, times=1)
    taken = take_snapshot(wal_db.path, tmp_path / "out")
    assert (taken.method, taken.stale, count(taken.path)) == ("copy", False, 2)
    assert taken.warnings


def test_the_last_resort_reads_the_main_file_and_says_it_may_be_stale(
    wal_db: ChatDb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused(monkeypatch, times=1)
    monkeypatch.setattr(module, "_COPY_ATTEMPTS", 0)
    taken = take_snapshot(wal_db.path, tmp_path / "out")
    assert (taken.method, taken.stale, count(taken.path)) == ("immutable", True, 1)


def refused(monkeypatch: pytest.MonkeyPatch, *, times: int) -> None:
    """Let SQLite itself refuse the first connections, as macOS does: at the first query, with SQLITE_AUTH."""
    real, left = module.open_readonly, [times]

    def open_guarded(path: Path, **options: Any) -> sqlite3.Connection:
        connection = real(path, **options)
        if left[0]:
            left[0] -= 1
            connection.set_authorizer(lambda *_: sqlite3.SQLITE_DENY)
        return connection

    monkeypatch.setattr(module, "open_readonly", open_guarded)


def test_each_bad_input_has_a_sentence_of_its_own(chat_db: ChatDb, tmp_path: Path) -> None:
    for _ in range(500):
        chat_db.message("a message long enough to fill pages " * 4)
    whole = chat_db.path.read_bytes()
    files = {"text.db": b"hello\n" * 400, "empty.db": b"", "noise.db": bytes(range(256)) * 16,
             "cut.db": whole[: len(whole) // 2], "stub.db": whole[:200],
             "torn.db": whole[:8192] + b"\xa5" * 8192 + whole[16384:]}  # fmt: skip
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE note (id)")
        other.commit()
    said = {name: refusal(tmp_path / name, tmp_path / "out") for name in ("missing.db", "", *files, "other.db")}
    expected = {
        "missing.db": "There is no file", "": "is a folder", "text.db": "is a text file", "empty.db": "is empty",
        "noise.db": "is encrypted", "cut.db": "truncated or damaged", "stub.db": "truncated or damaged",
        "torn.db": "truncated or damaged", "other.db": "no table `message`",
    }  # fmt: skip
    for name, words in expected.items():
        assert words in said[name], said[name]
        assert said[name].endswith(".")
        assert "\n" not in said[name]


def test_a_folder_with_a_database_in_it_is_told_which(chat_db: ChatDb, tmp_path: Path) -> None:
    assert f"give {chat_db.path}" in refusal(tmp_path, tmp_path / "out")


def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "is not a file" in refusal(tmp_path / "pipe", tmp_path / "out")


def test_a_locked_database_says_so(chat_db: ChatDb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = module.open_readonly
    monkeypatch.setattr(module, "open_readonly", lambda path, **options: real(path, timeout_seconds=0.05, **options))
    chat_db.connection.execute("BEGIN EXCLUSIVE")
    assert "is locked" in refusal(chat_db.path, tmp_path / "out")


def test_a_folder_that_cannot_be_made_is_not_called_a_permission_of_macos(chat_db: ChatDb, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "set JARVIS_HOME" in refusal(chat_db.path, tmp_path / "file" / "snapshots")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_says_how_to_grant_it(chat_db: ChatDb, tmp_path: Path) -> None:
    chat_db.path.chmod(0)
    assert "Full Disk Access" in refusal(chat_db.path, tmp_path / "out")


def test_every_refusal_of_macos_says_how_to_grant_access(chat_db: ChatDb) -> None:
    chat_db.connection.set_authorizer(lambda *_: sqlite3.SQLITE_DENY)
    with pytest.raises(sqlite3.DatabaseError) as denied:
        chat_db.connection.execute("SELECT * FROM message")
    chat_db.connection.set_authorizer(None)
    with pytest.raises(sqlite3.OperationalError) as cannot_open:
        sqlite3.connect(f"file:{chat_db.path}-not-there?mode=ro", uri=True)
    for error in (
        denied.value,
        cannot_open.value,
        PermissionError(1, "Operation not permitted"),
        PermissionError(13, ""),
    ):
        assert "System Settings > Privacy & Security > Full Disk Access" in str(explain(error, chat_db.path))
