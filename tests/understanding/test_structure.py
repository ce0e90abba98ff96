"""Structural features, and the rules that speak only when the wording is plain."""

from __future__ import annotations

import time

import numpy as np
import pytest

from jarvis_resources.tables import RESPONSE_TYPES, TRIGGER_ACTS
from jarvis_serving.understanding import exemplars, structure


def test_features_are_one_row_per_text_within_zero_and_one():
    found = structure.features(["hey", "", "WHAT TIME??", "a " * 500, "😢"])
    assert found.shape == (5, len(structure.FEATURES))
    assert found.dtype == np.float32
    assert found.min() >= 0.0
    assert found.max() <= 1.0
    assert structure.features([]).shape == (0, len(structure.FEATURES))


def test_features_tell_a_question_from_a_statement():
    asked, said = structure.features(["are you home?", "i am home"])
    column = structure.FEATURES.index("ends_with_question")
    assert asked[column] == 1.0
    assert said[column] == 0.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2pm", "ANSWER"),
        ("around 7", "ANSWER"),
        ("what time?", "QUESTION"),
        ("hbu", "QUESTION"),
        ("heyyy", "GREETING"),
        ("lol", "ACKNOWLEDGE"),
        ("thanks so much!", "ACKNOWLEDGE"),
        ("im so sorry", "REACT_SYMPATHY"),
        ("feel better soon!", "REACT_SYMPATHY"),
        ("congrats!!", "REACT_POSITIVE"),
        ("lets gooo", "REACT_POSITIVE"),
        ("let me check", "DEFER"),
        ("idk maybe", "DEFER"),
        ("can't tonight sorry", "DECLINE"),
        ("no thanks", "DECLINE"),
        ("nah im good", "DECLINE"),
        ("yes please", "AGREE"),
        ("im down", "AGREE"),
    ],
)
def test_a_plain_reply_has_a_structural_type(text: str, expected: str):
    assert structure.response_type(text) == expected


@pytest.mark.parametrize("text", ["we ate at the diner", "he drives a truck", "", "the game was long", "👻"])
def test_where_no_rule_speaks_there_is_no_structural_type(text: str):
    assert structure.response_type(text) is None


def test_rules_are_precise_on_the_exemplars_of_other_peoples_messages():
    spoken = [(structure.trigger_act(e.text), e.act) for e in exemplars.triggers()]
    said = [(rule, act) for rule, act in spoken if rule is not None]
    assert len(said) / len(spoken) > 0.3
    assert np.mean([rule == act for rule, act in said]) > 0.93
    assert {rule for rule, _ in said} <= set(TRIGGER_ACTS)


def test_rules_are_precise_on_the_exemplars_of_replies():
    spoken = [(structure.response_type(e.text), e.response_type) for e in exemplars.replies()]
    said = [(rule, kind) for rule, kind in spoken if rule is not None]
    assert len(said) / len(spoken) > 0.4
    assert np.mean([rule == kind for rule, kind in said]) > 0.93
    assert {rule for rule, _ in said} <= set(RESPONSE_TYPES)


def test_a_long_text_does_not_make_a_rule_crawl():
    hostile = [
        "yes " * 5_000,
        "no " * 5_000 + "x",
        "ok thanks " * 3_000 + "?",
        "hey " * 5_000 + "zzz",
        "haha lol " * 4_000 + "q",
    ]
    started = time.perf_counter()
    structure.features(hostile)
    assert time.perf_counter() - started < 2.0
