"""Gold pairs and edited texts against the truth of the public test database, where it is there."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from public_truth import messages_of, read_truth

from jarvis_assets.pairs.gold import pair_threaded_turns
from jarvis_assets.pairs.turns import build_turns


@pytest.fixture(scope="module")
def truth(test_data) -> list[dict]:
    return read_truth(test_data)


@pytest.fixture(scope="module")
def pairs(truth) -> pd.DataFrame:
    """Gold pairs of the messages as the truth states them: what a perfect reader would hand over."""
    messages = messages_of(truth)
    turns = build_turns(messages)
    vectors = np.full((len(turns), 1), 1.0, dtype=np.float16)
    return pair_threaded_turns(turns, messages, vectors, np.zeros(len(turns), dtype=np.int64)).pairs


def test_gold_pairs_are_the_true_ones(truth, pairs):
    rows = {row["guid"]: row for row in truth}
    right = sum(rows[r]["reply_to"] == t for r, t in zip(pairs["response_guid"], pairs["trigger_guid"], strict=True))
    assert right / len(pairs) >= 0.985
    asked = {
        row["guid"]
        for row in truth
        if row["threaded"] and row["sender"] == "me" and row["kind"] == "normal" and row["text"]
        and (target := rows.get(row["reply_to"])) and target["sender"] != "me" and target["text"] and target["kind"] == "normal"
    }  # fmt: skip
    covered = {guid for guids in pairs["response_guids"] for guid in guids}
    assert len(asked & covered) / len(asked) >= 0.985


def test_every_edited_trigger_reads_as_it_did(truth, pairs):
    edited = {row["guid"]: row["edited"] for row in truth if row.get("edited")}
    seen = 0
    for pair in pairs[pairs["trigger_guid"].isin(edited)].itertuples():
        versions = edited[pair.trigger_guid]
        then = [one["text"] for one in versions if pd.Timestamp(one["date_utc"]) <= pair.responded_at]
        assert pair.trigger_text == (then[-1] if then else versions[0]["text"])
        seen += pair.trigger_text != versions[-1]["text"]
    assert seen >= 50
