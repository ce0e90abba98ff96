"""A tuned encoder is kept only if the holdout shows that it is better."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from jarvis_assets.vectors.tuning import judging
from jarvis_assets.vectors.tuning.examples import gather
from jarvis_assets.vectors.tuning.judging import HOLDOUT, PREVIOUS, RECALL, ROUGE, Questions, judge
from tests.tuning.conftest import History


def compared(**differences: tuple[float, float, float]) -> pd.DataFrame:
    """A table with a difference and its interval for each measure."""
    return pd.DataFrame(
        [
            {"measure": name, "asked": HOLDOUT, "before": 0.3, "after": 0.3 + value, "difference": value, "low": low,
             "high": high}
            for name, (value, low, high) in differences.items()
        ]
    )  # fmt: skip


def test_kept_when_the_whole_interval_is_above_nothing() -> None:
    verdict = judge(compared(**{RECALL: (0.05, 0.01, 0.09), ROUGE: (0.1, -0.1, 0.3)}))
    assert verdict.kept
    assert "0.300 before, 0.350 after, difference +0.050 [+0.010, +0.090]" in verdict.reason


@pytest.mark.parametrize(
    "differences",
    [
        {RECALL: (0.02, -0.01, 0.05)},
        {RECALL: (-0.2, -0.3, -0.1)},
        {RECALL: (0.05, np.nan, np.nan)},
        {RECALL: (0.05, 0.01, 0.09), ROUGE: (-0.5, -0.8, -0.2)},
        {RECALL: (0.05, 0.01, 0.09), PREVIOUS: (-0.1, -0.15, -0.05)},
    ],
    ids=["not shown", "worse", "one conversation", "looks messages up worse", "the one before is better"],
)
def test_refused_when_the_holdout_does_not_say_so(differences: dict[str, tuple[float, float, float]]) -> None:
    assert not judge(compared(**differences)).kept


@pytest.fixture(scope="module")
def questions(history: History) -> Questions:
    given = gather(
        history.pairs, history.splits, history.turns, history.segments, most_train=10_000, most_asked=4_000, seed=0
    )
    return Questions(given, by_chance, seed=0)


def by_chance(texts) -> np.ndarray:
    """A vector for each text that has nothing to do with what it says."""
    rows = [np.random.default_rng(list(text.encode())).normal(size=16) for text in texts]
    return np.array([row / np.linalg.norm(row) for row in rows], np.float32)


def by_word(texts) -> np.ndarray:
    """A vector for each text by its rarest word: a question and its answer are one."""
    return by_chance([max(text.rstrip("?").split(" way ")[0].split(), key=lambda word: (word[-1] == "a", len(word)))
                      for text in texts])  # fmt: skip


def test_an_encoder_that_knows_the_answers_is_better_and_one_that_guesses_is_not(questions: Questions) -> None:
    before, after = questions.ask(by_chance), questions.ask(by_word)
    better, worse = questions.compare("mnrl", before, after), questions.compare("mnrl", after, before)
    row = better.set_index(["measure", "asked"]).loc[(RECALL, HOLDOUT)]
    assert row["before"] < 0.06
    assert row["after"] > 0.9
    assert row["low"] > 0.8
    assert judge(better[better["measure"] != ROUGE]).kept
    assert not judge(worse).kept


def test_the_same_encoder_differs_from_itself_in_nothing(questions: Questions) -> None:
    found = questions.compare("mnrl", questions.ask(by_chance), questions.ask(by_chance))
    measured = found[found["count"] > 0]
    assert (measured["difference"] == 0).all()
    assert not judge(found).kept


def test_every_measure_has_a_judge(questions: Questions) -> None:
    found = questions.compare("mnrl", questions.ask(by_chance), questions.ask(by_word))
    judges = found.set_index("measure")["judge"].to_dict()
    assert set(judges.values()) == {judging.TRUTH, judging.REFERENCE, judging.SEGMENTS}
    assert (judges[RECALL], judges["thread_floor"]) == (judging.TRUTH, judging.SEGMENTS)
    assert judges["trigger_recognised"] == judges["inline_thread_similarity"] == judging.TRUTH
