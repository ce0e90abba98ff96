"""`make bench-pairs`: a million messages from turns to splits, as a mining does it, by seconds and memory.

The very assets and checks of the graph run in one process, under Dagster, on a home of their own: turns, gold pairs,
semantic pairs (links learned and measured), pairs (merged and filtered), splits. Messages are our synthetic sample's,
read before. Vectors are there before, as the target has it; they are made of hashed words, not of meaning, which is
all that time and memory ask for: how many pairs are kept says nothing here.

Memory is what the process holds (RSS), sampled every 20 ms, with and without the pages of the mapped vectors file,
which the kernel may take back at any time. Prints a table; ``--json FILE`` writes it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil

STAGES = ("turns", "gold_pairs", "semantic_pairs", "pairs", "pair_splits")
DIMENSIONS = 384
"""As many as the pairing encoder's vectors have."""
SAMPLE_SECONDS = 0.02
TARGET_SECONDS, TARGET_MB = 180, 1_500


@dataclass
class Watch(threading.Thread):
    """What this process holds over time: (seconds since 1970, bytes, bytes without mapped files)."""

    samples: list[tuple[float, int, int]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        """Sample until it is over."""
        process = psutil.Process()
        while not self.over.wait(SAMPLE_SECONDS):
            held = process.memory_info()
            self.samples.append((time.time(), held.rss, held.rss - getattr(held, "shared", 0)))

    def peak_mb(self, start: float, end: float) -> tuple[float, float]:
        """Highest of both between two times (MB)."""
        within = [sample[1:] for sample in self.samples if start <= sample[0] <= end] or [(0, 0)]
        return max(held[0] for held in within) / 1e6, max(held[1] for held in within) / 1e6


def prepare(home: Path, messages: int, database: Path | None) -> None:
    """Messages, people and turn vectors under ``home``, as the earlier stages leave them.

    The vectors file comes last: once it is there, everything is.
    """
    from sklearn.feature_extraction.text import HashingVectorizer

    from jarvis_assets.pairs.turns import build_turns
    from jarvis_resources import tables
    from jarvis_resources.files import replacing
    from jarvis_resources.imessage.messages import read_history
    from jarvis_resources.imessage.sample import write_sample

    assets = home / "assets"
    assets.mkdir(parents=True, exist_ok=True)
    source = database or home / "chat.db"
    if not source.exists():
        print(f"Writing a sample of {messages:,} messages to {source} …", file=sys.stderr, flush=True)
        write_sample(source, messages=messages)
    read = read_history(source)
    for name in ("messages", "people", "conversations"):
        tables.ALL[name].write(getattr(read, name), assets / f"{name}.parquet")
    texts = build_turns(tables.MESSAGES.read(assets / "messages.parquet"))["text"].to_numpy()
    hashing = HashingVectorizer(n_features=DIMENSIONS)
    vectors = np.empty((len(texts), DIMENSIONS), dtype=np.float16)
    for begin in range(0, len(texts), 65_536):
        # A constant keeps a text without words from a vector of length 0.
        block = hashing.transform(texts[begin : begin + 65_536]).toarray() + 0.02
        vectors[begin : begin + len(block)] = block / np.linalg.norm(block, axis=1, keepdims=True)
    with replacing(assets / "turn_vectors.npy") as sink:
        np.save(sink, vectors)


def job() -> Any:
    """The job ``corpus``, where Dagster can find it again by name."""
    from jarvis_assets.definitions import defs

    return defs.resolve_job_def("corpus")


def measure(home: Path, trees: Path | None = None) -> dict[str, Any]:
    """Run the stages in this process: seconds and peak memory of each, checks included, and rows.

    With ``trees``, links in groups are judged by them, as where public links had been learned from before.
    """
    import dagster as dg

    from jarvis_assets.mining import prepare_instance
    from jarvis_assets.pairs.links import learning
    from jarvis_assets.pairs.links.ranker import Ranker
    from jarvis_resources.settings import load_settings

    if trees is not None:
        kept = Ranker.from_bytes(trees.read_bytes())
        learning.learned = lambda *_, **__: kept
    prepare_instance(load_settings(home=str(home)))
    watch = Watch()
    watch.start()
    times = psutil.Process().cpu_times()
    started = times.user + times.system
    with (
        dg.DagsterInstance.get() as instance,
        dg.execute_job(
            dg.reconstructable(job),
            instance=instance,
            run_config={"loggers": {"terminal": {}}},
            asset_selection=[dg.AssetKey(stage) for stage in STAGES],
            raise_on_error=True,
        ) as result,
    ):
        events = result.all_events
        logged = instance.all_logs(result.run_id)
    watch.over.set()
    starts: dict[str, float] = {}
    steps: dict[str, dict[str, float]] = {}
    for entry in logged:
        event = entry.dagster_event
        if event is None or event.step_key is None:
            continue
        if event.is_step_start:
            starts[event.step_key] = entry.timestamp
        if event.is_step_success:
            began = starts[event.step_key]
            held, own = watch.peak_mb(began, entry.timestamp)
            steps[event.step_key] = {"seconds": entry.timestamp - began, "peak_mb": held, "peak_own_mb": own}
    rows = {
        event.asset_key.path[-1]: int(event.materialization.metadata["dagster/row_count"].value)
        for event in events
        if event.is_step_materialization
    }
    times = psutil.Process().cpu_times()
    processor = times.user + times.system - started
    held, own = watch.peak_mb(0, time.time())
    return {
        "seconds": max(entry.timestamp for entry in logged) - min(starts.values()),
        "processor_seconds": processor,
        "peak_mb": held,
        "peak_own_mb": own,
        "rows": rows,
        "steps": steps,
    }


def main() -> None:
    """Measure, print, and write JSON where asked."""
    parser = argparse.ArgumentParser(
        prog="make bench-pairs", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=1_000_000, help="size of the sample that is written")
    parser.add_argument("--database", type=Path, help="a chat.db to read instead of a sample")
    parser.add_argument(
        "--folder", type=Path, default=Path(tempfile.gettempdir()) / "jarvis-bench-pairs", help="where files go"
    )
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument(
        "--trees", type=Path, help="kept trees ($JARVIS_HOME/links/trees-…) that judge the links in groups"
    )
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    home = arguments.folder / f"home-{arguments.messages}"
    if arguments.one:
        print(json.dumps(measure(home, arguments.trees)))
        return
    if not (home / "assets" / "turn_vectors.npy").exists():
        prepare(home, arguments.messages, arguments.database)
    command = [sys.executable, "-m", "benchmarks.pairs", "--one", "--folder", str(arguments.folder)]
    command += ["--messages", str(arguments.messages)]
    command += ["--trees", str(arguments.trees)] if arguments.trees else []
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found: dict[str, Any] = json.loads(output.splitlines()[-1])
    print(f"{'step':44s} {'seconds':>8s} {'peak MB':>8s} {'without mapped files':>21s}")
    for step, figures in found["steps"].items():
        print(f"{step:44s} {figures['seconds']:8.1f} {figures['peak_mb']:8,.0f} {figures['peak_own_mb']:21,.0f}")
    print(f"{'all':44s} {found['seconds']:8.1f} {found['peak_mb']:8,.0f} {found['peak_own_mb']:21,.0f}")
    print(
        f"processor time {found['processor_seconds']:.1f} s; on a machine that does other work too, the clock says more"
    )
    print("rows: " + ", ".join(f"{name} {count:,}" for name, count in found["rows"].items()))
    print(f"target: {TARGET_SECONDS} s and {TARGET_MB:,} MB")
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
