"""What the latest mining measured and what the owner's reviews say: read from disk, nothing is computed anew.

Where nothing was mined or reviewed there is nothing here, and the report shows that as not measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from jarvis_assets.evaluation import holdout
from jarvis_assets.evaluation.baselines import NULL_BASELINES, RETRIEVAL, SYSTEMS
from jarvis_assets.evaluation.gate import Gate, gate
from jarvis_assets.pairs.review import summary as review_summary
from jarvis_assets.pairs.review import verdicts as reviews
from jarvis_assets.pairs.review.summary import ReviewSummary
from jarvis_resources.asset_files import FORMATS, made_partitions, read_asset
from jarvis_resources.errors import SettingsError
from jarvis_resources.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

COUNTED = ("messages", "turns", "gold_pairs", "semantic_pairs", "pairs")


@dataclass(frozen=True)
class Measure:
    """A figure with its 95 % interval; an end that cannot be known is null."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class System:
    """How one system did on the holdout."""

    name: str
    is_null: bool
    """Whether it never looks at the message."""
    top1: Measure | None
    top5: Measure | None
    rouge: Measure | None


@dataclass(frozen=True)
class RootBaseline:
    """The thread's root taken for the message answered, beside the latest message by someone else in the thread."""

    pairs: int
    """Gold pairs whose thread is known."""
    root_is_the_trigger: int
    """Where both say the same; in the others the thread had gone on, and the root is the wrong message."""


@dataclass(frozen=True)
class Mined:
    """The latest mining, as far as there was one."""

    made_at: datetime | None = None
    rows: dict[str, int] = field(default_factory=dict)
    """Rows of the tables that there are."""
    encoder: str | None = None
    """Whose evaluation this is."""
    systems: tuple[System, ...] = ()
    lift: Measure | None = None
    """Retrieval's top-5 match over the best null baseline's, minus 1."""
    gate: Gate | None = None
    """What that evaluation meant for a release."""
    roots: RootBaseline | None = None

    @property
    def best_null(self) -> System | None:
        """The null baseline with the highest top-5 match."""
        nulls = [system for system in self.systems if system.is_null and system.top5]
        return max(nulls, key=lambda system: system.top5.value if system.top5 else 0.0, default=None)


def latest(settings: Settings) -> Mined:
    """What the latest mining of this home left; raises ``SettingsError`` when an asset cannot be read."""
    with _explained(settings):
        rows = {name: count for name in COUNTED if (count := _row_count(settings, name)) is not None}
        made = made_partitions(settings.assets_root, "holdout_evaluation", "table")
        encoder = settings.serving_encoder if settings.serving_encoder in made else (made[0] if made else None)
        evaluation = read_asset(settings.assets_root, "holdout_evaluation", "table", encoder) if encoder else None
        return Mined(
            made_at=_made_at(settings, "pairs") if "pairs" in rows else None,
            rows=rows,
            encoder=encoder,
            systems=() if evaluation is None else _systems(evaluation),
            lift=None if evaluation is None else _measure(evaluation, RETRIEVAL, holdout.LIFT),
            gate=None if evaluation is None else gate(evaluation),
            roots=_roots(settings) if {"messages", "gold_pairs"} <= set(rows) else None,
        )


def review(settings: Settings) -> ReviewSummary:
    """What reviewers said of the pairs of the latest mining; raises ``SettingsError`` when a file cannot be read."""
    verdicts = reviews.read(settings.home)
    if verdicts.empty or not _path(settings, "pairs").exists():
        return ReviewSummary()
    with _explained(settings):
        pairs = read_asset(settings.assets_root, "pairs", "table", columns=review_summary.COLUMNS)
        return review_summary.summarise(verdicts, pairs).anonymous()


@contextmanager
def _explained(settings: Settings) -> Iterator[None]:
    """Turn what a damaged table, or one of an older version, raises into one sentence."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, KeyError) as error:
        raise SettingsError(
            f"What was mined into {settings.assets_root} cannot be read ({type(error).__name__}): mine it again."
        ) from error


def _systems(evaluation: pd.DataFrame) -> tuple[System, ...]:
    present = set(evaluation["system"])
    return tuple(
        System(
            name,
            name in NULL_BASELINES,
            *(_measure(evaluation, name, measure) for measure in (holdout.TOP1, holdout.TOP5, holdout.ROUGE)),
        )
        for name in SYSTEMS
        if name in present
    )


def _measure(evaluation: pd.DataFrame, system: str, measure: str) -> Measure | None:
    found = evaluation[(evaluation["system"] == system) & (evaluation["measure"] == measure)]
    if found.empty or found["value"].isna().iloc[0]:
        return None
    value, low, high = (float(found[name].iloc[0]) for name in ("value", "low", "high"))
    return Measure(value, None if low != low else low, None if high != high else high)


def _roots(settings: Settings) -> RootBaseline:
    """Only the threaded messages and three columns are read."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    threaded = pc.field("thread_root_guid").is_valid()
    with _path(settings, "messages").open("rb") as source:
        messages = pq.read_table(source, columns=["guid", "thread_root_guid"], filters=threaded).to_pandas()
    with _path(settings, "gold_pairs").open("rb") as source:
        gold = pq.read_table(source, columns=["trigger_guid", "response_guid"]).to_pandas()
    joined = gold.merge(messages, left_on="response_guid", right_on="guid")
    return RootBaseline(len(joined), int((joined["thread_root_guid"] == joined["trigger_guid"]).sum()))


def _row_count(settings: Settings, name: str) -> int | None:
    """Rows of a table by its footer alone; null when it was not made."""
    import pyarrow.parquet as pq

    path = _path(settings, name)
    if not path.exists():
        return None
    with path.open("rb") as source:
        return int(pq.read_metadata(source).num_rows)


def _made_at(settings: Settings, name: str) -> datetime:
    return datetime.fromtimestamp(_path(settings, name).stat().st_mtime, tz=UTC)


def _path(settings: Settings, name: str) -> Any:
    from upath import UPath

    return UPath(settings.assets_root) / f"{name}{FORMATS['table'].extension}"
