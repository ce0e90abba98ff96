"""Answers to many messages: the same code as for one, knowing only what it may."""

from __future__ import annotations

import numpy as np
import pytest

from jarvis_resources.encoders import Encoder
from jarvis_serving.bank import Bank
from jarvis_serving.batch import answers_to, batch_answers
from jarvis_serving.calibration import Calibration


def test_only_allowed_rows_are_ever_answered_with(bank: Bank) -> None:
    allowed = (bank.pairs["person_id"] != "p0").to_numpy()
    asked = np.flatnonzero(~allowed)
    answers = batch_answers(bank, Calibration.untrained(), asked, allowed)
    known = set(bank.pairs["response_text"][allowed])
    assert answers.ranked[0]
    for ranked, options in zip(answers.ranked, answers.options, strict=True):
        assert set(ranked) | set(options) <= known


def test_people_who_heard_a_reply_only_in_rows_that_are_hidden_do_not_count(bank: Bank) -> None:
    allowed = bank.pairs["person_id"].isin(["p0", "p1"]).to_numpy()
    assert not bank.restricted(allowed).guard.safe.any()
    assert bank.guard.safe.any()


@pytest.mark.parametrize(("person", "guarded", "found"), [("p0", True, True), ("p1", True, False), ("p1", False, True)])
def test_the_guard_holds_in_batches_too(bank: Bank, encoder: Encoder, person: str, guarded: bool, found: bool) -> None:
    asked = ["want pizza or sushi?"]
    answers = answers_to(bank, Calibration.untrained(), asked, encoder.encode(asked), [person], guarded=guarded)
    assert ("sushi please, always sushi" in answers.ranked[0]) is found


@pytest.mark.parametrize("rows", [[], [0]])
def test_nothing_known_and_nothing_asked_give_nothing(bank: Bank, rows: list[int]) -> None:
    answers = batch_answers(bank, Calibration.untrained(), rows, np.zeros(len(bank), np.bool_))
    assert answers.ranked == [[]] * len(rows)
    assert np.isnan(answers.scores).all()
