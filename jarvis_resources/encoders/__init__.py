"""Text to vectors: the registry of encoders, one module per backend, and the store of vectors.

``load_encoder`` is what the house imports. Backends are imported when one is loaded, so this package costs nothing to
import. Which texts are embedded, and what the vectors are for, is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from jarvis_resources.encoders.registry import CARDS, Backend, EncoderCard, Precision, cards, get_card
from jarvis_resources.errors import EncoderError
from jarvis_resources.settings import Settings, load_settings

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = [
    "CARDS",
    "Encoder",
    "EncoderCard",
    "cards",
    "encoder_fingerprint",
    "encoder_folder",
    "encoder_pins",
    "get_card",
    "load_encoder",
    "require_weights",
]


class Encoder(Protocol):
    """Text to vectors, whatever runs underneath."""

    slug: str
    backend: Backend
    precision: Precision
    dimension: int
    fingerprint: str
    """16 hex digits that change whenever the vectors may."""

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> npt.NDArray[np.float32]:
        """Vectors of ``texts``: float32 [n, dimension], rows of length 1; ``progress`` is told how many are done."""
        ...


@dataclass(frozen=True)
class _Choice:
    """What was asked for, resolved: which card, run by what, from which folder."""

    card: EncoderCard
    backend: Backend
    precision: Precision
    folder: Path
    settings: Settings


def load_encoder(
    slug: str, backend: str = "auto", precision: str | None = None, *, settings: Settings | None = None
) -> Encoder:
    """The encoder ``slug``, ready to encode; ``auto`` is the fastest way here, as ``choice.py`` found once.

    Where a backend is named, precision is fp32 unless told. Raises ``EncoderError`` when the encoder is unknown, its weights
    are not here or not the pinned ones, or the backend cannot run it.
    """
    from jarvis_resources.encoders import weights

    choice = _choose(slug, backend, precision, settings)
    weights.require_places(choice.card, choice.folder)
    encoder = _open(choice)
    weights.remember(choice.card, choice.folder, choice.settings)
    return encoder


def _open(choice: _Choice) -> Encoder:
    """The backend's encoder; each backend is imported when it is asked for."""
    card, folder, threads = choice.card, choice.folder, choice.settings.worker_threads
    if choice.backend == "onnx":
        from jarvis_resources.encoders.onnx import OnnxEncoder

        return OnnxEncoder(card, folder, choice.precision, threads, choice.settings.encoder_cache)
    if choice.backend == "static":
        from jarvis_resources.encoders.static import StaticEncoder

        return StaticEncoder(card, folder)
    if choice.backend == "mlx":
        from jarvis_resources.encoders.mlx_bert import MlxEncoder

        return MlxEncoder(card, folder)
    if choice.backend == "fastembed":
        from jarvis_resources.encoders.fastembed import FastembedEncoder

        return FastembedEncoder(card, folder, threads)
    from jarvis_resources.encoders.sentence_transformers import SentenceTransformersEncoder

    return SentenceTransformersEncoder(card, folder, threads)


class Pins(NamedTuple):
    """What a run and a release write down of an encoder, so that vectors of two kinds never meet."""

    backend: Backend
    precision: Precision
    fingerprint: str


def encoder_pins(slug: str, *, settings: Settings | None = None) -> Pins:
    """How ``load_encoder(slug)`` would run here, without loading the model; raises ``EncoderError`` as it does."""
    from jarvis_resources.encoders import weights

    choice = _choose(slug, "auto", None, settings)
    return Pins(choice.backend, choice.precision, weights.fingerprint(choice.card, choice.folder, choice.precision))


def encoder_fingerprint(
    slug: str, backend: str = "auto", precision: str | None = None, *, settings: Settings | None = None
) -> str:
    """The fingerprint that ``load_encoder`` with the same arguments would have, without loading the model.

    A static encoder that is not distilled yet is distilled for it. Raises ``EncoderError`` as ``load_encoder`` does.
    """
    from jarvis_resources.encoders import weights

    choice = _choose(slug, backend, precision, settings)
    return weights.fingerprint(choice.card, choice.folder, choice.precision)


def encoder_folder(card: EncoderCard, settings: Settings) -> Path:
    """Folder of the encoder's files, distilled first where that is how they come about; raises ``EncoderError``."""
    from jarvis_resources.encoders import static, weights

    return static.locate(card, settings) if "static" in card.backends else weights.locate(card, settings)


def require_weights(slug: str, *, settings: Settings | None = None, thorough: bool = False) -> None:
    """Raise ``EncoderError`` unless ``slug`` is known and its weights, or those it is distilled from, are here.

    ``thorough``: and unless every file of theirs is, by its hash, the pinned or recorded one.
    """
    from jarvis_resources.encoders import weights

    settings = settings or load_settings()
    card = get_card(slug, settings)
    if card.distilled_from is not None:
        card = get_card(card.distilled_from, settings)
    folder = weights.locate(card, settings)
    if thorough:
        weights.check(card, folder, settings, thorough=True)


def _choose(slug: str, backend: str, precision: str | None, settings: Settings | None) -> _Choice:
    """The arguments of ``load_encoder``, checked; raises ``EncoderError``."""
    from jarvis_resources.encoders import choice, weights

    settings = settings or load_settings()
    card = get_card(slug, settings)
    exact = _known_precision(precision)
    if exact == "int8" and "onnx" not in card.backends:  # said before anything is distilled
        raise EncoderError(f"{slug} runs in fp32 only; int8 needs the backend onnx.")
    folder = encoder_folder(card, settings)
    weights.check(card, folder, settings)
    if backend == "auto":
        return _Choice(card, *choice.choose(card, weights.digest(card, folder), settings, exact), folder, settings)
    chosen = _asked_backend(card, backend)
    if exact == "int8" and chosen != "onnx":
        raise EncoderError(f"The backend {chosen} runs {slug} in fp32 only; the backend onnx has int8.")
    return _Choice(card, chosen, exact or "fp32", folder, settings)


def _known_precision(precision: str | None) -> Precision | None:
    from jarvis_resources.encoders.choice import PRECISIONS

    exact = next((p for p in PRECISIONS if p == precision), None)
    if precision is not None and exact is None:
        raise EncoderError(f"There is no precision {precision!r}; choose one of: {', '.join(PRECISIONS)}.")
    return exact


def _asked_backend(card: EncoderCard, backend: str) -> Backend:
    """The backend of that name; raises ``EncoderError`` when it cannot run ``card``, or is not installed."""
    from jarvis_resources.encoders import backends

    chosen = next((b for b in card.backends if b == backend), None)
    if chosen is None:
        raise EncoderError(
            f"The backend {backend!r} cannot run {card.slug}; choose one of: auto, {', '.join(card.backends)}."
        )
    if not backends.runs_here(chosen):
        raise EncoderError(
            f"The backend {chosen} is not installed here; run `{backends.how_to_install(chosen)}` in the same "
            "environment, or choose the backend auto."
        )
    return chosen
