"""What each encoder of the registry would cost here, and which one suits the volume.

Speeds are measured on this machine where that takes about a second, in a process of its own: the memory of a model goes with
it, and the peak is known. Other speeds are guessed from the layers and the width of a network, beside the default's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jarvis_resources.encoders import CARDS, EncoderCard, cards, encoder_pins, require_weights, timing
from jarvis_resources.errors import EncoderError, JarvisError
from jarvis_resources.settings import Settings

DEFAULT = "all-minilm-l6-v2"
"""The encoder that other speeds are guessed from: its weights come with the installation."""
DEFAULT_TEXTS_PER_SECOND = 440.0
"""Where the default cannot be measured: 39,604 turns in 90 s on 2 cores (docs/measured.md)."""
STATIC_TEXTS_PER_SECOND = 20_000.0
"""Static encoders, which only look vectors up; half of what was measured on 2 cores."""
TORCH_SHARE = 0.5
"""Speed under sentence-transformers beside ONNX Runtime: 120-200 against 250-390 texts/s on 2 CPU cores."""
_SECONDS = 0.5
"""Time for each encoder beyond what loading it takes; at the very first time choosing its backend takes five more."""


@dataclass(frozen=True)
class EncoderCost:
    """One encoder: whether it can run here, how fast, and how that is known."""

    slug: str
    here: bool
    texts_per_second: float
    measured: bool
    """Whether the speed was measured here and now; else it is guessed."""
    size: int
    """Layers times the square of the width: what a text costs, and a rough sign of quality. 0: static."""
    memory_mb: float | None = None
    """Peak of a process that loads it and encodes; null when not measured."""


def costs(settings: Settings) -> list[EncoderCost]:
    """Every encoder of the registry, in its order."""
    known = cards(settings)
    here = {slug for slug in known if _why_missing(slug, settings) is None}
    measured = {slug: found for slug in known if slug in here and (found := _measured(known[slug], settings))}
    standard = measured.get(DEFAULT, (DEFAULT_TEXTS_PER_SECOND, None))[0]
    return [
        EncoderCost(
            slug=slug,
            here=slug in here,
            texts_per_second=round(measured[slug][0] if slug in measured else _guessed(card, standard), 1),
            measured=slug in measured,
            size=_size(card),
            memory_mb=measured[slug][1] if slug in measured else None,
        )
        for slug, card in known.items()
    ]


def recommended(
    candidates: Sequence[EncoderCost], seconds: dict[str, float], budget_seconds: float
) -> EncoderCost | None:
    """The largest encoder here whose mining takes at most the budget, else the quickest one; null when none is here.

    ``seconds``: how long a whole mining with each would take, by slug. Of equally large ones the first wins.
    """
    here = [cost for cost in candidates if cost.here]
    fitting = [cost for cost in here if seconds[cost.slug] <= budget_seconds]
    if fitting:
        return max(fitting, key=lambda cost: cost.size)
    return min(here, key=lambda cost: seconds[cost.slug], default=None)


def missing(settings: Settings) -> dict[str, str]:
    """Why an encoder that the settings ask for cannot run here, by slug; empty: all can."""
    wanted = dict.fromkeys([*settings.encoders, settings.pairing_encoder])
    return {slug: why for slug in wanted if (why := _why_missing(slug, settings)) is not None}


def _why_missing(slug: str, settings: Settings) -> str | None:
    try:
        require_weights(slug, settings=settings)
    except EncoderError as error:
        return str(error)
    return None


def _size(card: EncoderCard) -> int:
    return card.layers * card.dimension**2


def _guessed(card: EncoderCard, standard: float) -> float:
    if not card.layers:
        return STATIC_TEXTS_PER_SECOND
    share = 1.0 if "onnx" in card.backends else TORCH_SHARE
    return standard * share * _size(CARDS[DEFAULT]) / _size(card)


def _measured(card: EncoderCard, settings: Settings) -> tuple[float, float] | None:
    """Texts per second and peak MB; null where measuring would take long: under torch, or by distilling first."""
    undistilled = card.distilled_from is not None and not (settings.encoder_cache / card.slug).is_dir()
    if "sentence-transformers" in card.backends[:1] or undistilled:
        return None
    try:
        way = encoder_pins(card.slug, settings=settings)
        found = timing.timed(card.slug, way.backend, way.precision, _SECONDS, settings)
    except JarvisError:
        return None  # shown as guessed; what is wrong with damaged weights is said by the line on the encoder
    return round(found.texts_per_second, 1), round(found.peak_mb)
