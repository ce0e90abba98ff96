"""A small history written for these tests, and a tiny encoder of random weights that can learn it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from jarvis_assets.pairs import splits as sides
from jarvis_resources import tables
from jarvis_resources.settings import Settings, load_settings
from tests.encoders.tiny_bert import WIDTH, write_bert
from tests.pairs.written_pairs import pair, spelled

THINGS = ("lunch", "coffee", "report", "essay", "concert", "movie", "garden", "kitchen", "laptop", "bike")
WHEN = ("today", "tomorrow", "tonight", "monday", "friday", "later", "soon", "now", "again", "early")
PEOPLE = 24


@dataclass(frozen=True)
class History:
    """The tables that a tuning reads."""

    pairs: pd.DataFrame
    splits: pd.DataFrame
    turns: pd.DataFrame
    segments: NDArray[np.int64]


def write_history(things: int = 10) -> History:
    """A hundred questions for each thing, each answered with its own words; two turns a segment."""
    rows, turns = [], []
    for number in range(things * len(WHEN) * 6):
        thing, when, way = THINGS[number % things], WHEN[number // things % 10], number // (things * 10)
        word = spelled(number)
        person = f"p{number % PEOPLE}"
        trigger, reply = f"{thing} {when} {word}?", f"yes the {thing} {when} {word} way {way}"
        row = pair(trigger, reply, number, person_id=person, conversation_id=f"d{person}")
        rows.append(row)
        for guid, text, mine in ((row["trigger_guid"], trigger, False), (row["response_guid"], reply, True)):
            turns.append(
                {
                    "turn_id": guid, "conversation_id": f"d{person}", "person_id": None if mine else person,
                    "is_from_me": mine, "is_group": False, "thread_root_guid": None, "message_guids": [guid],
                    "message_count": 1, "text": text, "started_at": row["trigger_at"], "ended_at": row["trigger_at"],
                }
            )  # fmt: skip
    pairs = tables.PAIRS.conform(pd.DataFrame(rows))
    # Near duplicates are not what is tested here, and these would all be.
    splits = sides.assign(pairs.assign(trigger_text=pairs["pair_id"]), cutoff=None)
    return History(pairs, splits, tables.TURNS.conform(pd.DataFrame(turns)), np.repeat(np.arange(len(rows)), 2))


@pytest.fixture(scope="session")
def history() -> History:
    return write_history()


@pytest.fixture
def tiny(settings: Settings) -> Settings:
    """Settings on a fresh home, as ``with_tiny`` makes them."""
    return with_tiny(settings)


def with_tiny(settings: Settings) -> Settings:
    """Settings with the encoder ``tiny``: two layers of random weights, in a row of the owner's; it judges too."""
    write_bert(settings.encoder_cache / "tiny")
    rows = f'[[encoder]]\nslug = "tiny"\nfolder = "encoders/tiny"\ndimension = {WIDTH}\nlayers = 2\n'
    (settings.home / "encoders.toml").write_text(rows)
    return load_settings(home=str(settings.home), pairing_encoder="tiny", threads=1)
