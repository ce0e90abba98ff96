"""The turns that a turn may answer: the last ones before it in its conversation, whoever said them.

Dense: every response has the same number of slots, so that features are array steps and not loops. What speaks for a
slot belongs to ``evidence`` and ``exchanges``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jarvis_assets.pairs.links.inputs import REACH_SECONDS, TurnArrays

if TYPE_CHECKING:
    from numpy.typing import NDArray

REACH = 40
"""Turns back, by anybody, that a response may answer."""


@dataclass(frozen=True)
class Windows:
    """The slots of n responses: slot 0 is the response itself and stands for "none of these", slot k the k-th turn back."""

    response: NDArray[np.int64]
    """[n] rows of the turns table."""
    turn: NDArray[np.int64]
    """[n, slots] rows of the turns table; meaningless where nothing is there."""
    there: NDArray[np.bool_]
    """[n, slots] whether the slot holds a turn of the same conversation within reach."""

    @classmethod
    def of(cls, arrays: TurnArrays, responses: NDArray[np.int64], reach: int = REACH) -> Windows:
        """The windows of ``responses`` (rows of the turns table)."""
        turn = responses[:, None] - np.arange(reach + 1)[None, :]
        there = turn >= 0
        turn = np.maximum(turn, 0)
        there &= arrays.conversation[turn] == arrays.conversation[responses][:, None]
        silence = arrays.started[responses][:, None] - arrays.ended[turn]
        there &= silence <= REACH_SECONDS
        # A turn of another thread may have begun before the response and go on after it: it is not over, so not there.
        there[:, 1:] &= silence[:, 1:] >= 0
        return cls(responses, turn, there)


def reached(arrays: TurnArrays, responses: NDArray[np.int64], reach: int = REACH) -> NDArray[np.int64]:
    """The turns that stand in the window of any response, and the responses themselves, in order."""
    seen = np.zeros(len(arrays.conversation), dtype=bool)
    for lag in range(reach + 1):
        back = responses[responses >= lag]
        seen[back - lag] |= arrays.conversation[back - lag] == arrays.conversation[back]
    return np.flatnonzero(seen)
