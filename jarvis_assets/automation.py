"""When the graph runs by itself. Each policy says why it is what it is.

A quarter is how often a person's habits of writing move noticeably, and how long a mining may take all night without
anyone minding. 03:00 on the first of January, April, July and October, in the owner's time zone.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from jarvis_assets.jobs import MINING_TAG, corpus_job, encoder_job, release_config, release_job
from jarvis_resources.errors import ChatDatabaseError
from jarvis_resources.imessage.ios_backup import database_in
from jarvis_resources.settings import Settings, load_settings

QUARTERLY = "0 3 1 1,4,7,10 *"
SETTLE_SECONDS = 600
"""A chat.db that changed less than ten minutes ago is still being talked into: wait until the talk is over."""
SENSOR_SECONDS = 3600
"""Looking costs a stat(); mining costs minutes. Once an hour is often enough for suggestions to stay fresh."""


def owner_time_zone(settings: Settings | None = None) -> str:
    """The owner's IANA time zone: the setting, else the machine's."""
    from tzlocal import get_localzone_name

    return (settings or load_settings()).time_zone or get_localzone_name() or "UTC"


@dg.schedule(job=corpus_job, cron_schedule=QUARTERLY, execution_timezone=owner_time_zone())
def quarterly_mining(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """The corpus anew each quarter; the encoders and the release follow by the sensors below."""
    key = f"quarterly-{context.scheduled_execution_time:%Y-%m-%d}"
    return dg.RunRequest(run_key=key, tags={MINING_TAG: key})


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    monitored_jobs=[corpus_job],
    request_job=encoder_job,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def encoders_follow_the_corpus(context: dg.RunStatusSensorContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """One run for each chosen encoder once a mining's corpus stands. A corpus made by hand starts nothing."""
    mining = context.dagster_run.tags.get(MINING_TAG)
    if mining is None:
        yield dg.SkipReason("This corpus run belongs to no mining.")
        return
    for encoder in load_settings().encoders:
        yield dg.RunRequest(run_key=f"{mining}-{encoder}", partition_key=encoder, tags={MINING_TAG: mining})


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    monitored_jobs=[encoder_job],
    request_job=release_job,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def release_follows_the_encoders(context: dg.RunStatusSensorContext) -> dg.RunRequest | dg.SkipReason:
    """The release, once every chosen encoder of the same mining has succeeded."""
    mining = context.dagster_run.tags.get(MINING_TAG)
    if mining is None:
        return dg.SkipReason("This encoder run belongs to no mining.")
    done = {
        run.tags.get("dagster/partition")
        for run in context.instance.get_runs(
            dg.RunsFilter(job_name=encoder_job.name, statuses=[dg.DagsterRunStatus.SUCCESS], tags={MINING_TAG: mining})
        )
    }
    settings = load_settings()
    waiting = sorted(set(settings.encoders) - done)
    if waiting:
        return dg.SkipReason(f"Still to come: {', '.join(waiting)}.")
    config = {"ops": release_config(settings, settings.encoders)}
    return dg.RunRequest(run_key=f"{mining}-release", run_config=config, tags={MINING_TAG: mining})


@dg.sensor(job=corpus_job, minimum_interval_seconds=SENSOR_SECONDS, default_status=dg.DefaultSensorStatus.STOPPED)
def chat_db_changed(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Mines again when chat.db has changed and then rested. Off unless the owner turns it on."""
    try:
        changed = _last_change(database_in(load_settings().chat_db))
    except ChatDatabaseError as error:
        return dg.SkipReason(str(error))
    if changed is None:
        return dg.SkipReason("chat.db cannot be seen from here.")
    if str(changed) == context.cursor:
        return dg.SkipReason("Nothing has changed.")
    if datetime.now(tz=UTC).timestamp() - changed < SETTLE_SECONDS:
        return dg.SkipReason("chat.db changed a moment ago.")
    context.update_cursor(str(changed))
    key = f"changed-{changed:.0f}"
    return dg.RunRequest(run_key=key, tags={MINING_TAG: key})


def _last_change(source: Path) -> float | None:
    """Seconds since 1970 of the newest of the database and its write-ahead log; ``None`` where there is none."""
    times = [file.stat().st_mtime for file in (source, source.with_name(source.name + "-wal")) if file.is_file()]
    return max(times, default=None)


SCHEDULES = [quarterly_mining]
SENSORS = [encoders_follow_the_corpus, release_follows_the_encoders, chat_db_changed]
