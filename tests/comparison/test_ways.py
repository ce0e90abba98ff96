"""The ways to run encoders here, measured side by side."""

from __future__ import annotations

import numpy as np
import pytest

from jarvis_assets.comparison import ways
from jarvis_assets.comparison.quality import Sample
from jarvis_assets.comparison.ways import Way
from jarvis_resources import tables
from jarvis_resources.encoders import get_card, int8, measured
from jarvis_resources.encoders.backends import runs_here
from jarvis_resources.errors import EncoderError

MINILM = "all-minilm-l6-v2"
SUBJECTS = ("lunch", "the film", "your keys", "the party", "work", "dinner", "the dog", "a walk", "coffee", "the match")


@pytest.fixture
def sample() -> Sample:
    asked = [f"what about {subject} on day {day}?" for day in range(6) for subject in SUBJECTS]
    replies = [f"{subject} is fine, day {day} then" for day in range(6) for subject in SUBJECTS]
    rows = np.arange(len(asked))
    return Sample(asked, replies, rows, (rows % 7).astype(str).astype(object), asked * 2, replies * 2)


def test_every_backend_and_precision_that_is_here_is_a_way(settings):
    found = ways.installed(settings, [MINILM])
    assert found == [
        *(Way(MINILM, backend, "fp32") for backend in get_card(MINILM).backends if runs_here(backend)),
        Way(MINILM, "onnx", "int8"),
    ]


def test_encoders_whose_weights_are_not_here_are_left_out_unless_named(settings, monkeypatch):
    monkeypatch.setattr(ways, "cards", lambda _settings: dict.fromkeys([MINILM, "bge-small-en-v1.5"]))
    assert {way.encoder for way in ways.installed(settings)} == {MINILM}
    with pytest.raises(EncoderError, match=r"bge-small-en-v1\.5 are not on this machine"):
        ways.installed(settings, ["bge-small-en-v1.5"])


def test_the_front_has_no_way_that_another_beats():
    points = {"slow and good": (10, 0.5), "quick and poor": (90, 0.2), "beaten": (9, 0.5), "equal": (10, 0.5)}
    rows = [
        {"name": name, "texts_per_second": speed, "recall_at_1": recall} for name, (speed, recall) in points.items()
    ]
    front = {row["name"] for row in ways.mark_front(rows) if row["on_front"]}
    assert front == {"slow and good", "quick and poor", "equal"}


def test_two_precisions_are_compared_and_what_int8_loses_is_kept(settings, sample, monkeypatch):
    monkeypatch.setattr(ways, "LOSS_ASKED", len(sample.asked))
    pair = [Way(MINILM, "onnx", "fp32"), Way(MINILM, "onnx", "int8")]
    exact, small = ways.compare(pair, sample, settings, seconds=0.2, thorough=False)
    assert exact.keys() | {"top1_match", "top5_match"} == set(tables.ENCODER_COMPARISON.columns)
    assert (exact["is_chosen"], small["is_chosen"]) == (True, False), "tests ask for fp32 in their settings"
    assert exact["recall_at_1"] == pytest.approx(small["recall_at_1"], abs=0.1)
    assert exact["recall_at_1"] > 0.3, "replies that name the subject are found"
    assert 80 < exact["disk_mb"] < 100
    assert min(exact["texts_per_second"], exact["single_text_ms"], exact["load_seconds"], exact["peak_mb"]) > 0
    (row,) = [row for row in measured.read(settings) if row["precision"] == "int8"]
    assert row["recipe"] == int8.RECIPE
    assert row["quality_loss"] == pytest.approx(max(0, 1 - small["recall_at_1"] / exact["recall_at_1"]))


def test_too_few_messages_say_nothing_about_int8s_loss(settings, sample):
    pair = [Way(MINILM, "onnx", "fp32"), Way(MINILM, "onnx", "int8")]
    ways.compare(pair, sample, settings, seconds=0.1, thorough=False)
    assert not any("quality_loss" in row for row in measured.read(settings))


def test_a_way_that_breaks_is_passed_over_and_the_others_are_measured(settings, sample):
    broken, sound = Way("bge-small-en-v1.5", "onnx", "fp32"), Way(MINILM, "onnx", "fp32")
    said = {}
    rows = ways.compare(
        [broken, sound],
        sample,
        settings,
        seconds=0.1,
        thorough=False,
        passed_over=lambda way, why: said.update({way: why}),
    )
    assert [row["encoder"] for row in rows] == [MINILM]
    assert "are not on this machine" in str(said[broken])
