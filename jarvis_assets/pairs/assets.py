"""messages → turns → pairs → splits: for each of my replies, the message it answers and how sure we are."""

import dagster as dg
import numpy as np
import pandas as pd

from jarvis_assets import metadata
from jarvis_assets.constants import OWNERS
from jarvis_assets.evaluation import plots
from jarvis_assets.pairs import dedupe, filters, gold, reply_links, reviews, segments, splits
from jarvis_assets.pairs import turns as turn_building
from jarvis_resources import tables
from jarvis_resources.dagster_resources import JarvisSettings

GROUP = "pairs"


@dg.asset(group_name=GROUP, kinds={"parquet"}, owners=OWNERS, code_version="1", io_manager_key="table_io")
def turns(messages: pd.DataFrame, jarvis: JarvisSettings) -> dg.MaterializeResult[pd.DataFrame]:
    """Bursts of messages by one sender: one thing said."""
    settings = jarvis.load()
    built = turn_building.build_turns(messages, settings.turn_gap_seconds)
    return dg.MaterializeResult(value=built, metadata=metadata.of_table(tables.TURNS, built, settings))


@dg.asset(group_name=GROUP, kinds={"parquet"}, owners=OWNERS, code_version="1", io_manager_key="table_io")
def gold_pairs(
    turns: pd.DataFrame, messages: pd.DataFrame, people: pd.DataFrame, turn_vectors: np.ndarray, jarvis: JarvisSettings
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
    return dg.MaterializeResult(
        value=found.pairs,
        metadata={
            **metadata.of_table(tables.GOLD_PAIRS, found.pairs, settings),
            **metadata.counts("drops", found.drops),
        },
    )


@dg.asset(group_name=GROUP, kinds={"parquet"}, owners=OWNERS, code_version="1", io_manager_key="table_io")
def semantic_pairs(
    turns: pd.DataFrame, messages: pd.DataFrame, people: pd.DataFrame, turn_vectors: np.ndarray, jarvis: JarvisSettings
) -> dg.MaterializeResult[pd.DataFrame]:
    """My other replies, each with the message it most probably answers; below the threshold there is no pair."""
    settings = jarvis.load()
    numbers = segments.segment(turns, turn_vectors)
    inputs = reply_links.link_inputs(turns, turn_vectors, numbers, people)
    model = reply_links.model_for(turns, messages, turn_vectors, numbers, inputs=inputs)
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
    report = reply_links.hide_and_predict(turns, messages, turn_vectors, numbers, model, inputs=inputs)
    return dg.MaterializeResult(
        value=found.pairs,
        metadata={
            **metadata.of_table(tables.SEMANTIC_PAIRS, found.pairs, settings),
            **metadata.counts("drops", found.drops),
            **report.as_metadata(),
            "confidence": metadata.picture(
                plots.score_distribution(found.pairs["confidence"].to_numpy(), "confidence"), "confidence of the links"
            ),
        },
    )


@dg.asset(group_name=GROUP, kinds={"parquet"}, owners=OWNERS, code_version="1", io_manager_key="table_io")
def pairs(
    gold_pairs: pd.DataFrame, semantic_pairs: pd.DataFrame, people: pd.DataFrame, jarvis: JarvisSettings
) -> dg.MaterializeResult[pd.DataFrame]:
    """Gold and semantic pairs, filtered and deduplicated; every dropped row is counted under a reason."""
    merged = dedupe.merge(gold_pairs, semantic_pairs)
    kept = filters.filter_pairs(merged.pairs, people)
    found = len(gold_pairs) + len(semantic_pairs)
    drops = {**merged.drops, **kept.drops}
    return dg.MaterializeResult(
        value=kept.pairs,
        metadata={
            **metadata.of_table(tables.PAIRS, kept.pairs, jarvis.load()),
            **metadata.counts("drops", drops),
            "dropped_share": sum(drops.values()) / found if found else 0.0,
        },
    )


@dg.asset(group_name=GROUP, kinds={"parquet"}, owners=OWNERS, code_version="1", io_manager_key="table_io")
def pair_splits(pairs: pd.DataFrame, jarvis: JarvisSettings) -> dg.MaterializeResult[pd.DataFrame]:
    """Train, dev and holdout by three strategies; a pair never moves when the history grows."""
    settings = jarvis.load()
    assigned = splits.assign(pairs, cutoff=splits.frozen_cutoff(settings.home, pairs))
    sides = {
        f"{strategy}/{side}": int(count)
        for strategy in ("split_pair", "split_contact", "split_time")
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


@dg.asset(group_name=GROUP, kinds={"parquet"}, owners=OWNERS, code_version="1", io_manager_key="table_io", deps=[pairs])
def gold_pair_review(jarvis: JarvisSettings) -> dg.MaterializeResult[pd.DataFrame]:
    """What reviewers said of sampled pairs, as of the run's start; "not reviewed" until somebody has."""
    settings = jarvis.load()
    verdicts = reviews.read(settings.home)
    return dg.MaterializeResult(
        value=verdicts,
        metadata={
            **metadata.of_table(tables.GOLD_PAIR_REVIEW, verdicts, settings),
            "state": reviews.summary(verdicts),
        },
    )
