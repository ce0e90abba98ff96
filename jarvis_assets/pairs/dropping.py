"""How much the filters dropped, why most of it, and what to do when that is too much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jarvis_assets.pairs import filters
from jarvis_assets.pairs.keeping import INCOHERENT

if TYPE_CHECKING:
    import pandas as pd

MOST_DROPPED = 0.40
"""Founding documents: filters that drop a larger share of the pairs found are too aggressive."""


@dataclass(frozen=True)
class Dropped:
    """Pairs found, and how many of them the filters dropped by reason, most first; repeats that merged are not."""

    found: int
    by_reason: dict[str, int]

    @property
    def share(self) -> float:
        """Share of the pairs found that was dropped."""
        return sum(self.by_reason.values()) / self.found if self.found else 0.0

    @property
    def too_many(self) -> bool:
        """Whether more was dropped than filters should."""
        return self.share > MOST_DROPPED

    @property
    def sentence(self) -> str:
        """What was dropped, in words; where it is too much, what to do."""
        if not self.by_reason:
            return f"The filters dropped none of {self.found:,} pairs."
        most, count = next(iter(self.by_reason.items()))
        said = f"The filters dropped {self.share:.0%} of {self.found:,} pairs, most of them ({count:,}) as {most}"
        if not self.too_many:
            return said + "."
        return (
            f"{said}; more than {MOST_DROPPED:.0%} is too much. Where pairs of that kind are "
            "worth learning from, the filter is wrong for your messages, so please report it; where they are not, nothing "
            f"is lost. A checkout of the project shows them: `python -m benchmarks.kept_and_dropped --reason {most}`."
        )


def told(found: pd.DataFrame, kept: int, people: pd.DataFrame) -> Dropped:
    """What was dropped of the pairs ``found``, of which ``kept`` occurrences stayed; the filters say why once more."""
    by_reason = {str(reason): int(count) for reason, count in filters.unfit(found, people).value_counts().items()}
    if incoherent := len(found) - kept - sum(by_reason.values()):
        by_reason[INCOHERENT] = incoherent
    return Dropped(len(found), dict(sorted(by_reason.items(), key=lambda one: -one[1])))
