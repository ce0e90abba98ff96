"""What is learned on dev, and what it is worth on the holdout: calibration, evaluation, report."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import dagster as dg
import numpy as np
import pandas as pd

from jarvis_assets import metadata, standing
from jarvis_assets.constants import MODEL_POOL, OWNERS
from jarvis_assets.evaluation import baselines, calibration, contestants, holdout, plots, report
from jarvis_assets.evaluation.gate import gate
from jarvis_assets.pairs.review.summary import summarise
from jarvis_assets.partitions import ENCODERS
from jarvis_assets.release.contents import assemble_bank
from jarvis_assets.vectors.embedding import text_encoder
from jarvis_resources import tables
from jarvis_resources.dagster_resources import JarvisSettings
from jarvis_resources.encoders import encoder_fingerprint
from jarvis_resources.settings import Settings
from jarvis_resources.vector_index import VectorIndex
from jarvis_serving import feedback
from jarvis_serving.calibration import Calibration

GROUP = "evaluation"
WITHOUT_CONTEXT = [name for name in tables.PAIRS.columns if name not in ("context", "context_text")]
"""What evaluation and release read of the pairs; the contexts hold most of the bytes."""
PAIRS_IN = dg.AssetIn(metadata={"columns": WITHOUT_CONTEXT})


@dg.asset(
    group_name=GROUP,
    kinds={"json"},
    owners=OWNERS,
    code_version="1",
    io_manager_key="json_io",
    partitions_def=ENCODERS,
    ins={"pairs": PAIRS_IN},
)
def router_calibration(
    context: dg.AssetExecutionContext,
    pairs: pd.DataFrame,
    pair_vectors: np.ndarray,
    trigger_index: VectorIndex,
    dialogue_acts: pd.DataFrame,
    dialogue_act_model: dict[str, Any],
    response_topics: pd.DataFrame,
    people: pd.DataFrame,
    contact_profiles: pd.DataFrame,
    pair_splits: pd.DataFrame,
    jarvis: JarvisSettings,
) -> dg.MaterializeResult[dict[str, Any]]:
    """The ranker, the calibration curve and the two bars, all chosen on dev."""
    settings = jarvis.load()

    def fit() -> Calibration:
        bank = assemble_bank(
            pairs,
            pair_vectors,
            trigger_index,
            dialogue_acts,
            response_topics,
            dialogue_act_model,
            people,
            contact_profiles,
            settings,
        )
        sides = holdout.divide(pairs, pair_splits)
        return calibration.fit(bank, sides.train, sides.dev)

    found = standing.once(
        settings,
        f"calibration-{context.partition_key}",
        standing.key_of_all_code(_fingerprint(context, settings), settings.min_people, dialogue_act_model),
        _numbers(pairs, pair_splits),
        fit,
        pack=lambda fitted: (fitted.to_json(), {}),
        unpack=lambda facts, _: Calibration.from_json(facts),
    )
    fitted = found.value
    return dg.MaterializeResult(
        value=fitted.to_json(),
        metadata={
            **found.as_metadata(),
            "dev_pairs": fitted.dev_pairs,
            "template_bar": fitted.template_bar,
            "generate_bar": fitted.generate_bar,
            **{f"dev/{name}": float(value) for name, value in fitted.measured.items()},
            "reliability": metadata.picture(plots.reliability(fitted.reliability), "reliability on dev, cross-fitted"),
        },
    )


@dg.asset(
    group_name=GROUP,
    kinds={"parquet"},
    owners=OWNERS,
    code_version="1",
    io_manager_key="table_io",
    partitions_def=ENCODERS,
    pool=MODEL_POOL,
    ins={
        "pairs": PAIRS_IN,
        "messages": dg.AssetIn(metadata={"columns": ["kind", "sent_at", "is_from_me"]}),
    },
)
def holdout_evaluation(
    context: dg.AssetExecutionContext,
    pairs: pd.DataFrame,
    pair_vectors: np.ndarray,
    trigger_index: VectorIndex,
    dialogue_acts: pd.DataFrame,
    dialogue_act_model: dict[str, Any],
    response_topics: pd.DataFrame,
    people: pd.DataFrame,
    contact_profiles: pd.DataFrame,
    pair_splits: pd.DataFrame,
    gold_pair_review: pd.DataFrame,
    router_calibration: dict[str, Any],
    messages: pd.DataFrame,
    jarvis: JarvisSettings,
) -> dg.MaterializeResult[pd.DataFrame]:
    """Retrieval beside every baseline on messages that nothing was learned from, with intervals; and the report."""
    settings = jarvis.load()
    reference = text_encoder(settings.pairing_encoder, settings)
    fingerprint = _fingerprint(context, settings)
    fitted = Calibration.from_json(router_calibration)
    sides = holdout.divide(pairs, pair_splits, limit=settings.evaluation_pairs)
    answers: dict[str, baselines.Answers] = {}

    def measure() -> Measured:
        bank = assemble_bank(
            pairs,
            pair_vectors,
            trigger_index,
            dialogue_acts,
            response_topics,
            dialogue_act_model,
            people,
            contact_profiles,
            settings,
        )
        previous = contestants.previous_release_answers(
            settings.releases, fingerprint, pairs, sides, pair_vectors[sides.holdout, 0].astype(np.float32)
        )
        answers.update(contestants.all_answers(pairs, sides, bank, fitted, previous))
        trigger_scores = np.asarray(answers[baselines.NEAREST_TRIGGER].scores, np.float64)
        evaluation = holdout.evaluate(
            pairs,
            pair_splits,
            answers,
            reference.encode,
            limit=settings.evaluation_pairs,
            trigger_scores=trigger_scores,
        )
        return Measured(evaluation, trigger_scores)

    found = standing.once(
        # Whoever wants to see text sees answers to messages, and those have to be given.
        replace(settings, renew_at=0.0) if settings.show_text else settings,
        f"evaluation-{context.partition_key}",
        standing.key_of_all_code(
            fingerprint,
            reference.fingerprint,
            settings.min_people,
            settings.evaluation_pairs,
            dialogue_act_model,
            router_calibration,
        ),
        _numbers(pairs, pair_splits),
        measure,
        pack=Measured.pack,
        unpack=Measured.unpack,
    )
    evaluation, trigger_scores = found.value.evaluation, found.value.trigger_scores
    review = summarise(gold_pair_review, pairs)
    verdict = gate(evaluation, review.gold)
    written = report.write(
        settings.reports / f"{context.partition_key}.html",
        report.ReportContents(
            made_at=found.made_at,
            stands=found.sentence,
            show_text=settings.show_text,
            command="jarvis mine",
            source=metadata.latest(context.instance, "chat_db_snapshot").get("source"),
            encoder=context.partition_key,
            reference_encoder=settings.pairing_encoder,
            run_id=context.run_id,
            row_counts=_row_counts(context),
            drops={
                name: metadata.counted(metadata.latest(context.instance, name), "drops")
                for name in ("gold_pairs", "semantic_pairs", "pairs")
            },
            messages=messages,
            pairs=pairs,
            splits=pair_splits,
            topics=response_topics,
            evaluation=evaluation,
            gate=verdict,
            trigger_scores=trigger_scores,
            reliability=fitted.reliability,
            bars={"template": fitted.template_bar, "generate": fitted.generate_bar},
            review=review.anonymous(),
            links=_links(metadata.latest(context.instance, "semantic_pairs")),
            understanding=_understanding(context),
            examples=_examples(pairs.iloc[sides.holdout], answers) if settings.show_text else (),
        ),
    )
    return dg.MaterializeResult(
        value=evaluation,
        metadata={
            **metadata.of_table(tables.HOLDOUT_EVALUATION, evaluation, settings, partitioned=True),
            **found.as_metadata(),
            **_headline(evaluation),
            "verdict": verdict.verdict,
            "reasons": "; ".join(verdict.reasons) or "none",
            "report": dg.MetadataValue.path(written),
            "scores": metadata.picture(
                plots.score_distribution(np.asarray(trigger_scores, np.float64), "cosine of the nearest trigger"),
                "score distribution",
            ),
        },
    )


@dataclass(frozen=True)
class Measured:
    """What an evaluation found."""

    evaluation: pd.DataFrame
    """Table HOLDOUT_EVALUATION."""
    trigger_scores: np.ndarray
    """Cosine of each message with the nearest trigger of the history: float64 [messages]."""

    def pack(self) -> standing.Packed:
        """For ``standing``."""
        return {"rows": self.evaluation.to_dict("list")}, {"trigger_scores": self.trigger_scores}

    @classmethod
    def unpack(cls, facts: dict[str, Any], arrays: Mapping[str, np.ndarray]) -> Self:
        """What ``pack`` gave; raises ``ValueError`` when it failed the gate: the next mining may do better."""
        evaluation = tables.HOLDOUT_EVALUATION.conform(pd.DataFrame(facts["rows"]))
        if gate(evaluation).verdict == "fail":
            raise ValueError("failed")
        return cls(evaluation, arrays["trigger_scores"])


def _numbers(pairs: pd.DataFrame, splits: pd.DataFrame) -> np.ndarray:
    """What a pair is to calibration and evaluation: its texts, whose it is, and on which side."""
    sides = splits[["pair_id", "split_pair"]]
    return standing.row_numbers(pairs[["pair_id", "person_id"]].merge(sides, on="pair_id", how="left", sort=False))


def _fingerprint(context: dg.AssetExecutionContext, settings: Settings) -> str:
    """Of the partition's encoder."""
    return encoder_fingerprint(context.partition_key, settings=settings)


def _links(values: dict[str, Any]) -> dict[str, float | int | None]:
    """What the reply-link model scored on hidden threads, by name."""
    return {
        name.removeprefix("links_").replace("_", " "): value
        for name, value in values.items()
        if name.startswith("links_")
    }


def _row_counts(context: dg.AssetExecutionContext) -> dict[str, int]:
    """Rows of the corpus tables as last made."""
    names = ("messages", "people", "conversations", "turns", "gold_pairs", "semantic_pairs", "pairs")
    found = {name: metadata.latest(context.instance, name).get("dagster/row_count") for name in names}
    return {name: count for name, count in found.items() if count is not None}


def _understanding(context: dg.AssetExecutionContext) -> pd.DataFrame | None:
    """What this partition's act model measured of itself, a row each."""
    measured = metadata.latest(context.instance, "dialogue_act_model", context.partition_key).get("measures")
    return pd.DataFrame(measured) if measured else None


def _headline(evaluation: pd.DataFrame) -> dict[str, float]:
    """Retrieval's figures, one number each."""
    own = evaluation[evaluation["system"] == baselines.RETRIEVAL].dropna(subset=["value"])
    return {f"retrieval/{row.measure}": float(row.value) for row in own.itertuples()}


def _examples(asked: pd.DataFrame, answers: dict[str, baselines.Answers], count: int = 12) -> list[report.Example]:
    """Evenly spaced holdout messages with what each system offered; only for an owner who turned text on."""
    rows = np.unique(np.linspace(0, max(len(asked) - 1, 0), min(count, len(asked))).astype(int))
    return [
        report.Example(
            message=asked["trigger_text"].iloc[row],
            real=asked["response_text"].iloc[row],
            offered={name: given.options[row] for name, given in answers.items()},
        )
        for row in rows
    ]


@dg.asset(group_name=GROUP, kinds={"parquet"}, owners=OWNERS, code_version="1", io_manager_key="table_io")
def suggestion_feedback(jarvis: JarvisSettings) -> dg.MaterializeResult[pd.DataFrame]:
    """What the owner did with suggestions so far, as of the run's start."""
    settings = jarvis.load()
    given = feedback.read(settings.home)
    return dg.MaterializeResult(value=given, metadata=metadata.of_table(tables.SUGGESTION_FEEDBACK, given, settings))
