"""What was measured of encoders on this machine, kept in ``encoders/measured.json``: speed, memory, what int8 costs.

A row is one encoder (by its weights), one backend, one precision; measuring again replaces it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jarvis_resources.files import alone, told_of, write_private
from jarvis_resources.settings import Settings

Row = dict[str, Any]
_KEY = ("slug", "weights", "backend", "precision")


def path(settings: Settings) -> Path:
    """Where the measurements lie."""
    return settings.encoder_cache / "measured.json"


def read(settings: Settings) -> list[Row]:
    """Every measurement; none where there is no file, or a damaged one: they can be made again."""
    try:
        found = json.loads(path(settings).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [row for row in found if isinstance(row, dict) and set(_KEY) <= set(row)] if isinstance(found, list) else []


def keep(settings: Settings, rows: Iterable[Row]) -> None:
    """Add ``rows``; what an older row says beside speed (a loss of quality) stays. Raises ``JarvisError``."""
    file = path(settings)
    with told_of(file), alone(file):
        kept = {_key(row): row for row in read(settings)}
        for row in rows:
            kept[_key(row)] = {**kept.get(_key(row), {}), **row}
        write_private(file, json.dumps(list(kept.values()), indent=1))


def loss_of_int8(settings: Settings, weights: str, recipe: str) -> float | None:
    """Share of retrieval quality that int8 costs the encoder with these weights; None where it was not measured."""
    losses = [
        row["quality_loss"]
        for row in read(settings)
        if row["weights"] == weights and row["precision"] == "int8" and row.get("recipe") == recipe
        if isinstance(row.get("quality_loss"), int | float)
    ]
    return float(losses[-1]) if losses else None


def _key(row: Row) -> tuple[str, ...]:
    return tuple(str(row[name]) for name in _KEY)
