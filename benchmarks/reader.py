"""`make bench-reader`: a million messages from chat.db to messages.parquet, beside two peers and the floor.

Each measurement is a process of its own, so that its peak memory is its own; they take turns, and medians are reported.
Time runs from the open file to the synced Parquet file, imports left out.

- JARVIS: `read_history` and `MESSAGES.write`; then the same again, unchanged and with 2 % of the rows changed.
- row by row: sqlite3 and pytypedstream, as most scripts do it, on a subsample.
- floor: a bare SELECT of the columns that JARVIS reads, into memory: sqlite3's `fetchall`, and Arrow's driver.

Quality stands beside: how many texts and kinds are what the sample's truth says. Prints a table; `--json FILE` writes it.
"""

from __future__ import annotations

import argparse
import gzip
import json
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from jarvis_resources.imessage.columns import stream
from jarvis_resources.imessage.messages import read_history
from jarvis_resources.imessage.rows import select_rows
from jarvis_resources.imessage.sample import write_sample
from jarvis_resources.imessage.schema import open_readonly, probe
from jarvis_resources.imessage.snapshot import take_snapshot
from jarvis_resources.tables import MESSAGES

SUBSAMPLE = 20_000
"""Rows that the row-by-row peer reads: it would take minutes for a million."""
ROUNDS = 3
CHANGED = 50
"""One row in so many is changed for the second reading."""


def ours(database: Path, folder: Path) -> int:
    """The whole reading, nothing kept."""
    history = read_history(database)
    MESSAGES.write(history.messages, folder / "messages.parquet")
    return history.report.rows_read


def ours_keeping(database: Path, folder: Path) -> int:
    """The reading as a mining does it: what was read is kept beside."""
    history = read_history(database, kept=folder / "read")
    MESSAGES.write(history.messages, folder / "messages.parquet")
    return history.report.rows_read


def row_by_row(database: Path, _folder: Path) -> int:
    """sqlite3 and pytypedstream on every (rows / SUBSAMPLE)th row."""
    import typedstream

    with closing(sqlite3.connect(database)) as connection:
        last = connection.execute("SELECT MAX(ROWID) FROM message").fetchone()[0]
        query = (
            "SELECT ROWID, guid, handle_id, is_from_me, date, service, text, attributedBody FROM message "
            f"WHERE ROWID % {max(1, last // SUBSAMPLE)} = 0"
        )
        texts = []
        for *_, text, body in connection.execute(query):
            if body:
                try:
                    text = typedstream.unarchive_from_data(body).contents[0].value.value
                except (typedstream.InvalidTypedStreamError, EOFError, AttributeError, IndexError, ValueError):
                    text = None
            texts.append(text)
    return len(texts)


def floor_sqlite3(database: Path, _folder: Path) -> int:
    """The bare SELECT of the same columns, as tuples in a list."""
    with closing(open_readonly(database)) as connection:
        sql = select_rows(probe(connection), "message").sql
        return len(connection.execute(sql).fetchall()) - 1


def floor_arrow(database: Path, _folder: Path) -> int:
    """The bare SELECT of the same columns, as Arrow batches in a list."""
    with closing(open_readonly(database)) as connection:
        select = select_rows(probe(connection), "message")
    return sum(len(batch) for batch in list(stream(database, select)))


SYSTEMS: dict[str, Callable[[Path, Path], int]] = {
    "JARVIS": ours,
    "JARVIS, keeping": ours_keeping,
    "row by row": row_by_row,
    "floor, sqlite3": floor_sqlite3,
    "floor, Arrow": floor_arrow,
}


def measure(system: str, database: Path, folder: Path) -> dict[str, float]:
    """One run in a process of its own: rows, seconds, peak resident memory in MB."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.reader",
        "--one",
        system,
        "--database",
        str(database),
        "--folder",
        str(folder),
    ]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def one(system: str, database: Path, folder: Path) -> None:
    """The body of such a process."""
    started = time.perf_counter()
    rows = SYSTEMS[system](database, folder)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(json.dumps({"rows": rows, "seconds": seconds, "peak_mb": peak / 1e6}))


def changed(database: Path, into: Path) -> Path:
    """A copy in which one row in ``CHANGED`` has another date."""
    shutil.copyfile(database, into)
    with closing(sqlite3.connect(into)) as connection:
        for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute(f"UPDATE message SET date = date + 1 WHERE ROWID % {CHANGED} = 0")
        connection.commit()
    return into


def exact(parquet: Path, truth: Path) -> dict[str, float]:
    """Shares of the true rows that are there with the true text, and with the true kind."""
    table = pq.read_table(parquet, columns=["guid", "text", "kind"])
    ours = dict(
        zip(
            table["guid"].to_pylist(),
            zip(table["text"].to_pylist(), table["kind"].to_pylist(), strict=True),
            strict=True,
        )
    )
    texts, kinds, rows, spoken = 0, 0, 0, 0
    with gzip.open(truth, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            text, kind = ours.get(row["guid"], (None, None))
            rows += 1
            kinds += kind == row["kind"]
            if row["text"] is not None:
                spoken += 1
                texts += text == row["text"]
    return {"rows": rows, "texts_exact": texts / spoken, "kinds_exact": kinds / rows}


def main() -> None:
    """Measure, print, and write JSON where asked."""
    parser = argparse.ArgumentParser(
        prog="make bench-reader", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=1_000_000, help="size of the sample that is written")
    parser.add_argument("--database", type=Path, help="a chat.db to read instead; a sample is kept in --folder")
    parser.add_argument(
        "--folder", type=Path, default=Path(tempfile.gettempdir()) / "jarvis-bench", help="where files go"
    )
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--one", choices=SYSTEMS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        one(arguments.one, arguments.database, arguments.folder)
        return
    folder = arguments.folder
    source = arguments.database or folder / f"sample-{arguments.messages}" / "chat.db"
    if not source.exists():
        print(f"Writing a sample of {arguments.messages:,} messages to {source} …", flush=True)
        write_sample(source, messages=arguments.messages)
    started = time.perf_counter()
    snapshot = take_snapshot(source, folder / "snapshot").path
    snapshot_seconds = time.perf_counter() - started

    runs: dict[str, list[dict[str, float]]] = {}
    for _ in range(ROUNDS):
        for system in ("JARVIS", "floor, sqlite3", "floor, Arrow", "row by row"):
            runs.setdefault(system, []).append(measure(system, snapshot, folder))
        shutil.rmtree(folder / "read", ignore_errors=True)
        runs.setdefault("JARVIS, first time", []).append(measure("JARVIS, keeping", snapshot, folder))
        later = changed(snapshot, folder / "later.db")
        runs.setdefault(f"JARVIS, again, {100 // CHANGED} % changed", []).append(
            measure("JARVIS, keeping", later, folder)
        )
        runs.setdefault("JARVIS, again, unchanged", []).append(measure("JARVIS, keeping", later, folder))
    table = {name: {key: statistics.median(run[key] for run in of) for key in of[0]} for name, of in runs.items()}
    total = table["JARVIS"]["rows"]
    print(
        f"{total:,.0f} messages, {snapshot.stat().st_size / 1e6:,.0f} MB; snapshot {snapshot_seconds:.1f} s; median of {ROUNDS}"
    )
    print(
        f"{'':32s} {'rows read':>10s} {'seconds':>8s} {'messages/s':>11s} {'peak MB':>8s} {'time beside JARVIS':>19s}"
    )
    for name, found in table.items():
        handled = found["rows"] if name == "row by row" else total
        found["messages_per_second"] = handled / found["seconds"]
        ratio = (found["seconds"] / handled) / (table["JARVIS"]["seconds"] / total)
        print(
            f"{name:32s} {found['rows']:10,.0f} {found['seconds']:8.2f} {found['messages_per_second']:11,.0f} "
            f"{found['peak_mb']:8,.0f} {ratio:18.2f}×"
        )
    figures: dict[str, Any] = {"messages": total, "snapshot_seconds": snapshot_seconds, "systems": table}
    truth = source.with_name(source.name + ".truth.jsonl.gz")
    if truth.exists():
        measure("JARVIS", snapshot, folder)
        figures["quality"] = exact(folder / "messages.parquet", truth)
        print(
            "texts exact {texts_exact:.4%}, kinds right {kinds_exact:.4%} of {rows:,} rows".format(**figures["quality"])
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
