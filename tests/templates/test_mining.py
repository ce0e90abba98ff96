"""Templates: what is said again and again, with its evidence."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from jarvis_assets.templates import mining
from jarvis_resources import tables
from jarvis_serving.normalise import pair_id

DAY = pd.Timestamp("2026-01-01", tz="UTC")
# Directions in meaning: an angle for what is asked, one for what is answered.
MEANING = {
    "want to grab lunch": 0, "lunch tomorrow?": 15, "up for lunch this week": 25, "can you fix my bike": 88,
    "sounds good": 0, "Sounds good!": 0, "sure, count me in": 25, "can't, sorry": 100, "no way I can": 115, "haha": 200,
}  # fmt: skip


def mined(
    rows: list[tuple[str, str, str, str, int]],
    *,
    act: str = "INVITATION",
    splits: pd.DataFrame | None = None,
    **changes: object,
) -> pd.DataFrame:
    """Templates of (trigger, reply, response type, person, day) rows; ``changes`` overwrite dialogue act columns."""
    frame = pd.DataFrame(rows, columns=["trigger_text", "response_text", "type", "person_id", "day"])
    frame["pair_id"] = [
        pair_id(a, b + str(n)) for n, (a, b) in enumerate(frame[["trigger_text", "response_text"]].values)
    ]
    frame["responded_at"] = (DAY + pd.to_timedelta(frame["day"], unit="D")).astype("datetime64[us, UTC]")
    frame["occurrences"] = 1
    acts = pd.DataFrame({
        "pair_id": frame["pair_id"], "trigger_da_type": act, "response_da_type": frame["type"], "abstained": False,
        "mismatch": None,
    }).assign(**changes)  # fmt: skip
    angle = np.radians(
        [[MEANING[trigger], MEANING[reply]] for trigger, reply in frame[["trigger_text", "response_text"]].values]
    )
    angle = angle.reshape(-1, 2)
    vectors = np.stack([np.cos(angle), np.sin(angle)], axis=2).astype(np.float16)
    table = mining.mine(frame, vectors, acts, splits)
    assert tables.violations(tables.REPLY_TEMPLATES, table) == []
    return table


YES = [
    ("want to grab lunch", "sounds good", "AGREE", "p1", 3),
    ("lunch tomorrow?", "Sounds good!", "AGREE", "p2", 1),
    ("up for lunch this week", "sure, count me in", "AGREE", "p1", 9),
]
NO = [
    ("want to grab lunch", "can't, sorry", "DECLINE", "p3", 4),
    ("lunch tomorrow?", "no way I can", "DECLINE", "p3", 5),
    ("lunch tomorrow?", "can't, sorry", "DECLINE", "p1", 6),
]


def test_interchangeable_patterns_make_one_template_with_its_evidence():
    (template,) = mined(YES).to_dict("records")
    assert template["uses"] == 3
    assert template["person_ids"] == ["p1", "p2"]
    assert (template["first_at"], template["last_at"]) == (DAY + pd.Timedelta(days=1), DAY + pd.Timedelta(days=9))
    assert template["incoming_text"] == "lunch tomorrow?"
    assert template["reply_text"].lower().startswith("sounds good")
    assert len(template["reply_wordings"]) == 2
    assert len(template["incoming_examples"]) == 3


def test_a_yes_and_a_no_to_the_same_message_are_two_templates():
    table = mined(YES + NO)
    assert dict(zip(table["response_type"], table["uses"], strict=True)) == {"AGREE": 3, "DECLINE": 3}
    assert table["template_id"].is_unique


def test_different_things_said_to_the_same_message_are_not_interchangeable():
    rows = [("want to grab lunch", "sounds good", "STATEMENT", "p1", 1), ("want to grab lunch", "haha", "STATEMENT", "p1", 2),
            ("want to grab lunch", "no way I can", "STATEMENT", "p1", 3)]  # fmt: skip
    assert mined(rows, act="INFO_STATEMENT").empty


def test_the_same_words_make_a_template_whatever_they_answer():
    rows = [*YES[:2], ("can you fix my bike", "sounds good", "AGREE", "p4", 7)]
    assert mined(rows)["uses"].tolist() == [3]


def test_two_uses_are_no_pattern_but_a_pair_that_occurred_often_is():
    assert mined(YES[:2]).empty


@pytest.mark.parametrize("changes", [{"abstained": True}, {"mismatch": "bad_pair"}, {"mismatch": "mislabelled"}])
def test_doubtful_pairs_teach_nothing(changes):
    assert mined(YES, **changes).empty


def test_dev_and_holdout_stay_unseen():
    ids = [pair_id(row[0], row[1] + str(n)) for n, row in enumerate(YES + NO)]
    splits = pd.DataFrame({"pair_id": ids, "split_pair": ["train"] * 3 + ["holdout", "dev", "train"]})
    assert mined(YES + NO, splits=splits)["response_type"].tolist() == ["AGREE"]


def test_no_pairs_no_templates():
    assert mined([]).empty


def test_many_pairs_fall_into_their_few_hundred_patterns():
    draw = np.random.default_rng(0)
    count, dimension = 20_000, 16
    base = draw.normal(size=(300, 2, dimension))
    which = draw.integers(300, size=count)
    vectors = base[which] + 0.03 * draw.normal(size=(count, 2, dimension))
    vectors = (vectors / np.linalg.norm(vectors, axis=2, keepdims=True)).astype(np.float16)
    frame = pd.DataFrame({
        "pair_id": [f"{n:032x}" for n in range(count)], "trigger_text": [f"message {n}" for n in range(count)],
        "response_text": [f"reply {w} {n % 7}" for n, w in enumerate(which)], "person_id": "p1", "occurrences": 1,
        "responded_at": pd.Series([DAY] * count).astype("datetime64[us, UTC]"),
    })  # fmt: skip
    acts = pd.DataFrame({"pair_id": frame["pair_id"], "trigger_da_type": "OPINION", "response_da_type": "ANSWER",
                         "abstained": False, "mismatch": None})  # fmt: skip
    table = mining.mine(frame, vectors, acts)
    assert table["uses"].sum() > 0.95 * count
    assert 250 < len(table) < 1_000
