"""What says the same becomes one pair; what could mean something else never does."""

from __future__ import annotations

import time
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from written_pairs import found, pair

from jarvis_assets.pairs import dedupe
from jarvis_assets.pairs.same_meaning import FILLERS, meaning_key
from jarvis_resources import tables
from jarvis_serving.normalise import key_text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Coming?", "coming??"), ("yes", "yesss"), ("no", "nooooo"), ("okay!!", "Okay."), ("haha", "hahahahah"),
        ("don’t", "dont"), ("I can't", "i cant"), ("soooo good", "so good"), ("ok 😂", "ok 😂😂😂"), ("👍", "👍🏽"),
        ("see you at 5, then", "See you at 5 then"), ("what... really", "what – really"), ("goood", "good"),
        ("hey are you coming to the party tonight", "Are you coming to party tonight"),
        ("please can you bring a big cake on Friday", "hi can you just bring the big cake on friday pls"),
        ("oh I left my keys at your place again", "I left my keys at your place again!"),
    ],
)  # fmt: skip
def test_wordings_of_one_thing_share_a_key(one, other):
    assert meaning_key(one) == meaning_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("I can", "I can't"), ("at 5", "at 6"), ("yes", "no"), ("ask Ana", "ask Ann"), ("ok 😂", "ok 😢"), ("ok", "ok 😢"),
        ("ok :)", "ok :("), ("ok (:", "ok ):"), ("ok", "ok (:"), ("ok", 'ok ;")'), ("brb -.-", "brb"), ("ask john_", "ask john"), ("coming", "coming?"), ("at 5:30", "at 5:40"), ("-5 outside", "5 outside"), ("$5", "5"),
        ("5%", "5"), ("good", "god"), ("I feel bad", "I fell bad"), ("too", "to"), ("dinner", "diner"), ("Matt", "Mat"),
        ("the who", "who"), ("an a", "a"), ("we met there", "we meet there"), ("we're there", "were there"),
        ("1000", "100"), ("part iii", "part i"), ("<3", "</3"), ("it is on", "it is off"), ("👍", "👎"), ("no", "so no"),
        ("I will be there on Friday night with them", "I will be there on Saturday night with them"),
        ("I will be there on Friday night with them", "I will not be there on Friday night with them"),
        ("meet me at the north gate of the park at 5", "meet me at the north gate of the park at 6"),
        ("can you give the blue one to Maria for me", "can you give the blue one to Marta for me"),
        ("you are coming to the party tonight then", "you are coming to the party tonight then?"),
        ("I never said that she stole my money", "I said that she never stole my money"),
        ("did you love what she made for us", "did you hate what she made for us"),
        ("you can take two of them home tonight", "you can take three of them home tonight"),
        ("yes I will be there with you all tonight", "no I will be there with you all tonight"),
    ],
)  # fmt: skip
def test_what_could_mean_something_else_has_a_key_of_its_own(one, other):
    assert meaning_key(one) != meaning_key(other)
    assert len(dedupe.merge(found(pair("and?", one, 1), pair("and?", other, 2))).pairs) == 2
    assert len(dedupe.merge(found(pair(one, "hm, and now?", 1), pair(other, "hm, and now?", 2))).pairs) == 2


@given(st.text())
def test_texts_of_one_pair_key_share_their_meaning(text):
    assert meaning_key(text) == meaning_key(key_text(text)) == meaning_key(f" {text} ")
    assert meaning_key(text) or not key_text(text)


WORDS = [
    "i", "you", "can", "can't", "not", "no", "yes", "5", "6", "ana", "bo", "friday", "monday", "up", "down", "him",
    "her", "on", "off", "?", "😂", "😢", "five", "six", "again",
]  # fmt: skip


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=12), st.data())
def test_changing_a_word_that_means_something_changes_the_key(words, data):
    at = data.draw(st.integers(0, len(words) - 1))
    changed = [*words[:at], data.draw(st.sampled_from(WORDS)), *words[at + 1 :]]
    # "? ?" and "😂 😂" are drawn out, nothing else.
    if all(left != right or left[0].isalnum() for text in (words, changed) for left, right in pairwise(text)):
        assert (meaning_key(" ".join(words)) == meaning_key(" ".join(changed))) == (words == changed)


@given(
    st.permutations(["i", "can't", "come", "at", "6"]),
    st.lists(st.sampled_from(sorted(FILLERS)), max_size=4),
    st.data(),
)
def test_fillers_are_left_out_wherever_they_stand_and_nothing_else_is(words, fillers, data):
    longer = list(words)
    for filler in fillers:
        longer.insert(data.draw(st.integers(0, len(longer))), filler)
    assert meaning_key(" ".join(longer)) == meaning_key(" ".join(words))
    assert meaning_key(" ".join(words[:4])) != meaning_key(" ".join(["the", *words[:4]])), "short texts keep theirs"


def test_repeats_merge_whatever_case_spaces_and_final_dots():
    gold = found(pair("Coming?", "Yes!", 1, source="gold", confidence=0.95))
    semantic = found(pair("coming? ", "yes", 5), pair("coming?", "yes.", 9), pair("coming?", "no", 7))
    merged = dedupe.merge(pd.concat([gold, semantic], ignore_index=True))
    assert merged.pairs[["response_text", "source", "occurrences"]].values.tolist() == [
        ["Yes!", "gold", 3],
        ["no", "semantic", 1],
    ]
    assert merged.stands_for.tolist() == [0, 0, 0, 1]
    assert merged.reason.isna().tolist() == [True, False, False, True]
    assert set(merged.reason.dropna()) == {dedupe.REPEATS}
    assert tables.violations(tables.PAIRS, merged.pairs) == []


def test_near_duplicates_merge_under_a_reason_of_their_own():
    rows = found(pair("Coming?", "Yes!", 1), pair("coming??", "yesss", 2), pair("coming??", "yesss", 3))
    merged = dedupe.merge(rows)
    assert merged.pairs["occurrences"].tolist() == [3]
    assert merged.reason.fillna("").tolist() == ["", dedupe.NEARLY_REPEATS, dedupe.REPEATS]


def test_a_pair_keeps_my_messages_of_all_its_occurrences():
    rows = found(
        pair("coming?", "yes", 5, response_guids=["b1", "b2"]),
        pair("where?", "here", 3, response_guids=["x"]),
        pair("Coming?", "yes", 1, response_guids=["a"]),
    )
    kept = dedupe.merge(rows).pairs
    assert [list(guids) for guids in kept["occurrence_guids"]] == [["a", "b1", "b2"], ["x"]]
    assert [list(guids) for guids in kept["response_guids"]] == [["a"], ["x"]]


def test_the_earliest_occurrence_stands_so_that_growth_swaps_nothing():
    early = found(pair("coming?", "yes", 1, confidence=0.6))
    late = found(pair("coming?", "yes", 5, confidence=0.95, person_id="bo"))
    assert dedupe.merge(pd.concat([late, early])).pairs["person_id"].tolist() == ["ana"]


def test_of_equally_early_occurrences_the_guid_decides_since_confidence_changes_with_the_model():
    rows = found(
        *(pair("coming?", "yes", 1, response_guid=guid, confidence=sure) for guid, sure in (("b", 0.9), ("a", 0.6)))
    )
    assert dedupe.merge(rows).pairs["response_guid"].tolist() == ["a"]


def test_merging_does_not_depend_on_the_order_of_the_rows():
    rows = found(*(pair(f"q{k % 7}", f"a{'s' * (k % 3)}", hour=(k * 37) % 50) for k in range(50)))
    shuffled = rows.sample(frac=1, random_state=3, ignore_index=True)
    pd.testing.assert_frame_equal(dedupe.merge(rows).pairs, dedupe.merge(shuffled).pairs)


def test_growth_at_the_end_changes_no_row_but_its_count():
    rows = found(*(pair(f"q{k % 17}", f"a{'s' * (k % 3)}{'?' * (k % 2)}", hour=k) for k in range(300)))
    whole = dedupe.merge(rows).pairs.set_index("pair_id")
    for size in (30, 150):
        part = dedupe.merge(rows.iloc[:size]).pairs.set_index("pair_id")
        grown = ["occurrences", "occurrence_guids"]
        pd.testing.assert_frame_equal(part.drop(columns=grown), whole.loc[part.index].drop(columns=grown))


def test_merging_nothing_gives_an_empty_table():
    merged = dedupe.merge(found())
    assert tables.violations(tables.PAIRS, merged.pairs) == []
    assert np.array_equal(merged.stands_for, [])


@pytest.mark.parametrize("unit", ["a", "(", "-.", ":)", "1.1", "'a", "aaa ", "_", "ha", "t.", "x)"])
def test_no_text_makes_the_key_slow(unit):
    text = unit * 50_000 + "!b"
    begun = time.process_time()
    meaning_key(text)
    assert time.process_time() - begun < 2.0
