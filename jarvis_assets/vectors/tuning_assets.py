"""The asset ``tuned_encoder``: fine-tuning on the owner's pairs. It takes minutes, so no mining runs it by itself."""

import dagster as dg
import numpy as np
import pandas as pd
from pydantic import Field

from jarvis_assets import metadata, progress
from jarvis_assets.constants import MODEL_POOL, OWNERS
from jarvis_assets.failures import explained
from jarvis_assets.pairs.segments import segment
from jarvis_assets.vectors.tuning import examples, plots
from jarvis_assets.vectors.tuning import plan as numbers
from jarvis_assets.vectors.tuning.tune import tune
from jarvis_resources import tables
from jarvis_resources.dagster_resources import JarvisSettings


class TuningConfig(dg.Config):
    """What to tune, and how long."""

    base: str = Field(default=numbers.DEFAULT_BASE, description="Encoder to start from; its weights must be here.")
    recipes: list[str] = Field(
        default=["mnrl"], description="Of mnrl, conversations, joint; of several, dev chooses the one that is judged."
    )
    minutes: float = Field(default=numbers.DEFAULT_MINUTES, description="Most minutes of training for each recipe.")
    steps: int = Field(default=numbers.DEFAULT_STEPS, description="Most steps of training for each recipe.")
    seed: int = Field(default=0, description="The same seed and steps give the same weights on a processor.")
    device: str = Field(default="auto", description="auto, cpu, cuda or mps (which we have not run).")
    replace_served: bool = Field(
        default=False, description="Replace an encoder that the latest release serves with; mine again at once."
    )


@dg.asset(
    group_name="vectors",
    kinds={"pytorch", "parquet"},
    owners=OWNERS,
    code_version="1",
    io_manager_key="table_io",
    pool=MODEL_POOL,
    ins={
        "pairs": dg.AssetIn(metadata={"columns": list(examples.PAIR_COLUMNS)}),
        "turns": dg.AssetIn(metadata={"columns": list(examples.TURN_COLUMNS)}),
    },
)
def tuned_encoder(
    context: dg.AssetExecutionContext,
    config: TuningConfig,
    pairs: pd.DataFrame,
    pair_splits: pd.DataFrame,
    turns: pd.DataFrame,
    turn_vectors: np.ndarray,
    jarvis: JarvisSettings,
) -> dg.MaterializeResult[pd.DataFrame]:
    """What fine-tuning changes on the holdout; installed as an encoder only where that says it is better."""
    settings = jarvis.load()
    with explained():
        tuning = tune(
            pairs, pair_splits, turns, segment(turns, turn_vectors), settings, numbers.Plan.of(**config.model_dump()),
            lambda label: progress.tracker(context, label),
        )  # fmt: skip
    context.log.info(tuning.verdict.reason)
    return dg.MaterializeResult(
        value=tuning.table,
        metadata={
            **metadata.of_table(tables.TUNED_ENCODER, tuning.table, settings),
            "encoder": tuning.slug,
            "recipe": tuning.chosen,
            "kept": tuning.verdict.kept,
            "verdict": tuning.verdict.reason,
            "facts": dg.MetadataValue.json(tuning.facts),
            "measured": dg.MetadataValue.md(_as_markdown(tuning.table)),
            "differences": metadata.picture(plots.differences(tuning.table), "before and after"),
        },
    )


def _as_markdown(table: pd.DataFrame) -> str:
    lines = ["| recipe | measure | asked | before | after | difference |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {row.recipe} | {row.measure} | {row.asked} | {row.before:.3f} | {row.after:.3f} | "
        f"{row.difference:+.3f} [{row.low:+.3f}, {row.high:+.3f}] |"
        for row in table.itertuples()
    ]
    return "\n".join(lines)
