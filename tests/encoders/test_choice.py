"""`auto`: what may run an encoder here, the measurement at the first use, and that the answer stays."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from jarvis_resources.encoders import choice, encoder_fingerprint, get_card, int8, load_encoder, measured, timing
from jarvis_resources.encoders.choice import Choice
from jarvis_resources.errors import EncoderError, SettingsError
from jarvis_resources.settings import Settings, load_settings

SLUG = "all-minilm-l6-v2"
MINILM = get_card(SLUG)
WEIGHTS = str(MINILM.weights_sha256)
OTHER_WEIGHTS = "0" * 64


@pytest.fixture
def settings(home, monkeypatch) -> Settings:
    """A fresh home where everything is left open, and measuring takes a fraction of a second."""
    monkeypatch.delenv("JARVIS_ENCODER_PRECISION", raising=False)
    monkeypatch.setattr(choice, "_SECONDS", 0.4)
    return load_settings().prepare()


def test_int8_is_offered_where_its_loss_is_known_to_be_small(settings):
    assert choice.ways_here(MINILM, WEIGHTS, settings) == [Choice("onnx", "fp32"), Choice("onnx", "int8")]


def test_int8_is_not_offered_for_weights_nobody_measured(settings):
    assert choice.ways_here(MINILM, OTHER_WEIGHTS, settings) == [Choice("onnx", "fp32")]


@pytest.mark.parametrize(("loss", "offered"), [(0.0049, True), (0.0051, False)])
def test_int8_is_offered_once_its_loss_was_measured_here_and_is_small(settings, loss, offered):
    row = {"slug": SLUG, "weights": OTHER_WEIGHTS, "backend": "onnx", "precision": "int8", "recipe": int8.RECIPE}
    measured.keep(settings, [{**row, "quality_loss": loss}])
    assert (Choice("onnx", "int8") in choice.ways_here(MINILM, OTHER_WEIGHTS, settings)) is offered


def test_a_loss_measured_with_another_recipe_says_nothing(settings):
    row = {"slug": SLUG, "weights": OTHER_WEIGHTS, "backend": "onnx", "precision": "int8", "recipe": "older"}
    measured.keep(settings, [{**row, "quality_loss": 0.0}])
    assert choice.ways_here(MINILM, OTHER_WEIGHTS, settings) == [Choice("onnx", "fp32")]


def test_the_first_use_measures_and_later_ones_ask_no_more(settings, monkeypatch):
    first = choice.choose(MINILM, WEIGHTS, settings)
    timed = {(row["backend"], row["precision"]): row["texts_per_second"] for row in measured.read(settings)}
    assert set(timed) == {("onnx", "fp32"), ("onnx", "int8")}
    assert min(timed.values()) > 0
    assert (first.precision == "int8") is (timed["onnx", "int8"] > 1.2 * timed["onnx", "fp32"])
    monkeypatch.setattr(choice, "_fastest", lambda *_: pytest.fail("measured again"))
    assert choice.choose(MINILM, WEIGHTS, settings) == first


def test_a_choice_stays_though_another_would_be_made_today(settings):
    path = settings.encoder_cache / "choices.json"
    choice.choose(MINILM, WEIGHTS, settings)
    kept = json.loads(path.read_text())
    for precision in ("fp32", "int8"):
        kept[SLUG]["choice"] = ["onnx", precision]
        path.write_text(json.dumps(kept))
        assert load_encoder(SLUG, settings=settings).precision == precision
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "damaged", ["", "[]", '{"all-minilm-l6-v2": 3}', '{"all-minilm-l6-v2": {"choice": ["onnx", "int4"]}}']
)
def test_a_damaged_choice_is_made_again(settings, damaged):
    path = settings.encoder_cache / "choices.json"
    path.write_text(damaged)
    found = choice.choose(MINILM, WEIGHTS, settings)
    assert json.loads(path.read_text())[SLUG]["choice"] == list(found)


def test_settings_and_arguments_overrule_the_measurement(settings, monkeypatch):
    monkeypatch.setattr(choice, "_fastest", lambda *_: pytest.fail("measured"))
    exact = replace(settings, encoder_precision="fp32")
    small = replace(settings, encoder_precision="int8")
    torch = replace(settings, encoder_backend="sentence-transformers")
    assert choice.choose(MINILM, WEIGHTS, exact) == ("onnx", "fp32")
    assert choice.choose(MINILM, OTHER_WEIGHTS, small) == ("onnx", "int8")
    assert choice.choose(MINILM, WEIGHTS, torch) == ("sentence-transformers", "fp32")
    assert choice.choose(MINILM, WEIGHTS, settings, "fp32") == ("onnx", "fp32")
    assert encoder_fingerprint(SLUG, settings=exact) != encoder_fingerprint(SLUG, settings=small)


def test_a_setting_that_cannot_run_an_encoder_leaves_it_alone(settings):
    for wish in ({"encoder_precision": "int8"}, {"encoder_backend": "onnx"}):
        card = get_card("minilm-static")
        assert choice.choose(card, OTHER_WEIGHTS, replace(settings, **wish)) == ("static", "fp32")


def test_int8_asked_for_where_it_cannot_be_is_refused(settings):
    with pytest.raises(EncoderError, match="fp32 only"):
        choice.choose(get_card("all-mpnet-base-v2"), OTHER_WEIGHTS, settings, "int8")


def test_an_unknown_setting_is_refused_by_name():
    with pytest.raises(SettingsError, match=r"encoder_precision cannot be 'int4'; choose one of: auto, fp32, int8"):
        load_settings(encoder_precision="int4")


def test_a_way_that_breaks_is_passed_over(settings, monkeypatch, caplog):
    ways = [Choice("fastembed", "int8"), Choice("onnx", "fp32")]
    monkeypatch.setattr(choice, "ways_here", lambda *_: ways)
    assert choice.choose(MINILM, WEIGHTS, settings) == ("onnx", "fp32")
    assert "cannot run on fastembed" in caplog.text


def test_what_a_broken_process_says_of_texts_goes_nowhere(settings, monkeypatch, tmp_path):
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\ncat >&2\nexit 1\n")
    broken.chmod(0o700)
    monkeypatch.setattr(timing.sys, "executable", str(broken))
    with pytest.raises(EncoderError, match=r"broke while it was timed \(code 1\)") as caught:
        timing.timed(SLUG, "onnx", "fp32", 0.1, settings, ["a secret text"])
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(("int8_speed", "chosen"), [(119.0, "fp32"), (121.0, "int8")])
def test_another_way_must_be_a_fifth_faster_than_the_first(settings, monkeypatch, int8_speed, chosen):
    speeds = {"fp32": 100.0, "int8": int8_speed}

    def clock(_slug, _backend, precision, *_rest):
        return timing.Timing(1.0, speeds[precision], 1.0, 1.0, 100.0)

    monkeypatch.setattr(timing, "timed", clock)
    assert choice.choose(MINILM, WEIGHTS, settings).precision == chosen
