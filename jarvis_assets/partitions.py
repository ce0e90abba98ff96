"""By what the graph is partitioned: the encoder. A static list: the registry's, and the owner's rows as they were when
this was loaded; a code location that is running learns of a new row when it is reloaded."""

import warnings

import dagster as dg

from jarvis_resources.encoders.registry import cards
from jarvis_resources.settings import load_settings

# Checks of one partition are a preview in Dagster 1.13, which the lock pins; the owner need not hear of it each time.
warnings.filterwarnings("ignore", message="Specifying a partitions_def on an AssetCheckSpec")

ENCODERS = dg.StaticPartitionsDefinition(sorted(cards(load_settings())))
"""One partition for each encoder in the registry; asking for one whose weights are missing fails with the way to get
them."""
