"""The evaluation as one HTML file that opens from disk: no network, every picture inside.

``ReportContents`` says what may be shown, all of it optional: what was not measured reads ``--`` and is never guessed.
Message text, names and topic words are masked unless the owner asked for them. The figures come from the other modules
of this folder; the page's shape is ``report.html``.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jarvis_assets.evaluation import holdout, measures, plots
from jarvis_assets.evaluation.baselines import NULL_BASELINES, RETRIEVAL, SYSTEMS
from jarvis_assets.evaluation.gate import Gate
from jarvis_assets.pairs.review.summary import ReviewSummary
from jarvis_resources.files import write_private

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike

UNMEASURED = "--"
"""What stands for a figure that nobody measured."""
_TEMPLATES_SHOWN = 15
_TOPICS_SHOWN = 12
_PERCENT = frozenset({holdout.ANSWERED, holdout.TOP1, holdout.TOP5})
_DIFFERENCES = frozenset({holdout.LIFT, holdout.AGAINST_PREVIOUS})
_TWO_DIGITS = frozenset({holdout.ROUGE, holdout.SELF_ROUGE})


@dataclass(frozen=True)
class Example:
    """One holdout message, my real reply, and what each system offered."""

    message: str
    real: str
    offered: Mapping[str, Sequence[str]]
    """Options by system."""


@dataclass(frozen=True)
class ReportContents:
    """What the report shows; everything but the time is optional."""

    made_at: datetime
    """When the figures were made."""
    stands: str = ""
    """Of how much of the history they are, when they are not this mining's."""
    show_text: bool = False
    """Whether message text, names and topic words may be shown."""
    command: str | None = None
    """The command that made them."""
    source: str | None = None
    """Whose messages: the owner's chat.db, or the synthetic sample."""
    encoder: str | None = None
    """The partition's encoder."""
    reference_encoder: str | None = None
    """The encoder that similarities are measured with."""
    run_id: str | None = None
    row_counts: Mapping[str, int] = field(default_factory=dict)
    """Rows by table."""
    drops: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Dropped rows by stage and reason."""
    messages: pd.DataFrame | None = None
    """Table MESSAGES, at least kind, sent_at, is_from_me."""
    pairs: pd.DataFrame | None = None
    """Table PAIRS, at least source, confidence, is_group."""
    splits: pd.DataFrame | None = None
    """Table PAIR_SPLITS."""
    topics: pd.DataFrame | None = None
    """Table RESPONSE_TOPICS."""
    templates: pd.DataFrame | None = None
    """Table REPLY_TEMPLATES."""
    evaluation: pd.DataFrame | None = None
    """Table HOLDOUT_EVALUATION."""
    gate: Gate | None = None
    trigger_scores: ArrayLike | None = None
    """Cosine of each holdout message with the nearest trigger of the history."""
    reliability: Sequence[tuple[float, float, int]] = ()
    """Rows (mean prediction, share observed, count) of the calibrated router on dev."""
    bars: Mapping[str, float | None] = field(default_factory=dict)
    """Bars chosen on dev, by name (probability)."""
    links: Mapping[str, float | str | None] = field(default_factory=dict)
    """Figures of the reply-link model on hidden threads, by name."""
    review: ReviewSummary | None = None
    """What reviewers said of sampled pairs; without their names."""
    understanding: pd.DataFrame | None = None
    """Measures of the classifiers, a row each; shown as it is."""
    examples: Sequence[Example] = ()


def write(path: Path, contents: ReportContents) -> Path:
    """Write the report of ``contents`` to ``path`` (mode 0600, whole or not at all) and return ``path``."""
    write_private(path, render(contents))
    return path


def render(contents: ReportContents) -> str:
    """The report as HTML."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["count"] = lambda value: UNMEASURED if value is None else f"{value:,}"
    environment.filters["figure"] = _plain_figure
    environment.filters["private"] = lambda text: _masked(text, contents.show_text)
    return environment.get_template("report.html").render(
        contents=contents,
        unmeasured=UNMEASURED,
        cards=_cards(contents),
        headings=_headings(contents.evaluation),
        systems=_systems(contents.evaluation),
        buckets=_buckets(contents.evaluation),
        bucket_systems=[name for name in SYSTEMS if name in _present(contents.evaluation)],
        split_sizes=_split_sizes(contents.splits),
        topic_rows=_topic_rows(contents.topics),
        template_rows=[]
        if contents.templates is None
        else contents.templates.head(_TEMPLATES_SHOWN).to_dict("records"),
        pictures=_pictures(contents),
        calibration_error=measures.curve_error(contents.reliability),
    )


@dataclass(frozen=True)
class Cell:
    """A figure with its interval, as text and as a bar (all in percent of the column's scale)."""

    value: str = UNMEASURED
    span: str = ""
    bar: float = 0.0
    low: float = 0.0
    high: float = 0.0

    @property
    def measured(self) -> bool:
        """Whether there is a figure."""
        return self.value != UNMEASURED


def _figure(measure: str, value: float | None) -> str:
    if value is None or not np.isfinite(value):
        return UNMEASURED
    if measure in _DIFFERENCES:
        return f"{value:+.1%}"
    if measure in _PERCENT:
        return f"{value:.1%}"
    return f"{value:.2f}" if measure in _TWO_DIGITS else f"{value:.3f}"


def _plain_figure(value: float | str | None) -> str:
    """A figure of another module: a count, a share, or words that stand for one."""
    if value is None or value != value:
        return UNMEASURED
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, Integral) else f"{value:.3f}"


def _masked(text: str | None, show_text: bool) -> str:
    if text is None or text != text:
        return UNMEASURED
    return text if show_text else f"▒ {len(text)} characters"


def _present(evaluation: pd.DataFrame | None) -> set[str]:
    return set() if evaluation is None else set(evaluation["system"])


def _cell(evaluation: pd.DataFrame, system: str, measure: str, scale: float | None = None) -> Cell:
    rows = evaluation[(evaluation["system"] == system) & (evaluation["measure"] == measure)]
    if rows.empty or not np.isfinite(rows["value"].iloc[0]):
        return Cell()
    value, low, high = (float(rows[name].iloc[0]) for name in ("value", "low", "high"))
    known = np.isfinite(low) and np.isfinite(high)
    span = f"{_figure(measure, low).removesuffix('%')} – {_figure(measure, high)}" if known else ""
    if not scale:
        return Cell(_figure(measure, value), span)
    bar, start, end = (float(np.clip(100 * x / scale, 0, 100)) if np.isfinite(x) else 0.0 for x in (value, low, high))
    return Cell(_figure(measure, value), span, bar, start, end)


def _headings(evaluation: pd.DataFrame | None) -> list[tuple[str, str]]:
    """Measures that at least one system has, with their meaning, in the report's order."""
    there = set() if evaluation is None else set(evaluation["measure"])
    return [(name, meaning) for name, meaning in holdout.MEASURES.items() if name in there]


def _systems(evaluation: pd.DataFrame | None) -> list[dict[str, Any]]:
    """A row for each system: its name, what it is, its cells."""
    if evaluation is None:
        return []
    names = [name for name in SYSTEMS if name in _present(evaluation)]
    names += sorted(_present(evaluation) - {*SYSTEMS, holdout.RANDOM_PAIRS})
    columns = [name for name, _ in _headings(evaluation)]
    ends = evaluation[["value", "high"]].max(axis=1)
    scales = {name: float(ends[evaluation["measure"] == name].max()) for name in columns}
    return [
        {
            "name": name,
            "ours": name == RETRIEVAL,
            "null": name in NULL_BASELINES,
            "cells": [_cell(evaluation, name, measure, scales[measure]) for measure in columns],
        }
        for name in names
    ]


def _buckets(evaluation: pd.DataFrame | None) -> list[dict[str, Any]]:
    """A row for each trigger-score bucket: its span, its messages, each system's reply similarity."""
    if evaluation is None:
        return []
    rows = []
    scale = float(evaluation.loc[evaluation["measure"].str.startswith(f"{holdout.SIMILARITY}@"), "high"].max())
    for low, high in holdout.TRIGGER_BUCKETS:
        measure = holdout.bucket_name(low, high)
        found = evaluation[evaluation["measure"] == measure]
        if not found.empty:
            cells = [_cell(evaluation, name, measure, scale) for name in SYSTEMS if name in _present(evaluation)]
            rows.append(
                {
                    "span": measure.removeprefix(f"{holdout.SIMILARITY}@trigger")
                    .replace(">=", "≥ ")
                    .replace("-", " – "),
                    "count": int(found["pairs"].max()),
                    "cells": cells,
                }
            )
    return rows


def _cards(contents: ReportContents) -> list[tuple[str, str, str]]:
    """The headline figures: (name, value, note)."""
    evaluation = contents.evaluation
    empty = Cell()
    top5 = lift = rouge = empty
    floor = UNMEASURED
    if evaluation is not None:
        top5 = _cell(evaluation, RETRIEVAL, holdout.TOP5)
        lift = _cell(evaluation, RETRIEVAL, holdout.LIFT)
        rouge = _cell(evaluation, RETRIEVAL, holdout.ROUGE)
        floor = _cell(evaluation, holdout.RANDOM_PAIRS, holdout.SIMILARITY).value
    similarity = empty if evaluation is None else _cell(evaluation, RETRIEVAL, holdout.SIMILARITY)
    return [
        ("Top-5 match", top5.value, top5.span),
        ("Lift over the best null baseline", lift.value, lift.span),
        ("ROUGE best of three", rouge.value, rouge.span),
        ("Reply similarity", similarity.value, f"random pairs {floor}"),
    ]


def _split_sizes(splits: pd.DataFrame | None) -> list[dict[str, Any]]:
    """Pairs on each side of each strategy; None: set aside."""
    if splits is None:
        return []
    rows = []
    for strategy in ("split_pair", "split_contact", "split_time"):
        counts = splits[strategy].value_counts(dropna=True)
        sizes = {side: int(counts.get(side, 0)) for side in ("train", "dev", "holdout")}
        rows.append({"strategy": strategy.removeprefix("split_"), **sizes, "aside": int(splits[strategy].isna().sum())})
    return rows


def _topic_rows(topics: pd.DataFrame | None) -> list[dict[str, Any]]:
    if topics is None:
        return []
    inside = topics[topics["cluster_id"] >= 0]
    sizes = inside.groupby("cluster_id").agg(name=("topic_name", "first"), replies=("pair_id", "size"))
    largest = sizes.sort_values(["replies", "name"], ascending=[False, True]).head(_TOPICS_SHOWN)
    return [
        {"id": int(topic), "name": name, "replies": int(replies)}
        for topic, name, replies in zip(largest.index, largest["name"], largest["replies"], strict=True)
    ]


def _pictures(contents: ReportContents) -> dict[str, str]:
    """Pictures by name as data URLs; one that has nothing to show is left out."""
    found: dict[str, bytes] = {}
    if contents.messages is not None:
        found["volume"] = plots.message_volume(contents.messages)
    if contents.topics is not None:
        found["topics"] = plots.topic_map(contents.topics, show_names=contents.show_text)
    if contents.trigger_scores is not None:
        found["scores"] = plots.score_distribution(contents.trigger_scores, "cosine of the nearest trigger")
    if contents.pairs is not None:
        found["confidence"] = plots.score_distribution(
            contents.pairs["confidence"].to_numpy(), "confidence of the pair"
        )
    if contents.reliability:
        found["reliability"] = plots.reliability(contents.reliability)
    if contents.review is not None and contents.review.intervals():
        found["review"] = plots.shares(contents.review.intervals(), "share GOOD")
    return {name: f"data:image/png;base64,{base64.b64encode(png).decode()}" for name, png in found.items()}
