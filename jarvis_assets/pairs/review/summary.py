"""The state of the review in one object: for the terminal, the graph, the report and the release."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from jarvis_assets.pairs.review.agreement import Agreement, between, other_reviewers, within
from jarvis_assets.pairs.review.quality import GoldState, Judged, Quality, gold_state, judged, quality
from jarvis_assets.pairs.review.verdicts import OWNER, settled

if TYPE_CHECKING:
    import pandas as pd

ALL = "all pairs"
COLUMNS = ["pair_id", "source", "confidence"]
"""What is wanted of the table ``pairs``."""


@dataclass(frozen=True)
class ReviewSummary:
    """What reviewers said so far, of the pairs there are now."""

    quality: dict[str, Quality] = field(default_factory=dict)
    """By part of the pairs: all of them, each source, each confidence band of a source; those with a verdict."""
    gold: GoldState = field(default_factory=lambda: gold_state(Quality()))
    within: Agreement = field(default_factory=lambda: Agreement(0))
    """Of the owner with themselves."""
    between: dict[str, Agreement] = field(default_factory=dict)
    """Of each other reviewer with the owner, by name."""
    reasons: dict[str, int] = field(default_factory=dict)
    """The owner's reasons for BAD and AMBIGUOUS."""
    verdicts: int = 0
    """Verdicts given, everybody's and repeats too."""
    gone: int = 0
    """Pairs the owner judged that are no longer there."""

    @property
    def state(self) -> str:
        """One sentence, or "not reviewed"."""
        whole = self.quality.get(ALL)
        if whole is None or whole.share is None:
            return "not reviewed"
        return (
            f"{whole.share:.0%} of the pairs are GOOD ({whole.low:.0%} to {whole.high:.0%}), by {whole.decided} decided "
            f"verdicts and {whole.ambiguous} AMBIGUOUS; gold pairs: {self.gold.state}"
        )

    def anonymous(self) -> ReviewSummary:
        """The same with numbers in the place of the other reviewers' names, for whatever is logged or kept."""
        numbered = {f"reviewer {number}": found for number, found in enumerate(self.between.values(), start=2)}
        return ReviewSummary(
            **{**{name: getattr(self, name) for name in self.__dataclass_fields__}, "between": numbered}
        )

    def quality_table(self) -> str:
        """Counts and quality by part, as Markdown."""
        rows = [
            f"| {part} | {found.good} | {found.bad} | {found.ambiguous} | {_interval(found)} |"
            for part, found in self.quality.items()
        ]
        head = "| pairs | GOOD | BAD | AMBIGUOUS | quality |\n|---|---|---|---|---|"
        return "\n".join([head, *rows]) if rows else "not reviewed"

    def agreement_table(self) -> str:
        """Agreement within and between reviewers, as Markdown."""
        rows = [
            f"| {name} | {found.pairs} | {found.equal:.0%} | {'--' if found.kappa is None else f'{found.kappa:.2f}'} |"
            for name, found in {"owner, asked twice": self.within, **self.between}.items()
            if found.equal is not None
        ]
        head = "| who | pairs | same verdict | Cohen's kappa |\n|---|---|---|---|"
        return "\n".join([head, *rows]) if rows else "not measured"

    def intervals(self) -> dict[str, tuple[float, float, float]]:
        """Quality and the ends of its interval, by part."""
        return {
            part: (found.share, found.low, found.high)
            for part, found in self.quality.items()
            if found.share is not None and found.low is not None and found.high is not None
        }

    def to_json(self) -> dict[str, Any]:
        """Plain values for programs."""
        return {"state": self.state, **asdict(self)}


def summarise(verdicts: pd.DataFrame, pairs: pd.DataFrame) -> ReviewSummary:
    """The summary of a GOLD_PAIR_REVIEW table, of ``pairs`` (the columns above)."""
    own = settled(verdicts)
    there = judged(own, pairs)
    names = [name for source in ("gold", "semantic") for name in (f"{source} ", *_strata(there, source))]
    parts = {ALL: quality(there), **{name.strip(): quality(there.part(name)) for name in names}}
    gone = ~own["pair_id"].isin(there.verdicts["pair_id"])
    gold_gone = gone[own["source"] == "gold"]
    return ReviewSummary(
        quality={name: found for name, found in parts.items() if found.decided or found.ambiguous},
        gold=gold_state(parts.get("gold", Quality()), float(gold_gone.mean()) if len(gold_gone) else 0.0),
        within=within(verdicts, OWNER),
        between={name: between(verdicts, name) for name in other_reviewers(verdicts)},
        reasons={str(reason): int(count) for reason, count in own["reason"].value_counts().items()},
        verdicts=len(verdicts),
        gone=int(gone.sum()),
    )


def _strata(found: Judged, source: str) -> list[str]:
    return [name for name in found.strata.index if name.startswith(f"{source} ")]


def _interval(found: Quality) -> str:
    return "--" if found.share is None else f"{found.share:.1%} ({found.low:.1%} – {found.high:.1%})"
