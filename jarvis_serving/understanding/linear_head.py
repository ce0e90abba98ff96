"""A calibrated linear classifier over blocks of features, with its vocabulary, as plain numbers.

One head maps [vector ⊕ structural features ⊕ words ⊕ previous turn's act] to class probabilities. It only applies
weights; learning them is ``jarvis_assets.dialogue_acts.training``'s matter. It needs NumPy alone, so that serving
loads it at once, and it is stored as JSON numbers, never as code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from jarvis_serving.understanding.structure import FEATURES

if TYPE_CHECKING:
    import numpy as np

VECTOR_SCALE = 4.0
"""Factor on unit vectors (chosen on held-out exemplar themes among 2, 4, 6, 8)."""
WORD_SCALE = 3.0
"""Factor on the normalised bag of words and word pairs (among 1.5, 3, 6)."""
FAMILY_SCALE = 2.0
"""Factor on lexical families and shape (among 1, 2)."""
RULE_SCALE = 4.0
"""Factor on the rules' verdicts (among 1, 2, 4, 6, 8): a rule is worth more than a word."""
ACT_SCALE = 2.0
"""Factor on the previous turn's act probabilities (among 2, 3, 4)."""

_DIGITS = 6
"""Significant digits of a stored weight: float32 has no more."""


def structure_scales() -> np.ndarray:
    """Factor of each structural feature: float32 [len(FEATURES)]."""
    import numpy as np

    return np.array([RULE_SCALE if name.startswith("rule_") else FAMILY_SCALE for name in FEATURES], np.float32)


def word_pairs(words: Sequence[str]) -> list[str]:
    """The words of a text, and its neighbouring pairs with its start and end marked."""
    framed = ["^", *words, "$"]
    return [*words, *map(" ".join, pairwise(framed))]


def bag(words: Sequence[Sequence[str]], vocabulary: Mapping[str, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Known words and pairs of each text in compressed rows.

    Returns (columns int64 [m], values float32 [m], starts int64 [n + 1]); each row has length 1 or is empty.
    """
    import numpy as np

    columns: list[int] = []
    starts = [0]
    # A loop over texts: dictionary look-ups, which have no array form.
    for said in words:
        columns.extend({vocabulary[gram] for gram in word_pairs(said) if gram in vocabulary})
        starts.append(len(columns))
    bounds = np.array(starts, np.int64)
    counts = np.diff(bounds)
    values = np.repeat(1.0 / np.sqrt(np.maximum(counts, 1)), counts).astype(np.float32)
    return np.array(columns, np.int64), values, bounds


@dataclass(frozen=True)
class LinearHead:
    """Weights of one classifier.

    ``vector`` [d, c], ``structure`` [s, c], ``words`` [v, c], ``previous`` [p, c], ``intercept`` [c], all float32;
    ``temperature`` divides the logits before the softmax (Guo et al. 2017) and makes the probabilities honest.
    """

    classes: tuple[str, ...]
    vector: np.ndarray
    structure: np.ndarray
    words: np.ndarray
    previous: np.ndarray
    intercept: np.ndarray
    vocabulary: tuple[str, ...]
    temperature: float = 1.0

    @cached_property
    def _columns(self) -> dict[str, int]:
        return {gram: column for column, gram in enumerate(self.vocabulary)}

    def logits(
        self, vectors: np.ndarray, structure: np.ndarray, words: Sequence[Sequence[str]], previous: np.ndarray | None
    ) -> np.ndarray:
        """Uncalibrated scores: float32 [n, c]."""
        import numpy as np

        scores = np.asarray(vectors, np.float32) @ self.vector + structure @ self.structure + self.intercept
        if previous is not None and self.previous.size:
            scores = scores + previous.astype(np.float32) @ self.previous
        if self.vocabulary:
            columns, values, starts = bag(words, self._columns)
            if len(columns):
                spoken = np.flatnonzero(np.diff(starts))
                scores[spoken] += np.add.reduceat(self.words[columns] * values[:, None], starts[spoken], axis=0)
        return np.asarray(scores, np.float32)

    def probabilities(
        self, vectors: np.ndarray, structure: np.ndarray, words: Sequence[Sequence[str]], previous: np.ndarray | None
    ) -> np.ndarray:
        """Calibrated probabilities: float64 [n, c], rows sum to 1."""
        return softmax(self.logits(vectors, structure, words, previous), self.temperature)

    def to_json(self) -> dict[str, Any]:
        """The head as JSON numbers and texts."""
        blocks = {name: _numbers(getattr(self, name)) for name in _BLOCKS}
        return {
            "classes": list(self.classes),
            "vocabulary": list(self.vocabulary),
            "temperature": self.temperature,
            **blocks,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> LinearHead:
        """The head that ``to_json`` stored; raises ``KeyError`` or ``ValueError`` when it is none."""
        import numpy as np

        width = len(data["classes"])
        blocks = {name: np.array(data[name], np.float32).reshape(-1, width) for name in _BLOCKS[:-1]}
        return cls(
            classes=tuple(data["classes"]),
            vocabulary=tuple(data["vocabulary"]),
            temperature=float(data["temperature"]),
            intercept=np.array(data["intercept"], np.float32),
            **blocks,
        )


_BLOCKS = ("vector", "structure", "words", "previous", "intercept")


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Rows of ``logits`` / ``temperature`` as probabilities: float64, same shape."""
    import numpy as np

    scaled = np.asarray(logits, np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True, initial=-np.inf))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _numbers(block: np.ndarray) -> list[Any]:
    """A block as nested lists, its numbers cut to the digits that matter."""
    import numpy as np

    flat = [float(f"{value:.{_DIGITS}g}") for value in np.asarray(block).ravel()]
    if block.ndim == 1:
        return flat
    width = block.shape[1]
    return [flat[start : start + width] for start in range(0, len(flat), width)]
