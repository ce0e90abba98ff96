"""The command that shows what became of the pairs found decides as the mining did."""

from __future__ import annotations

import json
import sys

import numpy as np
import pandas as pd
import pytest
from written_pairs import found, pair

from benchmarks import kept_and_dropped
from jarvis_resources import tables


@pytest.fixture
def mined_home(tmp_path):
    """A home with the tables that a mining leaves: one pair of each fate."""
    assets = tmp_path / "assets"
    assets.mkdir()
    rows = [pair("coming?", "yes", 1), pair("Coming?", "Yes!", 2), pair("coming??", "yesss", 3), pair("yo", "what", 4),
            pair("PIN 48213", "ok", 5)]  # fmt: skip
    tables.SEMANTIC_PAIRS.write(found(*rows), assets / "semantic_pairs.parquet")
    gold = tables.GOLD_PAIRS.conform(found(pair("and you?", "me too", 6, source="gold")))
    tables.GOLD_PAIRS.write(gold, assets / "gold_pairs.parquet")
    person = {"person_id": "ana", "display_name": "Ana", "handles": [], "services": [], "message_count": 6,
              "first_at": pd.NaT, "last_at": pd.NaT, "is_automated": False}  # fmt: skip
    tables.PEOPLE.write(tables.PEOPLE.conform(pd.DataFrame([person])), assets / "people.parquet")
    tables.TURNS.write(tables.TURNS.empty(), assets / "turns.parquet")
    np.save(assets / "turn_vectors.npy", np.empty((0, 8), dtype=np.float16))
    return tmp_path


def said(home, capsys, monkeypatch, *rest: str) -> str:
    monkeypatch.setattr(sys, "argv", ["kept_and_dropped", "--home", str(home), *rest])
    kept_and_dropped.main()
    return str(capsys.readouterr().out)


def test_every_row_has_its_fate_and_repeats_show_what_they_repeat(mined_home, capsys, monkeypatch):
    counts = mined_home / "counts.json"
    printed = said(mined_home, capsys, monkeypatch, "--json", str(counts))
    assert json.loads(counts.read_text()) == {
        "found": 6,
        "decisions": {
            "kept:semantic": 1,
            "repeats_an_earlier_pair": 1,
            "nearly_repeats_an_earlier_pair": 1,
            "trigger_too_short": 1,
            "one_time_code": 1,
            "kept:gold": 1,
        },
    }
    assert printed.count("like: coming? → yes\n") == 2


def test_one_reason_or_no_examples_can_be_asked_for(mined_home, capsys, monkeypatch):
    assert "coming" not in said(mined_home, capsys, monkeypatch, "--examples", "0")
    printed = said(mined_home, capsys, monkeypatch, "--reason", "one_time_code")
    assert "they: PIN 48213" in printed
    assert "they: coming" not in printed
