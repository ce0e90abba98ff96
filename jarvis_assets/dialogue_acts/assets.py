"""What both sides of a pair do: the classifier, and the labels it gives. Serving answers with the very same model."""

from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from jarvis_assets import kept, metadata
from jarvis_assets.constants import MODEL_POOL, OWNERS
from jarvis_assets.dialogue_acts import training
from jarvis_assets.dialogue_acts.labelling import label_pairs
from jarvis_assets.dialogue_acts.remembered import said_of
from jarvis_assets.partitions import ENCODERS
from jarvis_assets.vectors.embedding import text_encoder
from jarvis_resources import tables
from jarvis_resources.dagster_resources import JarvisSettings
from jarvis_serving.understanding.dialogue_acts import DialogueActModel

GROUP = "dialogue_acts"


@dg.asset(
    group_name=GROUP,
    kinds={"json"},
    owners=OWNERS,
    code_version="1",
    io_manager_key="json_io",
    partitions_def=ENCODERS,
    pool=MODEL_POOL,
    deps=["pair_vectors"],
)
def dialogue_act_model(
    context: dg.AssetExecutionContext, jarvis: JarvisSettings
) -> dg.MaterializeResult[dict[str, Any]]:
    """Two calibrated linear heads over vectors, structure and the previous turn; learned from our own exemplars, and
    from SwDA where ``JARVIS_CORPORA`` points at one. The owner's messages are no part of it: it is learned once."""
    settings = jarvis.load()
    encoder = text_encoder(context.partition_key, settings)
    trained = kept.once(
        settings.home / kept.ACTS,
        context.partition_key,
        training.learned_from(encoder.fingerprint, settings.corpora),
        load=training.Trained.from_bytes,
        dump=training.Trained.to_bytes,
        make=lambda: training.train(encoder.encode, encoder.fingerprint, settings.corpora),
    )
    return dg.MaterializeResult(
        value=trained.model.to_json(),
        metadata={
            "measured": dg.MetadataValue.md(trained.as_markdown()),
            "measures": dg.MetadataValue.json([vars(measure) for measure in trained.report]),
            **trained.as_numbers(),
        },
    )


@dg.asset(
    group_name=GROUP,
    kinds={"parquet"},
    owners=OWNERS,
    code_version="1",
    io_manager_key="table_io",
    partitions_def=ENCODERS,
    ins={"pairs": dg.AssetIn(metadata={"columns": ["pair_id", "trigger_text", "response_text"]})},
)
def dialogue_acts(
    context: dg.AssetExecutionContext,
    pairs: pd.DataFrame,
    pair_vectors: np.ndarray,
    response_topics: pd.DataFrame,
    dialogue_act_model: dict[str, Any],
    jarvis: JarvisSettings,
) -> dg.MaterializeResult[pd.DataFrame]:
    """The act of each trigger, the type of each response, and which pairs look mislabelled or badly paired."""
    settings = jarvis.load()
    model = DialogueActModel.from_json(dialogue_act_model)
    said = said_of(model, pairs, pair_vectors, settings.home / kept.ACTS, f"labels-{context.partition_key}")
    labels = label_pairs(model, pairs, pair_vectors, response_topics, said)
    return dg.MaterializeResult(
        value=labels,
        metadata={
            **metadata.of_table(tables.DIALOGUE_ACTS, labels, settings, partitioned=True),
            **metadata.counts("trigger acts", labels["trigger_da_type"].value_counts().to_dict()),
            **metadata.counts("response types", labels["response_da_type"].value_counts().to_dict()),
            "abstained_share": float(labels["abstained"].mean()) if len(labels) else 0.0,
        },
    )
