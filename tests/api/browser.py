"""Headless Chromium for the page's tests; skips them where there is none."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def open_browser() -> Iterator[Any]:
    """A fresh browser context that may use the clipboard and does not animate."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium here")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=list(_ARGUMENTS))
        context = browser.new_context(viewport={"width": 1160, "height": 860}, reduced_motion="reduce")
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        yield context
        browser.close()
