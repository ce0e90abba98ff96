"""When the graph runs by itself: the schedule's ticks, and how one job follows another."""

from __future__ import annotations

import os
import time
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from jarvis_assets import automation
from jarvis_assets.definitions import defs
from jarvis_assets.jobs import MINING_TAG, TERMINAL_TAG


def finished_run(instance: dg.DagsterInstance, job: str, **tags: str) -> tuple[dg.DagsterRun, dg.DagsterEvent]:
    """A successful run of ``job`` on ``instance``, and the event that says so."""
    run = instance.create_run_for_job(defs.resolve_job_def(job), tags=tags, status=dg.DagsterRunStatus.STARTED)
    event = dg.DagsterEvent(event_type_value="PIPELINE_SUCCESS", job_name=job, message="done")
    instance.report_dagster_event(event, run.run_id)
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    return found, event


def tick(
    sensor: dg.RunStatusSensorDefinition, instance: dg.DagsterInstance, run: dg.DagsterRun, event: dg.DagsterEvent
):
    context = dg.build_run_status_sensor_context(
        sensor_name=sensor.name,
        dagster_instance=instance,
        dagster_run=run,
        dagster_event=event,
        repository_def=defs.get_repository_def(),
    )
    found = sensor(context)
    return [found] if isinstance(found, dg.RunRequest | dg.SkipReason) else list(found)


def test_mining_is_due_at_three_in_the_night_of_each_quarter() -> None:
    zone = ZoneInfo(automation.quarterly_mining.execution_timezone)
    times = automation.quarterly_mining.cron_schedule
    assert times == "0 3 1 1,4,7,10 *"
    when = datetime(2026, 4, 1, 3, tzinfo=zone)
    context = dg.build_schedule_context(scheduled_execution_time=when, repository_def=defs.get_repository_def())
    [request] = automation.quarterly_mining.evaluate_tick(context).run_requests
    assert request.tags[MINING_TAG] == "quarterly-2026-04-01"


def test_every_chosen_encoder_follows_the_corpus_of_a_mining(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JARVIS_ENCODERS", "all-minilm-l6-v2,minilm-static")
    with dg.instance_for_test() as instance:
        run, event = finished_run(instance, "corpus", **{MINING_TAG: "m1"})
        requests = tick(automation.encoders_follow_the_corpus, instance, run, event)
    assert [request.partition_key for request in requests] == ["all-minilm-l6-v2", "minilm-static"]
    assert {request.tags[MINING_TAG] for request in requests} == {"m1"}


def test_a_corpus_made_by_hand_starts_nothing(home: Path) -> None:
    with dg.instance_for_test() as instance:
        run, event = finished_run(instance, "corpus")
        [answer] = tick(automation.encoders_follow_the_corpus, instance, run, event)
    assert isinstance(answer, dg.SkipReason)


def test_what_the_terminal_mines_is_not_mined_again(home: Path) -> None:
    with dg.instance_for_test() as instance:
        run, event = finished_run(instance, "corpus", **{TERMINAL_TAG: "t1"})
        [corpus] = tick(automation.encoders_follow_the_corpus, instance, run, event)
        run, event = finished_run(instance, "encoder", **{TERMINAL_TAG: "t1", "dagster/partition": "minilm-static"})
        [release] = tick(automation.release_follows_the_encoders, instance, run, event)
    assert isinstance(corpus, dg.SkipReason)
    assert isinstance(release, dg.SkipReason)


def test_the_release_is_made_from_encoders_that_were_mined(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JARVIS_ENCODERS", "minilm-static")
    with dg.instance_for_test() as instance:
        tags = {MINING_TAG: "m1", "dagster/partition": "minilm-static"}
        run, event = finished_run(instance, "encoder", **tags)
        [request] = tick(automation.release_follows_the_encoders, instance, run, event)
    config = request.run_config["ops"]["serving_release"]["config"]
    assert config == {"mining_encoder": "minilm-static", "serving_encoder": "minilm-static"}


def test_the_release_waits_for_the_last_encoder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JARVIS_ENCODERS", "all-minilm-l6-v2,minilm-static")
    with dg.instance_for_test() as instance:
        tags = {MINING_TAG: "m1"}
        run, event = finished_run(instance, "encoder", **tags, **{"dagster/partition": "all-minilm-l6-v2"})
        [waiting] = tick(automation.release_follows_the_encoders, instance, run, event)
        other = {MINING_TAG: "m0"}
        finished_run(instance, "encoder", **other, **{"dagster/partition": "minilm-static"})
        [still] = tick(automation.release_follows_the_encoders, instance, run, event)
        run, event = finished_run(instance, "encoder", **tags, **{"dagster/partition": "minilm-static"})
        [request] = tick(automation.release_follows_the_encoders, instance, run, event)
    assert isinstance(waiting, dg.SkipReason)
    assert isinstance(still, dg.SkipReason), "another mining's encoder must not count"
    assert request.run_key == "m1-release"


def test_a_changed_chat_db_is_mined_once_it_has_rested(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat_db = tmp_path / "chat.db"
    chat_db.write_bytes(b"x")
    monkeypatch.setenv("JARVIS_CHAT_DB", str(chat_db))
    sensor = automation.chat_db_changed
    assert sensor.default_status is dg.DefaultSensorStatus.STOPPED
    with dg.instance_for_test() as instance:
        context = dg.build_sensor_context(instance=instance)
        assert isinstance(sensor(context), dg.SkipReason), "it changed a moment ago"
        rested = time.time() - automation.SETTLE_SECONDS - 1
        os.utime(chat_db, (rested, rested))
        assert isinstance(sensor(context), dg.RunRequest)
        assert isinstance(sensor(context), dg.SkipReason), "nothing has changed since"
        (tmp_path / "chat.db-wal").write_bytes(b"y")
        os.utime(tmp_path / "chat.db-wal", (rested + 0.5, rested + 0.5))
        assert isinstance(sensor(context), dg.RunRequest), "the write-ahead log counts"
