"""Any encoder on sentence-transformers (torch): the reference that the other backends are measured against.

It runs what ``onnx.py`` cannot (other architectures, layers after pooling). The library itself takes CUDA or the Mac's GPU
(MPS) where there is one, which has not been run on a Mac; on a processor the settings' threads count. There it is slower,
and a text's vector may differ in its last bits with the batch it is in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from jarvis_resources.encoders import weights
from jarvis_resources.encoders.onnx import encodable
from jarvis_resources.encoders.registry import Backend, EncoderCard, Pooling, Precision
from jarvis_resources.errors import EncoderError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_BATCH_TEXTS = 64
"""Texts per batch: larger ones are slower on two cores."""
_POOLING: dict[Pooling, str] = {"mean": "mean", "cls": "cls", "last": "lasttoken"}

Vectors = npt.NDArray[np.float32]


class SentenceTransformersEncoder:
    """An encoder running on sentence-transformers."""

    backend: Backend = "sentence-transformers"
    precision: Precision = "fp32"

    def __init__(self, card: EncoderCard, folder: Path, threads: int) -> None:
        """Load the files in ``folder``; raises ``EncoderError`` when they are damaged or another model's."""
        self.slug = card.slug
        self.dimension = card.dimension
        self.fingerprint = weights.fingerprint(card, folder, self.precision)
        self._prefix = card.document_prefix or ""
        self._model = _load(card, folder, threads)
        if self._model.get_embedding_dimension() != card.dimension:
            raise EncoderError(f"The files in {folder} are not those of {card.slug}; fetch them again.")

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Vectors:
        """Vectors of ``texts``: float32 [n, dimension], rows of length 1; ``progress`` is told how many are done."""
        vectors = np.empty((len(texts), self.dimension), np.float32)
        window = 16 * _BATCH_TEXTS  # sorted by length inside; progress is told after each
        for start in range(0, len(texts), window):
            part = [self._prefix + encodable(text) for text in texts[start : start + window]]
            # prompt="": the prefix is the card's, not whatever the folder's own configuration would add.
            vectors[start : start + len(part)] = self._model.encode(
                part, prompt="", batch_size=_BATCH_TEXTS, normalize_embeddings=True, show_progress_bar=False
            )
            if progress is not None:
                progress(start + len(part))
        return vectors


def _load(card: EncoderCard, folder: Path, threads: int) -> SentenceTransformer:
    """The model in ``folder``: as its modules.json says where the card lists one, else as the card says."""
    weights.stay_offline()
    import torch
    from safetensors import SafetensorError
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    torch.set_num_threads(threads)
    weights.keep_transformers_quiet()
    try:
        if "modules.json" in card.files:  # a folder's own is not part of the fingerprint, nor of the other backends
            model = SentenceTransformer(str(folder), local_files_only=True)
            model.max_seq_length = card.max_tokens
        else:
            transformer = Transformer(str(folder), max_seq_length=card.max_tokens)
            pooling = Pooling(transformer.get_embedding_dimension(), _POOLING[card.pooling])
            model = SentenceTransformer(modules=[transformer, pooling, Normalize()])
    except (OSError, ValueError, SafetensorError) as error:
        raise EncoderError(
            f"The files in {folder} cannot be read ({type(error).__name__}); fetch them again."
        ) from error
    return model
