"""Checks of the pairs stage: no leak between the sides, no filter run wild."""

import dagster as dg
import pandas as pd

from jarvis_assets.pairs import dropping, leaks
from jarvis_assets.pairs.review.summary import COLUMNS, summarise

FOUND = {"columns": ["person_id", "trigger_text", "response_text"]}


@dg.asset_check(
    asset="pair_splits",
    blocking=True,
    additional_ins={"pairs": dg.AssetIn("pairs", metadata={"columns": list(leaks.COLUMNS)})},
    description="No pair, near-copy or person is on two sides, and learning sees no holdout reply.",
)
def no_leak_between_splits(pair_splits: pd.DataFrame, pairs: pd.DataFrame) -> dg.AssetCheckResult:
    """Fails with one sentence for each kind of leak found."""
    found = "; ".join(leaks.leaks(pairs, pair_splits)) or "none"
    return dg.AssetCheckResult(passed=found == "none", description=found, metadata={"leaks": found})


@dg.asset_check(
    asset="pairs",
    additional_ins={
        "gold_pairs": dg.AssetIn("gold_pairs", metadata=FOUND),
        "semantic_pairs": dg.AssetIn("semantic_pairs", metadata=FOUND),
        "people": dg.AssetIn("people", metadata={"columns": ["person_id", "is_automated"]}),
    },
    description="The filters drop at most 40 % of what was found.",
)
def filters_are_not_too_aggressive(
    pairs: pd.DataFrame, gold_pairs: pd.DataFrame, semantic_pairs: pd.DataFrame, people: pd.DataFrame
) -> dg.AssetCheckResult:
    """Compares the occurrences kept with the pairs found; an error that the terminal repeats at its end.

    It does not block: what is left is sound, only less, and a release of it serves better than none.
    """
    found = pd.concat([gold_pairs, semantic_pairs], ignore_index=True)
    dropped = dropping.told(found, int(pairs["occurrences"].sum()), people)
    return dg.AssetCheckResult(
        passed=not dropped.too_many,
        description=dropped.sentence,
        metadata={"found": dropped.found, "dropped_share": dropped.share, "dropped": dropped.sentence},
    )


@dg.asset_check(
    asset="gold_pair_review",
    additional_ins={"pairs": dg.AssetIn("pairs", metadata={"columns": COLUMNS})},
    description="Reviewed gold pairs: at least 85 % are GOOD. Where the whole interval is below, no release follows.",
)
def reviewed_gold_pairs_are_good(gold_pair_review: pd.DataFrame, pairs: pd.DataFrame) -> dg.AssetCheckResult:
    """Warns when the interval reaches below; passes with "not reviewed" when nobody has.

    It does not block this run, whose tables the next review needs: the release asks for the same verdict and refuses.
    """
    found = summarise(gold_pair_review, pairs).gold
    return dg.AssetCheckResult(
        passed=found.state in ("good", "not reviewed"),
        severity=dg.AssetCheckSeverity.ERROR if found.state == "bad" else dg.AssetCheckSeverity.WARN,
        description=found.sentence,
        metadata={"state": found.state, "gold": found.sentence},
    )
