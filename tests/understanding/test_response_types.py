"""The design's table of acts, valid replies and offered options."""

from __future__ import annotations

import pytest

from jarvis_resources.tables import RESPONSE_TYPES, TRIGGER_ACTS
from jarvis_serving.understanding import response_types
from jarvis_serving.understanding.response_types import COMMITMENTS, NEGATIVE, OFFERED, POSITIVE, VALID


def test_every_act_has_its_row():
    assert (
        tuple(VALID)
        == tuple(OFFERED)
        == (
            "INVITATION",
            "YN_QUESTION",
            "WH_QUESTION",
            "INFO_STATEMENT",
            "OPINION",
            "REQUEST",
            "GOOD_NEWS",
            "BAD_NEWS",
            "GREETING",
            "ACKNOWLEDGE",
        )
    )
    assert set(VALID) == set(TRIGGER_ACTS)


@pytest.mark.parametrize("act", TRIGGER_ACTS)
def test_three_known_and_valid_options_are_offered(act: str):
    assert set(VALID[act]) <= set(RESPONSE_TYPES)
    assert set(OFFERED[act]) <= set(VALID[act])
    assert len(OFFERED[act]) == (0 if act == "ACKNOWLEDGE" else 3)


@pytest.mark.parametrize("act", sorted(COMMITMENTS))
def test_a_commitment_can_be_agreed_to_and_declined(act: str):
    assert POSITIVE & set(OFFERED[act])
    assert NEGATIVE & set(OFFERED[act]) or "QUESTION" in OFFERED[act]
    assert len(set(OFFERED[act])) == 3


def test_a_statement_does_not_answer_an_invitation():
    assert not response_types.is_valid("INVITATION", "STATEMENT")
    assert response_types.is_valid("INVITATION", "DECLINE")


@pytest.mark.parametrize("text", ["what time works?", "when are you free", "where should we meet?", "what's the plan"])
def test_a_question_when_or_where_is_about_plans(text: str):
    assert response_types.is_plan_question(text)


@pytest.mark.parametrize("text", ["what's the wifi password", "why did she leave", "where were you", "who won"])
def test_other_questions_are_not(text: str):
    assert not response_types.is_plan_question(text)
