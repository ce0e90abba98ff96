"""Little conversations to write down in a test, and vectors that make words count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from jarvis_resources import tables

NOON = pd.Timestamp("2024-05-01T12:00:00Z")
"""Minute 0 of every conversation here."""


@dataclass
class Chat:
    """Messages as one writes them down: who, when (minutes), what. ``"me"`` is the owner."""

    rows: list[dict[str, Any]] = field(default_factory=list)

    def say(self, who: str, minute: float, text: str | None, **rest: Any) -> str:
        """One message; returns its guid. ``rest`` overrides columns of ``messages``."""
        number = len(self.rows) + 1
        mine = who == "me"
        row = {
            "guid": f"m{number}", "rowid": number, "conversation_id": "d1", "person_id": None if mine else who,
            "is_from_me": mine, "is_group": False, "sent_at": self.at(minute), "kind": "normal",
            "text": text, "service": "iMessage", "thread_root_guid": None, "edited_at": pd.NaT, "edit_history": None,
            "tapback_kind": None, "tapback_target_guid": None, "attachment_count": 0,
        }  # fmt: skip
        self.rows.append({**row, **rest})
        return str(self.rows[-1]["guid"])

    @staticmethod
    def at(minute: float) -> pd.Timestamp:
        """The time that ``minute`` means."""
        return NOON + pd.Timedelta(minutes=minute)

    @property
    def messages(self) -> pd.DataFrame:
        """The table ``messages``."""
        frame = pd.DataFrame(self.rows, columns=list(tables.MESSAGES.columns))
        for column in ("sent_at", "edited_at"):
            frame[column] = pd.to_datetime(frame[column], utc=True).astype("datetime64[us, UTC]")
        return tables.MESSAGES.conform(frame)


@pytest.fixture
def chat() -> Chat:
    """An empty conversation."""
    return Chat()


@pytest.fixture
def word_vectors() -> Callable[[pd.DataFrame], NDArray[np.float16]]:
    """Vectors of turns from their words alone: turns that share words are alike, others are not."""
    from sklearn.feature_extraction.text import HashingVectorizer

    def vectors(turns: pd.DataFrame) -> NDArray[np.float16]:
        if turns.empty:
            return np.empty((0, 256), dtype=np.float16)
        hashing = HashingVectorizer(n_features=256, alternate_sign=False)
        dense = hashing.transform(turns["text"]).toarray() + 1e-3
        return (dense / np.linalg.norm(dense, axis=1, keepdims=True)).astype(np.float16)

    return vectors
