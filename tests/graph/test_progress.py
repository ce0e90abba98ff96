"""What the owner sees while a mining runs, in a real terminal: Dagster takes stderr away while a step runs."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

RUN = """
import time
import dagster as dg
from jarvis_assets import mining, progress, terminal

@dg.op
def embed_texts(context):
    print("a library's chatter", flush=True)
    tell = progress.tracker(context, "embedding turns")
    for done in range(0, 1001, 100):
        tell(done, 1000)
        time.sleep(0.15)
    context.log.warning("part 7 was damaged")

@dg.job(logger_defs={"terminal": mining.terminal_logger})
def job():
    embed_texts()

with terminal.MiningProgress(quiet=False) as shown, dg.DagsterInstance.get() as instance:
    mining._step_listener = shown.step
    assert job.execute_in_process(instance=instance, run_config={"loggers": {"terminal": {}}}).success
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "DAGSTER_HOME": str(tmp_path), "TERM": "xterm-256color", "NO_COLOR": "1"}


def test_a_terminal_shows_how_far_how_fast_and_how_long_still(environment: dict[str, str]) -> None:
    screen, inside = pty.openpty()
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 110, 0, 0))
    running = subprocess.Popen(
        [sys.executable, "-c", RUN], env=environment, stdin=inside, stdout=subprocess.DEVNULL, stderr=inside
    )
    os.close(inside)
    seen = b""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            read = os.read(screen, 65_536)
        except OSError:  # the other side is closed
            break
        seen += read
    assert running.wait(timeout=60) == 0
    lines = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen.decode())
    frames = re.findall(r"embedding turns [^\r\n]*? ([\d,]+) of 1,000(?:  ([\d,]+)/s)? +(\d:\d\d:\d\d)", lines)
    assert len({done for done, _, _ in frames}) > 5, "it stood still while the step ran"
    assert any(speed for _, speed, _ in frames)
    assert "note: part 7 was damaged" in lines
    assert "chatter" not in lines


def test_without_a_terminal_each_step_is_a_line(environment: dict[str, str]) -> None:
    done = subprocess.run([sys.executable, "-c", RUN], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^ +\d+\.\d s  embed_texts$", done.stderr, re.MULTILINE)
    assert "note: part 7 was damaged" in done.stderr
    assert "\x1b" not in done.stderr
