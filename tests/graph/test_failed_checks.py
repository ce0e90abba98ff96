"""A check that fails without stopping the mining is said at its end, where nobody overlooks it."""

from __future__ import annotations

import dagster as dg
import pytest

from jarvis_assets import mining, terminal

SENTENCE = "The filters dropped 52% of 1,204 pairs [most] as one_time_code."


@dg.asset
def pairs() -> None:
    """Stands for the table."""


@dg.asset_check(asset=pairs)
def filters_are_not_too_aggressive() -> dg.AssetCheckResult:
    """Fails, and says why."""
    return dg.AssetCheckResult(passed=False, description=SENTENCE)


@dg.asset_check(asset=pairs)
def is_sound() -> dg.AssetCheckResult:
    """Passes."""
    return dg.AssetCheckResult(passed=True)


@pytest.fixture(scope="module")
def failed() -> list[mining.FailedCheck]:
    """What a mining remembers of a run with one check that fails and one that does not."""
    run = dg.materialize([pairs, filters_are_not_too_aggressive, is_sound])
    assert run.success, "a check that does not block stops nothing"
    return mining.failed_checks(run.all_events)


def test_a_mining_remembers_what_failed(failed):
    assert failed == [mining.FailedCheck("pairs", "filters_are_not_too_aggressive", "ERROR", SENTENCE)]


def test_the_terminal_says_it_at_its_end(failed, capsys):
    terminal.print_failed_checks(failed)
    said = capsys.readouterr()
    assert said.out == "", "stdout is for what was asked"
    assert said.err == f"failed filters_are_not_too_aggressive (pairs): {SENTENCE}\n"


def test_nothing_is_said_where_nothing_failed(capsys):
    terminal.print_failed_checks([])
    assert capsys.readouterr() == ("", "")
