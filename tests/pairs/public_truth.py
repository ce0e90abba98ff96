"""The public test database as its truth tells it: the ``messages`` that a perfect reader would hand over."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from jarvis_resources import tables


def read_truth(test_data: Path) -> list[dict[str, Any]]:
    """Every message with what is known of it; the test is skipped where the database is not there."""
    file = test_data / "chatdb" / "truth.jsonl.gz"
    if not file.is_file():
        pytest.skip("no chatdb among the public conversations")
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def messages_of(truth: list[dict[str, Any]]) -> pd.DataFrame:
    """The table ``messages`` that the truth states."""
    dates = pd.to_datetime([row["date_utc"] for row in truth], utc=True, format="ISO8601").astype("datetime64[us, UTC]")
    history = [
        [{"sent_at": pd.Timestamp(one["date_utc"]), "text": one["text"]} for one in row["edited"]]
        if row.get("edited")
        else None
        for row in truth
    ]
    frame = pd.DataFrame(
        {
            "guid": [row["guid"] for row in truth],
            "rowid": range(len(truth)),
            "conversation_id": [row["conversation"] for row in truth],
            "person_id": [None if row["sender"] == "me" else row["sender"] for row in truth],
            "is_from_me": [row["sender"] == "me" for row in truth],
            "is_group": [bool(row["is_group"]) for row in truth],
            "sent_at": dates,
            "kind": [row["kind"] for row in truth],
            "text": [row["text"] for row in truth],
            "service": "iMessage",
            "thread_root_guid": [row["thread_root"] if row["threaded"] else None for row in truth],
            "edited_at": pd.Series(pd.NaT, index=range(len(truth)), dtype="datetime64[us, UTC]"),
            "edit_history": pd.Series(history, dtype=object),
            "tapback_kind": None,
            "tapback_target_guid": None,
            "attachment_count": 0,
        }
    )
    return tables.MESSAGES.conform(frame)
