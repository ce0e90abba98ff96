"""The leak guard: which of the owner's replies may reach which person.

One rule. A reply reaches person B only if it was used with B before, or it was used with at least ``min_people``
different people and carries no specifics; secrets reach nobody. Everything that offers or shows a reply (options,
cold start, few-shot examples) asks this guard and nothing else. What counts as a specific is decided in
``specifics``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jarvis_serving import specifics

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jarvis_serving.replies import Replies


@dataclass(frozen=True)
class Decision:
    """Whether a reply may be offered, and the rule that said so (never a quotation)."""

    allowed: bool
    reason: str


def has_specifics(text: str, shared_words: frozenset[str], names: frozenset[str] = frozenset()) -> str | None:
    """The kind of specific that ``text`` carries, as a noun phrase; None when it carries none."""
    return specifics.find(text, shared_words, names)


class Guard:
    """The rule, worked out once for every distinct reply of ``replies``.

    ``safe`` (bool [replies]) may reach anybody; ``secret`` (bool [replies]) may reach nobody.
    """

    def __init__(
        self, replies: Replies, shared_words: frozenset[str], names: frozenset[str] = frozenset(), *, min_people: int
    ) -> None:
        self._replies = replies
        self._shared_words = shared_words
        self._names = names
        self.min_people = min_people
        widely_used = replies.people_counts >= min_people
        self.secret: NDArray[np.bool_] = replies.secret
        self._kinds: dict[int, str] = {}
        self.safe: NDArray[np.bool_] = np.zeros(len(replies), np.bool_)
        # A loop over the few replies used with several people: each needs its words looked at.
        for row in np.flatnonzero(widely_used):
            kind = has_specifics(replies.texts[row], shared_words, names)
            if kind is None:
                self.safe[row] = True
            else:
                self._kinds[int(row)] = kind
        self.safe &= ~self.secret
        self._safe_ids = np.flatnonzero(self.safe)

    def specifics(self, text: str) -> str | None:
        """``has_specifics`` with this owner's shared words and contacts' names."""
        return has_specifics(text, self._shared_words, self._names)

    def eligible(self, person_id: str | None) -> NDArray[np.int64]:
        """Ids of the replies that may reach ``person_id`` (None: nobody in particular), in rising order."""
        own = self._replies.used_with(person_id)
        if not len(own):
            return self._safe_ids
        return np.union1d(self._safe_ids, own[~self.secret[own]])

    def may_offer(self, reply: int | str, person_id: str | None) -> Decision:
        """The rule for one reply: its id, or any text (which must then be one of the owner's to be allowed)."""
        row = self._replies.find(reply) if isinstance(reply, str) else int(reply)
        if row < 0:
            return Decision(False, "the owner never used it")
        if self.secret[row] or (isinstance(reply, str) and specifics.secret(reply)):
            return Decision(False, "it carries a secret")
        if person_id is not None and row in self._replies.used_with(person_id):
            return Decision(True, "used with this person before")
        people = int(self._replies.people_counts[row])
        if people < self.min_people:
            return Decision(False, f"used with fewer than {self.min_people} people")
        if (kind := self._kinds.get(row)) is not None:
            return Decision(False, f"it carries {kind}")
        if isinstance(reply, str) and (kind := self.specifics(reply)) is not None:
            return Decision(False, f"it carries {kind}")
        return Decision(True, f"used with {people} people and carries no specifics")
