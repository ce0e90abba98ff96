"""What an encoder costs here: seconds to load, milliseconds for one text, texts per second.

Measured on texts of the owner's own history. Quality beside the speed comes from the holdout evaluation; comparing
backends and drawing the Pareto front come with a later issue.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from jarvis_resources.encoders import load_encoder

if TYPE_CHECKING:
    from jarvis_resources.settings import Settings

BATCH_TEXTS = 512
"""Texts of the batch measurement: seconds of work for the slowest encoder, enough batches for the fastest."""
SINGLE_TEXTS = 30
"""Texts encoded one by one; the median of so few is stable to a few percent."""


@dataclass(frozen=True)
class Cost:
    """What one encoder costs on this machine."""

    dimension: int
    load_seconds: float
    single_text_ms: float
    texts_per_second: float


def measure(slug: str, texts: Sequence[str], settings: Settings) -> Cost:
    """Load the encoder ``slug`` and time it on ``texts``; raises ``EncoderError`` when its weights are not there."""
    started = time.perf_counter()
    encoder = load_encoder(slug, settings=settings)
    encoder.encode(["warm up"])
    loaded = time.perf_counter() - started
    sample = list(texts[:BATCH_TEXTS]) or ["an empty history has no texts of its own"]
    singles = []
    for text in sample[:SINGLE_TEXTS]:
        started = time.perf_counter()
        encoder.encode([text])
        singles.append(time.perf_counter() - started)
    started = time.perf_counter()
    encoder.encode(sample)
    return Cost(encoder.dimension, loaded, 1000 * median(singles), len(sample) / (time.perf_counter() - started))
