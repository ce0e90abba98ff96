"""`jarvis review` in the terminal: shows one exchange after the other, takes one key for each, prints what they say.

Answers come from a keyboard, or line by line from a pipe. Every verdict is written down before the next exchange is
shown, so that nothing is lost however the review ends.
"""

import io
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import uuid4

from rich.console import Console
from rich.markup import escape
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from jarvis_assets.pairs.review import sample as review_sample
from jarvis_assets.pairs.review import verdicts as reviews
from jarvis_assets.pairs.review.exchange import Exchange, exchanges
from jarvis_assets.pairs.review.quality import Quality
from jarvis_assets.pairs.review.summary import COLUMNS, summarise
from jarvis_assets.review_answers import VERDICTS, Answers, Keyboard, Lines
from jarvis_assets.terminal import notes, out, print_json
from jarvis_resources import tables
from jarvis_resources.asset_files import read_asset
from jarvis_resources.errors import SettingsError
from jarvis_resources.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

ASKED = (
    "▶ is what they wrote, ◀ what you replied. GOOD: ◀ answers ▶ and would make sense to somebody who saw these two alone. "
    "BAD: it answers something else, or means something else than it says. AMBIGUOUS: you cannot tell any more."
)
INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


class Session:
    """One reviewer going through some exchanges."""

    def __init__(self, settings: Settings, shown: Sequence[Exchange], reviewer: str) -> None:
        self._home, self._shown, self._reviewer = settings.home, shown, reviewer
        self._showings = [uuid4().hex for _ in shown]
        self.judged: set[int] = set()
        """Showings with a verdict, by number."""

    def go(self, answers: Answers, screen: Console) -> None:
        """Show and ask until the end or ``q``; every verdict is on disk before the next exchange is shown."""
        screen.print(Text(ASKED, "dim"))
        number = 0
        while number < len(self._shown):
            _show(self._shown[number], number + 1, len(self._shown), screen)
            answer = answers.next()
            if answer.key == "q":
                return
            if answer.key == "u":
                number = max(number - 1, 0)
                if number in self.judged:
                    self._keep(number, None)
                    self.judged.discard(number)
                continue
            if answer.key in VERDICTS:
                self._keep(number, VERDICTS[answer.key], answer.reason, answer.note)
                self.judged.add(number)
            number += 1

    def _keep(self, number: int, verdict: str | None, reason: str | None = None, note: str | None = None) -> None:
        exchange = self._shown[number]
        reviews.record(
            self._home,
            showing=self._showings[number],
            pair_id=exchange.pair_id,
            source=exchange.source,
            confidence=exchange.confidence,
            reviewer=self._reviewer,
            verdict=verdict,
            reason=reason,
            note=note,
        )


def review(settings: Settings, *, count: int | None, gold: int | None, reviewer: str, seed: int, as_json: bool) -> int:
    """Ask, then print the summary; returns the exit code, which tells of Ctrl-C."""
    name = reviews.reviewer_name(reviewer)
    screen = notes if as_json else out
    session = Session(settings, _chosen(settings, count=count, gold=gold, reviewer=name, seed=seed), name)
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")  # a stray byte in a note is no reason to stop
    try:
        if sys.stdin is not None and sys.stdin.isatty():
            with Keyboard(screen) as keyboard:
                session.go(keyboard, screen)
        else:
            session.go(Lines(), screen)
    except KeyboardInterrupt:
        given = len(session.judged)
        notes.print(
            f"\njarvis: Stopped; {given} {'verdict' if given == 1 else 'verdicts'} of this review are in "
            f"{escape(str(settings.home / reviews.FILE))}; `jarvis review` goes on with other pairs.",
            soft_wrap=True,
        )
        return INTERRUPTED
    print_summary(settings, as_json=as_json)
    return 0


def _chosen(settings: Settings, *, count: int | None, gold: int | None, reviewer: str, seed: int) -> list[Exchange]:
    """The exchanges to show, in order; raises ``SettingsError`` where there is none."""
    pairs = _pairs(settings)
    if gold:
        pairs = pairs[pairs["source"] == "gold"]
    if pairs.empty:
        raise SettingsError(
            f"The last mining found no {'gold pair' if gold else 'pair'} to review; run `jarvis doctor` to see why."
        )
    verdicts = reviews.read(settings.home)
    wanted = gold or count or review_sample.PAIRS_SHOWN
    if reviewer == reviews.OWNER:
        done = verdicts.loc[verdicts["reviewer"] == reviewer, "pair_id"]
        draw = review_sample.simple if gold else review_sample.stratified
        sample = draw(pairs, done, count=wanted, seed=seed)
    else:
        sample = review_sample.second_opinion(pairs, verdicts, reviewer, count=wanted, seed=seed)
        if sample.empty:
            raise SettingsError(
                "There is nothing left for a second opinion, which is on a fifth of the pairs that the owner reviewed; "
                "run `jarvis review` without --reviewer first."
            )
    ordered = review_sample.in_order(sample, seed=seed)["pair_id"]
    found = exchanges(settings, ordered)
    return [found[pair_id] for pair_id in ordered if pair_id in found]


def _pairs(settings: Settings) -> "pd.DataFrame":
    pairs: pd.DataFrame = read_asset(settings.assets_root, "pairs", "table", columns=COLUMNS)
    return pairs


def _show(exchange: Exchange, number: int, total: int, screen: Console) -> None:
    """One exchange, without its source and confidence: they would lead the reviewer."""
    screen.print(Rule(f"{number} of {total} · {exchange.responded_at:%-d %B %Y}", align="left", style="dim"))
    for line in exchange.before:
        screen.print(Text(f"    {line}", "dim"))
    screen.print(Text.assemble(("▶ ", "bold cyan"), f"{exchange.speaker}: {exchange.trigger}"))
    for line in exchange.between:
        screen.print(Text(f"    {line}", "dim"))
    screen.print(Text.assemble(("◀ ", "bold green"), f"Me, {_after(exchange.seconds)} later: {exchange.response}"))


def _after(seconds: float) -> str:
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def print_summary(settings: Settings, *, as_json: bool) -> None:
    """Quality with its interval by part, and agreement; JSON for programs."""
    summary = summarise(reviews.read(settings.home), _pairs(settings))
    if as_json:
        print_json(summary.to_json())
        return
    out.print(f"\n{summary.state}", soft_wrap=True)
    if not summary.verdicts:
        return
    table = Table(box=None, header_style="dim", pad_edge=False)
    for column in ("pairs", *tables.VERDICTS, "quality", "95 % interval"):
        table.add_column(column, justify="left" if column == "pairs" else "right")
    for part, found in summary.quality.items():
        table.add_row(part, str(found.good), str(found.bad), str(found.ambiguous), *_figures(found))
    out.print(table)
    for name, agreement in {"the owner, asked twice": summary.within, **summary.between}.items():
        if agreement.pairs:
            kappa = "--" if agreement.kappa is None else f"{agreement.kappa:.2f}"
            out.print(
                Text(f"{name}: the same verdict on {agreement.equal:.0%} of {agreement.pairs} pairs, kappa {kappa}")
            )
    if summary.gold.state != "not reviewed":
        out.print(summary.gold.sentence, soft_wrap=True)
    if summary.gone:
        out.print(f"{summary.gone} of the pairs judged are no longer there and count for agreement alone.")


def _figures(found: Quality) -> tuple[str, str]:
    if found.share is None:
        return "--", "--"
    return f"{found.share:.1%}", f"{found.low:.1%} – {found.high:.1%}"
