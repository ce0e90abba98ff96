"""Which texts share a key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jarvis_serving.normalise import key_text, pair_id, wording_key


@pytest.mark.parametrize(
    ("one", "other"),
    [("Ok!", "ok"), ("ok  then", "OK then."), ("see\u200b you", "see you"), ("ﬁne", "fine"), ("yes...", "YES!!")],
)
def test_pairs_that_differ_in_case_spaces_or_a_final_mark_share_a_key(one: str, other: str) -> None:
    assert pair_id("lunch?", one) == pair_id("Lunch?", other)


def test_a_question_mark_makes_another_key() -> None:
    assert pair_id("lunch?", "ok") != pair_id("lunch", "ok")


def test_the_border_between_trigger_and_response_counts() -> None:
    assert pair_id("a b", "c") != pair_id("a", "b c")


@pytest.mark.parametrize(
    ("one", "other"),
    [("sooo good", "so good"), ("Yay 🎉", "yay"), ("can't!!", "can't"), ("noooo", "noo"), ("goooood", "good")],
)
def test_wordings_that_differ_in_emoji_elongation_case_or_punctuation_are_one(one: str, other: str) -> None:
    assert wording_key(one) == wording_key(other)


@pytest.mark.parametrize(("one", "other"), [("at 11", "at 1"), ("1000", "100"), ("room 2", "room 3")])
def test_numbers_are_never_shortened(one: str, other: str) -> None:
    assert wording_key(one) != wording_key(other)


def test_an_emoji_alone_keeps_its_own_key() -> None:
    assert wording_key("👍") != wording_key("😢")


@given(st.text())
def test_a_key_is_its_own_key(text: str) -> None:
    assert key_text(key_text(text)) == key_text(text)


@given(st.text(), st.text())
def test_a_pair_id_is_128_bits_in_hex(trigger: str, response: str) -> None:
    assert len(pair_id(trigger, response)) == 32
    int(pair_id(trigger, response), 16)
