"""The examination as a whole: counts, forecast, machine, the latest mining, a verdict on each, go or no-go."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jarvis_assets.doctor import encoders, forecast, judging, machine, mined, volume
from jarvis_assets.doctor.encoders import EncoderCost
from jarvis_assets.doctor.forecast import Forecast, Seconds
from jarvis_assets.doctor.judging import Decision, Finding, Verdict
from jarvis_assets.doctor.machine import Machine
from jarvis_assets.doctor.mined import Mined
from jarvis_assets.doctor.volume import Volume
from jarvis_assets.pairs.review.summary import ReviewSummary
from jarvis_resources.errors import ChatDatabaseError, ReleaseError, SettingsError
from jarvis_resources.settings import Settings


@dataclass(frozen=True)
class Examination:
    """What was found; what could not be found is null."""

    made_at: datetime
    chat_db: str
    decision: Decision
    findings: tuple[Finding, ...]
    machine: Machine
    encoders: tuple[EncoderCost, ...]
    mined: Mined
    review: ReviewSummary
    recommended: str | None = None
    """The encoder to mine with."""
    command: str = "jarvis mine"
    """The command to mine with."""
    volume: Volume | None = None
    expected: Forecast | None = None
    seconds: dict[str, Seconds] | None = None
    """How long a first mining with each encoder alone should take, by slug."""

    def to_json(self) -> dict[str, Any]:
        """Plain values for programs; shares are 0 to 1, times are seconds."""
        values = asdict(self)
        values["made_at"] = self.made_at.isoformat(timespec="seconds")
        values["mined"]["made_at"] = self.mined.made_at.isoformat(timespec="seconds") if self.mined.made_at else None
        values["review"] = self.review.to_json()
        values["go"] = self.decision.go
        return values


def examine(chat_db: Path, settings: Settings) -> Examination:
    """Look at everything; what cannot be read is a finding, not an error. ``settings.home`` must be there."""
    counted, reason = _count(chat_db, settings)
    around = machine.look_around(settings)
    before, review, damage = _look_back(settings)
    costs, missing = encoders.costs(settings), encoders.missing(settings)
    expected = forecast.forecast(counted) if counted else None
    pairing = next((cost for cost in costs if cost.slug == settings.pairing_encoder), None)
    seconds = None
    if counted and expected and pairing:
        seconds = {cost.slug: forecast.mining_seconds(counted, expected, [cost], pairing) for cost in costs}
    totals = {slug: one.total for slug, one in seconds.items()} if seconds else {}
    chosen = encoders.recommended(costs, totals, judging.TIME_BUDGET_SECONDS) if totals else None
    command = _command(chat_db, settings, chosen)

    def look() -> Iterator[Finding]:
        yield judging.on_the_database(reason)
        if counted and expected:
            yield from judging.on_the_volume(counted, expected, settings)
        else:
            yield from judging.on_nothing_counted()
        yield from judging.on_the_machine(
            around, expected, seconds[chosen.slug] if seconds and chosen else None, chosen
        )
        if chosen and expected:
            yield judging.on_the_choice(chosen, expected, command)
        yield from judging.on_the_weights(missing, settings)
        yield from (Finding("earlier mining", Verdict.WARN, sentence) for sentence in damage)
        yield judging.on_the_last_mining(before)
        yield judging.on_the_review(review)
        yield from _on_the_release(settings)

    findings = tuple(look())
    return Examination(
        made_at=datetime.now(tz=UTC),
        chat_db=str(chat_db),
        decision=judging.decide(findings, command, mined="pairs" in before.rows),
        findings=findings,
        machine=around,
        encoders=tuple(costs),
        mined=before,
        review=review,
        recommended=chosen.slug if chosen else None,
        command=command,
        volume=counted,
        expected=expected,
        seconds=seconds,
    )


def _count(chat_db: Path, settings: Settings) -> tuple[Volume | None, str | None]:
    """The counts, or why there are none."""
    try:
        return volume.count(chat_db, settings), None
    except ChatDatabaseError as error:
        return None, volume.how_to_read(error)


def _look_back(settings: Settings) -> tuple[Mined, ReviewSummary, list[str]]:
    """The latest mining, its review, and why one of them cannot be read."""
    before, review, damage = Mined(), ReviewSummary(), []
    try:
        before = mined.latest(settings)
    except SettingsError as error:
        damage.append(str(error))
    try:
        review = mined.review(settings)
    except SettingsError as error:
        damage.append(str(error))
    return before, review, list(dict.fromkeys(damage))


def _command(chat_db: Path, settings: Settings, chosen: EncoderCost | None) -> str:
    """What to type to mine what was examined."""
    words = ["jarvis", "mine"]
    words += ["--chat-db", str(chat_db)] if chat_db != settings.chat_db.expanduser() else []
    words += ["--encoder", chosen.slug] if chosen else []
    return shlex.join(words)


def _on_the_release(settings: Settings) -> Iterator[Finding]:
    """Whether the latest release is whole; nothing where none was published yet."""
    from jarvis_resources import releases

    try:
        if releases.listing(settings.releases):
            release = releases.verify(releases.latest(settings.releases))
            yield Finding("release", Verdict.PASS, f"{release.name} is whole.")
    except ReleaseError as error:
        yield Finding("release", Verdict.WARN, str(error))
