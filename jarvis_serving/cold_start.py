"""What to offer to somebody the owner hardly writes with: what this owner says to everybody.

Only replies that the leak guard calls safe, ranked by how often they were used with people of the same relationship
and by how well they fit the message. When a person counts as new is decided in ``router``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from jarvis_serving.options import OPTIONS, SAME_MEANING

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jarvis_serving.bank import Bank
    from jarvis_serving.retrieval import Candidates


def popular(
    bank: Bank, candidates: Candidates, scores: NDArray[np.float32], relationship: str, fitting: NDArray[np.bool_]
) -> list[int]:
    """Positions among ``candidates`` of up to three popular safe replies, best first, of different types where it can.

    ``scores`` float32 [c]: the ranker's log-odds; ``fitting`` bool [c]: whose type can answer the message.
    """
    safe = np.flatnonzero(bank.guard.safe[candidates.replies] & fitting)
    if not len(safe):
        return []
    ids = candidates.replies[safe]
    worth = np.log1p(_uses(bank, relationship)[ids]) + 0.1 * np.log1p(bank.replies.uses[ids]) + scores[safe]
    order = safe[np.argsort(-worth, kind="stable")]
    vectors = candidates.vectors(order)
    picked: list[int] = []
    for new_types_only in (True, False):
        for place in range(len(order)):
            if len(picked) == OPTIONS:
                break
            types = {int(candidates.types[order[p]]) for p in picked}
            alike = bool(picked) and (vectors[picked] @ vectors[place]).max() > SAME_MEANING
            if place in picked or alike or (new_types_only and int(candidates.types[order[place]]) in types):
                continue
            picked.append(place)
    return [int(order[place]) for place in picked]


def _uses(bank: Bank, relationship: str) -> NDArray[np.float64]:
    """Uses of every reply with people of ``relationship``; with everybody when it is UNKNOWN."""
    replies = bank.replies
    if relationship == "UNKNOWN":
        return replies.uses.astype(np.float64)
    alike = set(bank.profiles.loc[bank.profiles["relationship"] == relationship, "person_id"])
    people = np.array([person in alike for person in replies.people], np.bool_)
    told = people[replies.with_person] if len(people) else np.zeros(0, np.bool_)
    uses = np.bincount(replies.with_reply[told], replies.with_uses[told], minlength=len(replies))
    return uses.astype(np.float64)
