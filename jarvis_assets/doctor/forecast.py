"""What a mining of this volume should give and cost: pairs, texts, minutes, memory, disk. All of it is an estimate.

The rates are those of the two histories mined so far, the public conversations and the synthetic sample, as
`python -m benchmarks.volume` prints them: where the two differ, so does the estimate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jarvis_assets.doctor.encoders import EncoderCost
from jarvis_assets.doctor.volume import Volume
from jarvis_assets.pairs.splits import DEV_SHARE, HOLDOUT_SHARE

Range = tuple[float, float]
"""Least and most."""

GOLD_PER_CANDIDATE: Range = (0.98, 0.99)
"""Gold pairs for each inline reply that answers someone else; bursts and lost messages are the rest."""
SEMANTIC_PER_REPLY_DIRECT: Range = (0.74, 0.74)
"""Semantic pairs for each message of mine without inline reply, in direct conversations."""
SEMANTIC_PER_REPLY_GROUPS: Range = (0.16, 0.38)
"""The same in groups, where many messages answer nobody."""
TEXTS_PER_MESSAGE: Range = (0.64, 0.87)
"""Distinct turns for each message; long histories repeat themselves more."""
TEXTS_PER_PAIR = 2.0
"""Texts of a pair that an encoder other than the pairing encoder embeds: its trigger and its response."""

FIXED_SECONDS = 12.0
"""Starting, and publishing a release."""
CORPUS_SECONDS_PER_THOUSAND_MESSAGES = 0.15
"""Reading, turns, links, pairs and splits, without encoding."""
ENCODER_FIXED_SECONDS = 14.0
ENCODER_SECONDS_PER_THOUSAND_PAIRS = 2.9
"""Each encoder's topics, acts, templates, calibration and evaluation: 14 s with 547 pairs, 55 s with 15,063."""
DISTIL_SECONDS = 15.0
"""Making a static encoder from its model, once."""

MEMORY_BASE_GB = 1.6
"""Peak of a first mining, libraries and models included: 1.63 GB with 48,000 messages."""
MEMORY_GB_PER_MILLION = 1.5
"""What grows with the messages: the bound that the pipeline was designed to, not a measurement."""
DISK_BYTES_PER_MESSAGE = 7_000
"""Assets, vectors and three releases for two encoders: 6.6 kB with the public conversations, 5.5 kB with the sample."""
DISK_COPIES = 2.2
"""Snapshots: the new one beside the old, and a tenth for the reading that is kept."""


@dataclass(frozen=True)
class Forecast:
    """What to expect of a first mining with one encoder."""

    gold_pairs: Range
    semantic_pairs: Range
    texts: Range
    """Distinct turns to embed with the pairing encoder."""
    memory_gb: float
    disk_gb: float

    @property
    def pairs(self) -> Range:
        """Gold and semantic pairs together."""
        return self.gold_pairs[0] + self.semantic_pairs[0], self.gold_pairs[1] + self.semantic_pairs[1]

    @property
    def holdout_pairs(self) -> float:
        """Pairs that are asked in the evaluation, at least."""
        return HOLDOUT_SHARE * self.pairs[0]

    @property
    def dev_pairs(self) -> float:
        """Pairs that thresholds and the ranker are fitted on, at least."""
        return (1 - HOLDOUT_SHARE) * DEV_SHARE * self.pairs[0]


def forecast(volume: Volume) -> Forecast:
    """What to expect of ``volume``."""
    direct, groups = volume.my_unthreaded_direct, volume.my_unthreaded_groups
    least, most = (direct * SEMANTIC_PER_REPLY_DIRECT[end] + groups * SEMANTIC_PER_REPLY_GROUPS[end] for end in (0, 1))
    return Forecast(
        gold_pairs=_times(volume.gold_candidates, GOLD_PER_CANDIDATE),
        semantic_pairs=(round(least), round(most)),
        texts=_times(volume.messages, TEXTS_PER_MESSAGE),
        memory_gb=round(MEMORY_BASE_GB + MEMORY_GB_PER_MILLION * volume.rows / 1e6, 2),
        disk_gb=round((DISK_BYTES_PER_MESSAGE * volume.rows + DISK_COPIES * volume.bytes) / 1e9, 2),
    )


@dataclass(frozen=True)
class Seconds:
    """How long a first mining should take, at most."""

    encoding: float
    rest: float

    @property
    def total(self) -> float:
        """Both."""
        return self.encoding + self.rest


def mining_seconds(
    volume: Volume, expected: Forecast, encoders: Sequence[EncoderCost], pairing: EncoderCost
) -> Seconds:
    """Seconds of a first mining with ``encoders``; ``pairing`` embeds every turn, whichever they are."""
    pairs, texts = expected.pairs[1], expected.texts[1]
    encoding = texts / pairing.texts_per_second
    rest = FIXED_SECONDS + CORPUS_SECONDS_PER_THOUSAND_MESSAGES * volume.rows / 1000
    for encoder in encoders:  # a few, each with assets of its own
        rest += ENCODER_FIXED_SECONDS + ENCODER_SECONDS_PER_THOUSAND_PAIRS * pairs / 1000
        if encoder.slug != pairing.slug:
            encoding += TEXTS_PER_PAIR * pairs / encoder.texts_per_second
            rest += 0 if encoder.size else DISTIL_SECONDS
    return Seconds(round(encoding, 1), round(rest, 1))


def _times(count: int, rates: Range) -> Range:
    return round(count * rates[0]), round(count * rates[1])
