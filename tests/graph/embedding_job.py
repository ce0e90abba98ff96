"""The turn vectors alone, from a mined home, as a job that a process of its own runs: ``python -m`` this module.

With ``multiprocess`` behind it each shard gets a process.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import dagster as dg

import jarvis_assets
from jarvis_assets import mining
from jarvis_assets.vectors import assets as vectors
from jarvis_resources.dagster_resources import JarvisSettings
from jarvis_resources.io_managers import asset_storages

turns = dg.AssetSpec("turns").with_io_manager_key("table_io")


def _job(executor: dg.ExecutorDefinition) -> dg.JobDefinition:
    made = dg.Definitions(
        assets=[turns, vectors.turn_vectors],
        jobs=[dg.define_asset_job("embedding", dg.AssetSelection.assets("turn_vectors"), executor_def=executor)],
        resources={"jarvis": JarvisSettings(), **asset_storages()},
    )
    return made.resolve_job_def("embedding")


def in_process() -> dg.JobDefinition:
    return _job(dg.in_process_executor)


def multiprocess() -> dg.JobDefinition:
    return _job(dg.multiprocess_executor)


def main(executor: str) -> None:
    """Run the job on the home of ``JARVIS_HOME``; print the steps that were taken up again, and whether it succeeded."""
    job = {"in_process": in_process, "multiprocess": multiprocess}[executor]
    folder = Path(os.environ["DAGSTER_HOME"])
    folder.mkdir(exist_ok=True)
    shutil.copyfile(Path(jarvis_assets.__file__).with_name("dagster.yaml"), folder / "dagster.yaml")
    with dg.DagsterInstance.get() as instance:
        mining.bury_killed_runs(instance)  # as every mining does first: a killed step keeps its place in the pool
        tags = {mining.TERMINAL_TAG: "embedding"}
        with dg.execute_job(dg.reconstructable(job), instance=instance, tags=tags, raise_on_error=False) as result:
            for event in result.all_events:
                if event.event_type_value in ("STEP_START", "STEP_UP_FOR_RETRY"):
                    print(event.event_type_value, event.step_key)
            print("SUCCESS" if result.success else "FAILURE")


if __name__ == "__main__":
    from tests.graph import embedding_job  # by its name, so that other processes find the job again

    embedding_job.main(sys.argv[1])
