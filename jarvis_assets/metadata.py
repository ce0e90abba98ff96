"""What an asset says of itself in the Dagster UI: counts, schema, a masked preview, a plot.

One shape for every asset, so that the UI reads the same everywhere. Message text, names and handles are masked in
previews unless ``settings.show_text``; a preview is small because metadata lives in the event log.
"""

import base64
from collections.abc import Mapping
from typing import Any

import dagster as dg
import pyarrow as pa

from jarvis_resources.settings import Settings
from jarvis_resources.tables import Table, Type

PREVIEW_ROWS = 10
"""Rows of a preview. The event log keeps every one of them for good."""
PREVIEW_CHARACTERS = 60
"""Longest cell of a preview."""

_UI_TYPES = {
    Type.TEXT: "string",
    Type.TIME: "timestamp[us, UTC]",
    Type.FLAG: "bool",
    Type.INTEGER: "int",
    Type.REAL: "float",
    Type.TEXTS: "list<string>",
    Type.EDITS: "list<struct>",
    Type.GUIDS: "list<string>",
    Type.CONTEXT: "list<struct>",
}


def of_table(table: Table, frame: Any, settings: Settings, *, partitioned: bool = False) -> dict[str, Any]:
    """Row count, column schema and masked preview of ``frame``, a ``table``."""
    return {
        "dagster/partition_row_count" if partitioned else "dagster/row_count": len(frame),
        "dagster/column_schema": column_schema(table),
        "preview": dg.MetadataValue.md(preview(table, frame, settings)),
    }


def column_schema(table: Table) -> dg.TableSchema:
    """The declared columns as the UI shows them."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=name,
                type=_UI_TYPES[column.type],
                description=column.meaning,
                constraints=dg.TableColumnConstraints(nullable=column.nullable, unique=column.unique),
            )
            for name, column in table.columns.items()
        ]
    )


def preview(table: Table, frame: Any, settings: Settings) -> str:
    """The first rows as a Markdown table, private columns masked; ``frame`` is a DataFrame or an Arrow table."""
    first = table.to_pandas(frame.slice(0, PREVIEW_ROWS)) if isinstance(frame, pa.Table) else frame.head(PREVIEW_ROWS)
    lines = ["| " + " | ".join(table.columns) + " |", "|" + "---|" * len(table.columns)]
    for row in first.itertuples(index=False):
        cells = (
            _cell(value, masked=column.private and not settings.show_text)
            for value, column in zip(row, table.columns.values(), strict=True)
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(value: Any, *, masked: bool) -> str:
    missing = value is None or value != value
    if missing:
        return "–"
    if masked:
        size = len(value) if hasattr(value, "__len__") else 1
        return f"▒ {size} {'items' if isinstance(value, list) else 'characters'}"
    if isinstance(value, float):
        return f"{value:.4g}"
    text = str(value).replace("\n", " ").replace("|", "\\|")
    return text if len(text) <= PREVIEW_CHARACTERS else text[: PREVIEW_CHARACTERS - 1] + "…"


def picture(png: bytes, alt: str) -> dg.MarkdownMetadataValue:
    """A plot shown inline in the UI."""
    return dg.MetadataValue.md(f"![{alt}](data:image/png;base64,{base64.b64encode(png).decode()})")


def counts(title: str, numbers: Mapping[str, int]) -> dict[str, Any]:
    """Counts by reason: a table for people, and the same as JSON for programs (``counted`` reads it back)."""
    plain = {str(reason): int(count) for reason, count in sorted(numbers.items(), key=lambda item: -item[1])}
    rows = "\n".join(f"| {reason} | {count:,} |" for reason, count in plain.items())
    return {
        title: dg.MetadataValue.md(f"| reason | rows |\n|---|---|\n{rows}" if plain else "none"),
        f"{title}/numbers": dg.MetadataValue.json(plain),
    }


def latest(instance: dg.DagsterInstance, asset: str, partition: str | None = None) -> dict[str, Any]:
    """Plain metadata of the latest materialisation of ``asset``, of one partition if named; empty: there is none."""
    records = instance.fetch_materializations(
        dg.AssetRecordsFilter(dg.AssetKey(asset), asset_partitions=[partition] if partition else None), limit=1
    ).records
    if not records or (made := records[0].asset_materialization) is None:
        return {}
    return {name: value.value for name, value in made.metadata.items()}


def counted(values: Mapping[str, Any], title: str) -> dict[str, int]:
    """What ``counts`` put under ``title``, from an asset's plain metadata; empty where it put nothing."""
    return dict(values.get(f"{title}/numbers") or {})
