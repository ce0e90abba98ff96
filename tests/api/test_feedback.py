"""Feedback: appended, never lost to a torn line, read back as its table."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jarvis_resources.errors import SettingsError
from jarvis_resources.tables import SUGGESTION_FEEDBACK, violations
from jarvis_serving import feedback


def test_no_feedback_is_an_empty_table(home: Path):
    assert feedback.read(home).empty
    assert violations(SUGGESTION_FEEDBACK, feedback.read(home)) == []


def test_what_was_recorded_comes_back_as_a_valid_table(home: Path):
    when = datetime(2026, 5, 1, 12, 30, 0, 125, tzinfo=UTC)
    feedback.record(home, suggestion_id="s1", action="edited", option=1, route="GENERATE", given_at=when)
    feedback.record(home, suggestion_id="s2", action="dismissed", route="TEMPLATE")
    rows = feedback.read(home)
    assert violations(SUGGESTION_FEEDBACK, rows) == []
    assert rows["suggestion_id"].tolist() == ["s1", "s2"]
    assert rows["given_at"].iloc[0] == when
    assert rows["option"].tolist() == [1, -1]


def test_file_is_readable_by_the_owner_alone(home: Path):
    feedback.record(home, suggestion_id="s1", action="sent", option=0, route="TEMPLATE")
    file = feedback.path(home)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_line_torn_by_a_crash_costs_only_itself(home: Path, caplog: pytest.LogCaptureFixture):
    feedback.record(home, suggestion_id="s1", action="sent", option=0, route="TEMPLATE")
    with feedback.path(home).open("ab") as file:
        file.write(b'{"suggestion_id": "s2", "giv')
    feedback.record(home, suggestion_id="s3", action="sent", option=0, route="TEMPLATE")
    assert feedback.read(home)["suggestion_id"].tolist() == ["s1", "s3"]
    assert "line 2" in caplog.text


def test_many_writers_at_once_lose_nothing(home: Path):
    def write(number: int) -> None:
        feedback.record(home, suggestion_id=f"s{number}", action="sent", option=0, route="TEMPLATE")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(100)))
    assert sorted(feedback.read(home)["suggestion_id"]) == sorted(f"s{n}" for n in range(100))


@pytest.mark.parametrize(("action", "option"), [("burnt", 0), ("sent", 3), ("sent", -2)])
def test_senseless_verdict_is_refused(home: Path, action: str, option: int):
    with pytest.raises(SettingsError):
        feedback.record(home, suggestion_id="s1", action=action, option=option, route="TEMPLATE")  # type: ignore[arg-type]
    assert feedback.read(home).empty
