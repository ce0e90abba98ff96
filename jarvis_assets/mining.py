"""One mining from the command line: corpus, encoders, release, run in this process on the owner's Dagster instance.

The runs are the very jobs of the graph, so the Dagster UI shows them with everything else. A second mining of the same
home waits for nothing: it is refused. A run that was killed is marked as failed the next time, and what it had
embedded is not embedded again.
"""

import fcntl
import logging
import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from jarvis_assets.jobs import TERMINAL_TAG, release_config
from jarvis_resources import errors
from jarvis_resources.errors import BusyError, JarvisError
from jarvis_resources.imessage.ios_backup import is_ios_backup
from jarvis_resources.settings import Settings

StepListener = Callable[[str, str | None, str], None]
"""Called with (step, encoder or None, 'start' | 'done' | 'failed' | a warning's text)."""

_step_listener: StepListener | None = None


@dataclass(frozen=True)
class AssetRow:
    """One asset of a mining: its rows where it has rows, and what making it took."""

    asset: str
    encoder: str | None
    rows: int | None
    seconds: float


@dataclass(frozen=True)
class FailedCheck:
    """A check that failed without stopping the mining, and what it said."""

    asset: str
    check: str
    severity: str
    """'ERROR' or 'WARN'."""
    sentence: str


@dataclass
class Mined:
    """What a mining made."""

    assets: list[AssetRow] = field(default_factory=list)
    failed_checks: list[FailedCheck] = field(default_factory=list)
    metadata: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Metadata by asset, or by ``asset/encoder``; plain values."""

    def number(self, name: str) -> int:
        """Sum of the whole number ``name`` over all assets' metadata."""
        return sum(int(values[name]) for values in self.metadata.values() if name in values)


def corpus_job() -> dg.JobDefinition:
    """The job ``corpus``, where Dagster can find it again by name."""
    return _job("corpus")


def encoder_job() -> dg.JobDefinition:
    """The job ``encoder``, where Dagster can find it again by name."""
    return _job("encoder")


def release_job() -> dg.JobDefinition:
    """The job ``release``, where Dagster can find it again by name."""
    return _job("release")


def tuning_job() -> dg.JobDefinition:
    """The job ``tune``, where Dagster can find it again by name."""
    return _job("tune")


def comparison_job() -> dg.JobDefinition:
    """The job ``compare``, where Dagster can find it again by name."""
    return _job("compare")


def _job(name: str) -> dg.JobDefinition:
    from jarvis_assets.definitions import defs

    return defs.resolve_job_def(name)


def prepare_instance(settings: Settings) -> None:
    """Point Dagster at ``$JARVIS_HOME/dagster``: the environment, and its ``dagster.yaml`` as this version has it."""
    settings.prepare()
    os.umask(0o077)  # Dagster's own files too are the owner's alone.
    os.environ["JARVIS_HOME"] = str(settings.home)
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)
    shutil.copyfile(Path(__file__).with_name("dagster.yaml"), settings.dagster_home / "dagster.yaml")


def mine(
    settings: Settings,
    *,
    chat_db: Path | None = None,
    encoders: Sequence[str] = (),
    listener: StepListener | None = None,
    publish_anyway: bool = False,
) -> Mined:
    """Mine a history from ``chat_db`` (default: the setting) to a published release.

    Raises the ``JarvisError`` of the stage that failed; the previous release is then still the latest. ``BusyError``
    when another mining of this home is running.
    """
    wanted = _encoders(settings, encoders)
    prepare_instance(settings)
    source = chat_db or settings.chat_db.expanduser()
    if (book := source.with_name(f"{source.name}.contacts")).is_dir():
        # The synthetic sample brings its own address book.
        os.environ["JARVIS_ADDRESS_BOOK"] = str(book)
    elif is_ios_backup(source):
        os.environ["JARVIS_ADDRESS_BOOK"] = str(source)
    mined = Mined()
    with _running(settings, listener) as (instance, tag):
        snapshot = {"chat_db_snapshot": {"config": {"chat_db": str(chat_db)}}} if chat_db else {}
        _run(instance, corpus_job, mined, tag, ops=snapshot)
        for encoder in wanted:
            _run(instance, encoder_job, mined, tag, partition=encoder)
        _run(instance, release_job, mined, tag, ops=_publishing(settings, wanted, publish_anyway))
    return mined


def tune(settings: Settings, config: dict[str, Any], listener: StepListener | None = None) -> dict[str, Any]:
    """Run the asset ``tuned_encoder`` with ``config`` on the tables of the last mining; its metadata, plain values.

    Raises the ``JarvisError`` that stopped it, ``BusyError`` when a mining of this home is running.
    """
    return _one_asset(settings, tuning_job, "tuned_encoder", config, listener)


def compare(settings: Settings, config: dict[str, Any], listener: StepListener | None = None) -> dict[str, Any]:
    """Run the asset ``encoder_comparison`` with ``config`` on the tables of the last mining, as ``tune`` does."""
    return _one_asset(settings, comparison_job, "encoder_comparison", config, listener)


def _one_asset(
    settings: Settings,
    job: Callable[[], dg.JobDefinition],
    asset: str,
    config: dict[str, Any],
    listener: StepListener | None,
) -> dict[str, Any]:
    prepare_instance(settings)
    mined = Mined()
    with _running(settings, listener) as (instance, tag):
        _run(instance, job, mined, tag, ops={asset: {"config": config}})
    return mined.metadata[asset]


@contextmanager
def _running(settings: Settings, listener: StepListener | None) -> Iterator[tuple[dg.DagsterInstance, str]]:
    """Dagster's instance for runs of this process, alone in this home, and the tag that they share."""
    global _step_listener
    _step_listener = listener
    try:
        with _alone(settings), dg.DagsterInstance.get() as instance:
            bury_killed_runs(instance)
            yield instance, f"{datetime.now(tz=UTC):%Y%m%dT%H%M%S}"
    finally:
        _step_listener = None


def _encoders(settings: Settings, asked: Sequence[str]) -> list[str]:
    """The encoders to mine, each known, with its weights there and undamaged."""
    from jarvis_resources.encoders import require_weights

    wanted = list(dict.fromkeys(asked or settings.encoders))
    for slug in dict.fromkeys([*wanted, settings.pairing_encoder]):
        require_weights(slug, settings=settings, thorough=True)
    return wanted


def _publishing(settings: Settings, encoders: Sequence[str], publish_anyway: bool) -> dict[str, Any]:
    config = release_config(settings, encoders)
    config["serving_release"]["config"]["publish_anyway"] = publish_anyway
    return config


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Hold the home's mining lock; the kernel frees it when the process ends, however it ends."""
    with (settings.home / "mining.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BusyError(f"Another mining of {settings.home} is running; wait for it or stop it.") from error
        yield


def bury_killed_runs(instance: dg.DagsterInstance) -> None:
    """Mark this home's terminal minings that were killed as failed: we hold their lock, so none of them is alive."""
    alive = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.NOT_STARTED]
    for run in instance.get_runs(dg.RunsFilter(statuses=alive)):
        if TERMINAL_TAG in run.tags:
            instance.report_run_failed(run, message="The process was killed; the next mining went on from there.")
    # A killed step never gave its place in the pool back, and the next one would wait for it for ever.
    storage = instance.event_log_storage
    for pool in storage.get_concurrency_keys():
        for run_id in storage.get_concurrency_info(pool).active_run_ids:
            holder = instance.get_run_by_id(run_id)
            if holder is None or holder.is_finished:
                storage.free_concurrency_slots_for_run(run_id)


def _run(
    instance: dg.DagsterInstance,
    job: Callable[[], dg.JobDefinition],
    mined: Mined,
    tag: str,
    *,
    partition: str | None = None,
    ops: dict[str, Any] | None = None,
) -> None:
    """Run one job in this process, and add what it made to ``mined``."""
    tags = {TERMINAL_TAG: tag} | ({"dagster/partition": partition} if partition else {})
    config = {"loggers": {"terminal": {}}, "ops": ops or {}}
    with dg.execute_job(
        dg.reconstructable(job), instance=instance, run_config=config, tags=tags, raise_on_error=False
    ) as result:
        events = result.all_events
        mined.failed_checks += failed_checks(events)
        if not result.success:
            if (tell := _step_listener) is not None:
                for check in mined.failed_checks:  # They may be why.
                    tell(check.asset, None, check.sentence)
            raise _owners_error(events)
    seconds: defaultdict[str, float] = defaultdict(float)
    for event in events:
        if event.is_step_success:
            seconds[_node(event.step_key)] += event.step_success_data.duration_ms / 1000
    for event in events:
        if not event.is_step_materialization:
            continue
        materialization = event.step_materialization_data.materialization
        asset = materialization.asset_key.path[-1]
        values: dict[str, Any] = {name: value.value for name, value in materialization.metadata.items()}
        mined.metadata[f"{asset}/{partition}" if partition else asset] = values
        rows = values.get("dagster/row_count", values.get("dagster/partition_row_count", values.get("vectors")))
        # A step that makes several assets is counted with the first of them.
        mined.assets.append(AssetRow(asset, partition, rows, seconds.pop(_node(event.step_key), 0.0)))


def _node(step_key: str | None) -> str:
    """What a step belongs to: an asset made in several steps has them behind a dot."""
    return str(step_key).partition(".")[0]


def _owners_error(events: Sequence[dg.DagsterEvent]) -> Exception:
    """The ``JarvisError`` behind the first failed step, or the failure as it is: then it is a bug."""
    for event in events:
        if event.is_step_failure:
            error = event.step_failure_data.error
            while error is not None:
                kind = getattr(errors, error.cls_name or "", None)
                if isinstance(kind, type) and issubclass(kind, JarvisError):
                    return kind(error.message.split(": ", 1)[-1].strip())
                last, error = error, error.cause
            # The error's own words may quote a message: they stay in the run's log.
            return RuntimeError(f"{event.step_key} failed ({last.cls_name}); `jarvis ui` shows where.")
    broken = [check for check in _failed(events) if check.blocking]
    if broken:
        first = broken[0]
        return JarvisError(
            f"The check {first.check_name} of {first.asset_key.to_user_string()} failed, so nothing was published; "
            "look at it with `jarvis ui`."
        )
    return RuntimeError("The run failed without a failed step.")


def failed_checks(events: Sequence[dg.DagsterEvent]) -> list[FailedCheck]:
    """The checks of a run that failed."""
    return [
        FailedCheck(check.asset_key.path[-1], check.check_name, check.severity.value, check.description or "It failed.")
        for check in _failed(events)
    ]


def _failed(events: Sequence[dg.DagsterEvent]) -> list[dg.AssetCheckEvaluation]:
    checks = [
        event.asset_check_evaluation_data for event in events if event.event_type_value == "ASSET_CHECK_EVALUATION"
    ]
    return [check for check in checks if not check.passed]


_STATES = {"STEP_START": "start", "STEP_SUCCESS": "done", "STEP_FAILURE": "failed"}


class _StepHandler(logging.Handler):
    """Passes Dagster's events to the step listener."""

    def emit(self, record: logging.LogRecord) -> None:
        if _step_listener is None:
            return
        event = getattr(record, "dagster_event", None)
        if event is not None and event.event_type_value in _STATES:
            partition = event.logging_tags.get("partition") if event.logging_tags else None
            _step_listener(_node(event.step_key), partition, _STATES[event.event_type_value])
        elif event is None and record.levelno >= logging.WARNING:
            meta = getattr(record, "dagster_meta", {})
            _step_listener(_node(meta.get("step_key")), None, str(meta.get("orig_message", record.getMessage())))


def _make_terminal_logger(_context: dg.InitLoggerContext) -> logging.Logger:
    logger = logging.Logger("jarvis.terminal", level=logging.DEBUG)
    logger.addHandler(_StepHandler())
    return logger


terminal_logger = dg.LoggerDefinition(
    _make_terminal_logger, description="Step by step for the terminal of `jarvis mine`; silent where nobody listens."
)
"""Tells the listener of this process of starting, finished and failed steps, and of warnings."""
