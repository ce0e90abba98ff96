"""How far verdicts agree: of one reviewer with themselves, and of two reviewers with each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jarvis_assets.pairs.review.verdicts import OWNER, settled

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Agreement:
    """Pairs judged twice: by one reviewer at two times, or by two reviewers."""

    pairs: int
    equal: float | None = None
    """Share of the pairs with the same verdict twice; None without pairs."""
    kappa: float | None = None
    """Cohen's kappa (1960): agreement beyond chance, 1 at most; None where only one verdict was ever given."""


def within(verdicts: pd.DataFrame, reviewer: str = OWNER) -> Agreement:
    """Of ``reviewer``: the first verdict on each pair against the second."""
    own = verdicts[verdicts["reviewer"] == reviewer]
    showing = own.groupby("pair_id").cumcount()
    first = own[showing == 0].set_index("pair_id")["verdict"]
    second = own[showing == 1].set_index("pair_id")["verdict"]
    return _agreement(first.reindex(second.index), second)


def between(verdicts: pd.DataFrame, reviewer: str) -> Agreement:
    """Of ``reviewer`` and the owner: the last verdict of each on the pairs that both judged."""
    theirs = settled(verdicts, reviewer).set_index("pair_id")["verdict"]
    owners = settled(verdicts).set_index("pair_id")["verdict"]
    both = owners.index.intersection(theirs.index)
    return _agreement(owners[both], theirs[both])


def other_reviewers(verdicts: pd.DataFrame) -> list[str]:
    """Who gave a second opinion, sorted."""
    return sorted(set(verdicts["reviewer"]) - {OWNER})


def _agreement(first: pd.Series[str], second: pd.Series[str]) -> Agreement:
    if first.empty:
        return Agreement(0)
    from sklearn.metrics import cohen_kappa_score

    one, two = first.to_numpy(object), second.to_numpy(object)
    several = len({*one, *two}) > 1
    return Agreement(
        pairs=len(one),
        equal=float((one == two).mean()),
        kappa=float(cohen_kappa_score(one, two)) if several else None,
    )
