"""Texts to vectors through the store: the encoder is loaded only when a text is new."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from time import monotonic
from typing import TYPE_CHECKING, Any

from jarvis_resources.encoders import encoder_fingerprint, get_card, load_encoder
from jarvis_resources.encoders.vector_store import VectorStore

if TYPE_CHECKING:
    import numpy as np

    from jarvis_resources.encoders import Encoder
    from jarvis_resources.settings import Settings


_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Embedded:
    """Vectors of texts, float16 [n, dimension], and what they cost."""

    vectors: np.ndarray
    encoder: str
    fingerprint: str
    new_texts: int
    reused_texts: int
    seconds: float
    """Spent on the new texts."""
    damaged_parts: tuple[str, ...] = ()

    def as_metadata(self) -> dict[str, Any]:
        """Counts for the graph."""
        return {
            "vectors": len(self.vectors),
            "dimension": int(self.vectors.shape[1]),
            "encoder": self.encoder,
            "fingerprint": self.fingerprint,
            "new_texts": self.new_texts,
            "reused_texts": self.reused_texts,
            "texts_per_second": round(self.new_texts / self.seconds, 1) if self.new_texts and self.seconds else 0.0,
            **({"damaged_parts": ", ".join(self.damaged_parts)} if self.damaged_parts else {}),
        }


@dataclass(frozen=True)
class TextEncoder:
    """An encoder behind the vector store: ``encode`` gives float32 [n, dimension], rows of length 1."""

    slug: str
    fingerprint: str
    settings: Settings

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Vectors of ``texts``; what the store has is not embedded again."""
        import numpy as np

        return embed_texts(list(texts), self.slug, self.settings).vectors.astype(np.float32)


def text_encoder(slug: str, settings: Settings) -> TextEncoder:
    """The encoder ``slug`` behind the store; raises ``EncoderError`` when its weights are not there."""
    return TextEncoder(slug, encoder_fingerprint(slug, settings=settings), settings)


def embed_texts(
    texts: Sequence[str], slug: str, settings: Settings, progress: Callable[[int, int], None] | None = None
) -> Embedded:
    """Vectors of ``texts`` under the encoder ``slug``; raises ``EncoderError`` when its weights are not there."""
    fingerprint = encoder_fingerprint(slug, settings=settings)
    store = open_store(slug, fingerprint, settings)
    started = monotonic()
    embedding = store.embed(
        texts, lambda: load_encoder(slug, settings=settings), shard_texts=settings.shard_texts, progress=progress
    )
    seconds = monotonic() - started
    for part in embedding.damaged_parts:
        _log.warning("The vectors in %s were damaged; they are deleted and made again.", part)
    if embedding.new_texts:
        store.compact()
    return Embedded(
        embedding.vectors,
        slug,
        fingerprint,
        embedding.new_texts,
        embedding.reused_texts,
        seconds,
        embedding.damaged_parts,
    )


def open_store(slug: str, fingerprint: str, settings: Settings) -> VectorStore:
    """The vectors of the encoder ``slug`` as its fingerprint says it is."""
    return VectorStore(settings.vectors, fingerprint, get_card(slug, settings).dimension)


@lru_cache(maxsize=1)
def held_encoder(slug: str, fingerprint: str, settings: Settings) -> Encoder:
    """The encoder, loaded once in this process and held until ``let_go_of_encoder``: shards follow each other.

    ``fingerprint`` is what the caller expects: an encoder that has changed is another one, and is loaded anew.
    """
    return load_encoder(slug, settings=settings)


def let_go_of_encoder() -> None:
    """Give the memory of the held encoder back."""
    held_encoder.cache_clear()
