"""BERT encoders on MLX: the Apple GPU on a Mac, MLX's processor build on Linux.

A BERT of our own, because it is a page and the packages that have one bring an audio and a vision stack along. Texts are
grouped by token length as in ``onnx.py``, so there is no padding and no mask.

Run so far on the processor build only, where it gives the vectors of the other backends and is slow (a few texts a
second). Nothing here has been run on a Mac: neither its speed there nor how near a GPU's sums come to a processor's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from jarvis_resources.encoders import weights
from jarvis_resources.encoders.onnx import batches, encodable, read_tokenizer
from jarvis_resources.encoders.registry import Backend, EncoderCard, Precision
from jarvis_resources.errors import EncoderError

_BATCH_TOKENS = 4096
"""Tokens per batch: enough work for a GPU at a time; not measured on one."""
_WINDOW_TEXTS = 8192
"""Texts tokenised at a time."""
_EXACT_GELU = ("gelu", "gelu_python")

Vectors = npt.NDArray[np.float32]


class MlxEncoder:
    """A BERT encoder running on MLX."""

    backend: Backend = "mlx"
    precision: Precision = "fp32"

    def __init__(self, card: EncoderCard, folder: Path) -> None:
        """Load the files in ``folder``; raises ``EncoderError`` when they are damaged or not a BERT's."""
        self.slug = card.slug
        self.dimension = card.dimension
        self.fingerprint = weights.fingerprint(card, folder, self.precision)
        self._prefix = card.document_prefix or ""
        self._first_token = card.pooling == "cls"
        self._tokenizer = read_tokenizer(folder, card.max_tokens)
        config = weights.read_config(folder)
        if config.get("model_type") != "bert" or config.get("hidden_act", "gelu") not in _EXACT_GELU:
            raise EncoderError(
                f"The mlx backend runs BERT encoders only, not {config.get('model_type')!r}; "
                "use the backend sentence-transformers."
            )
        if int(config["hidden_size"]) != card.dimension:
            raise EncoderError(f"The files in {folder} are not those of {card.slug}; fetch them again.")
        self._bert = _Bert(config, folder / weights.WEIGHTS)

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Vectors:
        """Vectors of ``texts``: float32 [n, dimension], rows of length 1; ``progress`` is told how many are done."""
        vectors = np.empty((len(texts), self.dimension), np.float32)
        done = 0
        # A loop over batches: each is one rectangle of tokens.
        for start in range(0, len(texts), _WINDOW_TEXTS):
            window = [self._prefix + encodable(text) for text in texts[start : start + _WINDOW_TEXTS]]
            tokens = [encoding.ids for encoding in self._tokenizer.encode_batch_fast(window)]
            for rows in batches(np.array([len(ids) for ids in tokens]), _BATCH_TOKENS):
                hidden = self._bert(np.array([tokens[row] for row in rows], np.int32))
                pooled = np.array(hidden[:, 0] if self._first_token else hidden.mean(axis=1))
                vectors[start + rows] = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
                done += len(rows)
                if progress is not None:
                    progress(done)
        return vectors


class _Bert:
    """The network: token ids to hidden states."""

    def __init__(self, config: dict[str, Any], path: Path) -> None:
        import mlx.core as mx

        try:
            loaded: Any = mx.load(str(path))
        except (RuntimeError, ValueError) as error:
            raise EncoderError(f"{path} cannot be read ({type(error).__name__}); fetch it again.") from error
        self._weights = {name.removeprefix("bert."): value.astype(mx.float32) for name, value in loaded.items()}
        self._layers = int(config["num_hidden_layers"])
        self._heads = int(config["num_attention_heads"])
        self._epsilon = float(config.get("layer_norm_eps", 1e-12))
        needed = [f"encoder.layer.{self._layers - 1}.output.LayerNorm.bias", "embeddings.word_embeddings.weight"]
        if missing := [name for name in needed if name not in self._weights]:
            raise EncoderError(f"The encoder's weights lack {missing[0]}; fetch model.safetensors again.")

    def __call__(self, ids: npt.NDArray[np.int32]) -> Any:
        """Hidden states, an MLX array float32 [texts, tokens, d], of ids [texts, tokens] with specials."""
        import mlx.core as mx

        get = self._weights
        # All texts are single sentences: token type 0 everywhere.
        places = get["embeddings.position_embeddings.weight"][: ids.shape[1]]
        x = get["embeddings.word_embeddings.weight"][mx.array(ids)]
        x = self._norm("embeddings.LayerNorm", x + places + get["embeddings.token_type_embeddings.weight"][0])
        for layer in range(self._layers):
            name = f"encoder.layer.{layer}"
            mixed = self._linear(f"{name}.attention.output.dense", self._attend(f"{name}.attention.self", x))
            x = self._norm(f"{name}.attention.output.LayerNorm", x + mixed)
            inner = _gelu(self._linear(f"{name}.intermediate.dense", x))
            x = self._norm(f"{name}.output.LayerNorm", x + self._linear(f"{name}.output.dense", inner))
        return x

    def _attend(self, name: str, x: Any) -> Any:
        import mlx.core as mx

        texts, tokens, width = x.shape
        query, key, value = (
            self._linear(f"{name}.{part}", x).reshape(texts, tokens, self._heads, -1).transpose(0, 2, 1, 3)
            for part in ("query", "key", "value")
        )
        scale = (width // self._heads) ** -0.5
        attended = mx.fast.scaled_dot_product_attention(query, key, value, scale=scale)
        return attended.transpose(0, 2, 1, 3).reshape(texts, tokens, width)

    def _linear(self, name: str, x: Any) -> Any:
        return x @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]

    def _norm(self, name: str, x: Any) -> Any:
        import mlx.core as mx

        return mx.fast.layer_norm(x, self._weights[f"{name}.weight"], self._weights[f"{name}.bias"], self._epsilon)


def _gelu(x: Any) -> Any:
    """The exact GELU, x Φ(x)."""
    import mlx.core as mx

    return x * (1 + mx.erf(x / 2**0.5)) / 2
