"""Checks of the pairs stage: no leak between the sides, no filter run wild."""

import dagster as dg
import pandas as pd

from jarvis_assets.pairs import splits

MOST_DROPPED = 0.40
"""Founding documents: filters that drop more than this are too aggressive."""


@dg.asset_check(
    asset="pair_splits",
    blocking=True,
    additional_ins={"pairs": dg.AssetIn("pairs")},
    description="No pair, near-copy or holdout reply is on two sides.",
)
def no_leak_between_splits(pair_splits: pd.DataFrame, pairs: pd.DataFrame) -> dg.AssetCheckResult:
    """Fails with one sentence for each kind of leak found."""
    leaks = splits.leaks(pairs, pair_splits)
    return dg.AssetCheckResult(passed=not leaks, metadata={"leaks": "; ".join(leaks) or "none"})


@dg.asset_check(
    asset="pairs",
    additional_ins={
        name: dg.AssetIn(name, metadata={"columns": ["pair_id"]}) for name in ("gold_pairs", "semantic_pairs")
    },
    description="The filters drop at most 40 % of what was found.",
)
def filters_are_not_too_aggressive(
    pairs: pd.DataFrame, gold_pairs: pd.DataFrame, semantic_pairs: pd.DataFrame
) -> dg.AssetCheckResult:
    """Compares the occurrences kept with the pairs found."""
    found = len(gold_pairs) + len(semantic_pairs)
    dropped = 1 - int(pairs["occurrences"].sum()) / found if found else 0.0
    return dg.AssetCheckResult(passed=dropped <= MOST_DROPPED, metadata={"found": found, "dropped_share": dropped})
