"""The cosine below which a pair's sides speak against each other, learned from known links.

Known links are the owner's inline replies (the link model's dev fold); what a wrong link looks like, the same replies
beside other turns of their conversation show. Below the floor, right links are rarer than wrong ones, given how sure
the links are that were kept. Sure links leave hardly anything to drop, and that is as it should be: a cosine says
little of whether an answer answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from jarvis_assets.pairs.links.truth import DEV, fold_of
from jarvis_assets.pairs.pair_rows import coherence_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEWEST_LINKS = 50
"""Known links of one kind of conversation (dev fold) from which the floor is learned; with fewer the shipped one holds."""
FEWEST_WORDS = 4
"""A side of fewer words is too plain for its vector to say what it is about: it is never incoherent."""
WRONG_PER_LINK = 20
"""Other turns of the conversation beside each known reply."""
NONE = -1.0
"""A floor that drops nothing."""


@dataclass(frozen=True)
class Floors:
    """Cosines below which a semantic pair is incoherent, in direct chats and in groups, and where they come from."""

    direct: float = NONE
    group: float = NONE
    provenance: str = "shipped"

    def margin(self, pairs: pd.DataFrame) -> NDArray[np.float64]:
        """By how much each pair is above its floor; infinite for inline replies and where a side is too plain."""
        floor = np.where(pairs["is_group"].to_numpy(dtype=bool), self.group, self.direct)
        weighed = (pairs["source"] == "semantic").to_numpy() & says_enough(pairs)
        return np.where(weighed, pairs["coherence"].to_numpy() - floor, np.inf)

    def as_metadata(self) -> dict[str, float | str]:
        """The floors that drop something, and what they were learned from."""
        floors = {"direct": self.direct, "group": self.group}
        return {
            "coherence_floors_from": self.provenance,
            **{f"coherence_floor_{kind}": cosine for kind, cosine in floors.items() if cosine > NONE},
        }


def learn(gold: pd.DataFrame, semantic: pd.DataFrame, turns: pd.DataFrame, turn_vectors: NDArray[np.float16]) -> Floors:
    """The floors of this history.

    ``turns`` needs ``turn_id``, ``conversation_id`` and ``is_from_me`` and is aligned with ``turn_vectors``; ``gold`` and
    ``semantic`` are the pairs found.
    """
    shipped = Floors()
    floors, learned = {False: shipped.direct, True: shipped.group}, []
    known = gold[(fold_of(gold["response_guid"]) == DEV) & says_enough(gold)]
    for group, name in ((False, "direct chats"), (True, "groups")):
        links = known[known["is_group"] == group]
        confidence = semantic.loc[semantic["is_group"] == group, "confidence"]
        wrong = _beside_others(links, turns, turn_vectors)
        if len(links) >= FEWEST_LINKS and len(wrong) and len(confidence):
            floors[group] = floor(links["coherence"].to_numpy(), wrong, float(confidence.mean()))
            learned.append(f"{len(links)} inline replies in {name}")
    return Floors(floors[False], floors[True], " and ".join(learned) or shipped.provenance)


def floor(right: NDArray[np.float64], wrong: NDArray[np.float64], share_right: float) -> float:
    """The highest cosine below which right links are rarer than wrong ones; ``NONE`` where there is no such cosine.

    ``right`` and ``wrong`` are cosines of links; ``share_right`` is the share of right ones among the links kept. One
    right link more than was seen is taken for granted (Laplace), so that few links drop little.
    """
    at = np.sort(wrong)
    wrong_below = (1.0 - share_right) * np.arange(1, len(at) + 1) / len(at)
    right_below = share_right * (np.searchsorted(np.sort(right), at, side="right") + 1) / (len(right) + 1)
    rarer = np.flatnonzero(right_below < wrong_below)
    return float(at[rarer[-1]]) if len(rarer) else NONE


def says_enough(pairs: pd.DataFrame) -> NDArray[np.bool_]:
    """Which pairs have words enough on both sides for their cosine to mean something."""
    count = [pairs[name].str.count(r"\w+") for name in ("trigger_text", "response_text")]
    return np.asarray((count[0] >= FEWEST_WORDS) & (count[1] >= FEWEST_WORDS), dtype=bool)


def _beside_others(links: pd.DataFrame, turns: pd.DataFrame, turn_vectors: NDArray[np.float16]) -> NDArray[np.float64]:
    """Cosines of each link's reply with other people's turns in its conversation, but for the one that it answers."""
    theirs = np.flatnonzero(~turns["is_from_me"].to_numpy(dtype=bool))
    in_conversation = pd.Series(theirs).groupby(turns["conversation_id"].iloc[theirs].to_numpy()).indices
    place = pd.Index(turns["turn_id"])
    reply = place.get_indexer(pd.Index(links["response_guid"]))
    answered = place.get_indexer(pd.Index([guids[0] for guids in links["trigger_guids"]]))
    draw = np.random.default_rng(0)
    turn, beside = [], []
    # A loop over a few hundred links.
    for row, own, conversation in zip(reply.tolist(), answered.tolist(), links["conversation_id"], strict=True):
        others = theirs[in_conversation.get(conversation, [])]
        others = others[others != own]
        if row >= 0 and len(others):
            chosen = draw.choice(others, size=min(WRONG_PER_LINK, len(others)), replace=False)
            turn.append(np.full(len(chosen), row))
            beside.append(chosen)
    if not turn:
        return np.empty(0)
    return coherence_of(turn_vectors, np.concatenate(beside), np.concatenate(turn))
