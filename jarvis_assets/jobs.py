"""The three jobs of a mining: the corpus, then one run for each encoder, then the release.

They are apart because a job that mixed partitioned and unpartitioned assets would recompute the corpus for every
encoder. A mining is tied together by its tag: the schedule, the sensors and `jarvis mine` all set it.
"""

import dagster as dg

MINING_TAG = "jarvis/mining"
"""Runs of one mining carry the same value; the sensor that starts the next job hands it on."""

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

corpus_job = dg.define_asset_job(
    "corpus", CORPUS, description="chat.db to pairs and splits: what does not depend on the encoder."
)
encoder_job = dg.define_asset_job("encoder", ENCODED, description="Vectors to evaluation, for one encoder.")
release_job = dg.define_asset_job(
    "release", RELEASED, description="Publish one release from the mining and the serving encoder."
)

ALL = [corpus_job, encoder_job, release_job]
