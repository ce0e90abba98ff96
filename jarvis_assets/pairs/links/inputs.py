"""What links are judged by, as arrays aligned with one turns table: who spoke where and when, words, vectors, segments.

Computed once per turns table. What it says for or against a link belongs to ``features`` (weights) and to ``evidence``
and ``exchanges`` (trees).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jarvis_assets.pairs.links.wording import Wording
from jarvis_assets.pairs.turns import codes

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

REACH_SECONDS = 7 * 86_400.0
"""Nothing older than a week is answered (seconds)."""
_ME = "\x00me"


@dataclass(frozen=True)
class TurnArrays:
    """The columns of a turns table that links are judged by, as arrays of length n."""

    conversation: NDArray[np.int64]
    sender: NDArray[np.int64]
    """A number per person; mine is one of them."""
    is_group: NDArray[np.bool_]
    started: NDArray[np.float64]
    """Seconds since 1970."""
    ended: NDArray[np.float64]

    @classmethod
    def of(cls, turns: pd.DataFrame) -> TurnArrays:
        """Arrays of a turns table."""
        return cls(
            conversation=codes(turns["conversation_id"]),
            sender=codes(turns["person_id"].fillna("").mask(turns["is_from_me"], _ME)),
            is_group=turns["is_group"].to_numpy(dtype=bool),
            started=turns["started_at"].astype("int64").to_numpy() / 1e6,
            ended=turns["ended_at"].astype("int64").to_numpy() / 1e6,
        )


@dataclass(frozen=True)
class LinkInputs:
    """Everything that links are judged by, aligned with one turns table of n turns."""

    arrays: TurnArrays
    wording: Wording
    vectors: NDArray[np.float16]
    """[n, d], rows of length 1."""
    segments: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        turns: pd.DataFrame,
        vectors: NDArray[np.float16],
        segments: NDArray[np.int64],
        people: pd.DataFrame | None = None,
    ) -> LinkInputs:
        """The inputs of a turns table; ``people`` lends first names."""
        arrays = TurnArrays.of(turns)
        return cls(arrays, Wording.of(turns, arrays.sender, people), vectors, segments)
