"""`python -m benchmarks.topic_placing --home HOME`: do new replies land in the topics that clustering anew would give them?

The last pairs of a mined home (2, 5 and 10 %, by the time of the reply) are placed in the topics of those before. Agreement is
the share of those new replies whose placed topic is the one that most of their topic's members have in a clustering of
everything, and adjusted mutual information (AMI) with it, both on the new replies alone. Beside it stands what a second seed
of the clustering agrees with the first on the same replies: more cannot be asked for. Prints a table.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from jarvis_assets.topics import clustering
from jarvis_assets.topics.assets import SEED
from jarvis_assets.topics.placing import Clustering
from jarvis_resources.asset_files import read_asset
from jarvis_resources.settings import load_settings

SHARES = (0.02, 0.05, 0.1)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.topic_placing", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="a mined JARVIS_HOME")
    arguments = parser.parse_args()
    settings = load_settings(home=str(arguments.home))
    pairs = read_asset(settings.assets_root, "pairs", "table", columns=["responded_at"])
    vectors = np.ascontiguousarray(
        read_asset(settings.assets_root, "pair_vectors", "array", settings.mining_encoder)[:, 1]
    )
    vectors = vectors[np.argsort(pairs["responded_at"].to_numpy(), kind="stable")]
    numbers = np.arange(len(vectors), dtype=np.uint64)
    started = perf_counter()
    whole = clustering.cluster(vectors.astype(np.float32), seed=SEED).ids
    seconds = perf_counter() - started
    other = clustering.cluster(vectors.astype(np.float32), seed=SEED + 1).ids
    print(
        f"{len(vectors):,} replies, {whole.max() + 1} topics, {np.mean(whole < 0):.1%} in none; clustered in {seconds:.1f} s"
    )
    print(f"{'new':>6s} {'replies':>8s} {'placed s':>9s} {'agree':>7s} {'AMI':>6s}   {'second seed':>11s} {'AMI':>6s}")
    for share in SHARES:
        before = round(len(vectors) * (1 - share))
        made = Clustering(numbers[:before], clustering.cluster(vectors[:before].astype(np.float32), seed=SEED))
        started = perf_counter()
        placed = made.of(numbers, vectors).ids
        taken = perf_counter() - started
        found, second = (_agreement(ids, whole, before) for ids in (placed, other))
        print(
            f"{share:6.0%} {len(vectors) - before:8,} {taken:9.2f} {found[0]:7.3f} {found[1]:6.3f}   {second[0]:11.3f} {second[1]:6.3f}"
        )


def _agreement(ids: NDArray[np.int64], whole: NDArray[np.int64], before: int) -> tuple[float, float]:
    """Of the rows from ``before`` on: share in the matching topic of ``whole``, and AMI."""
    from sklearn.metrics import adjusted_mutual_info_score

    match = {
        topic: np.bincount(whole[:before][ids[:before] == topic] + 1).argmax() - 1 for topic in np.unique(ids[:before])
    }
    expected = np.array([match.get(topic, clustering.NOISE) for topic in ids[before:]])
    return float(np.mean(expected == whole[before:])), float(adjusted_mutual_info_score(ids[before:], whole[before:]))


if __name__ == "__main__":
    main()
