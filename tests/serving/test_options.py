"""Three options chosen as a set."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from jarvis_resources.tables import RESPONSE_TYPES
from jarvis_serving import options
from jarvis_serving.calibration import Calibration
from jarvis_serving.options import Act
from jarvis_serving.retrieval import FEATURES, Candidates

INVITATION = Act("INVITATION", 0.9, True)
STATEMENT = Act("INFO_STATEMENT", 0.9, True)
UNSURE = Act("INVITATION", 0.3, False)


def candidates(rows: list[tuple[str, str, float]], same: tuple[int, int] | None = None) -> tuple[Candidates, list[str]]:
    """Candidates (text, type, how likely); all point elsewhere but the pair ``same``."""
    vectors = np.eye(len(rows), 16, dtype=np.float16)
    if same:
        vectors[same[1]] = vectors[same[0]]
    features = np.zeros((len(rows), len(FEATURES)), np.float32)
    features[:, FEATURES.index("mapped")] = [likely for _, _, likely in rows]
    types = np.array([RESPONSE_TYPES.index(kind) for _, kind, _ in rows])
    return Candidates(
        np.arange(len(rows)), features, types, np.zeros(1, np.int64), np.zeros(0, np.int64), 0.9, vectors
    ), [r[0] for r in rows]


def shown(found: tuple[Candidates, list[str]], act: Act) -> list[str]:
    chosen = options.choose(*found, act, Calibration.untrained())
    return [found[1][place] for place in chosen.options]


YES_NO = [
    ("sounds good", "AGREE", 0.9),
    ("yes please", "AGREE", 0.8),
    ("so happy", "REACT_POSITIVE", 0.7),
    ("what time", "QUESTION", 0.6),
    ("no way", "DECLINE", 0.1),
]


def test_a_commitment_gets_one_option_per_type_and_never_a_yes_without_a_no() -> None:
    assert shown(candidates(YES_NO), INVITATION) == ["sounds good", "what time", "no way"]


def test_a_no_is_never_left_without_a_yes() -> None:
    rows = [
        ("no way", "DECLINE", 0.9),
        ("let me check", "DEFER", 0.8),
        ("what time", "QUESTION", 0.7),
        ("ok", "AGREE", 0.1),
    ]
    assert set(shown(candidates(rows), INVITATION)) == {"no way", "let me check", "ok"}


def test_where_the_owner_never_says_no_a_yes_stands_alone() -> None:
    rows = [row for row in YES_NO if row[1] != "DECLINE"]
    assert shown(candidates(rows), INVITATION) == ["sounds good", "what time"]


def test_types_that_cannot_answer_are_left_out_where_the_act_is_sure() -> None:
    rows = [("happy birthday", "GREETING", 0.9), ("sounds good", "AGREE", 0.5)]
    assert shown(candidates(rows), INVITATION) == ["sounds good"]
    assert shown(candidates(rows), UNSURE) == ["happy birthday", "sounds good"]


def test_where_no_valid_type_is_left_the_rest_is_better_than_nothing() -> None:
    assert shown(candidates([("happy birthday", "GREETING", 0.9)]), INVITATION) == ["happy birthday"]


@pytest.mark.parametrize("act", [STATEMENT, UNSURE])
def test_no_two_options_say_the_same(act: Act) -> None:
    rows = [
        ("oh wow", "STATEMENT", 0.9), ("blimey", "STATEMENT", 0.8), ("oh wow really", "STATEMENT", 0.7),
        ("and then", "QUESTION", 0.6), ("i see", "ACKNOWLEDGE", 0.5),
    ]  # fmt: skip
    found = shown(candidates(rows, same=(0, 1)), act)
    assert found == ["oh wow", "and then", "i see"]


def test_an_option_that_covers_many_likely_replies_beats_a_lone_likelier_one() -> None:
    rows = [
        ("purple", "STATEMENT", 0.52), ("sounds like a good plan", "STATEMENT", 0.5),
        ("that sounds like a plan to me", "STATEMENT", 0.5), ("it sounds like a plan", "STATEMENT", 0.5),
    ]  # fmt: skip
    found = candidates(rows)
    one = replace(Calibration.untrained(), temperature=10.0)
    chosen = options.choose(*found, STATEMENT, one)
    assert chosen.ranked[0] == 0
    assert 3 in chosen.options


@pytest.mark.parametrize(("kind", "offered"), [("QUESTION", False), ("GREETING", True)])
def test_a_question_is_not_answered_with_itself(kind: str, offered: bool) -> None:
    found = candidates([("where are you", kind, 0.9), ("at home", "ANSWER", 0.5)])
    found[0].features[0, FEATURES.index("echo")] = 0.98
    assert ("where are you" in shown(found, UNSURE)) is offered


def test_the_ranking_of_five_ignores_the_set() -> None:
    found = candidates(YES_NO)
    chosen = options.choose(*found, INVITATION, Calibration.untrained())
    assert chosen.ranked == [0, 1, 2, 3, 4]


def test_no_candidates_no_options() -> None:
    found, texts = candidates([("x", "AGREE", 0.1)])
    chosen = options.choose(found.take(np.zeros(0, np.int64)), texts, INVITATION, Calibration.untrained())
    assert (chosen.options, chosen.ranked) == ([], [])
