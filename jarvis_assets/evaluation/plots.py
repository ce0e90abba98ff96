"""The pictures: message volume, topic map, score distribution, reliability curve, measures with their intervals.

Each returns PNG bytes of at most 60 kB, since Dagster keeps metadata in its event log; the report embeds the same
bytes. No picture shows message text; names of topics only where the caller says so.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

LARGEST_PNG = 60_000
"""Most bytes of a picture."""
_DPI = (150, 110, 80, 60)
"""Dots per inch to try, sharpest first, until the picture fits."""
INK, SOFT, RULE = "#1f2937", "#6b7280", "#e5e7eb"
MINE, THEIRS, ACCENT = "#2563eb", "#94a3b8", "#0f766e"
_TOPIC_COLOURS = (
    "#2563eb", "#0f766e", "#d97706", "#be185d", "#7c3aed", "#0891b2", "#65a30d", "#dc2626", "#4338ca", "#b45309",
    "#0d9488", "#a21caf",
)  # fmt: skip
_NOISE_COLOUR = "#d1d5db"
_MOST_POINTS = 5_000
"""Points drawn on a topic map: more is ink on ink, and bytes."""
_LABELLED_TOPICS = 12
"""Topics named on the map."""
_WEEKLY_BELOW_MONTHS = 6
"""A history shorter than this is drawn by week."""


def message_volume(messages: pd.DataFrame) -> bytes:
    """Normal messages by month (by week in a short history), mine and theirs stacked, from the table MESSAGES."""
    import pandas as pd

    normal = messages[(messages["kind"] == "normal") & messages["sent_at"].notna()]
    if normal.empty:
        return _nothing(*_canvas(7.2, 2.4))
    span = normal["sent_at"].max() - normal["sent_at"].min()
    period = "W" if span < pd.Timedelta(days=30 * _WEEKLY_BELOW_MONTHS) else "M"
    when = normal["sent_at"].dt.tz_localize(None).dt.to_period(period)
    counts = pd.crosstab(when, normal["is_from_me"]).reindex(columns=[True, False], fill_value=0)
    counts = counts.reindex(pd.period_range(when.min(), when.max(), freq=period), fill_value=0)
    left = counts.index.to_timestamp()
    return _stacked(left, counts[True].to_numpy(), counts[False].to_numpy(), "week" if period == "W" else "month")


def monthly_volume(first: str, mine: Sequence[int], theirs: Sequence[int]) -> bytes:
    """Messages of each month from ``first`` (as 2019-04) on, mine and theirs stacked."""
    year, month = map(int, first.split("-"))
    starts = np.datetime64(f"{year:04}-{month:02}", "M") + np.arange(len(mine))
    return _stacked(starts.astype("datetime64[D]"), np.asarray(mine), np.asarray(theirs), "month")


def people_by_rank(messages: Sequence[int]) -> bytes:
    """Messages with each person, most first, on a log scale; dotted lines at the quartiles."""
    figure, axes = _canvas(7.2, 2.4)
    if not messages:
        return _nothing(figure, axes)
    rank = np.arange(1, len(messages) + 1)
    axes.fill_between(rank, 0.8, messages, step="mid", color=MINE, alpha=0.16, linewidth=0)
    axes.step(rank, messages, where="mid", color=MINE, linewidth=1.4, marker="o" if len(messages) == 1 else None)
    for share in (0.25, 0.5, 0.75):
        axes.axvline(1 + (len(messages) - 1) * share, color=SOFT, linestyle=(0, (1, 3)), linewidth=1)
    axes.set(yscale="log", xlim=(0.5, len(messages) + 0.5), ylim=(0.8, None))
    axes.set(xlabel="people, most messages first", ylabel="messages with them")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:,.0f}")
    axes.minorticks_off()
    return _png(figure)


def topic_map(topics: pd.DataFrame, *, show_names: bool = False, seed: int = 0) -> bytes:
    """Replies on the topic map, from the table RESPONSE_TOPICS; ``show_names``: the largest topics get their words."""
    figure, axes = _canvas(7.2, 4.4)
    axes.set_axis_off()
    if topics.empty:
        return _nothing(figure, axes)
    shown = topics.sample(min(len(topics), _MOST_POINTS), random_state=seed)
    noise = shown["cluster_id"] < 0
    size = float(np.clip(12_000 / len(shown), 1.5, 14))
    axes.scatter(shown["map_x"][noise], shown["map_y"][noise], s=size * 0.6, c=_NOISE_COLOUR, linewidths=0)
    inside = shown[~noise]
    colours = [_TOPIC_COLOURS[topic % len(_TOPIC_COLOURS)] for topic in inside["cluster_id"]]
    axes.scatter(inside["map_x"], inside["map_y"], s=size, c=colours, linewidths=0, alpha=0.75)
    members = topics[topics["cluster_id"] >= 0].groupby("cluster_id")
    # Labels are few: the largest topics, each at its median.
    for topic in members.size().nlargest(_LABELLED_TOPICS).index:
        group = members.get_group(topic)
        name = str(group["topic_name"].iloc[0]) if show_names else str(topic)
        axes.annotate(
            name, (group["map_x"].median(), group["map_y"].median()), ha="center", va="center", fontsize=7.5,
            color=INK, bbox={"boxstyle": "round,pad=0.25", "fc": "white", "ec": "none", "alpha": 0.8},
        )  # fmt: skip
    _trim(axes, topics)
    return _png(figure)


def score_distribution(
    scores: ArrayLike, label: str = "score", *, threshold: float | None = None, bins: int = 40
) -> bytes:
    """Histogram of ``scores`` (any unit, NaN left out); a dashed line at ``threshold`` when there is one."""
    values = np.asarray(scores, np.float64)
    values = values[np.isfinite(values)]
    figure, axes = _canvas(7.2, 2.2)
    if not len(values):
        return _nothing(figure, axes)
    axes.hist(values, bins=bins, color=MINE, rwidth=0.92)
    if threshold is not None:
        axes.axvline(threshold, color=INK, linestyle=(0, (4, 3)), linewidth=1)
        axes.annotate(f" {threshold:.2f}", (threshold, axes.get_ylim()[1]), va="top", color=INK, fontsize=8)
    axes.set_xlabel(label)
    axes.set_ylabel("count")
    axes.yaxis.set_major_formatter("{x:,.0f}")
    return _png(figure)


def reliability(curve: Sequence[tuple[float, float, int]]) -> bytes:
    """Reliability curve from rows (mean prediction, share observed, count), as ``measures.reliability`` gives them."""
    figure, axes = _canvas(3.6, 3.4)
    rows = np.asarray([row for row in curve if row[2] > 0], np.float64).reshape(-1, 3)
    if not len(rows):
        return _nothing(figure, axes)
    predicted, observed, count = rows.T
    axes.plot([0, 1], [0, 1], color=SOFT, linestyle=(0, (4, 3)), linewidth=1)
    # A binomial standard error says which points to believe.
    error = 1.96 * np.sqrt(np.clip(observed * (1 - observed), 0, None) / count)
    axes.vlines(
        predicted, np.clip(observed - error, 0, 1), np.clip(observed + error, 0, 1), color=MINE, alpha=0.35, lw=2
    )
    axes.plot(predicted, observed, color=MINE, marker="o", markersize=4, linewidth=1.4)
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xlabel="predicted", ylabel="observed")
    return _png(figure)


def intervals(evaluation: pd.DataFrame, measure: str, systems: Sequence[str], *, label: str = "") -> bytes:
    """One measure of the table HOLDOUT_EVALUATION as bars with their intervals, a bar for each of ``systems``."""
    rows = evaluation[evaluation["measure"] == measure].set_index("system")
    shown = [name for name in systems if name in rows.index and np.isfinite(rows.loc[name, "value"])]
    figure, axes = _canvas(7.2, 0.7 + 0.3 * max(len(shown), 1))
    if not shown:
        return _nothing(figure, axes)
    value = rows.loc[shown, "value"].to_numpy(np.float64)
    low = rows.loc[shown, "low"].fillna(rows["value"]).to_numpy(np.float64)
    high = rows.loc[shown, "high"].fillna(rows["value"]).to_numpy(np.float64)
    place = np.arange(len(shown))[::-1]
    axes.barh(place, value, height=0.6, color=[ACCENT if number == 0 else THEIRS for number in range(len(shown))])
    axes.hlines(place, low, high, color=INK, linewidth=1.2)
    axes.set_yticks(place, shown)
    axes.set_xlabel(label or measure)
    axes.grid(visible=True, axis="x", color=RULE, linewidth=0.6)
    axes.grid(visible=False, axis="y")
    return _png(figure)


def shares(found: Mapping[str, tuple[float, float, float]], label: str) -> bytes:
    """Shares with their intervals, (share, low, high) by name, from the top."""
    figure, axes = _canvas(7.2, 0.7 + 0.24 * max(len(found), 1))
    if not found:
        return _nothing(figure, axes)
    share, low, high = np.array(list(found.values()), np.float64).T
    place = np.arange(len(found))[::-1]
    axes.hlines(place, low, high, color=THEIRS, linewidth=2)
    axes.scatter(share, place, color=ACCENT, s=18, zorder=3, clip_on=False)
    axes.set_yticks(place, list(found))
    axes.set(xlim=(0, 1), xlabel=label)
    axes.xaxis.set_major_formatter("{x:.0%}")
    axes.grid(visible=True, axis="x", color=RULE, linewidth=0.6)
    axes.grid(visible=False, axis="y")
    return _png(figure)


def speed_and_quality(compared: pd.DataFrame) -> bytes:
    """The table ENCODER_COMPARISON as points: texts per second against 1-of-100, the Pareto front joined."""
    shown = compared.dropna(subset=["recall_at_1"]).sort_values("texts_per_second")
    figure, axes = _canvas(7.2, 4.0)
    if shown.empty:
        return _nothing(figure, axes)
    speed, recall = (shown[name].to_numpy(np.float64) for name in ("texts_per_second", "recall_at_1"))
    low, high = (
        shown[name].fillna(shown["recall_at_1"]).to_numpy(np.float64) for name in ("recall_low", "recall_high")
    )
    front = shown["on_front"].to_numpy(bool)
    axes.vlines(speed, low, high, color=THEIRS, linewidth=1.6)
    axes.plot(speed[front], recall[front], color=ACCENT, linewidth=1, zorder=2)
    axes.scatter(speed, recall, color=np.where(front, ACCENT, SOFT), s=22, zorder=3)
    for number, row in enumerate(shown.itertuples()):
        # Names stand above and below in turn: neighbours in speed would write over each other.
        end, offset, place = (high, 4, "bottom") if number % 2 == 0 else (low, -4, "top")
        name = f"{row.encoder}\n{row.backend} {row.precision}"
        axes.annotate(
            name, (speed[number], end[number]), (0, offset), textcoords="offset points", ha="center", va=place,
            fontsize=7, color=SOFT,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.margins(x=0.15, y=0.25)
    axes.set(xlabel="texts per second, here (log scale)", ylabel="1-of-100: real reply found first")
    return _png(figure)


def _stacked(left: ArrayLike, mine: ArrayLike, theirs: ArrayLike, period: str) -> bytes:
    """Bars of mine and on top of them theirs, a bar for each ``period`` that begins at ``left``."""
    figure, axes = _canvas(7.2, 2.4)
    width = 6.0 if period == "week" else 26.0
    axes.bar(left, mine, width=width, align="edge", color=MINE, label="mine")
    axes.bar(left, theirs, width=width, align="edge", bottom=mine, color=THEIRS, label="theirs")
    axes.set_ylabel(f"messages per {period}")
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.legend(loc="upper left", ncols=2)
    return _png(figure)


def _canvas(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure of inches, without pyplot: its global state is not for a server with threads."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    axes = figure.subplots()
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(RULE)
    axes.tick_params(colors=SOFT, labelsize=8, length=0)
    axes.xaxis.label.set(color=SOFT, fontsize=8.5)
    axes.yaxis.label.set(color=SOFT, fontsize=8.5)
    axes.grid(visible=True, axis="y", color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def _trim(axes: Axes, topics: pd.DataFrame) -> None:
    """Limits that leave out the outermost half percent: a far island would shrink everything else."""
    for column, limit in (("map_x", axes.set_xlim), ("map_y", axes.set_ylim)):
        low, high = np.percentile(topics[column], [0.5, 99.5])
        margin = 0.06 * (high - low) or 1.0
        limit(low - margin, high + margin)


def _nothing(figure: Figure, axes: Axes) -> bytes:
    """A picture that says that there is nothing to show."""
    axes.set_axis_off()
    axes.text(0.5, 0.5, "nothing to show yet", ha="center", va="center", color=SOFT, transform=axes.transAxes)
    return _png(figure)


def _png(figure: Figure) -> bytes:
    import matplotlib as mpl

    for dpi in _DPI:
        sink = io.BytesIO()
        for axes in figure.axes:
            if (legend := axes.get_legend()) is not None:
                legend.set_frame_on(False)
                for text in legend.get_texts():
                    text.set(fontsize=8, color=SOFT)
        with mpl.rc_context({"svg.fonttype": "path"}):
            figure.savefig(sink, format="png", dpi=dpi, metadata={"Software": None})
        content = _palette(sink.getvalue())
        if len(content) <= LARGEST_PNG:
            break
    return content


def _palette(png: bytes) -> bytes:
    """``png`` with 64 colours, a third of the bytes: plots have few colours."""
    from PIL import Image

    sink = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(64, dither=Image.Dither.NONE).save(sink, "PNG", optimize=True)
    return sink.getvalue()
