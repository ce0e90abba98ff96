"""Text to vectors: the registry of encoders, one module per backend, and the store of vectors.

``load_encoder`` is what the house imports. Backends are imported when one is loaded, so this package costs nothing to
import. Which texts are embedded, and what the vectors are for, is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from jarvis_resources.encoders.registry import CARDS, Backend, EncoderCard, Precision, get_card
from jarvis_resources.errors import EncoderError
from jarvis_resources.settings import Settings, load_settings

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["CARDS", "Encoder", "EncoderCard", "encoder_fingerprint", "get_card", "load_encoder", "require_weights"]


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
    threads: int


def load_encoder(
    slug: str, backend: str = "auto", precision: str | None = None, *, settings: Settings | None = None
) -> Encoder:
    """The encoder ``slug``, ready to encode; ``auto`` is its card's first backend, precision is fp32 unless told.

    Raises ``EncoderError`` when it is unknown, its weights are not here or not the pinned ones, or the backend cannot
    run it.
    """
    choice = _choose(slug, backend, precision, settings)
    if choice.backend == "onnx":
        from jarvis_resources.encoders.onnx import OnnxEncoder

        return OnnxEncoder(choice.card, choice.folder, choice.precision, choice.threads)
    if choice.backend == "static":
        from jarvis_resources.encoders.static import StaticEncoder

        return StaticEncoder(choice.card, choice.folder)
    from jarvis_resources.encoders.sentence_transformers import SentenceTransformersEncoder

    return SentenceTransformersEncoder(choice.card, choice.folder, choice.threads)


def encoder_fingerprint(
    slug: str, backend: str = "auto", precision: str | None = None, *, settings: Settings | None = None
) -> str:
    """The fingerprint that ``load_encoder`` with the same arguments would have, without loading the model.

    A static encoder that is not distilled yet is distilled for it. Raises ``EncoderError`` as ``load_encoder`` does.
    """
    from jarvis_resources.encoders import weights

    choice = _choose(slug, backend, precision, settings)
    return weights.fingerprint(choice.card, choice.folder, choice.precision)


def require_weights(slug: str, *, settings: Settings | None = None) -> None:
    """Raise ``EncoderError`` unless ``slug`` is known and its weights, or those it is distilled from, are here."""
    from jarvis_resources.encoders import static, weights

    weights.locate(get_card(static.DISTILLED_FROM.get(get_card(slug).slug, slug)), settings or load_settings())


def _choose(slug: str, backend: str, precision: str | None, settings: Settings | None) -> _Choice:
    """The arguments of ``load_encoder``, checked; raises ``EncoderError``."""
    from jarvis_resources.encoders import static, weights

    card = get_card(slug)
    settings = settings or load_settings()
    chosen = next((b for b in card.backends if backend in ("auto", b)), None)
    if chosen is None:
        raise EncoderError(
            f"The backend {backend!r} cannot run {slug}; choose one of: auto, {', '.join(card.backends)}."
        )
    exact = next((p for p in _PRECISIONS if p == (precision or "fp32")), None)
    if exact is None:
        raise EncoderError(f"There is no precision {precision!r}; choose one of: {', '.join(_PRECISIONS)}.")
    if exact == "int8" and chosen != "onnx":
        elsewhere = "; the backend onnx has int8" if "onnx" in card.backends else ""
        raise EncoderError(f"The backend {chosen} runs {slug} in fp32 only{elsewhere}.")
    folder = static.locate(card, settings) if chosen == "static" else weights.locate(card, settings)
    return _Choice(card, chosen, exact, folder, settings.worker_threads)


_PRECISIONS: tuple[Precision, ...] = ("fp32", "int8")
