"""Lists made from offsets, and looking values up among a million."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from jarvis_assets.pairs.lists import joined, lists, offsets_of, places, ranges
from jarvis_assets.pairs.timeline import turns_of
from jarvis_assets.pairs.turns import build_turns


def test_offsets_cut_values_into_lists_and_empty_ones_count():
    offsets = offsets_of(np.array([2, 0, 1]))
    values = pa.array(["a", "b", "c"])
    assert lists(offsets, values).to_pylist() == [["a", "b"], [], ["c"]]
    assert joined(offsets, values).to_pylist() == ["a\nb", "", "c"]


def test_ranges_are_counted_out_one_after_another():
    assert ranges(np.array([5, 9, 0]), np.array([2, 0, 3])).tolist() == [5, 6, 0, 1, 2]
    assert ranges(np.array([], dtype=np.int64), np.array([], dtype=np.int64)).tolist() == []


@pytest.mark.parametrize("values", [pa.array(["a", "b", "c"]), pa.chunked_array([["a"], ["b", "c"]])])
def test_places_says_where_a_value_is_and_minus_one_where_it_is_not(values):
    wanted = pd.Series(["c", "elsewhere", None, "a", "c"], dtype="str")
    assert places(values, wanted).tolist() == [2, -1, -1, 0, 2]
    assert places(values.slice(0, 0), wanted).tolist() == [-1] * 5
    assert places(values, wanted.iloc[:0]).tolist() == []


def test_every_message_leads_to_its_turn(chat):
    chat.say("ana", 0, "one")
    chat.say("ana", 1, "two")
    chat.say("me", 2, "three")
    chat.say("ana", 3, "", kind="tapback")
    guids = pd.Series(["m2", "m3", "m4", None], dtype="str")
    assert turns_of(build_turns(chat.messages), guids).tolist() == [0, 1, -1, -1]
    assert turns_of(build_turns(chat.messages.iloc[:0]), guids).tolist() == [-1] * 4
