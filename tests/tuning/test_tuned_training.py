"""Each recipe lowers its loss, only the upper layers learn, and the same seed learns the same."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from jarvis_assets.vectors.tuning import losses, negatives, plan, recipes, training
from jarvis_assets.vectors.tuning.examples import Examples, gather
from jarvis_assets.vectors.tuning.model import TunableEncoder
from jarvis_resources.encoders import get_card
from jarvis_resources.errors import EncoderError, SettingsError
from jarvis_resources.settings import Settings
from tests.tuning.conftest import History

STEPS = 15


@pytest.fixture(scope="module")
def given(history: History) -> Examples:
    return gather(history.pairs, history.splits, history.turns, history.segments, most_train=400, most_asked=50, seed=0)


@pytest.fixture
def encoder(tiny: Settings) -> TunableEncoder:
    return TunableEncoder(get_card("tiny", tiny), tiny.encoder_cache / "tiny", device="cpu", threads=1)


def learn(
    recipe: str, encoder: TunableEncoder, given: Examples, dev_score: Callable[[], float] = lambda: 0.0, **rest
) -> training.Trained:
    """``STEPS`` of ``recipe``, at a rate for random weights."""
    import torch

    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    head = losses.quality_head(encoder.card.dimension) if recipe == "joint" else None
    if recipe == "conversations":
        loss_of = recipes.turns_together(encoder, given.talk, rng)
        rows, texts = recipes.Partners(given.talk.segment).rows, given.talk.texts
    else:
        sides = encoder.encode(given.train.triggers), encoder.encode(given.train.replies)
        loss_of = recipes.ranked_pairs(encoder, given.train, negatives.mine(given.train, *sides), rng, head)
        rows, texts = np.arange(len(given.train)), given.train.replies
    options = {"steps": STEPS, "seconds": 600.0, "head": head, **rest}
    return training.train(encoder, recipes.batches(rows, texts, rng), loss_of, dev_score, **options)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "LEARNING_RATE", 3e-3)


@pytest.mark.parametrize("recipe", plan.RECIPES)
def test_each_recipe_lowers_its_loss(encoder: TunableEncoder, given: Examples, recipe: str) -> None:
    done = learn(recipe, encoder, given)
    assert len(done.losses) == STEPS
    assert np.mean(done.losses[-3:]) < 0.9 * np.mean(done.losses[:3])


def test_the_same_seed_learns_the_same_and_only_above(tiny: Settings, encoder: TunableEncoder, given: Examples) -> None:
    again = TunableEncoder(encoder.card, encoder.folder, device="cpu", threads=1)
    before = encoder.state()
    rising = iter(range(100))
    runs = [learn("mnrl", one, given, lambda: float(next(rising))) for one in (encoder, again)]
    assert runs[0].losses == runs[1].losses
    assert runs[0].best_step == STEPS
    assert set(before) == {name for name in before if name.startswith("encoder.layer.1.")}
    first, second = encoder.state(), again.state()
    assert all((first[name] == second[name]).all() for name in before)
    assert any((first[name] != before[name]).any() for name in before)


def test_the_best_on_dev_stays_and_dev_ends_it(
    tiny: Settings, encoder: TunableEncoder, given: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "DEV_EVERY", 2)
    looks: list[dict] = []

    def falling() -> float:
        looks.append(encoder.state())
        return -float(len(looks))

    done = learn("mnrl", encoder, given, falling)
    assert (done.stopped_by, done.best_step) == ("dev", 2), "the base itself is never chosen"
    assert len(done.losses) == 2 * (1 + plan.PATIENCE)
    after = encoder.state()
    assert all((after[name] == looks[1][name]).all() for name in after)
    assert any((after[name] != looks[0][name]).any() for name in after)


def test_the_clock_ends_it(encoder: TunableEncoder, given: Examples) -> None:
    done = learn("mnrl", encoder, given, seconds=0.0)
    assert (done.stopped_by, len(done.losses)) == ("clock", 1)


def test_a_loss_that_is_no_number_is_an_error(encoder: TunableEncoder, given: Examples) -> None:
    with pytest.raises(EncoderError, match="no number"):
        training.train(
            encoder, iter([np.arange(4)]), lambda rows: encoder.vectors(["hi"]).sum() * float("nan"), lambda: 0.0,
            steps=1, seconds=60.0,
        )  # fmt: skip


def test_what_answers_as_well_is_not_pushed_away() -> None:
    import torch

    left = torch.nn.functional.normalize(torch.randn(3, 8, generator=torch.Generator().manual_seed(0)), dim=1)
    same = torch.stack([left[0], left[0], left[2]])  # the second's reply says what the first's does
    nobody = torch.zeros(3, 3, dtype=torch.bool)
    spared = nobody.clone()
    spared[0, 1] = spared[1, 0] = True
    assert losses.ranking_loss(left, same, spared) < losses.ranking_loss(left, same, nobody)


def test_turns_of_the_same_conversation_are_never_negatives(encoder: TunableEncoder, given: Examples) -> None:
    one = given.talk.take(np.flatnonzero(given.talk.conversation == given.talk.conversation[0]))
    loss_of = recipes.turns_together(encoder, one, np.random.default_rng(0))
    assert float(loss_of(recipes.Partners(one.segment).rows[:8]).detach()) < 1e-6, "nothing is left to tell it from"


def test_a_batch_holds_texts_of_about_one_length() -> None:
    texts = np.array(["x" * length for length in np.random.default_rng(0).integers(1, 400, 1_024)], object)
    drawn = recipes.batches(np.arange(1_024), texts, np.random.default_rng(0))
    epoch = [next(drawn) for _ in range(1_024 // plan.BATCH)]
    assert sorted(np.concatenate(epoch)) == list(range(1_024)), "each once"
    spread = [np.ptp([len(texts[row]) for row in batch]) for batch in epoch]
    assert np.mean(spread) < 100


def test_an_unknown_device_is_an_error(tiny: Settings) -> None:
    with pytest.raises(SettingsError, match="choose auto"):
        TunableEncoder(get_card("tiny", tiny), tiny.encoder_cache / "tiny", device="abacus", threads=1)
