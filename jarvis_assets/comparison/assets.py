"""Across encoders: which to mine with, which to serve with."""

from collections.abc import Mapping
from dataclasses import astuple
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
from pydantic import Field

from jarvis_assets import metadata, standing
from jarvis_assets.comparison import ways
from jarvis_assets.comparison.quality import Sample
from jarvis_assets.constants import MODEL_POOL, OWNERS
from jarvis_assets.evaluation import plots
from jarvis_assets.failures import explained
from jarvis_assets.pairs.same_meaning import meaning_key
from jarvis_resources import tables
from jarvis_resources.asset_files import made_partitions, read_asset
from jarvis_resources.dagster_resources import JarvisSettings
from jarvis_resources.encoders import encoder_fingerprint

SECONDS, THOROUGH_SECONDS = 1.0, 5.0
"""For timing each way to run an encoder: in a mining, and when it is asked for."""


class Comparison(dg.Config):
    """What to compare."""

    thorough: bool = False
    """Whether every installed encoder on every backend is measured, with topics, dialogue acts and agreement: minutes."""
    encoders: list[str] = Field(default_factory=list)
    """Encoders to compare; empty: those mined with, or all installed ones if thorough."""


@dg.asset(
    group_name="comparison",
    kinds={"parquet"},
    owners=OWNERS,
    code_version="2",
    io_manager_key="table_io",
    pool=MODEL_POOL,
    deps=["holdout_evaluation"],
    ins={
        "pairs": dg.AssetIn(
            metadata={"columns": ["pair_id", "trigger_text", "response_text", "conversation_id", "responded_at"]}
        )
    },
)
def encoder_comparison(
    context: dg.AssetExecutionContext,
    config: Comparison,
    pairs: pd.DataFrame,
    pair_splits: pd.DataFrame,
    jarvis: JarvisSettings,
) -> dg.MaterializeResult[pd.DataFrame]:
    """Speed, memory and quality of the ways to run encoders here: those mined with, or all of them if ``thorough``."""
    settings = jarvis.load()
    root = settings.assets_root
    mined = made_partitions(root, "holdout_evaluation", "table")
    with explained():
        compared_ways = (
            ways.installed(settings, config.encoders)
            if config.thorough
            else ways.chosen(config.encoders or mined, settings)
        )
        rows = standing.row_numbers(
            pairs[["pair_id"]].merge(pair_splits[["pair_id", "split_pair"]], how="left", sort=False)
        )

        def compare() -> list[dict[str, Any]]:
            return ways.compare(
                compared_ways,
                Sample.of(pairs, pair_splits, meaning_key),
                settings,
                seconds=THOROUGH_SECONDS if config.thorough else SECONDS,
                thorough=config.thorough,
                told=lambda way: context.log.info("measuring %s on %s in %s", way.encoder, way.backend, way.precision),
                passed_over=lambda way, error: context.log.warning("%s on %s: %s", way.encoder, way.backend, error),
            )

        def known(facts: dict[str, Any]) -> list[dict[str, Any]]:
            if len(facts["rows"]) < len(compared_ways):
                raise ValueError("a way broke when it was measured")
            return list(facts["rows"])

        if config.thorough or config.encoders:
            # Whoever asks for it wants it measured now.
            found = standing.just_made(compare(), rows)
        else:
            judge = ways.chosen([settings.pairing_encoder], settings)
            prints = [encoder_fingerprint(*astuple(way), settings=settings) for way in [*compared_ways, *judge]]
            found = standing.once(
                settings,
                "comparison",
                standing.key_of_all_code(compared_ways, prints),
                rows,
                compare,
                pack=lambda value: ({"rows": value}, {}),
                unpack=lambda facts, _: known(facts),
            )
    matches = {slug: _matches(read_asset(root, "holdout_evaluation", "table", slug)) for slug in mined}
    nothing = {"top1_match": None, "top5_match": None}
    compared = tables.ENCODER_COMPARISON.conform(
        pd.DataFrame(
            [{**row, **(matches.get(row["encoder"], nothing) if row["is_chosen"] else nothing)} for row in found.value],
            columns=list(tables.ENCODER_COMPARISON.columns),
        ).replace({np.nan: None})
    )
    return dg.MaterializeResult(
        value=compared,
        metadata={
            **metadata.of_table(tables.ENCODER_COMPARISON, compared, settings),
            **found.as_metadata(),
            "speed and quality": metadata.picture(plots.speed_and_quality(compared), "speed and quality of encoders"),
        },
    )


def _matches(evaluation: pd.DataFrame) -> Mapping[str, float | None]:
    """Top-1 and top-5 semantic match of retrieval; ``None`` where nothing was measured."""
    retrieval = evaluation[evaluation["system"] == "retrieval"].set_index("measure")["value"]
    return {name: float(retrieval[name]) if name in retrieval else None for name in ("top1_match", "top5_match")}
