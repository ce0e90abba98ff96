"""The day-one report: the examination as one HTML file that opens from disk, and the same figures as JSON beside it.

No name, handle or text is in it unless the owner allows text to be shown; what was not measured reads ``--``. Its shape is
``day_one.html``, in the style of the evaluation's report.
"""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from jarvis_assets.doctor import words
from jarvis_assets.doctor.examination import Examination
from jarvis_assets.doctor.forecast import Seconds
from jarvis_assets.doctor.judging import TIME_BUDGET_SECONDS
from jarvis_assets.evaluation import plots
from jarvis_resources.errors import SettingsError
from jarvis_resources.files import write_private
from jarvis_resources.settings import Settings

if TYPE_CHECKING:
    from markupsafe import Markup

NAME = "day-one.html"
_STYLE = Path(plots.__file__).parent
"""Where the style sheet is that both reports share."""
_NAMED_PEOPLE = 10
"""People listed by name where that is allowed."""


def write(found: Examination, settings: Settings) -> Path:
    """Write the report and its JSON to ``settings.reports`` (mode 0600); the report's path.

    Raises ``SettingsError`` when they cannot be written.
    """
    report = settings.reports / NAME
    try:
        write_private(report.with_suffix(".json"), json.dumps(found.to_json(), ensure_ascii=False, indent=1))
        write_private(report, render(found))
    except OSError as error:
        raise SettingsError(f"Cannot write {report} ({error.strerror}); free some space and try again.") from error
    return report


def render(found: Examination) -> str:
    """The report as HTML."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader([Path(__file__).parent, _STYLE]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        count=words.number,
        rate=words.rate,
        share=words.share,
        duration=words.duration,
        measure=_measure,
        figure=_figure,
        with_code=_with_code,
    )
    volume, expected = found.volume, found.expected
    return environment.get_template("day_one.html").render(
        found=found,
        unmeasured=words.UNMEASURED,
        cards=_cards(found),
        volume=words.about_the_volume(volume) if volume else {},
        people=words.about_the_people(volume) if volume else {},
        bands=words.histogram(volume) if volume else [],
        named=[person for person in volume.people[:_NAMED_PEOPLE] if person.name] if volume else [],
        pairs=words.about_the_pairs(volume, expected) if volume and expected else {},
        machine=words.about_the_machine(found.machine),
        seconds=found.seconds or {},
        budget=TIME_BUDGET_SECONDS,
        pictures=_pictures(found),
    )


def _cards(found: Examination) -> list[tuple[str, str, str]]:
    """The headline figures: (name, value, note)."""
    volume, expected = found.volume, found.expected
    chosen: Seconds | None = (found.seconds or {}).get(found.recommended or "")
    empty = words.UNMEASURED
    return [
        (
            "Messages",
            words.number(volume.messages) if volume else empty,
            f"{words.number(volume.a_month_lately)} a month lately" if volume else "",
        ),
        ("People", words.number(len(volume.people)) if volume else empty, "with messages in direct conversations"),
        (
            "Gold candidates",
            words.number(volume.gold_candidates) if volume else empty,
            f"{words.span(expected.pairs)} pairs estimated" if expected else "",
        ),
        ("First mining", words.duration(chosen.total) if chosen else empty, found.recommended or "no encoder"),
    ]


def _pictures(found: Examination) -> dict[str, str]:
    """Pictures by name as data URLs; one that has nothing to show is left out."""
    pictures: dict[str, bytes] = {}
    volume = found.volume
    if volume and volume.people:
        pictures["people"] = plots.people_by_rank([person.messages for person in volume.people])
    if volume and volume.months.first:
        pictures["months"] = plots.monthly_volume(volume.months.first, volume.months.mine, volume.months.theirs)
    return {name: f"data:image/png;base64,{base64.b64encode(png).decode()}" for name, png in pictures.items()}


def _with_code(text: str) -> Markup:
    """``text`` as HTML, what stands between backticks set as code."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _measure(measure: object, *, signed: bool = False) -> str:
    """A share with its interval, or that it was not measured."""
    from jarvis_assets.doctor.mined import Measure

    if not isinstance(measure, Measure):
        return words.UNMEASURED
    return words.interval(measure.value, measure.low, measure.high, signed=signed)


def _figure(measure: object) -> str:
    """A figure that is no share, with its interval."""
    from jarvis_assets.doctor.mined import Measure

    if not isinstance(measure, Measure):
        return words.UNMEASURED
    ends = "" if measure.low is None or measure.high is None else f" [{measure.low:.2f}, {measure.high:.2f}]"
    return f"{measure.value:.2f}{ends}"
