"""Checks of the messages stage."""

import dagster as dg
import pandas as pd

MOST_DAMAGED = 0.02
"""Share of damaged bodies above which the reader, not the database, is to be suspected."""


@dg.asset_check(asset="messages", description="Few bodies are damaged: else a new macOS writes what we cannot read.")
def few_bodies_are_damaged(messages: pd.DataFrame) -> dg.AssetCheckResult:
    """Warns when more than ``MOST_DAMAGED`` of the rows could not be decoded."""
    share = float((messages["kind"] == "corrupt").mean()) if len(messages) else 0.0
    return dg.AssetCheckResult(
        passed=share <= MOST_DAMAGED, severity=dg.AssetCheckSeverity.WARN, metadata={"damaged_share": share}
    )


@dg.asset_check(
    asset="conversations",
    blocking=True,
    additional_ins={"messages": dg.AssetIn("messages", metadata={"columns": ["conversation_id", "kind"]})},
    description="Every message that has a conversation has one that is known, and none is counted twice.",
)
def conversations_hold_every_message(conversations: pd.DataFrame, messages: pd.DataFrame) -> dg.AssetCheckResult:
    """Nothing is lost or invented between the two tables; what is no message (tapbacks, system rows) is not counted."""
    placed = messages[messages["conversation_id"].notna()]
    lost = int((~placed["conversation_id"].isin(conversations["conversation_id"])).sum())
    counted = int(conversations["message_count"].sum())
    normal = int((placed["kind"] == "normal").sum())
    return dg.AssetCheckResult(
        passed=lost == 0 and normal <= counted <= len(placed),
        metadata={"placed": len(placed), "normal": normal, "counted": counted, "lost": lost},
    )
