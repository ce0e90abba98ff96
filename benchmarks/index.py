"""`make bench-index`: how fast the nearest of 100,000 and of a million vectors are found, and how surely.

Vectors are of real texts: distinct messages of the public conversations under ``JARVIS_TEST_DATA`` (default:
``shared/data`` beside the repository), drawn by a hash of the text over all corpora there, embedded with the default
encoder through the vector store. 100,000 are indexed; 10,000 others are the questions, which neither index nor tuning
ever saw. The million is made of the 100,000: each drawn ten times on average, with noise that is half of another text's
vector, at length 1 again (cosine to the original about 0.9); it is tuned on 1,000 more texts, since its own rows have
near copies that no new message has.

Recall at 10: the share of the rows found whose exact cosine is at least that of the exact 10th nearest, on the first
2,000 questions; rows that tie with the 10th count, and nothing else does. Peers, in the same run on the same files:
FAISS's flat index (exact; the founding documents' way) and plain HNSW (M 32, efSearch 128; not for the million, where
its graph takes many minutes). The exact one answers only some of the questions: all would take minutes.

Each build and each measurement is a process of its own; systems take turns, and medians of three are printed. Batches
run on all threads, single questions on one. Memory is what the process holds at its end (RSS), Python, FAISS, 10,000
questions and every mapped page that was read included. Prints a table; ``--json FILE`` writes it.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from jarvis_resources import index_tuning
from jarvis_resources.vector_index import VectorIndex

INDEXED, QUESTIONS, JUDGED = 100_000, 10_000, 2_000
TUNING = 1_000
"""Texts of the questions' kind for tuning the million, whose own rows have copies that a new message has not."""
SIZES = (100_000, 1_000_000)
NOISE = 0.5
"""Length of what is mixed into a vector of length 1."""
NEIGHBOURS = 10
SINGLE = 1_000
"""Questions asked one by one."""
EXACT_BATCH = {100_000: 2_000, 1_000_000: 100}
"""Questions that the exact index answers in a batch."""
EXACT_SINGLE = 20
"""Questions that it answers one by one."""
ROUNDS = 3
HNSW_NEIGHBOURS, HNSW_SEARCH = 32, 128
FILTERS = {"50 % of rows": 0.5, "5 % of rows": 0.05, "0.1 % of rows": 0.001}
TOPIC = "a topic: the 5 % nearest to one row"
PEERS = {100_000: ("JARVIS", "flat", "HNSW"), 1_000_000: ("JARVIS", "flat")}
TARGETS = "targets: 100,000: 30,000/s at recall 0.99, p50 0.3 ms; 1,000,000: recall 0.98, p50 1 ms, 1 GB"

Search = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Scores of the nearest rows of each question."""


def texts(data: Path) -> list[str]:
    """Distinct messages, in the order of their hashes: as many as are indexed and asked."""
    found: set[str] = set()
    for file in sorted(data.glob("*/*.jsonl.gz")):
        if file.name.startswith("truth"):
            continue
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            found.update(text for line in lines if isinstance(text := json.loads(line).get("text"), str))
    found = {text for text in found if text.strip()}
    if len(found) < (wanted := INDEXED + QUESTIONS + TUNING):
        raise SystemExit(f"{data} has only {len(found):,} distinct messages; {wanted:,} are needed.")
    return sorted(found, key=lambda text: hashlib.sha256(text.encode()).digest())[:wanted]


def embedded(folder: Path, data: Path) -> NDArray[np.float16]:
    """Vectors of the texts through the vector store of a home in ``folder``: a second run embeds nothing."""
    from jarvis_assets.vectors.embedding import embed_texts
    from jarvis_resources.settings import load_settings

    settings = load_settings(home=str(folder / "home")).prepare()
    chosen = texts(data)
    found = embed_texts(chosen, settings.serving_encoder, settings, _progress)
    print(
        f"{len(chosen):,} texts, {settings.serving_encoder}: {found.new_texts:,} embedded now, {found.reused_texts:,} before",
        flush=True,
    )
    return found.vectors


def prepare(folder: Path, data: Path) -> None:
    """Vectors of each size, the questions, and the exact score of each judged question's 10th nearest."""
    vectors = embedded(folder, data)
    questions = np.ascontiguousarray(vectors[INDEXED : INDEXED + QUESTIONS], np.float32)
    random = np.random.default_rng(0)
    for size in SIZES:
        made = vectors[:INDEXED] if size == INDEXED else _resampled(vectors[:INDEXED], size, random)
        np.save(folder / f"vectors-{size}.npy", made)
        np.save(folder / f"worst-{size}.npy", index_tuning.exact_worst(made, questions[:JUDGED], NEIGHBOURS))
    np.save(folder / "tuning.npy", vectors[INDEXED + QUESTIONS :])
    np.save(folder / "questions.npy", questions)


def _resampled(vectors: NDArray[np.float16], size: int, random: np.random.Generator) -> NDArray[np.float16]:
    """``size`` vectors drawn from ``vectors`` with noise: float16."""
    drawn = np.empty((size, vectors.shape[1]), np.float16)
    for start in range(0, size, 50_000):
        count = min(50_000, size - start)
        chosen, other = (vectors[random.integers(0, len(vectors), count)].astype(np.float32) for _ in range(2))
        chosen += NOISE * other
        drawn[start : start + len(chosen)] = chosen / np.linalg.norm(chosen, axis=1, keepdims=True)
    return drawn


def build(system: str, size: int, folder: Path) -> dict[str, float]:
    """Build and write an index: seconds for both, and megabytes."""
    import faiss

    vectors = np.load(folder / f"vectors-{size}.npy")
    file = folder / f"{system}-{size}.faiss"
    started = time.perf_counter()
    if system == "JARVIS":
        index = VectorIndex.build(vectors, like=None if size == INDEXED else np.load(folder / "tuning.npy"))
        index.save(file)
        print(f"{size:,}: {index.factory}, recall at tuning {index.notes.recall:.4f}", file=sys.stderr, flush=True)
    else:
        metric, dimension = faiss.METRIC_INNER_PRODUCT, vectors.shape[1]
        bare: Any = (
            faiss.IndexFlatIP(dimension)
            if system == "flat"
            else faiss.IndexHNSWFlat(dimension, HNSW_NEIGHBOURS, metric)
        )
        bare.add(vectors.astype(np.float32))
        faiss.write_index(bare, str(file))
    return {"build_seconds": time.perf_counter() - started, "file_mb": file.stat().st_size / 1e6}


def measure(system: str, size: int, folder: Path) -> dict[str, float]:
    """Load an index, ask it, and say how it did."""
    questions = np.load(folder / "questions.npy")
    worst = np.load(folder / f"worst-{size}.npy")
    import faiss

    before = psutil.Process().memory_info().rss
    started = time.perf_counter()
    search = _loaded(system, folder / f"{system}-{size}.faiss", faiss)
    loaded = time.perf_counter()
    search(questions[:1])
    first = time.perf_counter()
    batch = questions[: EXACT_BATCH[size]] if system == "flat" else questions
    found = {"load_seconds": loaded - started, "first_ms": 1000 * (first - loaded)}
    found |= _asked(search, batch, worst, EXACT_SINGLE if system == "flat" else SINGLE)
    held = psutil.Process().memory_info().rss
    return found | {"rss_mb": held / 1e6, "rss_of_index_mb": (held - before) / 1e6}


def _loaded(system: str, file: Path, faiss: Any) -> Search:
    if system == "JARVIS":
        ours = VectorIndex.load(file)
        return lambda asked: ours.search(asked, NEIGHBOURS)[0]
    bare = faiss.read_index(str(file))
    if system == "HNSW":
        bare.hnsw.efSearch = HNSW_SEARCH
    threads = os.cpu_count() or 1

    def search(asked: NDArray[np.float32]) -> NDArray[np.float32]:
        faiss.omp_set_num_threads(1 if len(asked) == 1 else threads)
        scores: NDArray[np.float32] = bare.search(asked, NEIGHBOURS)[0]
        return scores

    return search


def filtered(size: int, folder: Path) -> dict[str, dict[str, float]]:
    """The same of our index when only some rows are allowed."""
    vectors = np.load(folder / f"vectors-{size}.npy")
    questions = np.load(folder / "questions.npy")
    index = VectorIndex.load(folder / f"JARVIS-{size}.faiss")
    random = np.random.default_rng(1)
    allowed = {name: random.random(size) < share for name, share in FILTERS.items()}
    cosines = vectors @ vectors[0]
    allowed[TOPIC] = cosines >= np.sort(cosines)[-size // 20]
    found: dict[str, dict[str, float]] = {}
    for name, mask in allowed.items():
        worst = index_tuning.exact_worst(vectors, questions[:JUDGED], NEIGHBOURS, np.flatnonzero(mask))
        found[name] = _asked(
            lambda asked, mask=mask: index.search(asked, NEIGHBOURS, allowed=mask)[0], questions, worst
        )
    return found


def _asked(
    search: Search, batch: NDArray[np.float32], worst: NDArray[np.float32], single: int = SINGLE
) -> dict[str, float]:
    """Questions a second in a batch, milliseconds of single ones, recall at 10."""
    search(batch[:200])
    started = time.perf_counter()
    scores = search(batch)
    seconds = time.perf_counter() - started
    taken = []
    for question in batch[:single]:
        started = time.perf_counter()
        search(question[None])
        taken.append(1000 * (time.perf_counter() - started))
    judged = min(len(batch), len(worst))
    return {
        "batch_per_second": len(batch) / seconds,
        "p50_ms": float(np.median(taken)),
        "p95_ms": float(np.quantile(taken, 0.95)),
        "recall": index_tuning.recall(scores[:judged], worst[:judged]),
    }


def main() -> None:
    """Measure, print, and write JSON where asked."""
    parser = argparse.ArgumentParser(
        prog="make bench-index", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("JARVIS_TEST_DATA", beside)))
    parser.add_argument(
        "--folder", type=Path, default=Path(tempfile.gettempdir()) / "jarvis-bench-index", help="where files go"
    )
    parser.add_argument("--size", type=int, choices=SIZES, action="append", help="only this size")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    if arguments.one:
        step, system, size = arguments.one
        steps: dict[str, Callable[[], Any]] = {
            "prepare": lambda: prepare(folder, arguments.data),
            "build": lambda: build(system, int(size), folder),
            "measure": lambda: measure(system, int(size), folder),
            "filtered": lambda: filtered(int(size), folder),
        }
        print(json.dumps(steps[step]()))
        return
    folder.mkdir(parents=True, exist_ok=True)
    figures: dict[str, Any] = {}
    if not (folder / "questions.npy").exists():
        _step(folder, arguments.data, "prepare")
    for size in arguments.size or SIZES:
        figures[str(size)] = _compared(folder, arguments.data, size)
    print(TARGETS)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")


def _compared(folder: Path, data: Path, size: int) -> dict[str, dict[str, Any]]:
    """All systems at one size, printed."""
    table: dict[str, dict[str, Any]] = {name: _step(folder, data, "build", name, size) for name in PEERS[size]}
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in PEERS[size]}
    for _ in range(ROUNDS):
        for name, done in runs.items():
            done.append(_step(folder, data, "measure", name, size))
    for name, done in runs.items():
        table[name] |= {key: statistics.median(run[key] for run in done) for key in done[0]}
    for figures in table.values():
        figures["batch_beside_flat"] = figures["batch_per_second"] / table["flat"]["batch_per_second"]
        figures["single_beside_flat"] = table["flat"]["p50_ms"] / figures["p50_ms"]
    busy = f"load average {os.getloadavg()[1]:.1f} over the last five minutes, this included"
    print(f"\n{size:,} vectors, {os.cpu_count()} cores, medians of {ROUNDS}, {busy}")
    print(
        f"{'':38s} {'batch/s':>9s} {'× flat':>7s} {'p50 ms':>7s} {'p95 ms':>7s} {'× flat':>7s} {'recall':>7s} "
        f"{'build s':>8s} {'load s':>7s} {'1st ms':>7s} {'file MB':>8s} {'RSS MB':>7s}"
    )
    for name, row in table.items():
        print(
            f"{name:38s} {row['batch_per_second']:9,.0f} {row['batch_beside_flat']:7.1f} {row['p50_ms']:7.3f} "
            f"{row['p95_ms']:7.3f} {row['single_beside_flat']:7.1f} {row['recall']:7.4f} {row['build_seconds']:8.1f} "
            f"{row['load_seconds']:7.3f} {row['first_ms']:7.1f} {row['file_mb']:8,.0f} {row['rss_mb']:7,.0f}"
        )
    narrowed: dict[str, dict[str, float]] = _step(folder, data, "filtered", "JARVIS", size)
    for name, row in narrowed.items():
        print(
            f"{'JARVIS, ' + name:38s} {row['batch_per_second']:9,.0f} {'':7s} {row['p50_ms']:7.3f} {row['p95_ms']:7.3f} "
            f"{'':7s} {row['recall']:7.4f}"
        )
    return table | {"filters": narrowed}


def _step(folder: Path, data: Path, step: str, system: str = "", size: int = 0) -> Any:
    """One step in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.index", "--folder", str(folder), "--data", str(data)]
    command += ["--one", step, system, str(size)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    for line in output[:-1]:
        print(line, flush=True)
    return json.loads(output[-1])


def _progress(done: int, of: int) -> None:
    if done % 1_000 == 0 or done == of:
        print(f"\rembedded {done:,} of {of:,}", end="\n" if done == of else "", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
