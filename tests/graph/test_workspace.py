"""The graph loads by every door: `dg` in the repository, and the workspace file that dagster-webserver reads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        [str(Path(sys.executable).with_name("dg")), "check", "defs"],
        [sys.executable, "-m", "dagster", "definitions", "validate", "-w", "workspace.yaml"],
    ],
    ids=["dg", "workspace"],
)
def test_the_graph_loads(command: list[str], tmp_path: Path) -> None:
    environment = {**os.environ, "JARVIS_HOME": str(tmp_path), "DAGSTER_HOME": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
