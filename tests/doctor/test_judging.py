"""Each verdict by what was found, and go or no-go by the verdicts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jarvis_assets.doctor import judging
from jarvis_assets.doctor.encoders import EncoderCost, recommended
from jarvis_assets.doctor.forecast import Forecast, Seconds, forecast, mining_seconds
from jarvis_assets.doctor.judging import Finding, Verdict, decide
from jarvis_assets.doctor.machine import Machine
from jarvis_assets.doctor.mined import Mined
from jarvis_assets.doctor.volume import Person, Volume
from jarvis_assets.pairs.review.quality import GoldState
from jarvis_assets.pairs.review.summary import ReviewSummary
from jarvis_resources.settings import Settings

PASS, WARN, FAIL, NOT_MEASURED = Verdict

AMPLE = Volume(
    rows=100_000,
    bytes=80_000_000,
    mine=45_000,
    theirs=50_000,
    direct=90_000,
    in_groups=5_000,
    people=tuple(Person(messages) for messages in (40_000, 30_000, 20_000, 5)),
    inline_replies=900,
    gold_candidates_direct=800,
    my_unthreaded_direct=40_000,
)
MACHINE = Machine(
    "Linux", "3.11", "3.40", 8, 0.5, 16.0, 12.0, 100.0, None, {"faiss-cpu": "1"}, "/home/me/.jarvis", True
)
DEFAULT = EncoderCost("default", True, 400.0, True, 6 * 384**2)
STATIC = EncoderCost("static", True, 20_000.0, True, 0)
LARGE = EncoderCost("large", True, 10.0, False, 24 * 1024**2)


def on_the_volume(volume: Volume, settings: Settings) -> dict[str, Verdict]:
    return {finding.subject: finding.verdict for finding in judging.on_the_volume(volume, forecast(volume), settings)}


def on_the_machine(machine: Machine, expected: Forecast, seconds: Seconds | None = None) -> dict[str, Verdict]:
    chosen = DEFAULT if seconds else None
    return {finding.subject: finding.verdict for finding in judging.on_the_machine(machine, expected, seconds, chosen)}


def test_an_ample_history_passes(settings: Settings) -> None:
    assert set(on_the_volume(AMPLE, settings).values()) == {PASS}


def test_an_empty_history_fails(settings: Settings) -> None:
    found = on_the_volume(Volume(rows=0, bytes=4096), settings)
    assert (found["messages"], found["pairs"]) == (FAIL, FAIL)


def test_messages_in_no_conversation_are_nothing_to_learn_from(settings: Settings) -> None:
    assert on_the_volume(replace(AMPLE, placeless=60_000), settings)["messages"] == FAIL


@pytest.mark.parametrize(("replies", "verdict"), [(40, FAIL), (400, WARN), (4_000, PASS)])
def test_few_replies_warn_and_very_few_fail(settings: Settings, replies: int, verdict: Verdict) -> None:
    small = replace(AMPLE, my_unthreaded_direct=replies, gold_candidates_direct=0)
    assert on_the_volume(small, settings)["pairs"] == verdict


def test_too_few_gold_candidates_for_a_review_warn(settings: Settings) -> None:
    assert on_the_volume(replace(AMPLE, gold_candidates_direct=99), settings)["gold candidates"] == WARN
    assert on_the_volume(replace(AMPLE, gold_candidates_direct=100), settings)["gold candidates"] == PASS


def test_too_few_people_for_contact_models_warn(settings: Settings) -> None:
    assert on_the_volume(replace(AMPLE, people=(Person(90_000), Person(9))), settings)["people"] == WARN


def test_what_a_schema_hides_warns(settings: Settings) -> None:
    assert on_the_volume(replace(AMPLE, losses=("No pair is gold.",)), settings)["schema"] == WARN


def test_memory_that_is_not_there_fails_and_memory_in_use_warns() -> None:
    expected = replace(forecast(AMPLE), memory_gb=8.0)
    assert on_the_machine(MACHINE, expected)["memory"] == PASS
    assert on_the_machine(replace(MACHINE, memory_free_gb=4.0), expected)["memory"] == WARN
    assert on_the_machine(replace(MACHINE, memory_gb=4.0, memory_free_gb=3.0), expected)["memory"] == FAIL


def test_a_full_disk_a_missing_library_and_an_open_home_are_told() -> None:
    poor = replace(MACHINE, disk_free_gb=0.1, libraries={"faiss-cpu": None}, home_is_private=False)
    found = on_the_machine(poor, forecast(AMPLE))
    assert (found["disk"], found["libraries"], found["home"]) == (FAIL, FAIL, WARN)


def test_a_mining_of_more_than_an_hour_warns() -> None:
    assert on_the_machine(MACHINE, forecast(AMPLE), Seconds(3_000, 500))["time"] == PASS
    assert on_the_machine(MACHINE, forecast(AMPLE), Seconds(3_000, 700))["time"] == WARN


def test_a_speed_measured_on_a_busy_machine_is_called_so() -> None:
    def said(machine: Machine) -> str:
        findings = judging.on_the_machine(machine, forecast(AMPLE), Seconds(60, 60), DEFAULT)
        return next(finding.text for finding in findings if finding.subject == "time")

    assert "Other programs" not in said(MACHINE)
    assert "Other programs" in said(replace(MACHINE, load=7.0))


def test_weights_of_the_pairing_encoder_must_be_here_others_may_wait(settings: Settings) -> None:
    pairing, other = settings.pairing_encoder, "minilm-static"
    assert [one.verdict for one in judging.on_the_weights({}, settings)] == [PASS]
    assert [one.verdict for one in judging.on_the_weights({other: "Put it there."}, settings)] == [WARN]
    assert [one.verdict for one in judging.on_the_weights({pairing: "Put it there."}, settings)] == [FAIL]


def test_nothing_mined_and_nothing_reviewed_is_not_measured() -> None:
    assert judging.on_the_last_mining(Mined()).verdict == NOT_MEASURED
    assert judging.on_the_review(ReviewSummary()).verdict == NOT_MEASURED


@pytest.mark.parametrize(("state", "verdict"), [("good", PASS), ("doubtful", WARN), ("bad", FAIL)])
def test_the_review_decides_over_the_gold_pairs(state: str, verdict: Verdict) -> None:
    review = ReviewSummary(gold=GoldState(state, "Of the reviewed gold pairs …."))  # type: ignore[arg-type]
    assert judging.on_the_review(review).verdict == verdict


def test_every_verdict_but_pass_says_more_than_what_is_wrong(settings: Settings) -> None:
    nothing = Volume(rows=0, bytes=4096, losses=("Groups have no names.",))
    for finding in judging.on_the_volume(nothing, forecast(nothing), settings):
        assert finding.text.endswith(".")


def test_one_failure_is_no_go_and_the_next_step_is_to_mend_it() -> None:
    decision = decide([Finding("a", PASS, "x."), Finding("b", FAIL, "Mend b.")], "jarvis mine", mined=False)
    assert not decision.go
    assert decision.next_step == "Mend b."
    assert "b" in decision.reasons


def test_doubts_and_gaps_are_named_but_go() -> None:
    decision = decide([Finding("a", WARN, "x."), Finding("c", NOT_MEASURED, "y.")], "jarvis mine", mined=False)
    assert decision.go
    assert "Doubtful: a." in decision.reasons
    assert "Not measured yet: c." in decision.reasons
    assert decision.next_step == "`jarvis mine`"


def test_after_a_mining_the_review_comes_next() -> None:
    gap = [Finding(judging.QUALITY, NOT_MEASURED, "Not reviewed.")]
    assert "jarvis review --gold 100" in decide(gap, "jarvis mine", mined=True).next_step


def test_the_forecast_grows_with_the_history_and_knows_its_bounds() -> None:
    expected = forecast(AMPLE)
    double = forecast(replace(AMPLE, my_unthreaded_direct=80_000, rows=200_000, mine=90_000, theirs=100_000))
    assert expected.pairs[0] <= expected.pairs[1] <= AMPLE.mine
    assert expected.texts[1] <= AMPLE.messages
    assert double.pairs[0] > expected.pairs[0]
    assert double.memory_gb > expected.memory_gb


def test_every_turn_is_embedded_by_the_pairing_encoder_whichever_is_mined() -> None:
    expected = forecast(AMPLE)
    alone = mining_seconds(AMPLE, expected, [DEFAULT], DEFAULT)
    other = mining_seconds(AMPLE, expected, [LARGE], DEFAULT)
    both = mining_seconds(AMPLE, expected, [DEFAULT, LARGE], DEFAULT)
    assert alone.encoding == pytest.approx(expected.texts[1] / DEFAULT.texts_per_second, rel=0.01)
    assert other.encoding > alone.encoding
    assert both.rest > other.rest


def test_the_largest_encoder_within_the_budget_is_recommended() -> None:
    seconds = {"default": 900.0, "static": 600.0, "large": 90_000.0}
    costs = [DEFAULT, STATIC, LARGE]
    assert recommended(costs, seconds, 3_600) == DEFAULT
    assert recommended(costs, seconds, 100_000) == LARGE
    assert recommended(costs, seconds, 700) == STATIC


def test_nothing_within_the_budget_leaves_the_quickest_and_nothing_here_leaves_none() -> None:
    seconds = {"default": 9_000.0, "static": 9_500.0, "large": 90_000.0}
    assert recommended([DEFAULT, STATIC, LARGE], seconds, 3_600) == DEFAULT
    assert recommended([replace(DEFAULT, here=False)], seconds, 3_600) is None
