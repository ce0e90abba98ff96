"""The verdict on each thing looked at, and go or no-go.

What is enough is asked of the code that needs it, such as how many pairs a calibration is fitted on. A verdict other than
PASS says what to do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from jarvis_assets.doctor.encoders import EncoderCost
from jarvis_assets.doctor.forecast import Forecast, Seconds
from jarvis_assets.doctor.machine import Machine
from jarvis_assets.doctor.mined import Mined
from jarvis_assets.doctor.volume import Volume
from jarvis_assets.doctor.words import duration, interval, number, rate, span
from jarvis_resources.settings import Settings

if TYPE_CHECKING:
    from jarvis_assets.pairs.review.summary import ReviewSummary

TIME_BUDGET_SECONDS = 3_600.0
"""A first mining that takes longer is one to leave running, not to wait for."""
REVIEWED_PAIRS = 100
"""Gold pairs that `jarvis review --gold` shows, as the founding documents ask."""

QUALITY = "gold pair quality"


class Verdict(StrEnum):
    """How one thing stands."""

    PASS = "PASS"
    WARN = "WARN"
    FAIL = "FAIL"
    NOT_MEASURED = "NOT MEASURED"


@dataclass(frozen=True)
class Finding:
    """One thing looked at: its name, its verdict, and what was found or what to do."""

    subject: str
    verdict: Verdict
    text: str


@dataclass(frozen=True)
class Decision:
    """Go or no-go, and what to do next."""

    go: bool
    reasons: str
    next_step: str


PASS, WARN, FAIL, NOT_MEASURED = Verdict


def decide(findings: Sequence[Finding], command: str, *, mined: bool) -> Decision:
    """No-go where anything failed, else go; ``command`` is the one to mine with, ``mined`` whether that was done before."""

    def subjects(verdict: Verdict) -> list[str]:
        return [finding.subject for finding in findings if finding.verdict is verdict]

    if failed := [finding for finding in findings if finding.verdict is FAIL]:
        return Decision(False, f"Failed: {', '.join(subjects(FAIL))}.", failed[0].text)
    reasons = ["Nothing stands in the way of mining."]
    reasons += [f"Doubtful: {', '.join(subjects(WARN))}."] if subjects(WARN) else []
    reasons += [f"Not measured yet: {', '.join(subjects(NOT_MEASURED))}."] if subjects(NOT_MEASURED) else []
    review_now = mined and QUALITY in subjects(NOT_MEASURED)
    return Decision(
        True, " ".join(reasons), f"`jarvis review --gold {REVIEWED_PAIRS}`" if review_now else f"`{command}`"
    )


def on_the_database(reason: str | None) -> Finding:
    """Whether it can be read; ``reason``: why not, and how to mend it."""
    return (
        Finding("permission", PASS, "The Messages database can be read.")
        if reason is None
        else Finding("permission", FAIL, reason)
    )


def on_nothing_counted() -> Iterator[Finding]:
    """What cannot be known of a database that cannot be read."""
    for subject in ("messages", "pairs", "gold candidates", "people", "memory", "disk", "time"):
        yield Finding(subject, NOT_MEASURED, "The database must be readable first.")


def on_the_volume(volume: Volume, expected: Forecast, settings: Settings) -> Iterator[Finding]:
    """Whether there is enough to learn from."""
    from jarvis_assets.dialogue_acts.labelling import MIN_PAIRS
    from jarvis_assets.evaluation.calibration import FEWEST_DEV_PAIRS
    from jarvis_serving.understanding.relationship import MIN_MESSAGES

    text = f"{number(volume.messages)} messages in {number(volume.rows)} rows, {number(volume.mine)} of them yours"
    if not volume.messages:
        yield Finding("messages", FAIL, "There are no messages in this database: give another with --chat-db.")
    elif volume.placeless * 2 > volume.messages:
        yield Finding(
            "messages", FAIL,
            f"{text}; {number(volume.placeless)} are in no conversation, so nobody knows whom they were said to: copy "
            "chat.db again, or restore it from a backup.",
        )  # fmt: skip
    else:
        yield Finding("messages", PASS, f"{text}.")
    if volume.losses:
        yield Finding("schema", WARN, f"An old or partial database. {' '.join(volume.losses)}")

    pairs = f"{span(expected.pairs)} pairs estimated"
    dev, points = expected.dev_pairs, _half_width_in_points(expected.holdout_pairs)
    if expected.pairs[0] < MIN_PAIRS:
        yield Finding(
            "pairs", FAIL,
            f"{pairs}; with fewer than {MIN_PAIRS} nothing is learned from them. Mine when there is more, or try the "
            "sample: `jarvis sample --out FILE`.",
        )  # fmt: skip
    elif dev < FEWEST_DEV_PAIRS:
        yield Finding(
            "pairs", WARN,
            f"{pairs}; about {number(dev)} of them tune the ranker and the bars, which stay as shipped below "
            f"{FEWEST_DEV_PAIRS}. Mine all the same, and again when there is more.",
        )  # fmt: skip
    else:
        yield Finding(
            "pairs", PASS,
            f"{pairs}; about {number(expected.holdout_pairs)} are asked in the evaluation, ± {points:.1f} points on a share.",
        )  # fmt: skip
    yield _gold(volume)

    close, known = volume.people_with(settings.cold_start_messages), volume.people_with(MIN_MESSAGES)
    enough = close >= settings.min_people
    text = (
        f"{number(close)} of {number(len(volume.people))} people have at least {settings.cold_start_messages} messages with "
        f"you, {number(known)} at least {MIN_MESSAGES}"
    )
    yield Finding(
        "people", PASS if enough else WARN,
        f"{text}." if enough else
        f"{text}: too few for anything of one person (relationship, habits, a split by contact), and a reply must have "
        f"gone to {settings.min_people} people before another may see it. Expect cold starts.",
    )  # fmt: skip


def on_the_machine(
    machine: Machine, expected: Forecast | None, seconds: Seconds | None, chosen: EncoderCost | None
) -> Iterator[Finding]:
    """Whether this machine can mine so much."""
    if expected is not None:
        need, text = expected.memory_gb, f"about {expected.memory_gb:.1f} GB at the peak of {machine.memory_gb:.0f} GB"
        if need > machine.memory_gb:
            yield Finding("memory", FAIL, f"{text}: mine on a machine with more.")
        elif need > machine.memory_free_gb:
            yield Finding(
                "memory", WARN, f"{text}, and {machine.memory_free_gb:.1f} are free now: close some apps first."
            )
        else:
            yield Finding("memory", PASS, f"{text}, {machine.memory_free_gb:.1f} free now.")
        text = f"about {expected.disk_gb:.1f} GB wanted in {machine.home}, {machine.disk_free_gb:,.1f} free"
        if expected.disk_gb > machine.disk_free_gb:
            yield Finding("disk", FAIL, f"{text}: free some space, or set JARVIS_HOME to a folder on another disk.")
        else:
            yield Finding("disk", PASS, f"{text}.")
    if seconds is not None and chosen is not None:
        text = (
            f"about {duration(seconds.total)} for the first mining with {chosen.slug}, {duration(seconds.encoding)} of it "
            "encoding; a later one reads and embeds only what is new"
        )
        text += f". Other programs slow this measurement down (load {machine.load:.1f})" if machine.is_busy else ""
        slow = seconds.total > TIME_BUDGET_SECONDS
        yield Finding(
            "time", WARN if slow else PASS, f"{text}{'. Leave it running: what is done stays done' if slow else ''}."
        )
    if missing := [name for name, version in machine.libraries.items() if version is None]:
        yield Finding("libraries", FAIL, f"Not installed: {', '.join(missing)}. Install again with `make run`.")
    if machine.home_is_private:
        yield Finding("home", PASS, f"{machine.home} is yours alone (mode 0700).")
    else:
        how = "its disk keeps no permissions, so set JARVIS_HOME to a folder on another"
        yield Finding("home", WARN, f"Others may look into {machine.home}: {how}.")


def on_the_choice(chosen: EncoderCost, expected: Forecast, command: str) -> Finding:
    """Which encoder suits the volume."""
    how = "measured just now" if chosen.measured else "guessed from its size"
    return Finding(
        "encoder", PASS,
        f"{chosen.slug} suits this volume: up to {number(expected.texts[1])} distinct texts at "
        f"{rate(chosen.texts_per_second)} texts/s ({how}). `{command}`",
    )  # fmt: skip


def on_the_weights(missing: dict[str, str], settings: Settings) -> Iterator[Finding]:
    """Whether the weights that the settings ask for are here; ``missing``: why not, by slug."""
    wanted = list(dict.fromkeys([settings.pairing_encoder, *settings.encoders]))
    for slug, why in missing.items():
        # Without the pairing encoder there are no pairs; any other can be left out of a mining.
        needed = slug == settings.pairing_encoder or len(missing) == len(wanted)
        yield Finding("weights", FAIL if needed else WARN, why)
    if not missing:
        yield Finding("weights", PASS, f"here: {', '.join(wanted)}.")


def on_the_last_mining(mined: Mined) -> Finding:
    """Whether retrieval beat what does not look at the message; a mining that did worse may be mended by another."""
    best = mined.best_null
    if mined.gate is None or best is None or mined.lift is None:
        return Finding(
            "baselines", NOT_MEASURED, "Mining measures them: what never looks at the message, beside retrieval."
        )
    shown = interval(mined.lift.value, mined.lift.low, mined.lift.high, signed=True)
    text = f"retrieval's top-5 match over the best null baseline ({best.name}): {shown}."
    return Finding("baselines", PASS if mined.gate.verdict == "pass" else WARN, " ".join([text, *mined.gate.reasons]))


def on_the_review(review: ReviewSummary) -> Finding:
    """Whether the owner finds the gold pairs good enough."""
    how = f"`jarvis review --gold {REVIEWED_PAIRS}` asks you about {REVIEWED_PAIRS} of them"
    said = review.gold.sentence
    match review.gold.state:
        case "not reviewed":
            return Finding(QUALITY, NOT_MEASURED, f"Not reviewed; after mining, {how}.")
        case "good":
            return Finding(QUALITY, PASS, said)
        case "doubtful":
            return Finding(QUALITY, WARN, f"{said} {how}.")
        case "bad":
            return Finding(QUALITY, FAIL, f"{said} Look at the BAD ones before you build on them; {how}.")


def _gold(volume: Volume) -> Finding:
    found = volume.gold_candidates
    text = f"{number(found)} inline replies of yours answer someone else, {number(volume.gold_candidates_groups)} of them in groups"
    if found >= REVIEWED_PAIRS:
        return Finding("gold candidates", PASS, f"{text}.")
    return Finding(
        "gold candidates", WARN,
        f"{text}: fewer than the {REVIEWED_PAIRS} of a review, and little to learn your own reply links from. Mine all the "
        "same: the link model that ships stands in; answer with inline replies more often.",
    )  # fmt: skip


def _half_width_in_points(asked: float) -> float:
    """Half of the widest 95 % interval of a share, were the messages independent: the evaluation's will be wider."""
    return float(100 * 1.96 * (0.25 / max(asked, 1.0)) ** 0.5)
