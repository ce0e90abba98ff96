"""Runs that are killed while they embed, or that run side by side, end with the very bits of an undisturbed run."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest

from tests.system.conftest import MinedHome

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
PART_TEXTS = 32
"""Texts of a part: the mined home has about a thousand different turns, so thirty parts in eight shards."""


@pytest.fixture
def fresh(mined: MinedHome, tmp_path: Path):
    """Makes homes that have the turns and nothing embedded."""

    def make(name: str) -> Path:
        home = tmp_path / name
        (home / "assets").mkdir(parents=True)
        shutil.copyfile(mined.settings.home / "assets" / "turns.parquet", home / "assets" / "turns.parquet")
        return home

    return make


def start(home: Path, executor: str = "in_process", dagster: str = "dagster") -> subprocess.Popen[str]:
    environment = {
        **os.environ, "JARVIS_HOME": str(home), "DAGSTER_HOME": str(home / dagster),
        "JARVIS_SHARD_TEXTS": str(PART_TEXTS),
    }  # fmt: skip
    return subprocess.Popen(
        [sys.executable, "-m", "tests.graph.embedding_job", executor], env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def end(running: subprocess.Popen[str]) -> list[str]:
    """The lines of a run that goes to its end."""
    lines = running.communicate(timeout=240)[0].splitlines()
    assert lines[-1] == "SUCCESS"
    return lines


def embedded(home: Path) -> int:
    """Texts in the store."""
    rows = 0
    for part in (home / "vectors").rglob("*.parquet"):
        try:
            rows += pq.read_metadata(part).num_rows
        except FileNotFoundError:  # compacted meanwhile
            continue
    return rows


def wait_for(running: subprocess.Popen[str], home: Path, texts: int) -> None:
    """Until ``texts`` are in the store."""
    until = time.monotonic() + 120
    while embedded(home) < texts:
        assert time.monotonic() < until, "it stands still"
        assert running.poll() is None, "it ended before it could be killed"
        time.sleep(0.01)


def result(home: Path) -> bytes:
    return (home / "assets" / "turn_vectors.npy").read_bytes()


@pytest.fixture
def undisturbed(fresh) -> Path:
    home = fresh("undisturbed")
    end(start(home))
    return home


@pytest.mark.parametrize("seed", [0, 1])
def test_killed_at_three_random_points_and_resumed(fresh, undisturbed: Path, seed: int) -> None:
    home, all_texts = fresh("killed"), embedded(undisturbed)
    saved = 0
    for share in sorted(random.Random(seed).sample(range(5, 90), 3)):
        running = start(home)
        wait_for(running, home, max(share * all_texts // 100, saved + 1))
        running.send_signal(signal.SIGKILL)
        running.wait()
        assert not (home / "assets" / "turn_vectors.npy").exists()
        saved = embedded(home)
    assert saved < all_texts
    end(start(home))
    assert embedded(home) == all_texts, "a text is embedded once in its life"
    assert result(home) == result(undisturbed)


def test_two_runs_at_once(fresh, undisturbed: Path) -> None:
    """Of one home, but with run histories of their own, so that no pool makes them take turns."""
    home = fresh("shared")
    both = [start(home, dagster=f"dagster{number}") for number in range(2)]
    for running in both:
        end(running)
    assert result(home) == result(undisturbed)
    end(start(home))
    assert result(home) == result(undisturbed)


def test_a_shard_whose_process_is_killed_is_taken_up_again_alone(fresh, undisturbed: Path) -> None:
    home, all_texts = fresh("shards"), embedded(undisturbed)
    running = start(home, "multiprocess")
    wait_for(running, home, all_texts // 2)
    shard = [
        child for child in psutil.Process(running.pid).children(recursive=True)
        if any("spawn_main" in word for word in child.cmdline())
    ]  # fmt: skip
    shard[0].kill()
    lines = end(running)
    [again] = [line.split()[1] for line in lines if line.startswith("STEP_UP_FOR_RETRY")]
    assert again.startswith("turn_vectors.embed_turn_vectors[")
    starts = [line.split()[1] for line in lines if line.startswith("STEP_START")]
    assert len(starts) == len(set(starts)), "no other shard was started twice"
    assert embedded(home) == all_texts, "what the killed process had embedded is not embedded again"
    assert result(home) == result(undisturbed)
