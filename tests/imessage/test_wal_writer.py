"""Snapshots of a database that another process keeps writing to are whole, and the writer never waits for us.

The writer's transactions each add several messages of one batch and count the batch; a snapshot that shows part of a
transaction breaks that count. The writer's own times, with snapshots and without, are printed (``pytest -s``).
"""

from __future__ import annotations

import json
import sqlite3
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from handmade import DDL

from jarvis_resources.imessage.snapshot import take_snapshot

ROWS_A_BATCH = 7
MEGABYTES = 40
LONGEST_WAIT = 0.1
"""Seconds that a writer may be kept waiting by a snapshot."""

WRITER = f"""
import json, os, select, sqlite3, struct, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
committed = os.open(sys.argv[2], os.O_CREAT | os.O_RDWR)
batch = connection.execute("SELECT batches FROM ledger").fetchone()[0]
locks, commits, checkpoints, wal = [], [], [], 0
while not select.select([sys.stdin], [], [], 0.001)[0]:
    batch += 1
    began = time.perf_counter()
    connection.execute("BEGIN IMMEDIATE")
    locked = time.perf_counter()
    for row in range({ROWS_A_BATCH}):
        connection.execute(
            "INSERT INTO message (guid, text, date, error) VALUES (?, ?, 1, ?)",
            (f"B{{batch}}-{{row}}", "x" * 500, batch),
        )
    connection.execute("UPDATE ledger SET batches = ?, rows = rows + {ROWS_A_BATCH}", (batch,))
    connection.execute("COMMIT")
    commits.append(time.perf_counter() - began)
    locks.append(locked - began)
    os.pwrite(committed, struct.pack("<q", batch), 0)
    if batch % 50 == 0:
        began = time.perf_counter()
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        checkpoints.append(time.perf_counter() - began)
        wal = max(wal, os.path.getsize(sys.argv[1] + "-wal"))
print(json.dumps({{"transactions": len(commits), "longest lock": max(locks), "longest transaction": max(commits),
                  "longest checkpoint": max(checkpoints, default=0), "largest wal": wal}}))
"""


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database in WAL mode, large enough that a snapshot takes a while."""
    path = tmp_path_factory.mktemp("writer") / "chat.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(DDL + "CREATE TABLE ledger (batches INTEGER, rows INTEGER);")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("INSERT INTO ledger VALUES (0, 0)")
        connection.executemany(
            "INSERT INTO message (guid, text, date) VALUES (?, ?, 1)",
            ((f"M{number}", "y" * 1000) for number in range(MEGABYTES * 1000)),
        )
        connection.commit()
    return path


class Writer:
    """The other process; ``report`` is there once it has ended."""

    def __init__(self, database: Path) -> None:
        self._committed = database.with_name("committed")
        self._committed.write_bytes(bytes(8))
        arguments = [sys.executable, "-c", WRITER, str(database), str(self._committed)]
        self._process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.report: dict[str, float] = {}
        while not self.committed():
            assert self._process.poll() is None
            time.sleep(0.01)

    def committed(self) -> int:
        """Batches whose transaction was over when we asked."""
        batches: int = struct.unpack("<q", self._committed.read_bytes())[0]
        return batches

    def stop(self) -> None:
        out, _ = self._process.communicate("stop")
        self.report = json.loads(out)


@contextmanager
def writing(database: Path) -> Iterator[Writer]:
    writer = Writer(database)
    try:
        yield writer
    finally:
        writer.stop()


def whole(snapshot: Path) -> int:
    """Batches in a snapshot, each of which is all there."""
    with closing(sqlite3.connect(snapshot)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        batches, rows = connection.execute("SELECT batches, rows FROM ledger").fetchone()
        counted = connection.execute("SELECT COUNT(*), COUNT(DISTINCT error) FROM message WHERE error > 0").fetchone()
        assert counted == (rows, batches) == (ROWS_A_BATCH * batches, batches)
    return int(batches)


def snapshots_while_writing(history: Path, folder: Path, rounds: int) -> None:
    seen, seconds = [], []
    with writing(history) as disturbed:
        for _ in range(rounds):
            before = disturbed.committed()
            began = time.perf_counter()
            taken = take_snapshot(history, folder)
            seconds.append(time.perf_counter() - began)
            assert (taken.method, taken.stale, taken.reused) == ("backup", False, False)
            seen.append(whole(taken.path))
            assert before <= seen[-1]
    with writing(history) as alone:
        time.sleep(sum(seconds))
    print(f"{rounds} snapshots of {history.stat().st_size >> 20} MiB, {min(seconds):.2f} to {max(seconds):.2f} s each")
    for name, report in (("beside us", disturbed.report), ("alone", alone.report)):
        print(f"{name}: " + ", ".join(f"{what} {value:g}" for what, value in report.items()))
    assert seen == sorted(set(seen)), "the writer went on between snapshots"
    # In WAL mode a writer waits for locks when it begins; the rest of its time is the disk's, which it has alone too.
    assert disturbed.report["longest lock"] < LONGEST_WAIT
    assert disturbed.report["longest transaction"] < alone.report["longest transaction"] + LONGEST_WAIT


def test_a_few_snapshots_beside_a_writer(history: Path, tmp_path: Path) -> None:
    snapshots_while_writing(history, tmp_path, 4)


@pytest.mark.slow
def test_fifty_snapshots_beside_a_writer(history: Path, tmp_path: Path) -> None:
    snapshots_while_writing(history, tmp_path, 50)


def test_the_check_would_see_half_a_transaction(history: Path, tmp_path: Path) -> None:
    taken = take_snapshot(history, tmp_path).path
    with closing(sqlite3.connect(taken, isolation_level=None)) as connection:
        connection.execute("INSERT INTO message (guid, date, error) VALUES ('half', 1, 10000000)")
    with pytest.raises(AssertionError):
        whole(taken)
