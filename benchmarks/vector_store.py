"""``python -m benchmarks.vector_store``: what float16 costs in quality, and what a store of a million vectors costs in time.

Quality: 20,000 different texts of irc_ubuntu (``JARVIS_TEST_DATA``) under all-minilm-l6-v2 in fp32; of the ten nearest neighbours of
2,000 of them by float32, how many does the store's float16 find, and how much less near are those that it finds instead. Speed: a million known texts whose vectors are random (the store does not care),
in a process of their own for each figure, so that the peak of its memory is known. ``--json FILE`` also writes all of it.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from jarvis_resources.encoders import load_encoder
from jarvis_resources.encoders.vector_store import VectorStore

QUALITY_TEXTS, QUERIES, NEIGHBOURS = 20_000, 2_000, 10
DIMENSION = 384
FINGERPRINT = "0123456789abcdef"
PART_TEXTS = 2048
REPEATS = 3


class RandomVectors:
    """Unit vectors without meaning, for measuring the store alone."""

    slug, backend, precision = "random", "static", "fp32"
    dimension, fingerprint = DIMENSION, FINGERPRINT

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> np.ndarray:
        vectors = np.random.default_rng(len(texts)).standard_normal((len(texts), DIMENSION), np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def quality(corpus: Path) -> dict[str, Any]:
    """Recall of float32's neighbours by float16, and the bytes of both on disk."""
    with gzip.open(corpus, "rt", encoding="utf-8") as lines:
        texts = list(dict.fromkeys(json.loads(line)["text"] for line in lines))[:QUALITY_TEXTS]
    exact = load_encoder("all-minilm-l6-v2", precision="fp32").encode(texts)
    half = exact.astype(np.float16)
    asked = np.random.default_rng(0).permutation(len(texts))[:QUERIES]
    true, found = (_neighbours(vectors, asked) for vectors in (exact, half.astype(np.float32)))
    shared = [len(set(a) & set(b)) / NEIGHBOURS for a, b in zip(true, found, strict=True)]
    instead = [
        np.take_along_axis(exact[asked] @ exact.T, rows, axis=1).sum(axis=1) / NEIGHBOURS for rows in (true, found)
    ]
    cosine = np.einsum("ij,ij->i", exact, half.astype(np.float32)) / np.linalg.norm(half.astype(np.float32), axis=1)
    return {
        "texts": len(texts),
        "queries": len(asked),
        "recall@10 of float16": round(float(np.mean(shared)), 5),
        "same nearest neighbour": round(float((true[:, 0] == found[:, 0]).mean()), 5),
        "mean cosine of the ten, float32 less float16, at most": float(np.max(instead[0] - instead[1])),
        "lowest cosine of a vector with its float16": round(float(cosine.min()), 7),
        "bytes per text, float16": _bytes_on_disk(half) / len(texts),
        "bytes per text, float32": _bytes_on_disk(exact) / len(texts),
    }


def _neighbours(vectors: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The nearest rows by cosine, best first, without the row itself: int [rows, NEIGHBOURS]."""
    scores = vectors[rows] @ vectors.T
    scores[np.arange(len(rows)), rows] = -2
    best = np.argpartition(-scores, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable")
    return np.take_along_axis(best, order, axis=1)


def _bytes_on_disk(vectors: np.ndarray) -> int:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vectors"
        pq.write_table(_as_bytes(vectors), path, compression="none", use_dictionary=False, write_statistics=False)
        return path.stat().st_size + 16 * len(vectors)


def formats() -> dict[str, Any]:
    """Seconds for a million vectors: as bytes, as a list of half floats; and of checksums over as many bytes."""
    rows = 65_536
    million = 1_000_000 / rows
    vectors = np.random.default_rng(0).standard_normal((rows, DIMENSION)).astype(np.float16)
    item = pa.field("item", pa.float16(), nullable=False)
    listed = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), type=pa.list_(item, DIMENSION))
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "part"
        plain = {"compression": "none", "use_dictionary": False, "write_statistics": False}
        for name, table in (("as bytes", _as_bytes(vectors)), ("as a list", pa.table({"vector": listed}))):
            write = _seconds(lambda table=table: pq.write_table(table, path, **plain))
            read = _seconds(lambda: pq.read_table(path, memory_map=True))
            found[name] = {"write": round(write * million, 2), "read": round(read * million, 2)}
    content = vectors.tobytes()
    for name, checksum in (("blake2b", hashlib.blake2b), ("sha256", hashlib.sha256), ("crc32", zlib.crc32)):
        found[f"checksum {name}"] = round(_seconds(lambda checksum=checksum: checksum(content)) * million, 2)
    return found


def _as_bytes(vectors: np.ndarray) -> pa.Table:
    width = pa.binary(vectors.itemsize * vectors.shape[1])
    return pa.table(
        {"vector": pa.Array.from_buffers(width, len(vectors), [None, pa.py_buffer(vectors.view(np.uint8))])}
    )


def _seconds(work: Callable[[], object]) -> float:
    """The best of a few runs."""
    taken = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return min(taken)


STEPS = ("embed", "known", "compact", "known, compacted", "missing, 2 % new", "4,000 of them")


def step(name: str, root: Path, count: int) -> dict[str, Any]:
    """One figure, measured in this process: seconds, and the peak of memory beyond the texts themselves."""
    texts = [f"{i} an ordinary message of some twenty tokens, {i % 97} and {i % 13}" for i in range(count)]
    store = VectorStore(root, FINGERPRINT, DIMENSION)
    asked = {
        "missing, 2 % new": texts[: count * 98 // 100] + [f"new {i}" for i in range(count // 50)],
        "4,000 of them": texts[:: max(1, count // 4000)],
    }.get(name, texts)
    before = psutil.Process().memory_info().rss
    started, processor = time.perf_counter(), time.process_time()
    if name == "compact":
        store.compact()
    elif name.startswith("missing"):
        store.missing(asked)
    else:
        store.embed(asked, RandomVectors, shard_texts=PART_TEXTS)
    seconds = time.perf_counter() - started
    processor = time.process_time() - processor
    files = list(store.folder.glob("*.parquet"))
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {
        "seconds": round(seconds, 2),
        "processor_seconds": round(processor, 2),
        "peak_mb": round((peak - before) / 1e6),
        "parts": len(files),
        "store_mb": round(sum(path.stat().st_size for path in files) / 1e6),
    }


def speed(count: int) -> dict[str, Any]:
    """Every step, each in a process of its own."""
    with tempfile.TemporaryDirectory() as root:
        return {
            name: json.loads(
                subprocess.run(
                    [sys.executable, "-m", "benchmarks.vector_store", "--step", name, root, "--texts", str(count)],
                    check=True, capture_output=True, text=True,
                ).stdout
            )
            for name in STEPS
        }  # fmt: skip


def main() -> None:
    """Measure, print, and write JSON where asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.vector_store")
    parser.add_argument("--texts", type=int, default=1_000_000, help="texts of the store whose speed is measured")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--step", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        name, root = arguments.step
        print(json.dumps(step(name, Path(root), arguments.texts)))
        return
    figures = {"speed": speed(arguments.texts), "formats, seconds for a million": formats()}
    corpus = Path(os.environ.get("JARVIS_TEST_DATA", "")) / "irc_ubuntu" / "irc_ubuntu.jsonl.gz"
    if corpus.is_file():
        figures["quality"] = quality(corpus)
    else:
        print(f"No texts at {corpus} (JARVIS_TEST_DATA): quality is not measured.", file=sys.stderr)
    print(json.dumps(figures, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
