"""texts → vectors → index. A text is embedded once in its life: what the store has is not embedded again."""

import dagster as dg
import numpy as np
import pandas as pd

from jarvis_assets import progress
from jarvis_assets.constants import MODEL_POOL, OWNERS
from jarvis_assets.failures import explained
from jarvis_assets.partitions import ENCODERS
from jarvis_assets.vectors.embedding import embed_texts
from jarvis_resources.dagster_resources import JarvisSettings
from jarvis_resources.vector_index import VectorIndex

GROUP = "vectors"
EMBED_RETRY = dg.RetryPolicy(max_retries=1, delay=5)
"""A shard that was interrupted is taken up again; what is already embedded is not lost."""


@dg.asset(
    group_name=GROUP,
    kinds={"numpy"},
    owners=OWNERS,
    code_version="1",
    io_manager_key="array_io",
    pool=MODEL_POOL,
    retry_policy=EMBED_RETRY,
)
def turn_vectors(
    context: dg.AssetExecutionContext, turns: pd.DataFrame, jarvis: JarvisSettings
) -> dg.MaterializeResult[np.ndarray]:
    """A vector for each turn under the fixed pairing encoder: float16 [turns, dimension]."""
    settings = jarvis.load()
    with explained():
        embedded = embed_texts(
            turns["text"].tolist(), settings.pairing_encoder, settings, progress.tracker(context, "embedding turns")
        )
    return dg.MaterializeResult(value=embedded.vectors, metadata=embedded.as_metadata())


@dg.asset(
    group_name=GROUP,
    kinds={"numpy"},
    owners=OWNERS,
    code_version="1",
    io_manager_key="array_io",
    pool=MODEL_POOL,
    retry_policy=EMBED_RETRY,
    partitions_def=ENCODERS,
    ins={"pairs": dg.AssetIn(metadata={"columns": ["trigger_text", "response_text"]})},
    deps=["pair_splits"],
)
def pair_vectors(
    context: dg.AssetExecutionContext, pairs: pd.DataFrame, jarvis: JarvisSettings
) -> dg.MaterializeResult[np.ndarray]:
    """Vectors of each pair's trigger and response: float16 [pairs, 2, dimension]."""
    settings = jarvis.load()
    texts = pairs["trigger_text"].tolist() + pairs["response_text"].tolist()
    with explained():
        embedded = embed_texts(texts, context.partition_key, settings, progress.tracker(context, "embedding pairs"))
    sides = (
        embedded.vectors.reshape(2, len(pairs), -1)
        if len(pairs)
        else embedded.vectors.reshape(2, 0, embedded.vectors.shape[1])
    )
    return dg.MaterializeResult(value=np.ascontiguousarray(sides.transpose(1, 0, 2)), metadata=embedded.as_metadata())


@dg.asset(
    group_name=GROUP,
    kinds={"faiss"},
    owners=OWNERS,
    code_version="1",
    io_manager_key="index_io",
    partitions_def=ENCODERS,
)
def trigger_index(pair_vectors: np.ndarray, jarvis: JarvisSettings) -> dg.MaterializeResult[VectorIndex]:
    """Nearest triggers by cosine; ids are row numbers of the pairs table."""
    index = VectorIndex.build(np.asarray(pair_vectors[:, 0], dtype=np.float32), threads=jarvis.load().worker_threads)
    return dg.MaterializeResult(
        value=index,
        metadata={"dagster/partition_row_count": index.size, "dimension": index.dimension, "factory": index.factory},
    )
