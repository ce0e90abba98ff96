"""The topic of a text: the nearest of the centroids that mining found.

Topics are not types: "yeah let's eat" and "no I'm not hungry" share one. They narrow retrieval and tell the owner
what people talk about; finding and naming them is ``jarvis_assets.topics``' matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jarvis_resources.errors import ReleaseError

if TYPE_CHECKING:
    import numpy as np

NOISE = -1
"""Topic of a text that belongs to none."""
MIN_COSINE = 0.35
"""Cosine below which a text belongs to no topic (three times the similarity of random chat texts, about 0.1)."""


@dataclass(frozen=True)
class TopicModel:
    """k topics: ``centroids`` float32 [k, d] of length 1, ``ids`` k topic numbers, ``names`` k names."""

    centroids: np.ndarray
    ids: tuple[int, ...]
    names: tuple[str, ...]

    @classmethod
    def from_members(cls, vectors: np.ndarray, ids: Sequence[int], names: Mapping[int, str]) -> TopicModel:
        """Centroids of the topics ``ids`` [n] of ``vectors`` [n, d]; noise (−1) has none."""
        import numpy as np

        members = np.asarray(ids)
        topics = [int(topic) for topic in np.unique(members) if topic != NOISE]
        centroids = np.zeros((len(topics), vectors.shape[1]), np.float32)
        # A loop over topics, a few hundred at most.
        for row, topic in enumerate(topics):
            mean = vectors[members == topic].astype(np.float32).mean(axis=0)
            centroids[row] = mean / max(float(np.linalg.norm(mean)), 1e-9)
        return cls(centroids, tuple(topics), tuple(names.get(topic, "") for topic in topics))

    def assign(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Topic of each of ``vectors`` [n, d]: ids int64 [n] (−1: none) and the cosine to its centroid float64 [n], 0–1."""
        import numpy as np

        if not self.ids:
            return np.full(len(vectors), NOISE, np.int64), np.zeros(len(vectors))
        cosines = np.asarray(vectors, np.float32) @ self.centroids.T
        best = cosines.argmax(axis=1)
        confidence = np.clip(cosines.max(axis=1).astype(np.float64), 0.0, 1.0)
        return np.where(confidence >= MIN_COSINE, np.array(self.ids, np.int64)[best], NOISE), confidence

    def name(self, topic: int) -> str | None:
        """Name of a topic number; None for noise."""
        return self.names[self.ids.index(topic)] if topic in self.ids else None

    def to_json(self) -> dict[str, Any]:
        """The model as JSON numbers and texts."""
        rows = [[round(float(value), 6) for value in row] for row in self.centroids]
        return {
            "dimension": int(self.centroids.shape[1]),
            "ids": list(self.ids),
            "names": list(self.names),
            "centroids": rows,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TopicModel:
        """The model that ``to_json`` stored; raises ``ReleaseError`` when it is damaged."""
        import numpy as np

        try:
            centroids = np.array(data["centroids"], np.float32).reshape(len(data["ids"]), int(data["dimension"]))
            return cls(centroids, tuple(int(i) for i in data["ids"]), tuple(str(name) for name in data["names"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ReleaseError("The topics of the release are damaged; run `jarvis mine` to make them anew.") from error
