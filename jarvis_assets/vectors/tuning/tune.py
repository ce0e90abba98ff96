"""The whole of a tuning: gather, ask the base, train each recipe, ask again, keep the best if the holdout agrees."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from jarvis_assets.evaluation.measures import reply_similarity
from jarvis_assets.vectors.embedding import open_store, text_encoder
from jarvis_assets.vectors.tuning import examples, installing, judging, losses, measures, negatives, recipes, training
from jarvis_assets.vectors.tuning import plan as numbers
from jarvis_assets.vectors.tuning.model import TunableEncoder
from jarvis_resources import tables
from jarvis_resources.encoders import encoder_fingerprint, get_card, load_encoder, weights
from jarvis_resources.errors import EncoderError, SettingsError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jarvis_assets.vectors.tuning.examples import Examples, Exchanges
    from jarvis_assets.vectors.tuning.judging import Answers, Belief, Embed
    from jarvis_assets.vectors.tuning.plan import Plan, Recipe
    from jarvis_resources.encoders.registry import EncoderCard
    from jarvis_resources.settings import Settings

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Tuning:
    """What a tuning came to."""

    table: pd.DataFrame
    """TUNED_ENCODER: what every recipe measured."""
    chosen: Recipe
    """The recipe that was best on dev."""
    verdict: judging.Verdict
    slug: str
    """The encoder that it is, or would have been."""
    facts: dict[str, Any]
    """Counts and how each training went, plain values."""


@dataclass(frozen=True)
class _Outcome:
    """One recipe's training and its answers."""

    recipe: Recipe
    answers: Answers
    trained: training.Trained


def tune(
    pairs: pd.DataFrame,
    splits: pd.DataFrame,
    turns: pd.DataFrame,
    segments: NDArray[np.int64],
    settings: Settings,
    plan: Plan,
    progress: Callable[[str], Progress] = lambda label: lambda done, total: None,
) -> Tuning:
    """Tune ``plan.base`` by each recipe, choose on dev, judge on the holdout, and install what is better.

    ``pairs`` needs ``examples.PAIR_COLUMNS``, ``turns`` ``examples.TURN_COLUMNS``; ``segments`` [turns] is each turn's
    segment. Raises ``EncoderError`` when the base cannot be tuned, ``SettingsError`` when there are too few pairs or the
    release needs the encoder that would be replaced.
    """
    card = get_card(plan.base, settings)
    slug = _target(card, settings, plan)
    folder = weights.locate(card, settings)
    weights.check(card, folder, settings)
    with installing.alone(settings):
        given = examples.gather(
            pairs, splits, turns, segments,
            most_train=numbers.LEARNED_PAIRS, most_asked=settings.evaluation_pairs, seed=plan.seed,
        )  # fmt: skip
        _check_enough(given)
        base = _plain(card.slug, settings)
        questions = judging.Questions(given, text_encoder(settings.pairing_encoder, settings).encode, seed=plan.seed)
        before = questions.ask(base)
        encoder = TunableEncoder(card, folder, device=plan.device, threads=settings.worker_threads)
        untouched = encoder.state()
        outcomes = []
        for recipe in plan.recipes:
            encoder.load_state(untouched)
            trained, belief = _learn(recipe, encoder, given, base, plan, progress(f"tuning {recipe}"))
            written = installing.candidate(encoder, slug, recipe, settings)
            outcomes.append(_Outcome(recipe, questions.ask(written.encode, belief), trained))
        best = max(outcomes, key=lambda outcome: outcome.trained.best_dev)
        compared = {o.recipe: questions.compare(o.recipe, before, o.answers) for o in outcomes}
        if (settings.encoder_cache / slug).is_dir():
            previous = questions.ask(_plain(slug, settings))
            row = judging.against_previous(questions, best.recipe, previous, best.answers)
            compared[best.recipe] = pd.concat([compared[best.recipe], row])
        verdict = judging.judge(compared[best.recipe])
        facts = _facts(given, outcomes, plan, encoder)
        if verdict.kept:
            about = {"slug": slug, "recipe": best.recipe, "made_at": f"{datetime.now(tz=UTC):%Y-%m-%dT%H:%M:%SZ}"}
            measured = compared[best.recipe].drop(columns="recipe").replace({np.nan: None}).to_dict("records")
            installing.install(slug, card, best.recipe, {**about, **facts, "measured": measured}, settings)
    table = pd.concat(compared.values(), ignore_index=True)
    table["base"] = card.slug
    table["kept"] = (table["recipe"] == best.recipe) & verdict.kept
    return Tuning(tables.TUNED_ENCODER.conform(table), best.recipe, verdict, slug, facts)


def _target(card: EncoderCard, settings: Settings, plan: Plan) -> str:
    """The slug of the result; raises where this base cannot be tuned or the result would be in the way."""
    if "sentence-transformers" not in card.backends:
        raise EncoderError(f"{card.slug} has no layers that could learn; choose another base.")
    if card.slug == installing.TUNED or (card.folder and (card.folder / installing.ABOUT).exists()):
        raise EncoderError(f"{card.slug} is tuned already; tune from the encoder that it was made from.")
    slug = installing.tuned_slug(card)
    if not plan.replace_served:
        installing.check_replaceable(slug, settings)
    return slug


def _plain(slug: str, settings: Settings) -> Embed:
    """The encoder ``slug`` in fp32 behind the vector store, whatever ``auto`` would choose."""
    backend = installing.plain_backend(get_card(slug, settings))
    store = open_store(slug, encoder_fingerprint(slug, backend, "fp32", settings=settings), settings)

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        found = store.embed(
            list(texts),
            lambda: load_encoder(slug, backend, "fp32", settings=settings),
            shard_texts=settings.shard_texts,
        )
        return found.vectors.astype(np.float32)

    return embed


def _check_enough(given: Examples) -> None:
    for side, fewest in (
        ("train", numbers.FEWEST_TRAIN),
        ("dev", numbers.FEWEST_DEV),
        ("holdout", numbers.FEWEST_HOLDOUT),
    ):
        if (there := len(getattr(given, side))) < fewest:
            raise SettingsError(
                f"There are {there} pairs of {side} to tune with, and {fewest} are needed; mine a longer history first."
            )


def _learn(
    recipe: Recipe, encoder: TunableEncoder, given: Examples, base: Embed, plan: Plan, progress: Progress
) -> tuple[training.Trained, Belief]:
    """Train ``encoder`` by ``recipe``; how it went, and what is then believed of a pair."""
    import torch

    torch.manual_seed(plan.seed)
    rng = np.random.default_rng(plan.seed)
    head = losses.quality_head(encoder.card.dimension).to(encoder.device) if recipe == "joint" else None
    if recipe == "conversations":
        loss_of = recipes.turns_together(encoder, given.talk, rng)
        rows, texts = recipes.Partners(given.talk.segment).rows, given.talk.texts
        if len(rows) < numbers.FEWEST_TRAIN:
            raise SettingsError(f"Only {len(rows)} turns share a segment with another; tune by another recipe.")
    else:
        hard = negatives.mine(given.train, base(list(given.train.triggers)), base(list(given.train.replies)))
        loss_of = recipes.ranked_pairs(encoder, given.train, hard, rng, head)
        rows, texts = np.arange(len(given.train)), given.train.replies
    steps = min(plan.steps, max(1, numbers.LONGEST_EPOCHS * len(rows) // numbers.BATCH))
    trained = training.train(
        encoder, recipes.batches(rows, texts, rng), loss_of, _dev_score(encoder, given.dev, plan.seed),
        steps=steps, seconds=60 * plan.minutes, head=head, progress=progress,
    )  # fmt: skip
    return trained, reply_similarity if head is None else _belief(head, encoder)


def _dev_score(encoder: TunableEncoder, dev: Exchanges, seed: int) -> Callable[[], float]:
    """MRR of 1-of-100 on at most ``DEV_PAIRS`` of dev."""
    rng = np.random.default_rng(seed)
    looked = dev.take(rng.permutation(len(dev))[: numbers.DEV_PAIRS])
    others = measures.other_replies(looked.reply_key, rng)

    def score() -> float:
        said = encoder.encode([*looked.triggers, *looked.replies])
        return float(np.nanmean(1 / measures.ranks(said[: len(looked)], said[len(looked) :], others)))

    return score


def _belief(head: Any, encoder: TunableEncoder) -> Belief:
    """How much the head believes in a pair."""

    def belief(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float64]:
        import torch

        with torch.inference_mode():
            sides = [torch.from_numpy(side).to(encoder.device) for side in (left, right)]
            said = head(losses.both_sides(*sides)).squeeze(1)
        return np.asarray(said.cpu().numpy(), np.float64)

    return belief


def _facts(given: Examples, outcomes: list[_Outcome], plan: Plan, encoder: TunableEncoder) -> dict[str, Any]:
    return {
        "plan": {**asdict(plan), "recipes": list(plan.recipes)},
        "device": str(encoder.device),
        "train_pairs": len(given.train),
        "dev_pairs": len(given.dev),
        "holdout_pairs": len(given.holdout),
        "newcomer_pairs": len(given.newcomers),
        "train_turns": len(given.talk.texts),
        "trainings": {
            o.recipe: {
                "steps": len(o.trained.losses),
                "best_step": o.trained.best_step,
                "stopped_by": o.trained.stopped_by,
                "seconds": round(o.trained.seconds, 1),
                "first_loss": round(o.trained.losses[0], 4),
                "last_loss": round(o.trained.losses[-1], 4),
                "dev_mrr": [[step, round(score, 4)] for step, score in o.trained.dev],
            }
            for o in outcomes
        },
    }
