"""Across encoders: which to mine with, which to serve with."""

import dagster as dg
import pandas as pd

from jarvis_assets import metadata
from jarvis_assets.comparison import encoders
from jarvis_assets.constants import MODEL_POOL, OWNERS
from jarvis_resources import tables
from jarvis_resources.asset_files import made_partitions, read_asset
from jarvis_resources.dagster_resources import JarvisSettings


@dg.asset(
    group_name="comparison",
    kinds={"parquet"},
    owners=OWNERS,
    code_version="1",
    io_manager_key="table_io",
    pool=MODEL_POOL,
    deps=["holdout_evaluation"],
    ins={"pairs": dg.AssetIn(metadata={"columns": ["trigger_text"]})},
)
def encoder_comparison(pairs: pd.DataFrame, jarvis: JarvisSettings) -> dg.MaterializeResult[pd.DataFrame]:
    """Speed and retrieval quality of every encoder that has been mined with; the others are not asked for."""
    settings = jarvis.load()
    texts = pairs["trigger_text"].tolist()
    root = settings.assets_root
    evaluations = {
        slug: read_asset(root, "holdout_evaluation", "table", slug)
        for slug in made_partitions(root, "holdout_evaluation", "table")
    }
    compared = tables.ENCODER_COMPARISON.conform(
        pd.DataFrame(
            [
                {"encoder": slug, **vars(encoders.measure(slug, texts, settings)), **_quality(evaluation)}
                for slug, evaluation in evaluations.items()
            ],
            columns=list(tables.ENCODER_COMPARISON.columns),
        )
    )
    return dg.MaterializeResult(
        value=compared, metadata=metadata.of_table(tables.ENCODER_COMPARISON, compared, settings)
    )


def _quality(evaluation: pd.DataFrame) -> dict[str, float | None]:
    """Top-1 and top-5 semantic match of retrieval; ``None`` where nothing was measured."""
    retrieval = evaluation[evaluation["system"] == "retrieval"].set_index("measure")["value"]
    return {name: float(retrieval[name]) if name in retrieval else None for name in ("top1_match", "top5_match")}
