"""response vectors → topics: what my replies are about. Topics are not response types; they only narrow retrieval."""

import dagster as dg
import numpy as np
import pandas as pd

from jarvis_assets import metadata
from jarvis_assets.constants import MODEL_POOL, OWNERS
from jarvis_assets.evaluation import plots
from jarvis_assets.partitions import ENCODERS
from jarvis_assets.topics import clustering, naming
from jarvis_resources import tables
from jarvis_resources.dagster_resources import JarvisSettings

SEED = 20260101
"""UMAP's seed: the same history gives the same topics."""


@dg.asset(
    group_name="topics",
    kinds={"parquet"},
    owners=OWNERS,
    code_version="1",
    io_manager_key="table_io",
    partitions_def=ENCODERS,
    pool=MODEL_POOL,
    ins={"pairs": dg.AssetIn(metadata={"columns": ["pair_id", "response_text"]})},
)
def response_topics(
    pairs: pd.DataFrame, pair_vectors: np.ndarray, jarvis: JarvisSettings
) -> dg.MaterializeResult[pd.DataFrame]:
    """Each pair's topic: UMAP and HDBSCAN on the responses, named by c-TF-IDF."""
    clusters = clustering.cluster(np.asarray(pair_vectors[:, 1], dtype=np.float32), seed=SEED)
    names = naming.name_topics(pairs["response_text"].tolist(), clusters.ids)
    topics = tables.RESPONSE_TOPICS.conform(
        pd.DataFrame(
            {
                "pair_id": pairs["pair_id"],
                "cluster_id": clusters.ids,
                "cluster_conf": clusters.confidence,
                "topic_name": pd.Series([names.get(int(topic)) for topic in clusters.ids], dtype="str"),
                "map_x": clusters.xy[:, 0],
                "map_y": clusters.xy[:, 1],
            }
        )
    )
    return dg.MaterializeResult(
        value=topics,
        metadata={
            **metadata.of_table(tables.RESPONSE_TOPICS, topics, jarvis.load(), partitioned=True),
            "topics": len(names),
            "noise_share": float((clusters.ids == -1).mean()) if len(topics) else 0.0,
            "map": metadata.picture(plots.topic_map(topics), "topic map"),
        },
    )
