"""One mined home for all tests of the whole system, and the command as its user runs it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from jarvis_assets import mining
from jarvis_resources.imessage.sample import write_sample
from jarvis_resources.settings import Settings, load_settings

ENCODER = "all-minilm-l6-v2"
MESSAGES = 1500
"""Enough for every stage to have something to do, few enough for a test of seconds."""


BOUND_BY_MODES = (
    ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all") if os.geteuid() == 0 else ()
)
"""Before a command: file modes bind it as they bind an owner, even where the tests run as root."""


def jarvis(
    home: Path, *arguments: str, wrapper: tuple[str, ...] = (), **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command as its user would, with one encoder."""
    return subprocess.run(
        [*wrapper, sys.executable, "-m", "jarvis_assets.cli", *arguments],
        env={**os.environ, "JARVIS_HOME": str(home), "JARVIS_ENCODERS": ENCODER, **environment},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


def is_one_sentence(stderr: str, part: str) -> bool:
    """Whether the last thing said is one line that begins with the command's name and holds ``part``."""
    last = stderr.strip().splitlines()[-1]
    return last.startswith("jarvis: ") and part in last and "Traceback" not in stderr


@dataclass(frozen=True)
class MinedHome:
    """A home that was mined once: its settings, and what the command printed."""

    settings: Settings
    printed: dict[str, Any]


@pytest.fixture(scope="session")
def sample_chat_db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sample") / "chat.db"
    write_sample(path, messages=MESSAGES, seed=7)
    return path


@pytest.fixture(scope="session")
def mined(tmp_path_factory: pytest.TempPathFactory, sample_chat_db: Path) -> MinedHome:
    home = tmp_path_factory.mktemp("mined") / "home"
    done = jarvis(home, "mine", "--chat-db", str(sample_chat_db), "--json")
    assert done.returncode == 0, done.stderr
    return MinedHome(load_settings(home=home, encoders=ENCODER), json.loads(done.stdout))


@pytest.fixture
def copied(mined: MinedHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The mined home, to be changed at will."""
    home = tmp_path / "home"
    shutil.copytree(mined.settings.home, home)
    monkeypatch.setenv("JARVIS_HOME", str(home))
    monkeypatch.setenv("JARVIS_ENCODERS", ENCODER)
    return load_settings(home=home, encoders=ENCODER)


@pytest.fixture
def instance(copied: Settings) -> Iterator[dg.DagsterInstance]:
    mining.prepare_instance(copied)
    with dg.DagsterInstance.get() as found:
        yield found
