"""Every way to run an encoder here, side by side: what it costs, and how well it serves.

A way is an encoder, a backend and a precision. Costs are measured in a process of its own; quality belongs to the vectors, so
backends of one precision share it, and how far they agree is measured instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from jarvis_assets.comparison.quality import Quality, Sample, agreement, measure
from jarvis_assets.vectors.embedding import open_store
from jarvis_resources.encoders import (
    cards,
    encoder_fingerprint,
    encoder_folder,
    encoder_pins,
    get_card,
    int8,
    load_encoder,
    measured,
    timing,
    weights,
)
from jarvis_resources.encoders.backends import runs_here
from jarvis_resources.encoders.registry import Backend, Precision
from jarvis_resources.errors import EncoderError

if TYPE_CHECKING:
    from jarvis_assets.comparison.quality import Encode
    from jarvis_resources.encoders import Encoder
    from jarvis_resources.settings import Settings

REFERENCE: Backend = "sentence-transformers"
"""What the others must agree with."""
AGREEING_TEXTS = 64
"""Texts that every backend encodes anew: MLX on a processor needs a third of a second for each."""
LOSS_ASKED = 1_000
"""Fewest holdout messages for int8's loss to be believed: a hundred messages cannot tell half a percent from luck."""


@dataclass(frozen=True)
class Way:
    """An encoder, what runs it, and how exactly."""

    encoder: str
    backend: Backend
    precision: Precision


def chosen(slugs: Iterable[str], settings: Settings) -> list[Way]:
    """The way that each encoder is run here; raises ``EncoderError``."""
    found = []
    for slug in slugs:
        pins = encoder_pins(slug, settings=settings)
        found.append(Way(slug, pins.backend, pins.precision))
    return found


def installed(settings: Settings, slugs: Sequence[str] = ()) -> list[Way]:
    """Every way to run ``slugs`` here, or every encoder whose weights are here; raises ``EncoderError`` for one named."""
    found = []
    for slug in slugs or cards(settings):
        try:
            encoder_folder(get_card(slug, settings), settings)
        except EncoderError:
            if slugs:
                raise
            continue
        backends = [b for b in get_card(slug, settings).backends if runs_here(b)]
        found += [Way(slug, backend, "fp32") for backend in backends]
        found += [Way(slug, "onnx", "int8")] if "onnx" in backends else []
    return found


def compare(
    ways: Sequence[Way],
    sample: Sample,
    settings: Settings,
    *,
    seconds: float,
    thorough: bool,
    told: Callable[[Way], None] = lambda _: None,
    passed_over: Callable[[Way, EncoderError], None] = lambda *_: None,
) -> list[dict[str, Any]]:
    """A row for each way, as the table ENCODER_COMPARISON has them (without the holdout's matches).

    ``seconds``: for timing each. ``thorough``: also topics, dialogue acts and how backends agree, which takes minutes. What
    was measured is kept for ``auto`` and ``jarvis encoders``. ``told`` hears of each way before it is measured,
    ``passed_over`` of one that broke: that is no reason to lose the others, nor a mining.
    """
    judge = encode_with(chosen([settings.pairing_encoder], settings)[0], settings)
    texts = (sample.history or sample.asked)[:512]
    qualities: dict[tuple[str, Precision], Mapping[str, float]] = {}
    references: dict[str, np.ndarray] = {}
    rows = []
    # A loop over a few dozen ways at most.
    for way in ways:
        told(way)
        try:
            cost = timing.timed(way.encoder, way.backend, way.precision, seconds, settings, texts)
        except EncoderError as error:
            passed_over(way, error)
            continue
        kind = (way.encoder, way.precision)
        if kind not in qualities:
            qualities[kind] = _quality(way, judge, sample, settings, thorough=thorough)
        rows.append(
            {
                **asdict(way),
                "is_chosen": way in chosen([way.encoder], settings),
                "dimension": get_card(way.encoder, settings).dimension,
                "disk_mb": _disk_mb(way.encoder, settings),
                **asdict(cost),
                **qualities[kind],
                "agreement": _agreement(way, references, sample, settings) if thorough else np.nan,
            }
        )
    _keep(rows, len(sample.asked), settings)
    return mark_front(rows)


def encode_with(way: Way, settings: Settings) -> Encode:
    """Encoding by one way through the vector store: what was embedded before is not embedded again."""
    fingerprint = encoder_fingerprint(way.encoder, way.backend, way.precision, settings=settings)
    store = open_store(way.encoder, fingerprint, settings)

    @cache
    def loaded() -> Encoder:
        return load_encoder(way.encoder, way.backend, way.precision, settings=settings)

    def encode(texts: Sequence[str]) -> np.ndarray:
        found = store.embed(texts, loaded, shard_texts=settings.shard_texts)
        return found.vectors.astype(np.float32)

    return encode


def mark_front(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """``rows`` with ``on_front``: no other is at least as fast and as good, and better in one (the Pareto front)."""

    def beats(one: dict[str, Any], other: dict[str, Any]) -> bool:
        first, second = ((row["texts_per_second"], row["recall_at_1"]) for row in (one, other))
        return all(a >= b for a, b in zip(first, second, strict=True)) and first != second

    return [{**row, "on_front": not any(beats(other, row) for other in rows)} for row in rows]


def _quality(way: Way, judge: Encode, sample: Sample, settings: Settings, *, thorough: bool) -> dict[str, float]:
    encode = encode_with(way, settings)
    found: Quality = measure(encode, judge, sample, topics=thorough)
    return {**asdict(found), "act_macro_f1": _act_f1(encode, way, settings) if thorough else np.nan}


def _act_f1(encode: Encode, way: Way, settings: Settings) -> float:
    """Macro-F1 of response types on held-out exemplars, learned with these vectors."""
    from jarvis_assets.dialogue_acts import training

    trained = training.train(encode, way.encoder, None)
    return trained.as_numbers()["response macro_f1"]


def _agreement(way: Way, references: dict[str, np.ndarray], sample: Sample, settings: Settings) -> float:
    """Mean cosine to the reference backend's vectors; NaN where that cannot run the encoder."""
    texts = sample.asked[:AGREEING_TEXTS]
    if REFERENCE not in get_card(way.encoder, settings).backends or not runs_here(REFERENCE):
        return np.nan
    if way.encoder not in references:
        references[way.encoder] = load_encoder(way.encoder, REFERENCE, settings=settings).encode(texts)
    encoder = load_encoder(way.encoder, way.backend, way.precision, settings=settings)
    return agreement(encoder.encode(texts), references[way.encoder])


def _disk_mb(slug: str, settings: Settings) -> float:
    """Size of the encoder's files (10⁶ bytes)."""
    card = get_card(slug, settings)
    folder = encoder_folder(card, settings)
    return sum((folder / name).stat().st_size for name in card.files if (folder / name).is_file()) / 1e6


def _keep(rows: list[dict[str, Any]], asked: int, settings: Settings) -> None:
    """Write down the costs, and int8's loss beside fp32 where enough was asked."""
    exact = {row["encoder"]: row["recall_at_1"] for row in rows if row["precision"] == "fp32"}
    kept = []
    for row in rows:
        card = get_card(row["encoder"], settings)
        one = {
            "slug": row["encoder"],
            "weights": weights.digest(card, encoder_folder(card, settings)),
            **{name: row[name] for name in ("backend", "precision", *timing.Timing.__dataclass_fields__)},
        }
        before = exact.get(row["encoder"], np.nan)
        if row["precision"] == "int8" and asked >= LOSS_ASKED and before > 0:
            one |= {"recipe": int8.RECIPE, "quality_loss": max(0.0, 1 - row["recall_at_1"] / before)}
        kept.append(one)
    measured.keep(settings, kept)
