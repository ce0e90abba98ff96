"""Pictures are small PNG files, with something on them where there is something to show."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from jarvis_assets.evaluation import measures, plots
from jarvis_resources import tables


def many_messages(count: int = 30_000) -> pd.DataFrame:
    draw = np.random.default_rng(0)
    when = pd.Timestamp("2019-01-01", tz="UTC") + pd.to_timedelta(draw.integers(0, 7 * 365 * 86_400, count), unit="s")
    return pd.DataFrame(
        {"kind": "normal", "sent_at": when.astype("datetime64[us, UTC]"), "is_from_me": draw.random(count) < 0.4}
    )


def many_topics(count: int = 60_000) -> pd.DataFrame:
    draw = np.random.default_rng(0)
    ids = draw.integers(-1, 200, count)
    return pd.DataFrame({
        "pair_id": [str(n) for n in range(count)], "cluster_id": ids, "cluster_conf": 1.0,
        "topic_name": np.where(ids < 0, None, "words · of · a topic"),
        "map_x": draw.normal(size=count), "map_y": draw.normal(size=count),
    })  # fmt: skip


PICTURES = {
    "volume": lambda: plots.message_volume(many_messages()),
    "volume of a short history": lambda: plots.message_volume(many_messages().head(1)),
    "topics": lambda: plots.topic_map(many_topics()),
    "named topics": lambda: plots.topic_map(many_topics(), show_names=True),
    "scores": lambda: plots.score_distribution(np.random.default_rng(0).random(5_000), "score", threshold=0.4),
    "reliability": lambda: plots.reliability(
        measures.reliability(np.linspace(0, 1, 300), np.linspace(0, 1, 300) > 0.5)
    ),
}
EMPTY = {
    "volume": lambda: plots.message_volume(tables.MESSAGES.empty()),
    "topics": lambda: plots.topic_map(tables.RESPONSE_TOPICS.empty()),
    "scores": lambda: plots.score_distribution([np.nan], "score"),
    "reliability": lambda: plots.reliability([]),
    "intervals": lambda: plots.intervals(tables.HOLDOUT_EVALUATION.empty(), "rouge_3x", ["BM25"]),
}


def colours(png: bytes) -> int:
    return len(Image.open(io.BytesIO(png)).convert("RGB").getcolors(100_000))


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_fits_the_event_log(name: str):
    png = PICTURES[name]()
    assert png.startswith(b"\x89PNG")
    assert len(png) <= plots.LARGEST_PNG
    assert colours(png) > 8


@pytest.mark.parametrize("name", EMPTY)
def test_nothing_to_show_is_a_picture_that_says_so(name: str):
    png = EMPTY[name]()
    assert png.startswith(b"\x89PNG")
    assert len(png) < 10_000


def test_only_normal_messages_count_towards_the_volume():
    messages = many_messages(200)
    with_tapbacks = pd.concat([messages, messages.assign(kind="tapback")], ignore_index=True)
    assert plots.message_volume(with_tapbacks) == plots.message_volume(messages)


def test_topic_words_are_on_the_map_only_where_asked():
    topics = many_topics(2_000)
    renamed = topics.assign(topic_name=topics["topic_name"].where(topics["cluster_id"] < 0, "secret plan"))
    assert plots.topic_map(topics) == plots.topic_map(renamed)
    assert plots.topic_map(topics, show_names=True) != plots.topic_map(renamed, show_names=True)
