"""Fixtures that every test may use: a JARVIS_HOME of its own, and where the public conversations lie."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jarvis_resources.settings import Settings, load_settings

os.environ.setdefault("HF_HUB_OFFLINE", "1")
if "PYTEST_XDIST_WORKER" in os.environ:
    # Workers share the cores; threads of one would only wait for those of another.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
# A fresh home would time its encoder for five seconds in each test; tests/encoders/test_choice.py is about that.
os.environ.setdefault("JARVIS_ENCODER_PRECISION", "fp32")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh JARVIS_HOME, set in the environment."""
    folder = tmp_path / "home"
    monkeypatch.setenv("JARVIS_HOME", str(folder))
    return folder


@pytest.fixture
def settings(home: Path) -> Settings:
    """Settings on the fresh JARVIS_HOME, its folders made."""
    return load_settings().prepare()


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of public conversations; the test is skipped where there is none."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("JARVIS_TEST_DATA", default))
    if not folder.is_dir():
        pytest.skip("no public conversations here (JARVIS_TEST_DATA)")
    return folder
