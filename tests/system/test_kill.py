"""A mining that is killed in the middle of embedding: nothing is lost, and the release before it serves on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jarvis_resources import releases
from jarvis_resources.imessage.sample import write_sample
from tests.system.conftest import ENCODER, MinedHome, jarvis

SHARD_TEXTS = 128
"""Texts of a part: small, so that a kill falls between two parts of many."""


@pytest.mark.slow
def test_a_killed_mining_goes_on_where_it_was_and_the_previous_release_answers(
    mined: MinedHome, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    shutil.copytree(mined.settings.home, home)
    before = releases.latest(home / "releases").name
    chat_db = tmp_path / "chat.db"
    write_sample(chat_db, messages=6_000, seed=11)
    parts = set((home / "vectors").rglob("*.parquet"))
    environment = {**os.environ, "JARVIS_HOME": str(home), "JARVIS_ENCODERS": ENCODER}
    environment["JARVIS_SHARD_TEXTS"] = str(SHARD_TEXTS)
    running = subprocess.Popen(
        [sys.executable, "-m", "jarvis_assets.cli", "mine", "--chat-db", str(chat_db), "--json"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while len(set((home / "vectors").rglob("*.parquet")) - parts) < 3:
        assert running.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    running.send_signal(signal.SIGKILL)
    running.wait()
    saved = SHARD_TEXTS * len(set((home / "vectors").rglob("*.parquet")) - parts)

    answer = jarvis(home, "suggest", "want to grab lunch tomorrow?", "--json")
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["release"] == before

    again = jarvis(home, "mine", "--chat-db", str(chat_db), "--json", JARVIS_SHARD_TEXTS=str(SHARD_TEXTS))
    assert again.returncode == 0, again.stderr
    printed = json.loads(again.stdout)
    assert printed["reused_texts"] >= saved, "what was embedded before the kill is not embedded again"
    assert printed["new_texts"] > 0
    assert releases.latest(home / "releases").name != before
