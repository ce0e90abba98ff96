"""`make bench`: how long a suggestion takes on the latest release, beside the bare lookup of the nearest message.

The peer is what everybody builds first: encode the message, ask FAISS for the nearest one, answer what was answered then.
Messages are the sample's own, in an order fixed by a seed. Prints a table; ``--json FILE`` also writes it. Quality is the
release's own top-1 match on its holdout, for both.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil

from jarvis_resources import releases
from jarvis_resources.asset_files import read_asset
from jarvis_resources.settings import load_settings
from jarvis_serving import Suggester

MESSAGES = 300
WARM_UP = 20


def milliseconds(answer: Callable[[str], object], texts: list[str]) -> np.ndarray:
    """Milliseconds that ``answer`` takes for each of ``texts``, the first ones left out."""
    taken = []
    for text in texts:
        started = time.perf_counter()
        answer(text)
        taken.append(1000 * (time.perf_counter() - started))
    return np.array(taken[WARM_UP:])


def main() -> None:
    """Measure, print, and write JSON where asked."""
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    settings = load_settings()
    started = time.perf_counter()
    suggester = Suggester.load(settings)
    loaded = time.perf_counter() - started
    texts = read_asset(settings.assets_root, "pairs", "table")["trigger_text"].tolist()
    order = np.random.default_rng(0).permutation(len(texts))[: MESSAGES + WARM_UP]
    asked = [texts[row] for row in order]
    ours = milliseconds(suggester.suggest, asked)
    peer = milliseconds(lambda text: suggester.search(text, k=1), asked)
    manifest = releases.latest(settings.releases).manifest
    evaluation = read_asset(settings.assets_root, "holdout_evaluation", "table", str(manifest["serving_encoder"]))
    top1 = evaluation[evaluation["measure"] == "top1_match"].set_index("system")["value"]
    figures = {
        "pairs": len(texts),
        "load_seconds": round(loaded, 3),
        "memory_mb": round(psutil.Process().memory_info().rss / 1e6),
        "suggest": {
            "p50_ms": round(float(np.median(ours)), 2),
            "p99_ms": round(float(np.quantile(ours, 0.99)), 2),
            "top1_match": round(float(top1["retrieval"]), 3),
        },
        "nearest trigger (peer)": {
            "p50_ms": round(float(np.median(peer)), 2),
            "p99_ms": round(float(np.quantile(peer, 0.99)), 2),
            "top1_match": round(float(top1["nearest trigger"]), 3),
        },
        "p50_ratio": round(float(np.median(ours) / np.median(peer)), 2),
    }
    print(json.dumps(figures, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
