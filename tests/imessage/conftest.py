"""The fixture that most tests of the reader start from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from handmade import ChatDb


@pytest.fixture
def chat_db(tmp_path: Path) -> Iterator[ChatDb]:
    """An empty database with Apple's tables."""
    database = ChatDb(tmp_path / "chat.db")
    yield database
    database.connection.close()
