"""Tuning a tiny encoder of random weights: it learns, it loads, and a worse one never gets in."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import numpy as np
import pytest

from jarvis_assets import tuning_terminal
from jarvis_assets.vectors.tuning import installing, plots
from jarvis_assets.vectors.tuning import plan as numbers
from jarvis_assets.vectors.tuning.plan import Plan
from jarvis_assets.vectors.tuning.tune import Tuning, tune
from jarvis_resources import releases, tables
from jarvis_resources.encoders import get_card, load_encoder, weights
from jarvis_resources.errors import BusyError, EncoderError, SettingsError
from jarvis_resources.files import write_private
from jarvis_resources.settings import Settings, load_settings
from tests.tuning.conftest import History, with_tiny, write_history

STEPS = 60


def tuned(history: History, settings: Settings, **rest) -> Tuning:
    plan = Plan.of(**{"recipes": ["mnrl"], "base": "tiny", "steps": STEPS, "device": "cpu", **rest})
    return tune(history.pairs, history.splits, history.turns, history.segments, settings, plan)


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """Random weights may learn faster than trained ones, and need to read a small history more often."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numbers, "LEARNING_RATE", 3e-3)
        patch.setattr(numbers, "LONGEST_EPOCHS", 20)
        patch.setattr(numbers, "DEV_EVERY", 20)
        yield


@pytest.fixture(scope="module")
def first(history: History, tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Tuning]:
    """A home with a tuned encoder, and the tuning that made it."""
    settings = with_tiny(load_settings(home=str(tmp_path_factory.mktemp("tuned") / "home")).prepare())
    return settings, tuned(history, settings)


def test_a_better_encoder_is_installed_and_loads_like_any_other(first: tuple[Settings, Tuning]) -> None:
    settings, tuning = first
    assert tuning.verdict.kept, tuning.verdict.reason
    assert tuning.slug == "tiny-tuned"
    assert not tables.violations(tables.TUNED_ENCODER, tuning.table)
    assert tuning.table["kept"].all()
    before, found = (load_encoder(slug, "onnx", settings=settings) for slug in ("tiny", "tiny-tuned"))
    assert found.fingerprint != before.fingerprint
    assert not np.allclose(found.encode(["lunch today?"]), before.encode(["lunch today?"]), atol=1e-2)


def test_its_files_are_private_and_say_what_it_was_made_from(first: tuple[Settings, Tuning]) -> None:
    settings, tuning = first
    folder = settings.encoder_cache / "tiny-tuned"
    about = json.loads((folder / installing.ABOUT).read_text())
    assert (about["plan"]["base"], about["recipe"], about["plan"]["seed"]) == ("tiny", "mnrl", 0)
    assert about["train_pairs"] == tuning.facts["train_pairs"] > 0
    assert {row["measure"] for row in about["measured"]} == set(tuning.table["measure"])
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert not [*settings.encoder_cache.glob(".tuning"), *settings.encoder_cache.glob(".*before")]


def test_what_it_changed_is_drawn_and_printed(first: tuple[Settings, Tuning]) -> None:
    from rich.console import Console

    table = first[1].table
    assert plots.differences(table).startswith(b"\x89PNG")
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(tuning_terminal.differences(table))
    said = console.export_text()
    assert all(measure in said for measure in table["measure"])
    assert "…" not in said


def test_only_the_upper_layers_change(first: tuple[Settings, Tuning]) -> None:
    from safetensors.numpy import load_file

    folder = first[0].encoder_cache
    base, after = (load_file(folder / slug / "model.safetensors") for slug in ("tiny", "tiny-tuned"))
    changed = {name for name in base if not np.array_equal(base[name], after[name])}
    assert base.keys() == after.keys()
    assert changed
    assert all(name.startswith("encoder.layer.1.") for name in changed)


def test_one_that_is_not_better_leaves_the_one_before_in_place(
    history: History, first: tuple[Settings, Tuning]
) -> None:
    """One step changes next to nothing, which the holdout cannot call better."""
    settings, _ = first
    installed = load_encoder("tiny-tuned", "onnx", settings=settings).fingerprint
    tuning = tuned(history, settings, steps=1)
    assert not tuning.verdict.kept
    assert "not kept" in tuning.verdict.reason
    assert not tuning.table["kept"].any()
    against = tuning.table.set_index("measure").loc["recall_at_1_against_previous"]
    assert against["difference"] < 0
    assert load_encoder("tiny-tuned", "onnx", settings=settings).fingerprint == installed


def test_where_nothing_was_installed_nothing_is(history: History, tiny: Settings) -> None:
    assert not tuned(history, tiny, steps=1).verdict.kept
    assert not (tiny.encoder_cache / "tiny-tuned").exists()
    assert "tiny-tuned" not in (tiny.home / "encoders.toml").read_text()


def test_what_a_killed_tuning_left_is_cleared_away_and_the_encoder_it_moved_is_back(tiny: Settings) -> None:
    cache = tiny.encoder_cache
    (cache / ".tuning" / "mnrl" / "encoders").mkdir(parents=True)
    (cache / ".tiny-tuned.before").mkdir()
    (cache / ".tiny-tuned.before" / "model.safetensors").write_bytes(b"whole")
    with installing.alone(tiny):
        assert (cache / "tiny-tuned" / "model.safetensors").read_bytes() == b"whole"
        assert not (cache / ".tuning").exists()


def test_two_tunings_of_one_home_do_not_meet(tiny: Settings) -> None:
    with installing.alone(tiny), pytest.raises(BusyError, match="Another tuning"), installing.alone(tiny):
        pass


def test_an_encoder_of_another_shape_gets_a_row_of_its_own() -> None:
    assert installing.tuned_slug(get_card("all-minilm-l6-v2")) == "minilm-tuned"
    assert installing.tuned_slug(get_card("bge-small-en-v1.5")) == "bge-small-en-v1.5-tuned"


@pytest.mark.parametrize(
    ("base", "sentence"),
    [("minilm-static", "no layers"), ("minilm-tuned", "tuned already"), ("bge-micro-v2", "not on this machine")],
)
def test_a_base_that_cannot_be_tuned_is_refused(history: History, tiny: Settings, base: str, sentence: str) -> None:
    with pytest.raises(EncoderError, match=sentence):
        tuned(history, tiny, base=base)


def test_too_few_pairs_are_refused(tiny: Settings) -> None:
    with pytest.raises(SettingsError, match="are needed; mine a longer history"):
        tuned(write_history(things=1), tiny)


@pytest.mark.parametrize("rest", [{"recipes": ["magic"]}, {"recipes": []}, {"recipes": ["mnrl"], "minutes": 0.0}])
def test_a_plan_that_makes_no_sense_is_refused(rest: dict) -> None:
    with pytest.raises(SettingsError):
        Plan.of(**rest)


def test_what_a_release_serves_with_is_not_replaced_unasked(tiny: Settings) -> None:
    releases.publish(tiny.releases, lambda folder: None, {"serving_encoder": "minilm-tuned"})
    installing.check_replaceable("minilm-tuned", tiny)
    write_private(tiny.encoder_cache / "minilm-tuned" / "config.json", "{}")
    with pytest.raises(SettingsError, match="--replace-served"):
        installing.check_replaceable("minilm-tuned", tiny)
    installing.check_replaceable("other-tuned", tiny)


def test_minilm_itself_keeps_its_names_and_is_minilm_tuned(settings: Settings) -> None:
    """The packaged encoder, written out untouched, gives its own vectors under the other card."""
    from jarvis_assets.vectors.tuning.model import TunableEncoder

    card = get_card("all-minilm-l6-v2")
    encoder = TunableEncoder(card, weights.locate(card, settings), device="cpu", threads=1)
    with installing.alone(settings):
        written = installing.candidate(encoder, "minilm-tuned", "mnrl", settings)
        said = ["ok", "want to grab lunch tomorrow?"]
        assert (
            np.abs(written.encode(said) - load_encoder(card.slug, "onnx", settings=settings).encode(said)).max() < 1e-5
        )
        assert np.abs(written.encode(said) - encoder.encode(said)).max() < 1e-4


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_a_candidate_has_the_vectors_of_its_base_before_it_has_learned(tiny: Settings, pooling: str) -> None:
    from jarvis_assets.vectors.tuning.model import TunableEncoder

    rows = tiny.home / "encoders.toml"
    rows.write_text(rows.read_text() + f'pooling = "{pooling}"\n')
    card = get_card("tiny", tiny)
    encoder = TunableEncoder(card, weights.locate(card, tiny), device="cpu", threads=1)
    said = ["ok", "want to grab lunch tomorrow?", ""]
    with installing.alone(tiny):
        written = installing.candidate(encoder, "tiny-tuned", "mnrl", tiny)
        assert np.abs(written.encode(said) - encoder.encode(said)).max() < 1e-4
        assert np.abs(written.encode(said) - load_encoder("tiny", "onnx", settings=tiny).encode(said)).max() < 1e-5
