"""What is learned on dev, and what it is worth on the holdout: calibration, evaluation, report."""

from datetime import UTC, datetime
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd

from jarvis_assets import metadata
from jarvis_assets.constants import MODEL_POOL, OWNERS
from jarvis_assets.evaluation import baselines, calibration, contestants, holdout, plots, report
from jarvis_assets.evaluation.gate import gate
from jarvis_assets.pairs.review.summary import summarise
from jarvis_assets.partitions import ENCODERS
from jarvis_assets.release.contents import assemble_bank
from jarvis_assets.vectors.embedding import text_encoder
from jarvis_resources import tables
from jarvis_resources.dagster_resources import JarvisSettings
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
    bank = assemble_bank(
        pairs,
        pair_vectors,
        trigger_index,
        dialogue_acts,
        response_topics,
        dialogue_act_model,
        people,
        contact_profiles,
        jarvis.load(),
    )
    sides = holdout.divide(pairs, pair_splits)
    fitted = calibration.fit(bank, sides.train, sides.dev)
    return dg.MaterializeResult(
        value=fitted.to_json(),
        metadata={
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
    encoder = text_encoder(context.partition_key, settings)
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
    fitted = Calibration.from_json(router_calibration)
    sides = holdout.divide(pairs, pair_splits, limit=settings.evaluation_pairs)
    asked = pairs.iloc[sides.holdout]
    previous = contestants.previous_release_answers(
        settings.releases, encoder.fingerprint, pairs, sides, pair_vectors[sides.holdout, 0].astype(np.float32)
    )
    answers = contestants.all_answers(pairs, sides, bank, fitted, previous)
    trigger_scores = answers[baselines.NEAREST_TRIGGER].scores
    evaluation = holdout.evaluate(
        pairs,
        pair_splits,
        answers,
        text_encoder(settings.pairing_encoder, settings).encode,
        limit=settings.evaluation_pairs,
        trigger_scores=trigger_scores,
    )
    review = summarise(gold_pair_review, pairs)
    verdict = gate(evaluation, review.gold)
    written = report.write(
        settings.reports / f"{context.partition_key}.html",
        report.ReportContents(
            made_at=datetime.now(tz=UTC),
            show_text=settings.show_text,
            command="jarvis mine",
            source=_latest(context, "chat_db_snapshot").get("source"),
            encoder=context.partition_key,
            reference_encoder=settings.pairing_encoder,
            run_id=context.run_id,
            row_counts=_row_counts(context),
            drops={
                name: metadata.counted(_latest(context, name), "drops")
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
            links=_links(_latest(context, "semantic_pairs")),
            understanding=_understanding(context),
            examples=_examples(asked, answers) if settings.show_text else (),
        ),
    )
    return dg.MaterializeResult(
        value=evaluation,
        metadata={
            **metadata.of_table(tables.HOLDOUT_EVALUATION, evaluation, settings, partitioned=True),
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


def _latest(context: dg.AssetExecutionContext, asset: str, partition: str | None = None) -> dict[str, Any]:
    """Plain metadata of the latest materialisation of ``asset``, of one partition if named; empty: there is none."""
    records = context.instance.fetch_materializations(
        dg.AssetRecordsFilter(dg.AssetKey(asset), asset_partitions=[partition] if partition else None), limit=1
    ).records
    if not records or (event := records[0].event_log_entry).asset_materialization is None:
        return {}
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


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
    found = {name: _latest(context, name).get("dagster/row_count") for name in names}
    return {name: count for name, count in found.items() if count is not None}


def _understanding(context: dg.AssetExecutionContext) -> pd.DataFrame | None:
    """What this partition's act model measured of itself, a row each."""
    measured = _latest(context, "dialogue_act_model", context.partition_key).get("measures")
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
