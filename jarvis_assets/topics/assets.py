"""response vectors → topics: what my replies are about. Topics are not response types; they only narrow retrieval."""

import dagster as dg
import numpy as np
import pandas as pd

from jarvis_assets import kept, metadata, standing
from jarvis_assets.constants import MODEL_POOL, OWNERS
from jarvis_assets.evaluation import plots
from jarvis_assets.partitions import ENCODERS
from jarvis_assets.topics import clustering, naming, neighbours
from jarvis_assets.topics.placing import Clustering
from jarvis_resources import tables
from jarvis_resources.dagster_resources import JarvisSettings
from jarvis_resources.encoders import encoder_fingerprint

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
    context: dg.AssetExecutionContext, pairs: pd.DataFrame, pair_vectors: np.ndarray, jarvis: JarvisSettings
) -> dg.MaterializeResult[pd.DataFrame]:
    """Each pair's topic: UMAP and HDBSCAN on the responses, named by c-TF-IDF; a few new pairs are placed in those."""
    settings = jarvis.load()
    fingerprint = encoder_fingerprint(context.partition_key, settings=settings)
    numbers, vectors = standing.pair_numbers(pairs["pair_id"]), np.ascontiguousarray(pair_vectors[:, 1])
    found = standing.once(
        settings,
        f"topics-{context.partition_key}",
        kept.key_of([fingerprint, str(SEED), *standing.libraries()], (clustering, neighbours)),
        numbers,
        lambda: Clustering(numbers, clustering.cluster(vectors.astype(np.float32), seed=SEED)),
        pack=Clustering.pack,
        unpack=Clustering.unpack,
    )
    clusters = found.value.of(numbers, vectors)
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
            **metadata.of_table(tables.RESPONSE_TOPICS, topics, settings, partitioned=True),
            **found.as_metadata(),
            "topics": len(names),
            "noise_share": float((clusters.ids == -1).mean()) if len(topics) else 0.0,
            "map": metadata.picture(plots.topic_map(topics), "topic map"),
        },
    )
