"""The steps of an asset that embeds the texts of a table: plan, a step for each shard, collect.

They are ops and not one asset's body so that Dagster tries a shard again by itself, shows it, and may run it elsewhere.
What they do is in ``shards.py``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import dagster as dg
import numpy as np
import pandas as pd

from jarvis_assets import progress
from jarvis_assets.constants import MODEL_POOL
from jarvis_assets.failures import explained
from jarvis_assets.vectors import shards
from jarvis_resources.dagster_resources import JarvisSettings
from jarvis_resources.io_managers import HANDOFF_IO, clear_handoffs, sweep_handoffs
from jarvis_resources.settings import Settings

SHARD_RETRY = dg.RetryPolicy(max_retries=1, delay=2)
"""A shard whose process was killed, or that met a passing fault, is taken up again; its parts on disk are not lost."""

Planned = dg.Output[shards.Plan] | dg.DynamicOutput[shards.Shard]
"""What planning yields: the plan, and each shard."""


@dataclass(frozen=True)
class Steps:
    """The ops of one asset, in their order."""

    plan: dg.OpDefinition
    embed: dg.OpDefinition
    collect: dg.OpDefinition


def embedding_steps(asset: str, columns: tuple[str, ...], label: str) -> Steps:
    """Ops that embed ``columns`` of a table: float16 [rows, dimension], or [rows, columns, dimension] where several are.

    The encoder is the partition's, or the pairing encoder. ``label`` is what progress calls the work.
    """
    table_in = {"table": dg.In(metadata={"columns": list(columns)})}

    @dg.op(
        name=f"plan_{asset}",
        ins={**table_in, "after": dg.In(dg.Nothing)},
        out={
            "planned": dg.Out(dict, io_manager_key=HANDOFF_IO),
            "shard": dg.DynamicOut(dict, io_manager_key=HANDOFF_IO),
        },
    )
    def plan(context: dg.OpExecutionContext, table: pd.DataFrame, jarvis: JarvisSettings) -> Iterator[Planned]:
        """Which texts are new, and in which shards they are embedded."""
        settings = jarvis.load()
        sweep_handoffs(settings.assets_root)
        with explained():
            planned, parts = shards.plan(
                shards.texts_of(table, columns).tolist(), _encoder(context, settings), settings
            )
        _tell_damage(context, planned["damaged_parts"])
        yield dg.Output(planned, "planned")
        for number, shard in enumerate(parts):
            yield dg.DynamicOutput(shard, mapping_key=f"{number:02d}", output_name="shard")

    @dg.op(
        name=f"embed_{asset}",
        ins={**table_in, "shard": dg.In(dict)},
        out=dg.Out(dict, io_manager_key=HANDOFF_IO),
        pool=MODEL_POOL,
        retry_policy=SHARD_RETRY,
    )
    def embed(
        context: dg.OpExecutionContext, shard: shards.Shard, table: pd.DataFrame, jarvis: JarvisSettings
    ) -> shards.Done:
        """Embeds the new texts of one shard into the store."""
        texts = shards.texts_of(table, columns)[shard["rows"]].tolist()
        with explained():
            return shards.embed(shard, texts, jarvis.load(), progress.tracker(context, label))

    @dg.op(
        name=f"collect_{asset}",
        ins={**table_in, "planned": dg.In(dict), "done": dg.In(list)},
        out=dg.Out(np.ndarray, io_manager_key="array_io"),
        pool=MODEL_POOL,
    )
    def collect(
        context: dg.OpExecutionContext,
        table: pd.DataFrame,
        planned: shards.Plan,
        done: list[shards.Done],
        jarvis: JarvisSettings,
    ) -> dg.Output[np.ndarray]:
        """The vectors of all texts, from the store."""
        settings = jarvis.load()
        with explained():
            collected = shards.collect(shards.texts_of(table, columns).tolist(), planned, done, settings)
        vectors = collected.embedded.vectors
        _tell_damage(context, collected.embedded.damaged_parts[len(planned["damaged_parts"]) :])
        clear_handoffs(settings.assets_root, context.run_id, asset)
        shaped = vectors.reshape(len(table), len(columns), vectors.shape[1]) if len(columns) > 1 else vectors
        return dg.Output(shaped, metadata=collected.as_metadata())

    return Steps(plan, embed, collect)


def _encoder(context: dg.OpExecutionContext, settings: Settings) -> str:
    """The encoder of the partition; without partitions, the pairing encoder."""
    return context.partition_key if context.has_partition_key else settings.pairing_encoder


def _tell_damage(context: dg.OpExecutionContext, parts: Sequence[str]) -> None:
    """Name damaged parts where the owner sees it: in the run's log and in the terminal."""
    for part in parts:
        context.log.warning(f"The vectors in {part} were damaged; they are deleted and made again.")
