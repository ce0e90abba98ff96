"""By what the graph is partitioned: the encoder. A reviewed, static list: the registry's."""

import warnings

import dagster as dg

from jarvis_resources.encoders.registry import CARDS

# Checks of one partition are a preview in Dagster 1.13, which the lock pins; the owner need not hear of it each time.
warnings.filterwarnings("ignore", message="Specifying a partitions_def on an AssetCheckSpec")

ENCODERS = dg.StaticPartitionsDefinition(sorted(CARDS))
"""One partition for each encoder in the registry; asking for one whose weights are missing fails with the way to get
them."""
