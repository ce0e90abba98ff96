"""Fixtures of the API's tests: one tiny language model for the session, and the app spoken to as from this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from scripted import TOKEN, ScriptedSuggester
from tiny_model import make_tiny_model

from jarvis_resources.settings import Settings
from jarvis_serving import api

Send = Callable[..., httpx.Response]


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a language model that answers "sounds good to me" to everything."""
    pytest.importorskip("mlx_lm", reason="mlx-lm does not run on this machine")
    return make_tiny_model(tmp_path_factory.mktemp("language-model") / "tiny")


@pytest.fixture
def suggester() -> ScriptedSuggester:
    return ScriptedSuggester()


@pytest.fixture
def send(suggester: ScriptedSuggester, settings: Settings) -> Send:
    """One request to the app: ``send(method, path, client=…, **httpx arguments)``, with the token unless told."""
    app = api.create_app(suggester, token=TOKEN, settings=settings)  # type: ignore[arg-type]

    def request(method: str, path: str, *, client: str = "127.0.0.1", **arguments: Any) -> httpx.Response:
        headers = [("Authorization", f"Bearer {TOKEN}")] if "headers" not in arguments else arguments.pop("headers")

        async def speak() -> httpx.Response:
            transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(client, 50000))
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8377") as session:
                return await session.request(method, path, headers=headers, **arguments)

        return asyncio.run(speak())

    return request
