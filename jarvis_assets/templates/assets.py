"""pairs → templates: what the owner says again and again, and to what."""

import dagster as dg
import numpy as np
import pandas as pd

from jarvis_assets import metadata
from jarvis_assets.constants import OWNERS
from jarvis_assets.partitions import ENCODERS
from jarvis_assets.templates import mining
from jarvis_resources import tables
from jarvis_resources.dagster_resources import JarvisSettings


@dg.asset(
    group_name="templates",
    kinds={"parquet"},
    owners=OWNERS,
    code_version="1",
    io_manager_key="table_io",
    partitions_def=ENCODERS,
    ins={"pairs": dg.AssetIn(metadata={"columns": list(mining.COLUMNS)})},
)
def reply_templates(
    pairs: pd.DataFrame,
    pair_vectors: np.ndarray,
    dialogue_acts: pd.DataFrame,
    pair_splits: pd.DataFrame,
    jarvis: JarvisSettings,
) -> dg.MaterializeResult[pd.DataFrame]:
    """Clusters of interchangeable (incoming, reply) patterns, mined from train alone: dev and holdout stay unseen."""
    templates = mining.mine(pairs, pair_vectors, dialogue_acts, pair_splits)
    return dg.MaterializeResult(
        value=templates,
        metadata=metadata.of_table(tables.REPLY_TEMPLATES, templates, jarvis.load(), partitioned=True),
    )
