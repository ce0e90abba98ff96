"""Which backend and precision run an encoder here: measured at the first use, then kept.

Vectors of different precision must never mix, so the choice is made once for a JARVIS_HOME and written down in
``encoders/choices.json``; a mining and a release pin what it was. It is made again only for other weights, or when what can
run here changed. Settings overrule it.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, get_args

from jarvis_resources.encoders import backends, int8, measured
from jarvis_resources.encoders.registry import Backend, EncoderCard, Precision
from jarvis_resources.errors import EncoderError
from jarvis_resources.files import alone, told_of, write_private
from jarvis_resources.settings import Settings

PRECISIONS: tuple[Precision, ...] = get_args(Precision)
MOST_LOSS = 0.005
"""Share of retrieval quality that int8 may cost and still be offered."""
_SECONDS = 5.0
"""Time that measuring takes, all ways together; loading models comes on top."""
_WORTH = 1.2
"""How much faster another way must be than the first: less is noise, and the first is the best tried."""
_NVIDIA = Path("/dev/nvidia0")

_log = logging.getLogger(__name__)


class Choice(NamedTuple):
    """What runs an encoder."""

    backend: Backend
    precision: Precision


def choose(card: EncoderCard, weights: str, settings: Settings, precision: str | None = None) -> Choice:
    """The fastest way to run ``card``, whose weights have the sha256 ``weights``, at ``precision`` if that is told.

    Raises ``EncoderError`` when nothing here can run it.
    """
    ways = ways_here(card, weights, settings, precision)
    return ways[0] if len(ways) == 1 else _kept_or_measured(card, weights, ways, settings)


def ways_here(card: EncoderCard, weights: str, settings: Settings, precision: str | None = None) -> list[Choice]:
    """What may run ``card`` here, the card's first backend first; raises ``EncoderError`` when there is nothing.

    sentence-transformers is left out where it could only run on the processor and another backend can too (the same
    network, slower), fastembed where onnx runs (the same runtime, padded). int8 is in where it was asked for, or where its
    loss was measured and is at most ``MOST_LOSS``.
    """
    here = [b for b in card.backends if backends.runs_here(b)]
    if not here:
        raise EncoderError(
            f"The backend {card.backends[0]} is not installed here; run "
            f"`{backends.how_to_install(card.backends[0])}` in the same environment."
        )
    if settings.encoder_backend in here:
        here = [b for b in here if b == settings.encoder_backend]
    asked = precision or (settings.encoder_precision if settings.encoder_precision != "auto" else None)
    if asked == "int8" and "onnx" in here:
        return [Choice("onnx", "int8")]
    if precision == "int8":
        raise EncoderError(f"{card.slug} runs in fp32 only here; int8 needs the backend onnx.")
    ways = [Choice(b, "fp32") for b in here if b == here[0] or _could_be_faster(b)]
    if asked is None and "onnx" in here and _good_enough(weights, settings):
        ways.append(Choice("onnx", "int8"))
    return ways


def _could_be_faster(backend: Backend) -> bool:
    """Whether ``backend`` has hardware of its own here."""
    apple = sys.platform == "darwin"
    return {"mlx": apple, "sentence-transformers": apple or _NVIDIA.exists()}.get(backend, False)


def _good_enough(weights: str, settings: Settings) -> bool:
    loss = int8.KNOWN_LOSSES.get(weights)
    if loss is None:
        loss = measured.loss_of_int8(settings, weights, int8.RECIPE)
    return loss is not None and loss <= MOST_LOSS


def _kept_or_measured(card: EncoderCard, weights: str, ways: Sequence[Choice], settings: Settings) -> Choice:
    path = settings.encoder_cache / "choices.json"
    question = {"weights": weights, "recipe": int8.RECIPE, "ways": [list(way) for way in ways]}
    if (kept := _kept(path, card.slug, question)) is not None:
        return kept
    with alone(path):
        if (kept := _kept(path, card.slug, question)) is not None:  # another process measured while this one waited
            return kept
        found = _fastest(card, weights, ways, settings)
        everything = {**_read(path), card.slug: {**question, "choice": list(found), "at": _now()}}
        with told_of(path):
            write_private(path, json.dumps(everything, indent=1))
    return found


def _fastest(card: EncoderCard, weights: str, ways: Sequence[Choice], settings: Settings) -> Choice:
    """The way with the most texts per second; one that breaks is passed over, and says why in the log."""
    from jarvis_resources.encoders import timing

    speeds: dict[Choice, float] = {}
    rows = []
    for way in ways:
        try:
            found = timing.timed(card.slug, *way, _SECONDS / len(ways), settings)
        except EncoderError as error:
            _log.warning("%s cannot run on %s in %s here: %s", card.slug, *way, error)
            continue
        speeds[way] = found.texts_per_second * (_WORTH if way == ways[0] else 1)
        rows.append({"slug": card.slug, "weights": weights, **way._asdict(), **asdict(found), "at": _now()})
    if not speeds:
        raise EncoderError(f"Nothing on this machine could run {card.slug}; the log says what each backend said.")
    measured.keep(settings, rows)
    best = max(speeds, key=lambda way: speeds[way])
    said = ", ".join(f"{row['backend']} {row['precision']} {row['texts_per_second']:,.0f} texts/s" for row in rows)
    _log.info("%s: %s; %s %s is used from now on.", card.slug, said, *best)
    return best


def _kept(path: Path, slug: str, question: dict[str, Any]) -> Choice | None:
    """The choice written down for ``slug``, if the same question was asked."""
    entry = _read(path).get(slug)
    if not isinstance(entry, dict) or any(entry.get(name) != value for name, value in question.items()):
        return None
    return next((Choice(*way) for way in question["ways"] if way == entry.get("choice")), None)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
