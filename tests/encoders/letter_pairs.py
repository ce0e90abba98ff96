"""A real, if simple, encoder that tests of the store share: it needs no weights and remembers what it was given."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from jarvis_resources.encoders.registry import Backend, Precision


class LetterPairs:
    """Hashed letter pairs of a text; ``seen`` holds the texts it was given."""

    slug = "letter-pairs"
    backend: Backend = "static"
    precision: Precision = "fp32"
    dimension = 64
    fingerprint = "00c0ffee00c0ffee"

    def __init__(self) -> None:
        self.seen: list[str] = []

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> npt.NDArray[np.float32]:
        self.seen += texts
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for row, text in enumerate(texts):
            for a, b in zip("^" + text, text + "$", strict=True):
                vectors[row, (31 * ord(a) + ord(b)) % self.dimension] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
