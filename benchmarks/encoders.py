"""`make bench-encoders`: texts per second and quality of the ways to run the default encoder, beside sentence-transformers.

Texts are the public conversations under ``JARVIS_TEST_DATA`` (samsum, DailyDialog, #ubuntu), distinct, in the order of their
hashes. Every way runs in a process of its own with all cores; the ways take turns, round after round, and the median counts.
``sentence-transformers`` and ``ONNX fp32, padded`` are the peers: the first as its users call it, the second a plain export of
the same network in batches of 32 sorted by length. Quality: 1-of-100 on DailyDialog's test split (the next turn among 99
others, mean over all draws) and SwDA's accuracy (logistic regression on the vectors of 20,000 utterances, test split), each as
a share of fp32's with a 95 % interval over conversations. Prints tables; ``--json FILE`` writes them.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Encode = Callable[[Sequence[str]], np.ndarray]

SLUG = "all-minilm-l6-v2"
PEER, PLAIN, EXACT, SMALL, STATIC = (
    "sentence-transformers", "ONNX fp32, padded", "JARVIS onnx fp32", "JARVIS onnx int8", "JARVIS minilm-static",
)  # fmt: skip
WAYS = (PEER, PLAIN, EXACT, SMALL, STATIC)
_PLAIN_BATCH = 32
"""sentence-transformers' own default."""
_SINGLES = 300
_SWDA_TRAIN = 20_000
_TARGETS = {
    "int8 beside sentence-transformers, times": 5.0,
    "static beside sentence-transformers, times": 100.0,
    "one text, int8, ms at most": 1.5,
    "1-of-100 of int8, share of fp32 at least": 0.995,
    "SwDA accuracy of int8, share of fp32 at least": 0.995,
}


def texts_of(folder: Path, count: int) -> list[str]:
    """``count`` distinct texts of the public conversations, the same ones every time."""
    texts = {
        row["text"] for name in ("samsum", "dailydialog", "irc_ubuntu") for row in _rows(folder, name) if row["text"]
    }
    return sorted(texts, key=lambda text: blake2b(text.encode(), digest_size=8).digest())[:count]


def main() -> None:
    """Run every way, print the tables."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--texts", type=int, default=20_000, help="texts to encode in each round")
    arguments.add_argument("--rounds", type=int, default=3, help="rounds; the median counts")
    arguments.add_argument("--speed-only", action="store_true", help="leave quality out")
    arguments.add_argument("--quality-only", action="store_true", help="leave speed out")
    arguments.add_argument("--json", type=Path, help="write what was measured to this file")
    arguments.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    arguments.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    arguments.add_argument("--vectors", type=Path, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    data = Path(os.environ.get("JARVIS_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    if given.way:
        print(json.dumps(_one_way(given.way, given.home, data, given.texts, given.vectors)))
        return
    found: dict[str, Any] = {"texts": given.texts, "cores": os.cpu_count()}
    with tempfile.TemporaryDirectory(prefix="jarvis-bench-") as folder:
        home = Path(folder)
        _run(STATIC, home, 10)  # distils it, so that no round pays for that
        if not given.quality_only:
            found["speed"] = _speeds(home, given.texts, given.rounds)
            _print_speed(found)
        if not given.speed_only:
            found["quality"] = _qualities(home, data)
            _print_quality(found["quality"])
    _print_targets(found)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1))


def _speeds(home: Path, texts: int, rounds: int) -> dict[str, dict[str, float]]:
    runs: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for number in range(rounds):
        for way in WAYS:
            print(f"round {number + 1} of {rounds}: {way}", file=sys.stderr)
            runs[way].append(_run(way, home, texts))
    return {way: {name: median(run[name] for run in found) for name in found[0]} for way, found in runs.items()}


def _run(way: str, home: Path, texts: int, vectors: Path | None = None) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.encoders", "--way", way, "--home", str(home), "--texts", str(texts)]
    done = subprocess.run(
        [*command, *(["--vectors", str(vectors)] if vectors else [])], stdout=subprocess.PIPE, text=True, check=True
    )
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


def _one_way(way: str, home: Path, data: Path, texts: int, vectors: Path | None) -> dict[str, float]:
    """In a process of its own: speeds, or with ``vectors`` a file of texts, their vectors beside it."""
    import psutil

    started = time.perf_counter()
    encode = _encoder(way, home)
    encode(["warm up"])
    loaded = time.perf_counter() - started
    if vectors is not None:
        np.save(vectors.with_suffix(".npy"), encode(json.loads(vectors.read_text())))
        return {}
    wanted = texts_of(data, texts)
    encode(wanted[:200])
    singles = []
    for text in wanted[:_SINGLES]:
        started = time.perf_counter()
        encode([text])
        singles.append(1000 * (time.perf_counter() - started))
    started = time.perf_counter()
    encode(wanted)
    seconds = time.perf_counter() - started
    return {
        "load_seconds": loaded,
        "texts_per_second": len(wanted) / seconds,
        "single_p50_ms": median(singles),
        "single_p95_ms": float(np.percentile(singles, 95)),
        "resident_mb": psutil.Process().memory_info().rss / 1e6,
    }


def _encoder(way: str, home: Path) -> Encode:
    from jarvis_resources.encoders import get_card, load_encoder, weights
    from jarvis_resources.settings import load_settings

    settings = load_settings(home=str(home)).prepare()
    if way == STATIC:
        return load_encoder("minilm-static", settings=settings).encode
    if way in (EXACT, SMALL):
        return load_encoder(SLUG, "onnx", "fp32" if way == EXACT else "int8", settings=settings).encode
    folder = weights.locate(get_card(SLUG), settings)
    if way == PLAIN:
        return _plain(folder, home)
    weights.stay_offline()
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    transformer = Transformer(str(folder), max_seq_length=get_card(SLUG).max_tokens)
    pooling = Pooling(transformer.get_embedding_dimension(), "mean")
    model = SentenceTransformer(modules=[transformer, pooling, Normalize()], device="cpu")
    return lambda texts: np.asarray(model.encode(list(texts), show_progress_bar=False))


def _plain(folder: Path, home: Path) -> Encode:
    """The exported network on ONNX Runtime with its defaults, texts sorted by length and padded in batches."""
    import onnxruntime
    from tokenizers import Tokenizer

    from jarvis_resources.encoders import get_card
    from jarvis_resources.encoders.fastembed import export_plain_onnx

    target = home / "plain"
    target.mkdir(exist_ok=True)
    model = target / "model.onnx"
    if not model.is_file():
        export_plain_onnx(get_card(SLUG), folder, target)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(get_card(SLUG).max_tokens)
    tokenizer.enable_padding()

    def encode(texts: Sequence[str]) -> np.ndarray:
        order = np.argsort([-len(text) for text in texts], kind="stable")
        vectors = np.empty((len(texts), get_card(SLUG).dimension), np.float32)
        for start in range(0, len(order), _PLAIN_BATCH):
            rows = order[start : start + _PLAIN_BATCH]
            batch = tokenizer.encode_batch([texts[row] for row in rows])
            ids, mask = (
                np.array([getattr(one, name) for one in batch], np.int64) for name in ("ids", "attention_mask")
            )
            inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
            hidden = session.run(None, inputs)[0]
            pooled = (hidden * mask[..., None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
            vectors[rows] = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
        return vectors

    return encode


def _qualities(home: Path, data: Path) -> dict[str, dict[str, float]]:
    """1-of-100 and SwDA accuracy of each way, and as shares of fp32's."""
    from sklearn.linear_model import LogisticRegression

    from jarvis_assets.comparison.quality import expected_recall
    from jarvis_assets.evaluation.measures import Bootstrap

    asked = _dialogue(data)
    train, test = _utterances(data, "train")[:_SWDA_TRAIN], _utterances(data, "test")
    texts = sorted({*(text for pair in asked for text in pair[:2]), *(row["text"] for row in [*train, *test])})
    place = {text: number for number, text in enumerate(texts)}
    file = home / "texts.json"
    file.write_text(json.dumps(texts))
    keys = np.unique([reply for _, reply, _ in asked], return_inverse=True)[1]
    recalls, rights, cosines = {}, {}, {}
    exact = None
    for way in (EXACT, SMALL, STATIC):
        print(f"quality: {way}", file=sys.stderr)
        _run(way, home, 0, file)
        vectors = np.load(file.with_suffix(".npy"))

        def of(wanted: Sequence[str], vectors: np.ndarray = vectors) -> np.ndarray:
            return vectors[[place[text] for text in wanted]]

        recalls[way] = expected_recall(of([a for a, _, _ in asked]), of([b for _, b, _ in asked]), keys)
        model = LogisticRegression(C=5.0, max_iter=100).fit(
            of([row["text"] for row in train]), [row["act"] for row in train]
        )
        rights[way] = (model.predict(of([row["text"] for row in test])) == [row["act"] for row in test]).astype(float)
        exact = vectors if exact is None else exact
        if vectors.shape == exact.shape:
            cosines[way] = float(np.einsum("nd,nd->n", vectors, exact).mean())
    by_dialogue = Bootstrap([conversation for _, _, conversation in asked])
    by_call = Bootstrap([row["conv_id"] for row in test])
    found = {}
    for way in recalls:
        recall, right = by_dialogue.ratio(recalls[way], recalls[EXACT]), by_call.ratio(rights[way], rights[EXACT])
        found[way] = {
            "recall_at_1": float(recalls[way].mean()),
            "recall_share": recall.value, "recall_low": recall.low, "recall_high": recall.high,
            "swda_accuracy": float(rights[way].mean()),
            "swda_share": right.value, "swda_low": right.low, "swda_high": right.high,
            "mean_cosine": cosines.get(way, float("nan")),
            "asked": len(asked), "utterances": len(test),
        }  # fmt: skip
    return found


def _dialogue(data: Path) -> list[tuple[str, str, str]]:
    """DailyDialog's test split: (turn, next turn by the other, conversation)."""
    rows = [row for row in _rows(data, "dailydialog") if row["split"] == "test"]
    return [
        (one["text"], other["text"], one["conv_id"])
        for one, other in pairwise(rows)
        if one["conv_id"] == other["conv_id"] and one["speaker"] != other["speaker"]
    ]


def _utterances(data: Path, split: str) -> list[dict[str, Any]]:
    rows = [row for row in _rows(data, "swda") if row["split"] == split]
    return sorted(rows, key=lambda row: blake2b(f"{row['conv_id']}:{row['idx']}".encode(), digest_size=8).digest())


def _rows(folder: Path, name: str) -> list[dict[str, Any]]:
    with gzip.open(folder / name / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _print_speed(found: dict[str, Any]) -> None:
    speed = found["speed"]
    print(f"\n{found['texts']:,} texts, {found['cores']} cores\n")
    print(f"{'':24}{'texts/s':>10}{'times':>8}{'one, p50':>10}{'p95':>8}{'load':>8}{'RSS':>9}")
    for way, run in speed.items():
        times = run["texts_per_second"] / speed[PEER]["texts_per_second"]
        print(
            f"{way:24}{run['texts_per_second']:10,.0f}{times:8.2f}{run['single_p50_ms']:7.2f} ms{run['single_p95_ms']:5.1f} ms"
            f"{run['load_seconds']:6.2f} s{run['resident_mb']:6,.0f} MB"
        )


def _print_quality(quality: dict[str, dict[str, float]]) -> None:
    one = quality[EXACT]
    print(f"\n1-of-100 on {one['asked']:,.0f} DailyDialog messages, SwDA on {one['utterances']:,.0f} utterances\n")
    print(f"{'':24}{'1-of-100':>9}{'of fp32 [95 %]':>24}{'SwDA':>8}{'of fp32 [95 %]':>24}{'cosine':>9}")
    for way, run in quality.items():
        shares = [
            f"{run[f'{n}_share']:.4f} [{run[f'{n}_low']:.3f}, {run[f'{n}_high']:.3f}]" for n in ("recall", "swda")
        ]
        cosine = "--" if np.isnan(run["mean_cosine"]) else f"{run['mean_cosine']:.4f}"
        print(f"{way:24}{run['recall_at_1']:9.4f}{shares[0]:>24}{run['swda_accuracy']:8.4f}{shares[1]:>24}{cosine:>9}")


def _print_targets(found: dict[str, Any]) -> None:
    reached: dict[str, float] = {}
    if "speed" in found:
        speed = found["speed"]
        base = speed[PEER]["texts_per_second"]
        values = (
            speed[SMALL]["texts_per_second"] / base,
            speed[STATIC]["texts_per_second"] / base,
            speed[SMALL]["single_p50_ms"],
        )
        reached |= dict(zip(_TARGETS, values, strict=False))
    if "quality" in found:
        small = found["quality"][SMALL]
        reached |= dict(zip(list(_TARGETS)[3:], (small["recall_share"], small["swda_share"]), strict=True))
    print()
    for name, value in reached.items():
        met = value <= _TARGETS[name] if "at most" in name else value >= _TARGETS[name]
        print(f"{name:48}{value:9.3f}   target {_TARGETS[name]:g}: {'reached' if met else 'missed'}")


if __name__ == "__main__":
    main()
