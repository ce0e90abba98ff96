"""By what the graph is partitioned: the encoder. A reviewed, static list: the registry's."""

import dagster as dg

from jarvis_resources.encoders.registry import CARDS

ENCODERS = dg.StaticPartitionsDefinition(sorted(CARDS))
"""One partition for each encoder in the registry; asking for one whose weights are missing fails with the way to get
them."""
