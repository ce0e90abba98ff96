"""Checks of the whole graph: every table against its declaration. Generated, so that no table can be forgotten."""

from typing import Any

import dagster as dg

from jarvis_assets.partitions import ENCODERS
from jarvis_resources import tables


def declaration_check(table: tables.Table, *, partitioned: bool) -> dg.AssetChecksDefinition:
    """A blocking check that ``table`` has exactly the columns, types, values and bounds of ``tables.py``."""

    @dg.asset_check(
        asset=table.name,
        name="matches_its_declaration",
        blocking=True,
        partitions_def=ENCODERS if partitioned else None,
        description="Columns, types, values and bounds as tables.py declares them.",
    )
    def check(frame: Any) -> dg.AssetCheckResult:
        broken = tables.violations(table, frame)
        return dg.AssetCheckResult(
            passed=not broken, metadata={"rows": len(frame), "broken": "; ".join(broken) or "none"}
        )

    return check


def declaration_checks(partitioned: dict[str, bool]) -> list[dg.AssetChecksDefinition]:
    """One check for each table among the assets; ``partitioned`` says of each asset whether it is."""
    return [
        declaration_check(table, partitioned=partitioned[name])
        for name, table in tables.ALL.items()
        if name in partitioned
    ]
