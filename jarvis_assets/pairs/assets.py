"""messages → turns → pairs → splits: for each of my replies, the message it answers and how sure we are."""

from datetime import UTC, datetime
from functools import partial

import dagster as dg
import numpy as np
import pandas as pd

from jarvis_assets import kept, metadata, progress
from jarvis_assets.constants import MODEL_POOL, OWNERS
from jarvis_assets.evaluation import plots
from jarvis_assets.pairs import coherence, gold, keeping, reply_links, segments, splits
from jarvis_assets.pairs import turns as turn_building
from jarvis_assets.pairs.links import learning
from jarvis_assets.pairs.review import verdicts as reviews
from jarvis_assets.pairs.review.calibration import calibrate
from jarvis_assets.pairs.review.summary import COLUMNS, summarise
from jarvis_assets.vectors.embedding import embed_texts
from jarvis_resources import tables
from jarvis_resources.dagster_resources import JarvisSettings
from jarvis_resources.settings import Settings

GROUP = "pairs"
MESSAGES_IN = dg.AssetIn(metadata={"columns": list(turn_building.COLUMNS)})
"""What turns and pairs are made of; a million messages are held in memory twice while pairs are found."""


@dg.asset(
    group_name=GROUP,
    kinds={"parquet"},
    owners=OWNERS,
    code_version="2",
    io_manager_key="table_io",
    ins={"messages": MESSAGES_IN},
)
def turns(messages: pd.DataFrame, jarvis: JarvisSettings) -> dg.MaterializeResult[pd.DataFrame]:
    """Bursts of messages by one sender: one thing said."""
    settings = jarvis.load()
    built = turn_building.build_turns(messages, settings.turn_gap_seconds)
    return dg.MaterializeResult(value=built, metadata=metadata.of_table(tables.TURNS, built, settings))


@dg.asset(
    group_name=GROUP,
    kinds={"parquet"},
    owners=OWNERS,
    code_version="2",
    io_manager_key="table_io",
    ins={"messages": MESSAGES_IN},
)
def gold_pairs(
    context: dg.AssetExecutionContext,
    turns: pd.DataFrame,
    messages: pd.DataFrame,
    people: pd.DataFrame,
    turn_vectors: np.ndarray,
    jarvis: JarvisSettings,
) -> dg.MaterializeResult[pd.DataFrame]:
    """My inline replies, each with the message it answers: the latest in the thread by someone else, not the root."""
    settings = jarvis.load()
    found = gold.pair_threaded_turns(
        turns,
        messages,
        turn_vectors,
        segments.segment(turns, turn_vectors),
        context_messages=settings.context_messages,
        people=people,
    )
    reviewed = calibrate(found.pairs, _verdicts(context, settings), bounds=(gold.LEAST_SURE, gold.SUREST))
    pairs = found.pairs.assign(confidence=reviewed.confidence)
    return dg.MaterializeResult(
        value=pairs,
        metadata={
            **metadata.of_table(tables.GOLD_PAIRS, pairs, settings),
            **metadata.counts("drops", found.drops),
            "reviewed": reviewed.sentence,
        },
    )


@dg.asset(
    group_name=GROUP,
    kinds={"parquet"},
    owners=OWNERS,
    code_version="2",
    io_manager_key="table_io",
    pool=MODEL_POOL,
    ins={"messages": MESSAGES_IN},
)
def semantic_pairs(
    context: dg.AssetExecutionContext,
    turns: pd.DataFrame,
    messages: pd.DataFrame,
    people: pd.DataFrame,
    turn_vectors: np.ndarray,
    jarvis: JarvisSettings,
) -> dg.MaterializeResult[pd.DataFrame]:
    """My other replies, each with the message it most probably answers; below the threshold there is no pair."""
    settings = jarvis.load()
    numbers = segments.segment(turns, turn_vectors)
    inputs = reply_links.link_inputs(turns, turn_vectors, people)

    def embed(texts: list[str]) -> np.ndarray:
        shown = progress.tracker(context, "embedding public turns")
        return embed_texts(texts, settings.pairing_encoder, settings, shown).vectors

    learn = partial(learning.learned, settings, embed, say=context.log.info)
    model = reply_links.model_for(
        turns, messages, turn_vectors, inputs=inputs, keep=settings.home / kept.LINKS, learn=learn
    )
    # Measured before the pairs are made, which take memory of their own.
    report = reply_links.hide_and_predict(turns, messages, turn_vectors, model, inputs=inputs)
    found = reply_links.pair_unthreaded_turns(
        turns,
        messages,
        turn_vectors,
        numbers,
        model,
        context_messages=settings.context_messages,
        people=people,
        inputs=inputs,
    )
    reviewed = calibrate(found.pairs, _verdicts(context, settings))
    corrected = found.pairs.assign(confidence=reviewed.confidence)
    pairs = corrected[reply_links.is_sure_enough(corrected, model)].reset_index(drop=True)
    drops = {**found.drops, "below_link_threshold_after_review": len(corrected) - len(pairs)}
    return dg.MaterializeResult(
        value=pairs,
        metadata={
            **metadata.of_table(tables.SEMANTIC_PAIRS, pairs, settings),
            **metadata.counts("drops", {reason: count for reason, count in drops.items() if count}),
            "reviewed": reviewed.sentence,
            **report.as_metadata(),
            "confidence": metadata.picture(
                plots.score_distribution(pairs["confidence"].to_numpy(), "confidence"), "confidence of the links"
            ),
        },
    )


@dg.asset(
    group_name=GROUP,
    kinds={"parquet"},
    owners=OWNERS,
    code_version="2",
    io_manager_key="table_io",
    ins={"turns": dg.AssetIn(metadata={"columns": ["turn_id", "conversation_id", "is_from_me"]})},
)
def pairs(
    gold_pairs: pd.DataFrame,
    semantic_pairs: pd.DataFrame,
    people: pd.DataFrame,
    turns: pd.DataFrame,
    turn_vectors: np.ndarray,
    jarvis: JarvisSettings,
) -> dg.MaterializeResult[pd.DataFrame]:
    """Gold and semantic pairs, filtered and deduplicated; every dropped row is counted under a reason."""
    floors = coherence.learn(gold_pairs, semantic_pairs, turns, turn_vectors)
    kept = keeping.keep(gold_pairs, semantic_pairs, people, floors)
    return dg.MaterializeResult(
        value=kept.pairs,
        metadata={
            **metadata.of_table(tables.PAIRS, kept.pairs, jarvis.load()),
            **metadata.counts("drops", kept.drops),
            "filtered_share": kept.filtered_share,
            **floors.as_metadata(),
        },
    )


@dg.asset(
    group_name=GROUP,
    kinds={"parquet"},
    owners=OWNERS,
    code_version="2",
    io_manager_key="table_io",
    ins={"pairs": dg.AssetIn(metadata={"columns": list(splits.COLUMNS)})},
)
def pair_splits(pairs: pd.DataFrame, jarvis: JarvisSettings) -> dg.MaterializeResult[pd.DataFrame]:
    """Train, dev and holdout by three strategies; a pair never moves when the history grows."""
    settings = jarvis.load()
    assigned = splits.assign(pairs, cutoff=splits.frozen_cutoff(settings.home, pairs))
    sides = {
        f"{strategy}/{side}": int(count)
        for strategy in splits.STRATEGIES
        for side, count in assigned[strategy].value_counts().items()
    }
    return dg.MaterializeResult(
        value=assigned,
        metadata={
            **metadata.of_table(tables.PAIR_SPLITS, assigned, settings),
            **metadata.counts("sides", sides),
            **metadata.counts("set aside", assigned["set_aside_reason"].value_counts().to_dict()),
        },
    )


@dg.asset(
    group_name=GROUP,
    kinds={"parquet"},
    owners=OWNERS,
    code_version="2",
    io_manager_key="table_io",
    ins={"pairs": dg.AssetIn(metadata={"columns": COLUMNS})},
)
def gold_pair_review(
    context: dg.AssetExecutionContext, pairs: pd.DataFrame, jarvis: JarvisSettings
) -> dg.MaterializeResult[pd.DataFrame]:
    """What reviewers said of sampled pairs, as of the run's start; "not reviewed" until somebody has."""
    settings = jarvis.load()
    verdicts = _verdicts(context, settings)
    summary = summarise(verdicts, pairs).anonymous()
    return dg.MaterializeResult(
        value=verdicts,
        metadata={
            **metadata.of_table(tables.GOLD_PAIR_REVIEW, verdicts, settings),
            "state": summary.state,
            "gold": summary.gold.sentence,
            "quality": dg.MetadataValue.md(summary.quality_table()),
            "agreement": dg.MetadataValue.md(summary.agreement_table()),
            **metadata.counts("reasons", summary.reasons),
            "verdicts": summary.verdicts,
            "pairs gone": summary.gone,
            "summary": dg.MetadataValue.json(summary.to_json()),
            "intervals": metadata.picture(plots.shares(summary.intervals(), "share GOOD"), "quality by part"),
        },
    )


def _verdicts(context: dg.AssetExecutionContext, settings: Settings) -> pd.DataFrame:
    """The verdicts as of the run's start, so that all assets of a run see the same."""
    record = context.instance.get_run_record_by_id(context.run_id)
    started = record.start_time if record else None
    return reviews.read(settings.home, until=datetime.fromtimestamp(started, UTC) if started else None)
