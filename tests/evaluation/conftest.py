"""A small history written for these tests: five people, eight kinds of message, replies that fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest

from jarvis_resources import tables
from jarvis_serving.normalise import pair_id

SITUATIONS = {
    "want to grab {} tomorrow": ["sounds good, see you there", "can't tomorrow, sorry"],
    "did you finish the {} yet": ["not yet, tonight I hope", "yes all done"],
    "how was the {}": ["so good, we should go again", "honestly a bit long"],
    "I got the {} job": ["congratulations, that is huge", "so proud of you"],
    "my {} broke again": ["oh no, sorry to hear that", "want me to take a look"],
}
THINGS = [
    "lunch",
    "coffee",
    "report",
    "essay",
    "concert",
    "movie",
    "garden",
    "kitchen",
    "laptop",
    "bike",
    "phone",
    "dinner",
    "race",
    "museum",
    "poster",
]


@pytest.fixture
def history() -> pd.DataFrame:
    """Columns of PAIRS that the evaluation reads; 150 pairs with five people."""
    rows = []
    for number, thing in enumerate(THINGS):
        for message, replies in SITUATIONS.items():
            for variant, reply in enumerate(replies):
                trigger = message.format(thing)
                person = f"p{(number + variant) % 5}"
                rows.append((trigger, f"{reply} {thing}" if variant else reply, person))
    frame = pd.DataFrame(rows, columns=["trigger_text", "response_text", "person_id"])
    frame = frame.sample(frac=1, random_state=0, ignore_index=True)
    frame["pair_id"] = [pair_id(*pair) for pair in zip(frame["trigger_text"], frame["response_text"], strict=True)]
    frame["conversation_id"] = "d" + frame["person_id"]
    frame["occurrences"] = 1
    return frame


@pytest.fixture
def splits(history: pd.DataFrame) -> pd.DataFrame:
    """Every fifth pair is asked, one in ten of the rest is dev; one pair is set aside."""
    side = pd.Series("train", index=history.index)
    side[history.index % 5 == 0] = "holdout"
    side[history.index % 10 == 3] = "dev"
    frame = pd.DataFrame({"pair_id": history["pair_id"], "split_pair": side, "split_contact": side, "split_time": side})
    frame.loc[1, "split_pair"] = None
    frame["set_aside_reason"] = None
    frame.loc[1, "set_aside_reason"] = "near duplicate"
    return tables.PAIR_SPLITS.conform(frame)


@pytest.fixture
def embed() -> Callable[[Sequence[str]], np.ndarray]:
    """An encoder whose figures can be worked out by hand."""
    return bags_of_words


def bags_of_words(texts: Sequence[str]) -> np.ndarray:
    """Bags of words as unit vectors: texts that share words are near, others are at right angles."""
    vectors = np.zeros((len(texts), 4096), np.float32)
    for row, text in enumerate(texts):
        for word in text.split() or [""]:
            vectors[row, sum(ord(c) * 31**k for k, c in enumerate(word)) % 4096] += 1
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
