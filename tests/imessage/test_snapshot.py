"""A snapshot holds what Messages holds, leaves the original as it was, and says in one sentence why it cannot be."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
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
    """Every file of a folder; of the shared-memory file only that it is there, since readers lock in it."""
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
    files = sorted((tmp_path / "out").iterdir())
    assert [path.name for path in files] == ["chat.db", "chat.db.json"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
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
    said = {name: refusal(tmp_path / name, tmp_path / "out") for name in ("missing.db", *files, "other.db")}
    expected = {
        "missing.db": "There is no file", "text.db": "is a text file", "empty.db": "is empty",
        "noise.db": "is encrypted", "cut.db": "truncated or damaged", "stub.db": "truncated or damaged",
        "torn.db": "truncated or damaged", "other.db": "no table `message`",
    }  # fmt: skip
    for name, words in expected.items():
        assert words in said[name], said[name]
        assert said[name].endswith(".")
        assert "\n" not in said[name]


def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "is not a file" in refusal(tmp_path / "pipe", tmp_path / "out")


def test_a_locked_database_says_so(chat_db: ChatDb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 0.05)
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


@pytest.fixture
def crashed(wal_db: ChatDb, tmp_path: Path) -> Path:
    """A database whose last writer died: a row in the ``-wal``, and nobody there; alone in its folder."""
    return abandoned(wal_db, tmp_path / "crashed")


def abandoned(database: ChatDb, folder: Path, *suffixes: str) -> Path:
    folder.mkdir()
    for suffix in {"", *(suffixes or ("-wal",))}:
        shutil.copyfile(f"{database.path}{suffix}", folder / f"chat.db{suffix}")
    return folder / "chat.db"


def test_rows_that_a_dead_writer_left_in_the_wal_are_read_and_nothing_is_left_beside_them(
    crashed: Path, tmp_path: Path
) -> None:
    before = stamps(crashed.parent)
    taken = take_snapshot(crashed, tmp_path / "out")
    assert (taken.method, taken.stale, count(taken.path)) == ("backup", False, 2)
    assert stamps(crashed.parent) == before


def test_a_torn_last_frame_of_the_wal_costs_that_transaction_alone(wal_db: ChatDb, tmp_path: Path) -> None:
    whole = wal_db.path.with_name("chat.db-wal").stat().st_size
    wal_db.message("torn " * 2000)
    source = abandoned(wal_db, tmp_path / "crashed")
    os.truncate(source.with_name("chat.db-wal"), whole + 5000)
    assert count(take_snapshot(source, tmp_path / "out").path) == 2


def test_what_a_crash_left_half_written_is_taken_back_in_the_copy_alone(chat_db: ChatDb, tmp_path: Path) -> None:
    for _ in range(300):
        chat_db.message("as it was " * 40)
    chat_db.connection.execute("PRAGMA cache_size=5")
    chat_db.connection.execute("BEGIN")
    chat_db.connection.execute("UPDATE message SET text = 'half written'")
    source = abandoned(chat_db, tmp_path / "crashed", "-journal")
    before = stamps(source.parent)
    taken = take_snapshot(source, tmp_path / "out")
    with closing(sqlite3.connect(taken.path)) as copy:
        assert copy.execute("SELECT COUNT(*) FROM message WHERE text LIKE 'as it was%'").fetchone() == (300,)
    assert (taken.stale, taken.warnings) == (False, ())
    assert stamps(source.parent) == before


def test_a_link_to_a_database_is_followed_to_its_wal(wal_db: ChatDb, tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "history").symlink_to(wal_db.path)
    assert count(take_snapshot(tmp_path / "links" / "history", tmp_path / "out").path) == 2
    assert [path.name for path in (tmp_path / "links").iterdir()] == ["history"]


@pytest.mark.parametrize(
    "name", ["a b", "a#b", "a?mode=rw", "a%20b", "d\u00e9j\u00e0 \u300c\u300d", os.fsdecode(b"\xff")]
)
def test_any_name_of_a_folder_or_file_will_do(crashed: Path, tmp_path: Path, name: str) -> None:
    try:
        source = crashed.parent.rename(tmp_path / name) / f"{name}.db"
    except OSError:
        pytest.skip("this file system has no such name")
    for path in list(source.parent.iterdir()):
        path.rename(source.with_name(path.name.replace("chat.db", source.name)))
    assert count(take_snapshot(source, tmp_path / "out" / name).path) == 2


def test_triggers_that_call_functions_of_apple_s_stop_nothing(wal_db: ChatDb, tmp_path: Path) -> None:
    wal_db.connection.execute(
        "CREATE TRIGGER before_delete BEFORE DELETE ON message BEGIN SELECT delete_attachment_path(OLD.guid); END"
    )
    wal_db.connection.execute("CREATE VIEW strange AS SELECT guid_from_nowhere(guid) FROM message")
    assert count(take_snapshot(wal_db.path, tmp_path / "out").path) == 2


def test_a_row_that_breaks_its_table_s_rules_is_no_damage(chat_db: ChatDb, tmp_path: Path) -> None:
    chat_db.message("one")
    chat_db.insert("chat", guid="iMessage;-;a", style=None)
    chat_db.connection.execute("PRAGMA writable_schema=ON")
    chat_db.connection.execute("UPDATE sqlite_master SET sql = replace(sql, 'style INTEGER', 'style INTEGER NOT NULL')")
    chat_db.connection.execute("PRAGMA writable_schema=RESET")
    assert chat_db.connection.execute("PRAGMA quick_check").fetchone() == ("NULL value in chat.style",)
    assert count(take_snapshot(chat_db.path, tmp_path / "out").path) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs POSIX's users")
@pytest.mark.parametrize("beside", [("-wal", "-shm"), ("-wal",), ()])
def test_a_folder_that_may_only_be_read_is_enough(wal_db: ChatDb, beside: tuple[str, ...]) -> None:
    # pytest's folders let nobody else in, and root may write everywhere: hence a folder and a user of its own.
    with tempfile.TemporaryDirectory() as place:
        folder, out = Path(place) / "theirs", Path(place) / "out"
        if not beside:
            wal_db.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        source = abandoned(wal_db, folder, "", *beside)
        out.mkdir()
        for path, mode in (
            (Path(place), 0o755),
            (out, 0o777),
            (folder, 0o555),
            *((f, 0o444) for f in folder.iterdir()),
        ):
            path.chmod(mode)
        before = stamps(folder)
        with as_somebody_else():
            taken = take_snapshot(source, out)
        assert (count(taken.path), taken.stale, stamps(folder)) == (2, False, before)
        folder.chmod(0o755)


@contextmanager
def as_somebody_else() -> Iterator[None]:
    """Lay root's rights down for a while."""
    if os.geteuid() == 0:
        os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(0)
    else:
        yield


LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


@pytest.mark.slow
def test_another_program_s_lock_is_named_within_seconds(chat_db: ChatDb, tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", LOCK, str(chat_db.path)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout
        assert other.stdin
        other.stdout.readline()
        began = time.monotonic()
        assert "is locked by another program" in refusal(chat_db.path, tmp_path / "out")
        assert time.monotonic() - began < 8
        other.stdin.close()


def test_what_a_killed_process_left_of_its_copy_is_cleared_away(chat_db: ChatDb, tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / f".chat.db.{gone.pid}.part").write_bytes(b"private")
    (tmp_path / "out" / f".chat.db.{os.getppid()}.part").write_bytes(b"another's, at work")
    take_snapshot(chat_db.path, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").glob(".*")] == [f".chat.db.{os.getppid()}.part"]


def test_every_way_of_copying_gives_the_same_digest(
    wal_db: ChatDb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_backup = take_snapshot(wal_db.path, tmp_path / "a")
    with monkeypatch.context() as patched:
        refused(patched, times=1)
        by_copy = take_snapshot(wal_db.path, tmp_path / "b")
    wal_db.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    checkpointed = take_snapshot(wal_db.path, tmp_path / "a")
    wal_db.connection.execute("PRAGMA journal_mode=DELETE")
    not_in_wal_mode = take_snapshot(wal_db.path, tmp_path / "a")
    taken = [by_backup, by_copy, checkpointed, not_in_wal_mode]
    assert [one.method for one in taken] == ["backup", "copy", "backup", "backup"]
    assert len({one.digest for one in taken}) == 1
    assert not any(one.reused for one in taken)


def made_again(source: Path, folder: Path) -> bool:
    """Whether a call copies anew; what it answers is right in either case."""
    before = inode(folder / "chat.db")
    taken = take_snapshot(source, folder)
    assert taken.reused == (inode(folder / "chat.db") == before)
    with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as original:
        assert count(taken.path) == original.execute("SELECT COUNT(*) FROM message").fetchone()[0]
    return not taken.reused


def inode(path: Path) -> tuple[int, int] | None:
    return (path.stat().st_ino, path.stat().st_mtime_ns) if path.exists() else None


def test_an_unchanged_source_is_not_copied_again(wal_db: ChatDb, tmp_path: Path) -> None:
    first = take_snapshot(wal_db.path, tmp_path / "out")
    again = take_snapshot(wal_db.path, tmp_path / "out")
    assert (first.reused, again.reused) == (False, True)
    assert again == replace(first, reused=True)


def test_one_more_row_in_a_wal_of_the_same_size_is_noticed(wal_db: ChatDb, tmp_path: Path) -> None:
    wal = wal_db.path.with_name("chat.db-wal")
    wal_db.connection.execute("PRAGMA wal_checkpoint(RESTART)")
    take_snapshot(wal_db.path, tmp_path / "out")
    size = wal.stat().st_size
    wal_db.message("overwrites the first frames")
    assert wal.stat().st_size == size
    assert made_again(wal_db.path, tmp_path / "out")


def test_a_change_under_the_old_date_and_size_is_noticed(chat_db: ChatDb, tmp_path: Path) -> None:
    chat_db.message("one")
    before = chat_db.path.stat()
    first = take_snapshot(chat_db.path, tmp_path / "out")
    chat_db.connection.execute("UPDATE message SET text = 'two'")
    os.utime(chat_db.path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert chat_db.path.stat().st_size == before.st_size
    again = take_snapshot(chat_db.path, tmp_path / "out")
    assert not again.reused
    assert again.digest != first.digest


def test_a_source_that_was_only_touched_is_copied_again_with_the_same_digest(chat_db: ChatDb, tmp_path: Path) -> None:
    chat_db.message("one")
    first = take_snapshot(chat_db.path, tmp_path / "out")
    os.utime(chat_db.path)
    again = take_snapshot(chat_db.path, tmp_path / "out")
    assert (again.reused, again.digest) == (False, first.digest)


def test_another_source_is_another_snapshot(chat_db: ChatDb, tmp_path: Path) -> None:
    take_snapshot(chat_db.path, tmp_path / "out")
    shutil.copy2(chat_db.path, tmp_path / "other.db")
    assert made_again(tmp_path / "other.db", tmp_path / "out")
    assert made_again(chat_db.path, tmp_path / "out")
    (tmp_path / "elsewhere").mkdir()
    os.link(chat_db.path, tmp_path / "elsewhere" / "chat.db")
    assert made_again(chat_db.path, tmp_path / "out"), "a further link changes the time of status"
    assert made_again(tmp_path / "elsewhere" / "chat.db", tmp_path / "out")


@pytest.mark.parametrize("harm", ["gone", "cut", "altered", "altered under its old date", "no record", "odd record"])
def test_a_copy_that_is_not_whole_or_not_known_is_made_again(chat_db: ChatDb, tmp_path: Path, harm: str) -> None:
    chat_db.message("one")
    taken = take_snapshot(chat_db.path, tmp_path / "out")
    record, copy = tmp_path / "out" / "chat.db.json", taken.path
    content, date = bytearray(copy.read_bytes()), copy.stat().st_mtime_ns
    content[5000] ^= 1
    if harm == "gone":
        copy.unlink()
    elif harm == "cut":
        os.truncate(copy, 4096)
    elif harm == "no record":
        record.unlink()
    elif harm == "odd record":
        record.write_text('["what?"]')
    else:
        copy.write_bytes(content)
        if harm == "altered under its old date":
            os.utime(copy, ns=(date, date))
    assert made_again(chat_db.path, tmp_path / "out")
    assert not made_again(chat_db.path, tmp_path / "out")


def test_a_stale_snapshot_is_never_kept_for_the_next_time(
    wal_db: ChatDb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        refused(patched, times=1)
        patched.setattr(module, "_COPY_ATTEMPTS", 0)
        assert take_snapshot(wal_db.path, tmp_path / "out").stale
    assert made_again(wal_db.path, tmp_path / "out")


def test_a_failure_keeps_the_snapshot_and_what_is_known_of_it(chat_db: ChatDb, tmp_path: Path) -> None:
    take_snapshot(chat_db.path, tmp_path / "out")
    (tmp_path / "bad.db").write_bytes(chat_db.path.read_bytes()[:5000])
    refusal(tmp_path / "bad.db", tmp_path / "out")
    assert not made_again(chat_db.path, tmp_path / "out")


def test_a_folder_of_messages_is_as_good_as_the_file_in_it(wal_db: ChatDb, tmp_path: Path) -> None:
    taken = take_snapshot(wal_db.path.parent, tmp_path / "out")
    assert count(taken.path) == 2
    assert take_snapshot(wal_db.path, tmp_path / "out").reused
