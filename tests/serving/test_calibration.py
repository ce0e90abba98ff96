"""What is learned on dev: on an owner whose replies follow from the messages, and on one whose replies do not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from jarvis_assets.evaluation import calibration
from jarvis_resources.errors import ReleaseError
from jarvis_serving.bank import Bank
from jarvis_serving.batch import batch_answers
from jarvis_serving.calibration import NEVER, Calibration

TOPICS = (
    "lunch",
    "football",
    "the cat",
    "work",
    "the weather",
    "music",
    "homework",
    "the car",
    "the garden",
    "holidays",
)
ASKS = ("any news about {}?", "what about {} today?", "tell me about {}", "how is {} going?", "thinking about {} again")
REPLIES = ("{} is great", "not much about {}", "love {} so much", "i know nothing about {}")


def rows(follows: bool) -> list[tuple[str, str, str]]:
    """400 exchanges with four people; replies speak of the message's topic, or of any."""
    draw = np.random.default_rng(5)
    made: list[tuple[str, str, str]] = []
    for number in range(400):
        topic = TOPICS[number % len(TOPICS)]
        about = topic if follows else TOPICS[int(draw.integers(len(TOPICS)))]
        ask = ASKS[int(draw.integers(len(ASKS)))].format(topic)
        made.append((f"p{number % 4}", ask, REPLIES[int(draw.integers(len(REPLIES)))].format(about)))
    return made


def sides(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    kind = np.random.default_rng(1).integers(10, size=count)
    return np.flatnonzero(kind < 5), np.flatnonzero((kind >= 5) & (kind < 8)), np.flatnonzero(kind >= 8)


@pytest.fixture(scope="module")
def telling(make_bank: Callable[..., Bank]) -> Bank:
    return make_bank(rows(follows=True))


@pytest.fixture(scope="module")
def fitted(telling: Bank) -> Calibration:
    train, dev, _ = sides(len(telling))
    return calibration.fit(telling, train, dev)


def test_more_score_never_means_less_precision(fitted: Calibration) -> None:
    assert fitted.dev_pairs >= calibration.FEWEST_DEV_PAIRS
    assert list(fitted.scores) == sorted(fitted.scores)
    assert list(fitted.precisions) == sorted(fitted.precisions)
    assert fitted.generate_bar <= fitted.template_bar <= NEVER


def test_messages_that_decide_the_reply_are_believed_more_than_those_that_do_not(
    fitted: Calibration, make_bank: Callable[..., Bank]
) -> None:
    silent = make_bank(rows(follows=False))
    train, dev, _ = sides(len(silent))
    random = calibration.fit(silent, train, dev)
    assert fitted.measured["best_option_match"] > random.measured["best_option_match"] + 0.15
    assert max(fitted.precisions) > max(random.precisions)


def test_what_it_promises_holds_on_messages_it_never_saw(telling: Bank, fitted: Calibration) -> None:
    train, _, unseen = sides(len(telling))
    allowed = np.zeros(len(telling), np.bool_)
    allowed[train] = True
    answers = batch_answers(telling, fitted, unseen, allowed)
    row_of = {text: row for row, text in enumerate(telling.pairs["response_text"])}
    right = [
        float(telling.vectors[row_of[ranked[0]], 1].astype(np.float32) @ telling.vectors[row, 1].astype(np.float32))
        >= fitted.match_threshold
        for ranked, row in zip(answers.ranked, unseen, strict=True)
    ]
    assert np.mean(right) == pytest.approx(np.nanmean(answers.scores), abs=0.15)


def test_too_few_dev_pairs_teach_nothing_and_nothing_is_called_a_template(telling: Bank) -> None:
    train, dev, _ = sides(len(telling))
    untrained = calibration.fit(telling, train, dev[: calibration.FEWEST_DEV_PAIRS - 1])
    assert untrained == Calibration.untrained(calibration.FEWEST_DEV_PAIRS - 1)
    assert untrained.template_bar == NEVER


def test_the_holdout_is_never_looked_at(telling: Bank, fitted: Calibration) -> None:
    train, dev, unseen = sides(len(telling))
    vectors = np.array(telling.vectors)
    vectors[unseen] = vectors[unseen][:, ::-1]
    changed = Bank(
        telling.pairs, vectors, telling.index, telling.templates, telling.people, telling.profiles, telling.acts,
        telling.shared_words,
    )  # fmt: skip
    assert calibration.fit(changed, train, dev) == fitted


def test_json_keeps_everything(fitted: Calibration) -> None:
    assert Calibration.from_json(fitted.to_json()) == fitted


@pytest.mark.parametrize("damage", [{"features": ["other"]}, {"ranker": {}}, {"scores": None}])
def test_a_damaged_calibration_is_refused(fitted: Calibration, damage: dict[str, object]) -> None:
    with pytest.raises(ReleaseError):
        Calibration.from_json({**fitted.to_json(), **damage})


def test_match_threshold_is_what_random_replies_rarely_reach() -> None:
    vectors = np.random.default_rng(0).standard_normal((500, 64)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    threshold = calibration.match_threshold(vectors.astype(np.float16))
    cosines = (vectors @ vectors.T)[np.triu_indices(500, 1)]
    assert (cosines > threshold).mean() == pytest.approx(0.01, abs=0.003)
