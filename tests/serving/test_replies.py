"""Distinct replies: what counts as one, how often and with whom it was used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from jarvis_serving.bank import Bank
from jarvis_serving.replies import Replies, reply_key, shared_words


def test_emoji_case_elongation_and_punctuation_make_no_other_reply(make_bank: Callable[..., Bank]) -> None:
    rows = [("p0", "hi", "So good!"), ("p1", "hello", "soooo good 😀"), ("p0", "yo", "so good")]
    replies = make_bank(rows).replies
    assert len(replies) == 1
    assert replies.people_counts.tolist() == [2]
    assert replies.uses.tolist() == [3]
    assert replies.uses_with("p0").tolist() == [2]


def test_amounts_that_differ_are_never_one_reply() -> None:
    assert reply_key("you owe me 100") != reply_key("you owe me 1000")
    assert reply_key("at 12:30") != reply_key("at 1:230")


def test_the_most_used_wording_stands_for_a_reply(make_bank: Callable[..., Bank]) -> None:
    rows = [("p0", "a?", "ok!!"), ("p1", "b?", "Ok"), ("p2", "c?", "Ok")]
    bank = make_bank(rows)
    assert bank.replies.texts == ["Ok"]
    assert bank.replies.find("OK!!!") == 0
    assert bank.replies.find("never said") == -1


def test_a_stranger_was_never_told_anything(bank: Bank) -> None:
    assert len(bank.replies.used_with("p99")) == 0
    assert len(bank.replies.used_with(None)) == 0


def test_loading_gives_back_what_was_saved(bank: Bank, tmp_path: Path) -> None:
    bank.replies.save(tmp_path)
    loaded = Replies.load(tmp_path, bank.pairs)
    assert loaded.texts == bank.replies.texts
    for name in ("of_row", "row", "secret", "uses", "types", "with_reply", "with_person", "with_uses"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(bank.replies, name))


def test_shared_words_need_enough_different_people() -> None:
    texts = ["ok Oscar", "ok then", "OK!", "ok ok ok", "then"]
    people = ["p0", "p1", "p2", "p2", None]
    assert shared_words(texts, people, 3) == {"ok"}
    assert shared_words(texts, people, 1) == {"ok", "oscar", "then"}
