"""The three jobs of a mining (the corpus, then one run for each encoder, then the release) and those of a tuning and of a comparison.

They are apart because a job that mixed partitioned and unpartitioned assets would recompute the corpus for every
encoder. A mining is tied together by its tag: the schedule, the sensors and `jarvis mine` all set it.
"""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from jarvis_resources.settings import Settings

MINING_TAG = "jarvis/mining"
"""Runs of one scheduled mining carry the same value; the sensor that starts the next job hands it on."""
TERMINAL_TAG = "jarvis/terminal"
"""Runs of one `jarvis mine` carry the same value. It is another tag, so that no sensor mines what the terminal mines."""

CORPUS = dg.AssetSelection.assets(
    "chat_db_snapshot",
    "messages",
    "people",
    "conversations",
    "contact_profiles",
    "turns",
    "turn_vectors",
    "gold_pairs",
    "semantic_pairs",
    "pairs",
    "pair_splits",
    "gold_pair_review",
    "suggestion_feedback",
)
ENCODED = dg.AssetSelection.assets(
    "pair_vectors",
    "trigger_index",
    "response_topics",
    "dialogue_act_model",
    "dialogue_acts",
    "reply_templates",
    "router_calibration",
    "holdout_evaluation",
)
RELEASED = dg.AssetSelection.assets("encoder_comparison", "serving_release")
TUNED = dg.AssetSelection.assets("tuned_encoder")

corpus_job = dg.define_asset_job(
    "corpus", CORPUS, description="chat.db to pairs and splits: what does not depend on the encoder."
)
encoder_job = dg.define_asset_job("encoder", ENCODED, description="Vectors to evaluation, for one encoder.")
release_job = dg.define_asset_job(
    "release", RELEASED, description="Publish one release from the mining and the serving encoder."
)
tuning_job = dg.define_asset_job(
    "tune", TUNED, description="Fine-tune an encoder on the pairs of the last mining; takes minutes, part of no mining."
)
comparison_job = dg.define_asset_job(
    "compare", dg.AssetSelection.assets("encoder_comparison"), description="Every way to run an encoder, side by side."
)

ALL = [corpus_job, encoder_job, release_job, tuning_job, comparison_job]


def release_config(settings: Settings, encoders: Sequence[str]) -> dict[str, Any]:
    """Run config of the release: the settings' encoders where they were mined, else the first that was."""
    return {
        "serving_release": {
            "config": {
                role: slug if slug in encoders else encoders[0]
                for role, slug in (
                    ("mining_encoder", settings.mining_encoder),
                    ("serving_encoder", settings.serving_encoder),
                )
            }
        }
    }
