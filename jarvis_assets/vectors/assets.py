"""texts → vectors → index. A text is embedded once in its life: what the store has is not embedded again."""

import dagster as dg
import numpy as np

from jarvis_assets.constants import OWNERS
from jarvis_assets.partitions import ENCODERS
from jarvis_assets.vectors.fan_out import embedding_steps
from jarvis_assets.vectors.renewal import renew
from jarvis_resources.asset_files import read_index_to_change
from jarvis_resources.dagster_resources import JarvisSettings
from jarvis_resources.vector_index import VectorIndex

GROUP = "vectors"
TURNS = embedding_steps("turn_vectors", ("text",), "embedding turns")
PAIRS = embedding_steps("pair_vectors", ("trigger_text", "response_text"), "embedding pairs")


@dg.graph_asset(group_name=GROUP, kinds={"numpy"}, owners=OWNERS, code_version="2")
def turn_vectors(turns):  # type: ignore[no-untyped-def]  # Dagster composes; these are its handles, not tables
    """A vector for each turn under the fixed pairing encoder: float16 [turns, dimension]."""
    planned, shard = TURNS.plan(table=turns)
    done = shard.map(lambda one: TURNS.embed(one, turns)).collect()
    return TURNS.collect(turns, planned, done)


@dg.graph_asset(
    group_name=GROUP,
    kinds={"numpy"},
    owners=OWNERS,
    code_version="2",
    partitions_def=ENCODERS,
    ins={"pair_splits": dg.AssetIn(dagster_type=dg.Nothing)},
)
def pair_vectors(pairs, pair_splits):  # type: ignore[no-untyped-def]
    """Vectors of each pair's trigger and response: float16 [pairs, 2, dimension]."""
    planned, shard = PAIRS.plan(table=pairs, after=pair_splits)
    done = shard.map(lambda one: PAIRS.embed(one, pairs)).collect()
    return PAIRS.collect(pairs, planned, done)


@dg.asset(
    group_name=GROUP,
    kinds={"faiss"},
    owners=OWNERS,
    code_version="2",
    io_manager_key="index_io",
    partitions_def=ENCODERS,
)
def trigger_index(
    context: dg.AssetExecutionContext, pair_vectors: np.ndarray, jarvis: JarvisSettings
) -> dg.MaterializeResult[VectorIndex]:
    """Nearest triggers by cosine; ids are row numbers of the pairs table. The last index is changed where that pays."""
    settings = jarvis.load()
    renewed = renew(
        lambda: read_index_to_change(settings.assets_root, "trigger_index", context.partition_key),
        pair_vectors[:, 0],
        threads=settings.worker_threads,
    )
    if renewed.damage:
        context.log.warning(renewed.damage)
    return dg.MaterializeResult(value=renewed.index, metadata=renewed.as_metadata())
