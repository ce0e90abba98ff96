"""The graph as Dagster loads it: ``build_defs`` and nothing else."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from jarvis_assets import automation, jobs
from jarvis_assets.checks import declaration_checks
from jarvis_assets.comparison import assets as comparison
from jarvis_assets.dialogue_acts import assets as dialogue_acts
from jarvis_assets.evaluation import assets as evaluation
from jarvis_assets.messages import assets as messages
from jarvis_assets.messages import checks as message_checks
from jarvis_assets.mining import terminal_logger
from jarvis_assets.pairs import assets as pairs
from jarvis_assets.pairs import checks as pair_checks
from jarvis_assets.release import assets as release
from jarvis_assets.release import checks as release_checks
from jarvis_assets.templates import assets as templates
from jarvis_assets.topics import assets as topics
from jarvis_assets.vectors import assets as vectors
from jarvis_assets.vectors import checks as vector_checks
from jarvis_assets.vectors import tuning_assets as tuning
from jarvis_resources.dagster_resources import JarvisSettings
from jarvis_resources.io_managers import asset_storages

STAGES = [messages, pairs, vectors, tuning, topics, dialogue_acts, evaluation, templates, comparison, release]
"""The stage modules in lineage order."""
STAGE_CHECKS = [message_checks, pair_checks, vector_checks, release_checks]


def build_defs(*, resource_overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """The whole graph; ``resource_overrides`` replaces resources by key (tests, other storages)."""
    assets = dg.load_assets_from_modules(STAGES)
    partitioned = {
        key.path[-1]: spec.partitions_def is not None
        for definition in assets
        if isinstance(definition, dg.AssetsDefinition)
        for key, spec in definition.specs_by_key.items()
    }
    return dg.Definitions(
        assets=assets,
        asset_checks=[*declaration_checks(partitioned), *dg.load_asset_checks_from_modules(STAGE_CHECKS)],
        jobs=jobs.ALL,
        schedules=automation.SCHEDULES,
        sensors=automation.SENSORS,
        resources={"jarvis": JarvisSettings(), **asset_storages(), **(resource_overrides or {})},
        loggers={"console": dg.colored_console_logger, "terminal": terminal_logger},
        # A process for each step costs more seconds than most of these steps take, and a second copy of the arrays.
        executor=dg.in_process_executor,
    )


defs = build_defs()
