"""The Dagster UI in a real browser: the graph, an asset's plot, and a partition materialised by clicking.

With ``JARVIS_PICTURES`` naming a folder, the pictures are kept there; that is how those of the docs were made.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from tests.api.browser import open_browser
from tests.system.conftest import ENCODER, MinedHome

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
WAIT_MS = 60_000
STAGES = ("messages", "pairs", "vectors", "topics", "dialogue_acts", "evaluation", "templates", "comparison", "release")


@pytest.fixture(scope="module")
def ui(mined: MinedHome) -> Iterator[str]:
    """The address of `jarvis ui` on the mined home."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "JARVIS_HOME": str(mined.settings.home), "JARVIS_ENCODERS": ENCODER}
    running = subprocess.Popen(
        [sys.executable, "-m", "jarvis_assets.cli", "ui", "--port", str(port)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 120
    while True:
        try:
            urllib.request.urlopen(f"{address}/server_info", timeout=5).close()
            break
        except (urllib.error.URLError, OSError):
            assert running.poll() is None, "the UI ended"
            assert time.monotonic() < deadline
            time.sleep(0.5)
    yield address
    os.killpg(running.pid, signal.SIGINT)
    try:
        running.wait(timeout=30)
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGKILL)


def keep(page, name: str, tmp_path: Path) -> None:
    """Take a picture, and keep it where JARVIS_PICTURES says."""
    picture = tmp_path / f"{name}.png"
    page.screenshot(path=picture)
    assert picture.stat().st_size > 20_000, "an empty page"
    if folder := os.environ.get("JARVIS_PICTURES"):
        shutil.copy(picture, folder)


def test_the_graph_shows_every_stage(ui: str, tmp_path: Path) -> None:
    with open_browser() as browser:
        page = browser.new_page()
        page.set_viewport_size({"width": 1700, "height": 950})
        page.goto(f"{ui}/asset-groups")
        for stage in STAGES:
            page.get_by_text(stage, exact=True).first.wait_for(timeout=WAIT_MS)
        page.wait_for_timeout(3000)  # the layout settles
        keep(page, "graph", tmp_path)


def test_an_asset_shows_its_plot(ui: str, tmp_path: Path) -> None:
    with open_browser() as browser:
        page = browser.new_page()
        page.set_viewport_size({"width": 1500, "height": 900})
        page.goto(f"{ui}/assets/response_topics")
        shown = page.locator("tr", has_text="map").get_by_text("[Show Markdown]")
        shown.first.click(timeout=WAIT_MS)
        plot = page.get_by_role("img", name="topic map")
        plot.wait_for(timeout=WAIT_MS)
        assert plot.evaluate("image => image.naturalWidth") > 200
        keep(page, "topic-map", tmp_path)


def test_a_partition_is_materialised_by_clicking(ui: str, mined: MinedHome, tmp_path: Path) -> None:
    key = dg.AssetKey("reply_templates")

    def made() -> int:
        with dg.DagsterInstance.from_config(str(mined.settings.dagster_home)) as instance:
            filter_ = dg.AssetRecordsFilter(key, asset_partitions=[ENCODER])
            return len(instance.fetch_materializations(filter_, limit=100).records)

    os.environ["DAGSTER_HOME"] = str(mined.settings.dagster_home)
    before = made()
    with open_browser() as browser:
        page = browser.new_page()
        page.set_viewport_size({"width": 1500, "height": 900})
        page.goto(f"{ui}/assets/reply_templates")
        page.get_by_role("button", name="Materialize").first.click(timeout=WAIT_MS)
        page.get_by_text("Select a partition").click(timeout=WAIT_MS)
        page.get_by_placeholder("Filter partitions").fill(ENCODER)
        page.get_by_text(ENCODER, exact=True).locator("visible=true").last.click(timeout=WAIT_MS)
        page.keyboard.press("Escape")
        keep(page, "materialise-partition", tmp_path)
        page.get_by_role("button", name="Launch").last.click(timeout=WAIT_MS)
        deadline = time.monotonic() + 180
        while made() == before:
            assert time.monotonic() < deadline, "the run that was launched made nothing"
            time.sleep(1)
    assert made() == before + 1
