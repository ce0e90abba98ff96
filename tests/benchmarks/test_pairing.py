"""What is counted as a right pair: figures of little conversations, worked out by hand."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks.pairing import baselines, bursts, scoring
from benchmarks.pairing.intervals import share
from benchmarks.pairing.picture import curve, draw
from benchmarks.pairing.scoring import Judged
from benchmarks.pairing.truth import Truth
from jarvis_assets.pairs.turns import build_turns
from tests.pairs.public_truth import messages_of

NOON = pd.Timestamp("2024-05-01T12:00:00Z")


def said(guid: str, who: str, minute: float, answers: str | None = None, **rest: Any) -> dict[str, Any]:
    """One line of a truth; ``rest`` overrides its fields."""
    return {
        "guid": guid, "kind": "normal", "text": f"text of {guid}", "sender": who, "conversation": "d1", "is_group": False,
        "date_utc": at(minute), "reply_to": answers, "link_known": True, "threaded": False, "thread_root": None,
    } | rest  # fmt: skip


def at(minute: float) -> str:
    return (NOON + pd.Timedelta(minutes=minute)).isoformat()


def pairs(*rows: tuple[str, str, float]) -> pd.DataFrame:
    """Pairs of (trigger, response, confidence)."""
    return pd.DataFrame(rows, columns=["trigger_guid", "response_guid", "confidence"])


NO_PAIRS = pairs()
GROUP = {"conversation": "g1", "is_group": True}
TALK = [
    said("a1", "ana", 0),
    said("a2", "ana", 1),
    said("r1", "me", 2, "a2"),
    said("a3", "ana", 60),
    said("r2", "me", 61, "a3"),
    said("opener", "me", 300),
    said("b1", "bo", 0, **GROUP),
    said("c1", "cy", 1, **GROUP),
    said("s1", "me", 2, "b1", **GROUP),
    said("s2", "me", 3, "c1", **GROUP),
    said("unknown", "me", 90, link_known=False, **GROUP),
]
FOUND = pairs(
    ("a1", "r1", 0.9),  # right: of the burst of a2
    ("a2", "r2", 0.6),  # wrong: r2 answers a3
    ("a3", "opener", 0.5),  # wrong: it answers nobody
    ("b1", "s1", 0.8),  # right
    ("c1", "unknown", 0.7),  # not counted
)


@pytest.fixture
def judged() -> Judged:
    return Judged.of(Truth.of(TALK), NO_PAIRS, FOUND)


def test_an_opener_counts_as_wrong_and_the_target_s_burst_as_right(judged):
    figures = judged.at("direct").figures()
    assert figures["precision"].value == pytest.approx(1 / 3)
    assert figures["coverage"].value == pytest.approx(1 / 2)


def test_a_reply_of_which_nothing_is_known_is_not_counted(judged):
    figures = judged.at("group").figures()
    assert (figures["pairs"], figures["known"], figures["precision"].value) == (2, 1, 1.0)


def test_a_reply_that_is_not_in_the_truth_is_left_out():
    strange = Judged.of(Truth.of(TALK), NO_PAIRS, pd.concat([FOUND, pairs(("a1", "nowhere", 0.99))]))
    assert strange.at("direct").figures()["pairs"] == 3
    assert strange.at("direct").most_confident()["10%"] == 1.0


def test_each_reply_of_a_burst_wants_its_own_target_covered(judged):
    assert judged.at("group").figures()["coverage"].value == pytest.approx(1 / 2)
    both = Judged.of(Truth.of(TALK), NO_PAIRS, pd.concat([FOUND, pairs(("c1", "s2", 0.4))]))
    assert both.at("group").figures()["coverage"].value == 1.0


def test_what_follows_in_the_burst_may_carry_the_link(judged):
    truth = Truth.of(TALK)
    assert truth.judge(pairs(("c1", "s1", 0.5)))["right"].all()
    assert not truth.judge(pairs(("b1", "s2", 0.5)))["right"].any(), "s1 came before"


def test_a_pause_of_more_than_ten_minutes_ends_a_burst():
    rows = [said("a1", "ana", 0), said("a2", "ana", 10.1), said("r1", "me", 11, "a2")]
    assert not Truth.of(rows).judge(pairs(("a1", "r1", 0.5)))["right"].any()
    rows[1]["date_utc"] = at(10)
    assert Truth.of(rows).judge(pairs(("a1", "r1", 0.5)))["right"].all()


def test_every_message_that_a_reply_answers_is_a_right_trigger():
    rows = [*TALK[6:8], said("s1", "me", 20, "b1", reply_to_all=["b1", "c1"], **GROUP)]
    assert Truth.of(rows).judge(pairs(("b1", "s1", 0.5), ("c1", "s1", 0.5)))["right"].all()


def test_replies_to_myself_and_to_what_has_no_words_are_not_asked_for():
    rows = [
        said("a1", "ana", 0, kind="attachment_only", text=None),
        said("r1", "me", 20, "a1"),
        said("r2", "me", 40, "r1"),
        said("r3", "me", 60, "gone"),
    ]
    assert Truth.of(rows).replies().empty


def test_precision_among_the_most_confident(judged):
    found = judged.at("direct").most_confident()
    assert found == {"10%": 1.0, "25%": 1.0, "50%": 1.0, "100%": pytest.approx(1 / 3)}


def test_calibration_error_by_hand(judged):
    # Four pairs are known, each a bin of its own: |0.9 - 1|, |0.6 - 0|, |0.5 - 0|, |0.8 - 1|.
    found = judged.at(None).calibration()
    assert found["pairs"] == 4
    assert found["error"].value == pytest.approx((0.1 + 0.6 + 0.5 + 0.2) / 4)
    # One pair at 0.5 is off by a half whichever way it falls.
    alone = Judged.of(Truth.of(TALK), NO_PAIRS, FOUND[2:3]).calibration()
    assert alone["by_chance_alone"] == pytest.approx(0.5)


THREAD = {"threaded": True, "thread_root": "x1"}
THREADED = [
    said("x1", "ana", 0),
    said("y1", "me", 20, "x1", **THREAD),
    said("x2", "ana", 40, "y1", **THREAD),
    said("y2", "me", 60, "x2", **THREAD),
    said("y3", "me", 80, "y2", **THREAD),
]


def test_gold_pairs_are_right_with_the_very_message_answered():
    found = pairs(("x1", "y1", 0.9), ("x1", "y2", 0.9), ("x2", "y3", 0.9))
    figures = scoring.gold(Truth.of(THREADED), {"ours": found})["ours"]
    assert figures["precision"].value == pytest.approx(1 / 3)
    assert figures["recall"].value == pytest.approx(1 / 2), "y3 answers me: nobody asks for it"
    assert figures["f1"].value == pytest.approx(0.4)


def test_a_threaded_reply_is_covered_by_a_gold_pair_and_an_unthreaded_one_of_its_burst_too():
    rows = [*THREADED, said("y4", "me", 61, "x2")]
    covered = Truth.of(rows).covered(pairs(("x2", "y2", 0.9)), np.array([np.inf]))
    assert covered.loc[~covered["threaded"], "sureness"].tolist() == [np.inf]


def test_baselines_take_the_root_the_latest_in_the_thread_and_the_message_before():
    messages = messages_of([*TALK[:6], *THREADED])
    turns = build_turns(messages)

    def triggers(found: pd.DataFrame) -> dict[str, str]:
        return dict(zip(found["response_guid"], found["trigger_guid"], strict=True))

    assert triggers(baselines.thread_root(turns, messages)) == {"y1": "x1", "y2": "x1", "y3": "x1"}
    assert triggers(baselines.latest_in_thread(turns, messages)) == {"y1": "x1", "y2": "x2", "y3": "x2"}
    alone = build_turns(messages_of(TALK[:6]))
    before = baselines.previous_message(alone, messages_of(TALK[:6]))
    assert triggers(before) == {"r1": "a2", "r2": "a3", "opener": "a3"}
    soon = baselines.previous_message(alone, messages_of(TALK[:6]), pd.Timedelta(hours=2))
    assert "opener" not in triggers(soon)


def test_an_edited_trigger_reads_as_it_stood():
    versions = [{"text": "as sent", "date_utc": at(0)}, {"text": "as it is now", "date_utc": at(30)}]
    edited = said("a1", "ana", 0, text="as it is now", edited=versions)
    truth = Truth.of([edited, said("r1", "me", 10, "a1"), said("r2", "me", 40, "a1")])
    found = pairs(("a1", "r1", 0.9), ("a1", "r2", 0.9)).assign(trigger_text="as sent")
    figures = scoring.edited(truth, found)
    assert figures["all"]["exact"].value == pytest.approx(1 / 2)
    assert (figures["edited_after_reply"]["pairs"], figures["edited_after_reply"]["exact"].value) == (1, 1.0)


def test_the_interval_is_over_conversations_not_over_pairs():
    conversations = pd.Series(["one"] * 50 + ["two"] * 50)
    hit = np.arange(100) < 50
    found = share(conversations, hit)
    assert (found.value, found.low, found.high) == (0.5, 0.0, 1.0)
    alone = share(conversations[:50], hit[:50])
    assert alone.value == 1.0
    assert np.isnan(alone.low), "one conversation says nothing of others"


def test_the_curve_goes_down_the_links_by_confidence_and_ties_go_together():
    confidence = np.repeat([0.9, 0.4], 10)
    right = confidence > 0.5
    sureness = np.where(right, 0.9, np.nan)
    points = curve(confidence, np.ones(20, dtype=bool), right, sureness)
    assert points.tolist() == [[0.5, 1.0], [0.5, 0.5]]


def test_the_picture_is_drawn(judged):
    place = scoring.place_of("Direct chats", judged.at("direct"), judged, {"before": judged, "lately": judged}, 0.5)
    assert draw([place, place]).startswith(b"\x89PNG")


def test_in_a_dialogue_of_two_the_burst_just_before_is_what_counts(tmp_path: Path):
    file = tmp_path / "samsum.jsonl.gz"
    lines = [("Ana", "hi"), ("Ana", "coming?"), ("Bo", "<file_gif>"), ("Bo", "yes"), ("Ana", "when?"), ("Bo", "at 8")]
    three = [("Ana", "a"), ("Bo", "b"), ("Cy", "c")]
    with gzip.open(file, "wt", encoding="utf-8") as sink:
        for dialogue, rows in (("two", lines), ("three", three)):
            for idx, (speaker, text) in enumerate(rows):
                line = {"conv_id": dialogue, "idx": idx, "speaker": speaker, "text": text}
                sink.write(json.dumps(line) + "\n")
    turns = build_turns(bursts.messages_of(file))
    assert turns["text"].tolist() == ["hi\ncoming?", "yes", "when?", "at 8"] * 2, "two speakers, each of them me once"
    found = pairs(("two/Bo/0", "two/Bo/3", 0.9), ("two/Bo/1", "two/Bo/5", 0.9))
    figures = bursts.score(turns, found)
    mine = figures["my turns after theirs"]
    assert mine["turns"] == 3, "Bo's two, Ana's one: she opened the talk"
    assert mine["got_a_pair"].value == pytest.approx(2 / 3)
    assert mine["of_the_burst_just_before"].value == pytest.approx(1 / 2), "'at 8' answers 'when?'"
    assert figures["… after a burst of several messages"]["turns"] == 1
