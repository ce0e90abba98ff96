"""A database written by hand for each test of the doctor."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.imessage.handmade import ChatDb


@pytest.fixture
def chat_db(tmp_path: Path) -> ChatDb:
    return ChatDb(tmp_path / "chat.db")
