"""Sides that follow from hashes and a frozen date, and the near duplicates that are set aside."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from written_pairs import found, many, pair, spelled, table

from jarvis_assets.pairs import splits
from jarvis_assets.pairs.dedupe import merge, said
from jarvis_assets.pairs.leaks import leaks
from jarvis_assets.pairs.near_duplicates import LONG_WORDS, NEAR, nearly_repeated
from jarvis_resources import tables
from jarvis_resources.errors import SettingsError


def test_a_fifth_is_held_out_and_a_tenth_of_the_rest_is_dev():
    pairs = many(4_000)
    sides = splits.assign(pairs, cutoff=splits.default_cutoff(pairs))
    assert tables.violations(tables.PAIR_SPLITS, sides) == []
    for strategy in ("split_pair", "split_time"):
        share = sides[strategy].value_counts(normalize=True)
        np.testing.assert_allclose([share["holdout"], share["dev"]], [0.2, 0.08], atol=0.02)
    assert sides["split_contact"].value_counts(normalize=True)["holdout"] == pytest.approx(0.2, abs=0.15)


def test_a_pair_never_moves_when_the_history_grows():
    pairs = many(2_000)
    cutoff = splits.default_cutoff(pairs.iloc[:200])
    whole = splits.assign(pairs, cutoff=cutoff).set_index("pair_id")
    for size in (200, 1_000):
        part = splits.assign(pairs.iloc[:size], cutoff=cutoff).set_index("pair_id")
        pd.testing.assert_frame_equal(part, whole.loc[part.index])


def near(pairs: pd.DataFrame) -> list[tuple[int, int]]:
    """(later, earlier) rows that nearly duplicate each other."""
    return list(zip(*(rows.tolist() for rows in nearly_repeated(pairs, said(pairs))), strict=True))


def similar(n: int, seed: int = 0) -> pd.DataFrame:
    """Pairs of which many nearly repeat others, in chains too."""
    draw = np.random.default_rng(seed)
    words = np.array([spelled(k) for k in range(40)])
    rows = []
    for k in range(n):
        trigger = list(words[(k % 5) * 8 : (k % 5) * 8 + 7])
        trigger[draw.integers(7)] = words[draw.integers(40)]
        rows.append(pair(" ".join(trigger), draw.choice(["yes", "no", "Yes!", "i will be there with all of them"]), k))
    return merge(found(*rows)).pairs


def test_near_duplicates_do_not_move_either_whatever_chains_they_form():
    pairs = similar(400)
    whole = splits.assign(pairs, cutoff=None).set_index("pair_id")
    assert 10 < whole["set_aside_reason"].notna().sum() < len(whole) / 2
    for size in (40, 200):
        part = splits.assign(pairs.iloc[:size], cutoff=None).set_index("pair_id")
        pd.testing.assert_frame_equal(part, whole.loc[part.index])


def test_of_two_near_duplicates_on_two_sides_the_later_is_set_aside():
    pairs = table(
        *(
            pair(f"are {spelled(k)} and {spelled(900 + k)} to be there at {5 + m} tonight", "yes", k + m / 10)
            for k in range(200)
            for m in (1, 2)
        )
    )
    sides = splits.assign(pairs, cutoff=None)
    aside = sides["split_pair"].isna()
    assert 20 < aside.sum() < 120
    assert (sides.loc[aside, "set_aside_reason"] == splits.NEAR_DUPLICATE).all()
    assert aside.to_numpy().reshape(-1, 2)[:, 0].sum() == 0, "the earlier of two stays"
    assert leaks(pairs, sides) == []


def test_whichever_occurrence_stands_for_it_what_says_the_same_is_on_one_side():
    """An older message that turns up later may change a pair's row; its side it does not change."""
    for k in range(100):
        old, new = pair(f"Coming to {spelled(k)}?", "Yes!", 1), pair(f"coming to {spelled(k)}??", "yesss", 2)
        before, after = merge(found(new)).pairs, merge(found(new, old)).pairs
        assert before["pair_id"].tolist() != after["pair_id"].tolist()
        sides = [splits.assign(pairs, cutoff=None)["split_pair"].tolist() for pairs in (before, after)]
        assert sides[0] == sides[1]


def test_older_messages_that_turn_up_later_move_no_pair_to_another_side():
    pairs = similar(300)
    whole = splits.assign(pairs, cutoff=None).set_index("pair_id")
    part = splits.assign(pairs.iloc[100:], cutoff=None).set_index("pair_id")
    both = part.join(whole, rsuffix="_whole", how="inner")
    moved = (
        both["split_pair"].ne(both["split_pair_whole"]) & both["split_pair"].notna() & both["split_pair_whole"].notna()
    )
    assert not moved.any(), "at most it is set aside, or no longer"


@pytest.mark.parametrize(
    ("one", "other", "is_near"),
    [
        (("coming?", "yesss"), ("Coming", "Yes 🎉"), True),
        (("coming?", "yes"), ("coming?", "no"), False),
        (("coming?", "i can"), ("coming?", "i can't"), False),
        (("are you coming to dinner at 5 tonight", "sure"), ("are you coming to dinner at 6 tonight", "sure"), True),
        (("are you coming to dinner at 5 tonight", "sure"), ("are you coming to dinner at 5 tonight", "no"), False),
        (("and you?", "i will be there with all of them"), ("and you?", "i will be there with some of them"), True),
        (("and you?", "i will be there with all of them"), ("where?", "i will be there with all of them"), False),
        (("no no no no no no", "ok"), ("no", "ok"), False),
    ],
)
def test_near_is_what_reads_nearly_the_same_on_both_sides(one, other, is_near):
    assert near(table(pair(*other, 2), pair(*one, 1))) == ([(0, 1)] if is_near else [])


def test_minhash_finds_what_comparing_every_two_finds():
    pairs = similar(250, seed=5)

    def words(text: str) -> set[str]:
        told = text.lower().strip("!").split()
        return set(told) if len(told) >= LONG_WORDS else {" ".join(told)}

    sides = [[words(text) for text in pairs[name]] for name in ("trigger_text", "response_text")]
    expected = {
        (b, a)
        for b in range(len(pairs))
        for a in range(b)
        if all(len(side[a] & side[b]) / len(side[a] | side[b]) >= NEAR for side in sides)
    }
    got = set(near(pairs))
    assert got <= expected
    assert len(got) >= 0.97 * len(expected) > 100


@settings(max_examples=30)
@given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=6)), max_size=12))
def test_any_texts_can_be_split_and_do_not_leak(texts):
    pairs = merge(found(*(pair(trigger, response, k) for k, (trigger, response) in enumerate(texts)))).pairs
    sides = splits.assign(pairs, cutoff=splits.default_cutoff(pairs))
    assert leaks(pairs, sides) == []


def test_the_work_grows_linearly_even_if_thousands_nearly_repeat_each_other():
    n = 20_000
    texts = [f"your order number {k} is on its way to you" for k in range(n)]
    pairs = pd.DataFrame(
        {"pair_id": [f"{k:032x}" for k in range(n)], "trigger_text": texts, "response_text": "thanks",
         "responded_at": pd.date_range("2024-01-01", periods=n, freq="min", tz="UTC").as_unit("us")}
    )  # fmt: skip
    begun = time.process_time()
    assert len({later for later, _ in near(pairs)}) == n - 1
    assert time.process_time() - begun < 20.0


def test_the_cutoff_is_frozen_at_the_first_mining(home):
    home.mkdir()
    assert splits.frozen_cutoff(home, many(0)) is None
    first = splits.frozen_cutoff(home, many(100))
    assert splits.frozen_cutoff(home, many(900)) == first
    assert (home / splits.CUTOFF_FILE).stat().st_mode & 0o777 == 0o600
    (home / splits.CUTOFF_FILE).write_text("{}")
    with pytest.raises(SettingsError, match="remove it"):
        splits.frozen_cutoff(home, many(10))
