"""The examination in names and figures, as the terminal and the report show it alike; ``--`` for what was not measured."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jarvis_assets.doctor.forecast import Forecast, Range
    from jarvis_assets.doctor.machine import Machine
    from jarvis_assets.doctor.volume import Volume

UNMEASURED = "--"
"""What stands for a figure that nobody measured."""
BANDS = (1, 10, 50, 100, 1_000, 10_000)
"""Messages with one person from which a band of the histogram begins."""
_MILESTONES = (10, 50, 100, 1_000)
_TOP_PEOPLE = 10


def number(value: float | None) -> str:
    """A count with its thousands."""
    return UNMEASURED if value is None else f"{value:,.0f}"


def rate(value: float) -> str:
    """Texts per second, with a digit more where they are few."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def share(value: float | None) -> str:
    """A share in percent."""
    return UNMEASURED if value is None else f"{value:.1%}"


def span(ends: Range) -> str:
    """From least to most."""
    least, most = map(number, ends)
    return least if least == most else f"{least} – {most}"


def interval(value: float, low: float | None, high: float | None, *, signed: bool = False) -> str:
    """A share with its 95 % interval."""
    shape = "{:+.0%}" if signed else "{:.1%}"
    ends = "" if low is None or high is None else f" [{shape.format(low)}, {shape.format(high)}]"
    return shape.format(value) + ends


def duration(seconds: float) -> str:
    """Seconds, minutes or hours, whichever reads best."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5_400 else f"{seconds / 3600:.1f} h"


def histogram(volume: Volume) -> list[tuple[str, int]]:
    """How many people have so many messages: (band, people), from few messages to many."""
    reaching = [volume.people_with(least) for least in BANDS]
    closed = [f"{low:,} – {high - 1:,}" for low, high in pairwise(BANDS)]
    inside = [lower - higher for lower, higher in pairwise([*reaching, 0])]
    return list(zip([*closed, f"≥ {BANDS[-1]:,}"], inside, strict=True))


def about_the_volume(volume: Volume) -> dict[str, str]:
    """What was counted."""
    total = volume.messages
    return {
        "rows": f"{number(volume.rows)}, {number(total)} of them messages",
        "mine, theirs": f"{number(volume.mine)}, {number(volume.theirs)}" + _of(volume.mine, total, "mine"),
        "direct": number(volume.direct)
        + _of(volume.direct, total)
        + (f", {number(volume.automated)} of them with short codes and the like" if volume.automated else ""),
        "in groups": f"{number(volume.in_groups)} in {number(volume.groups)} groups",
        "elsewhere": f"{number(volume.placeless)} in no conversation, {number(volume.with_myself)} with yourself",
        "years": _years(volume),
        "a month lately": number(volume.a_month_lately),
    }


def about_the_people(volume: Volume) -> dict[str, str]:
    """Messages with one person in direct conversations, both ways."""
    counts = [person.messages for person in volume.people]
    if not counts:
        return {"people": "0"}
    quartiles = statistics.quantiles(counts, n=4, method="inclusive") if len(counts) > 1 else counts * 3
    total = sum(counts)
    return {
        "people": number(len(counts)),
        "median, quartiles": f"{number(quartiles[1])}, {number(quartiles[0])} – {number(quartiles[2])}",
        "most": f"{number(counts[0])}" + _of(counts[0], total),
        f"the top {_TOP_PEOPLE}": share(sum(counts[:_TOP_PEOPLE]) / total),
        **{f"with ≥ {number(least)}": number(volume.people_with(least)) for least in _MILESTONES},
    }


def about_the_pairs(volume: Volume, expected: Forecast) -> dict[str, str]:
    """What may be learned from, and what is expected of it."""
    return {
        "my inline replies": number(volume.inline_replies),
        "gold candidates": f"{number(volume.gold_candidates)}, {number(volume.gold_candidates_direct)} direct, "
        f"{number(volume.gold_candidates_groups)} in groups",
        "gold pairs, estimated": span(expected.gold_pairs),
        "semantic pairs, estimated": span(expected.semantic_pairs),
        "holdout pairs, at least": number(expected.holdout_pairs),
        "distinct texts, estimated": span(expected.texts),
    }


def about_the_machine(machine: Machine) -> dict[str, str]:
    """What this machine has."""
    return {
        "system": machine.system,
        "Python, SQLite": f"{machine.python}, {machine.sqlite}",
        "cores": f"{machine.cores}, load {machine.load:.1f}",
        "memory": f"{machine.memory_gb:.1f} GB, {machine.memory_free_gb:.1f} free now",
        "disk": f"{machine.disk_free_gb:,.1f} GB free",
        "accelerator": machine.accelerator or "none",
        "libraries": ", ".join(f"{name} {version or 'missing'}" for name, version in machine.libraries.items()),
    }


def _of(part: int, total: int, what: str = "") -> str:
    return f" ({part / total:.0%}{' ' if what else ''}{what})" if total else ""


def _years(volume: Volume) -> str:
    if volume.first_day is None or volume.last_day is None:
        return UNMEASURED
    months: Sequence[int] = volume.months.mine
    undated = f", {number(volume.undated)} without a date" if volume.undated else ""
    return f"{len(months) / 12:.1f}, {volume.first_day} to {volume.last_day}{undated}"
