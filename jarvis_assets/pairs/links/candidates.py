"""Which earlier turns a turn may answer: the candidates of the reply-link model.

For each response, the last turns by other senders in its conversation, within bounds of time and number. Nothing
later than the response is ever a candidate. How likely each is belongs to ``features`` and ``weights``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jarvis_assets.pairs.links.inputs import REACH_SECONDS, TurnArrays

if TYPE_CHECKING:
    from numpy.typing import NDArray

GROUP_CANDIDATES, DIRECT_CANDIDATES = 20, 4
"""Most turns by others that a response may answer: in a group most answers reach back less far; alone with one
person an older turn is hardly ever meant without saying so."""
REACH_ROWS = 40
"""How many turns back, by anybody, candidates are looked for."""


@dataclass(frozen=True)
class Candidates:
    """k candidates of n responses, grouped by response, the latest turn first.

    ``response`` numbers the n responses, ``turn`` the rows of the turns table; ``rank`` counts the turns by others
    from the latest (0); ``own_between`` counts the responder's own turns in between.
    """

    responses: NDArray[np.int64]
    """The n responses' rows in the turns table."""
    response: NDArray[np.int64]
    turn: NDArray[np.int64]
    rank: NDArray[np.int64]
    own_between: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.turn)


def candidates(arrays: TurnArrays, responses: NDArray[np.int64]) -> Candidates:
    """Candidates of each response (rows of the turns table), by lag: one vectorised step per turn back."""
    n = len(responses)
    limit = np.where(arrays.is_group[responses], GROUP_CANDIDATES, DIRECT_CANDIDATES)
    others = np.zeros(n, dtype=np.int64)
    own = np.zeros(n, dtype=np.int64)
    open_ = np.ones(n, dtype=bool)
    found: list[tuple[NDArray[np.int64], ...]] = []
    for lag in range(1, REACH_ROWS + 1):
        at = responses - lag
        open_ &= at >= 0
        open_[open_] &= arrays.conversation[at[open_]] == arrays.conversation[responses[open_]]
        open_[open_] &= arrays.started[responses[open_]] - arrays.ended[at[open_]] <= REACH_SECONDS
        open_ &= others < limit
        if not open_.any():
            break
        alive = np.flatnonzero(open_)
        by_other = arrays.sender[at[alive]] != arrays.sender[responses[alive]]
        chosen = alive[by_other]
        found.append((chosen, at[chosen], others[chosen], own[chosen]))
        others[chosen] += 1
        own[alive[~by_other]] += 1
    if not found:
        none = np.empty(0, dtype=np.int64)
        return Candidates(responses, none, none, none, none)
    response, turn, rank, between = (np.concatenate(part) for part in zip(*found, strict=True))
    order = np.lexsort((rank, response))
    return Candidates(responses, response[order], turn[order], rank[order], between[order])
