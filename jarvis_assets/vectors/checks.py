"""Checks of the vectors stage: arrays fit their tables, rows have length 1, the index finds what is in it."""

import dagster as dg
import numpy as np
import pandas as pd

from jarvis_assets.partitions import ENCODERS
from jarvis_resources.vector_index import VectorIndex

LENGTH_TOLERANCE = 2e-3
"""float16 keeps three digits."""
PROBES = 200
"""Vectors looked up in the index."""
LOWEST_RECALL = 0.95
"""Share of vectors that must find themselves (or their equal) first."""


@dg.asset_check(
    asset="turn_vectors",
    blocking=True,
    additional_ins={"turns": dg.AssetIn("turns", metadata={"columns": ["turn_id"]})},
    description="One vector of length 1 for each turn.",
)
def turn_vectors_fit_the_turns(turn_vectors: np.ndarray, turns: pd.DataFrame) -> dg.AssetCheckResult:
    """Fails on a different number of rows or a row that is not normalised."""
    return _fits(turn_vectors, len(turns))


@dg.asset_check(
    asset="pair_vectors",
    blocking=True,
    partitions_def=ENCODERS,
    additional_ins={"pairs": dg.AssetIn("pairs", metadata={"columns": ["pair_id"]})},
    description="Two vectors of length 1 for each pair.",
)
def pair_vectors_fit_the_pairs(pair_vectors: np.ndarray, pairs: pd.DataFrame) -> dg.AssetCheckResult:
    """Fails on a different number of rows or a row that is not normalised."""
    fits = pair_vectors.ndim == 3 and pair_vectors.shape[1] == 2
    return (
        _fits(pair_vectors.reshape(-1, pair_vectors.shape[-1]), 2 * len(pairs))
        if fits
        else dg.AssetCheckResult(passed=False)
    )


@dg.asset_check(
    asset="trigger_index",
    blocking=True,
    partitions_def=ENCODERS,
    additional_ins={"pair_vectors": dg.AssetIn("pair_vectors")},
    description="Triggers find themselves in the index.",
)
def index_finds_its_own_vectors(trigger_index: VectorIndex, pair_vectors: np.ndarray) -> dg.AssetCheckResult:
    """Looks up evenly spaced triggers; the best score must be that of the vector with itself."""
    if trigger_index.size != len(pair_vectors):
        return dg.AssetCheckResult(passed=False, metadata={"index": trigger_index.size, "pairs": len(pair_vectors)})
    if not len(pair_vectors):
        return dg.AssetCheckResult(passed=True, metadata={"recall": 1.0})
    rows = np.unique(np.linspace(0, len(pair_vectors) - 1, PROBES).astype(int))
    probes = np.asarray(pair_vectors[rows, 0], dtype=np.float32)
    scores, _ = trigger_index.search(probes, 1)
    recall = float((scores[:, 0] >= (probes**2).sum(axis=1) - LENGTH_TOLERANCE).mean())
    return dg.AssetCheckResult(passed=recall >= LOWEST_RECALL, metadata={"recall": recall})


def _fits(vectors: np.ndarray, rows: int) -> dg.AssetCheckResult:
    """Whether ``vectors`` has ``rows`` rows, all of length 1; looks in slices, so that a mapped file stays on disk."""
    worst = max(
        (
            float(np.abs(np.linalg.norm(vectors[start : start + 65_536].astype(np.float32), axis=1) - 1).max())
            for start in range(0, len(vectors), 65_536)
        ),
        default=0.0,
    )
    return dg.AssetCheckResult(
        passed=len(vectors) == rows and worst <= LENGTH_TOLERANCE,
        metadata={"rows": len(vectors), "worst_length_error": worst},
    )
