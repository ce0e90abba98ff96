"""What the commands print: tables and progress for people, JSON for programs. Nothing is decided or computed here."""

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from jarvis_resources.errors import ChatDatabaseError, ReleaseError, SettingsError
from jarvis_resources.settings import Settings

if TYPE_CHECKING:
    from jarvis_assets.doctor.examination import Examination
    from jarvis_assets.mining import FailedCheck, Mined
    from jarvis_resources.releases import Listed, Release

out = Console(highlight=False)
notes = Console(stderr=True, highlight=False)

SAMPLE_NAME = "sample.chat.db"
BAR_WIDTH = 30
"""Characters of the longest bar of a histogram."""


class MiningProgress:
    """Live lines while a mining runs: the step at work, a bar where it counts, and each warning once."""

    def __init__(self, *, quiet: bool) -> None:
        # Dagster sends stderr into a file while a step runs; what the owner watches goes past that.
        self._stderr = open(os.dup(2), "w", encoding=sys.stderr.encoding, errors="replace")  # noqa: SIM115
        self._console = Console(file=self._stderr, highlight=False)
        self._live = self._console.is_terminal
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[count]}"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            disable=quiet or not self._live,
        )
        self._quiet = quiet
        self._task = self._progress.add_task("starting", total=None, count="")
        self._started = time.monotonic()
        self._warned: set[str] = set()
        self._step: tuple[str, str | None] | None = None
        self._work: tuple[str, float, int] | None = None

    def __enter__(self) -> "MiningProgress":
        from jarvis_assets import progress

        progress.listen(self.work)
        self._progress.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        from jarvis_assets import progress

        progress.listen(None)
        self._progress.stop()
        self._stderr.close()

    def step(self, step: str, encoder: str | None, state: str) -> None:
        """Hear of a step that starts or ends, or of a warning; an asset's own steps are one to the owner."""
        if state == "start":
            if self._step == (step, encoder):
                return
            self._step = (step, encoder)
            name = step if encoder is None else f"{step} ({encoder})"
            self._progress.reset(self._task, description=name, total=None, count="")
            if not self._quiet and not self._live and not step.endswith("matches_its_declaration"):
                self._console.print(f"{time.monotonic() - self._started:6.1f} s  {escape(name)}")
        elif state not in ("done", "failed") and state not in self._warned and not self._quiet:
            self._warned.add(state)
            self._console.print(f"[yellow]note:[/yellow] {escape(state)}")

    def work(self, label: str, done: int, total: int) -> None:
        """Hear how far the work inside a step is, and tell how fast it goes."""
        now = time.monotonic()
        if self._work is None or self._work[0] != label or done < self._work[2]:
            self._work = (label, now, done)
        _, since, before = self._work
        speed = f"  {(done - before) / (now - since):,.0f}/s" if now - since >= 1 else ""
        self._progress.update(
            self._task, description=label, completed=done, total=total, count=f"{done:,} of {total:,}{speed}"
        )


def history_or_sample(settings: Settings) -> tuple[Path, bool]:
    """The owner's chat.db where it can be read, else the synthetic sample (made if need be), and whether it is that.

    Raises ``SettingsError`` when the home already holds a release of the owner's real history: the sample must not
    take its place.
    """
    from jarvis_assets.doctor.volume import require_readable
    from jarvis_resources import releases
    from jarvis_resources.imessage.sample import write_sample

    source = settings.chat_db.expanduser()
    try:
        require_readable(source)
        return source, False
    except ChatDatabaseError as error:
        reason = str(error)
    sample = settings.home / SAMPLE_NAME
    try:
        mined_from = releases.latest(settings.releases).manifest.get("source")
    except ReleaseError:
        mined_from = None
    if mined_from is not None and mined_from != str(sample):
        raise SettingsError(
            f"{reason} {settings.home} holds a release of your real history, which the sample will not replace; "
            "set JARVIS_HOME to another folder to try the sample."
        )
    notes.print(f"[yellow]note:[/yellow] {escape(reason)}")
    notes.print(f"[yellow]note:[/yellow] Using the synthetic sample instead: {escape(str(sample))}")
    if not sample.exists():
        write_sample(sample, messages=20_000, seed=0)
    return sample, True


def print_mined(mined: "Mined", settings: Settings, examples: Sequence[str], *, is_sample: bool, as_json: bool) -> None:
    """The assets with rows and seconds, what was embedded, examples with their routes, and where things lie."""
    from jarvis_assets import metadata
    from jarvis_resources import releases
    from jarvis_serving import Suggester

    release = releases.latest(settings.releases)
    suggester = Suggester.load(settings)
    contact = next((row.person_id for row in suggester.conversations() if not row.is_group), None)
    suggestions = [(text, suggester.suggest(text, contact=contact)) for text in examples]
    report = settings.reports / "latest.html"
    if as_json:
        print_json(
            {
                "assets": [vars(row) for row in mined.assets],
                "rows_read": mined.number("rows_read"),
                "failed_checks": [vars(check) for check in mined.failed_checks],
                "new_texts": mined.number("new_texts"),
                "reused_texts": mined.number("reused_texts"),
                "suggestions": [suggestion.to_json() for _, suggestion in suggestions],
                "release": str(release.path),
                "report": str(report),
                "sample": is_sample,
            }
        )
        return
    table = _table("asset", "encoder", "rows", "seconds", right=("rows", "seconds"))
    for row in mined.assets:
        table.add_row(row.asset, row.encoder or "", "" if row.rows is None else f"{row.rows:,}", f"{row.seconds:.1f}")
    out.print(table)
    for name in ("gold_pairs", "semantic_pairs", "pairs"):
        drops = metadata.counted(mined.metadata.get(name, {}), "drops")
        if drops:
            out.print(
                f"{name}: dropped " + ", ".join(f"{count:,} {reason}" for reason, count in drops.items() if count),
                soft_wrap=True,
            )
    rows, read = mined.metadata.get("messages", {}).get("dagster/row_count", 0), mined.number("rows_read")
    out.print(f"Read {read:,} of {rows:,} rows{'; the others had not changed' if read < rows else ''}.")
    new = mined.number("new_texts")
    out.print(f"Embedded {new:,} new texts; {mined.number('reused_texts'):,} were embedded before.")
    for text, suggestion in suggestions:
        print_suggestion(text, suggestion)
    out.print(f"\nrelease: {escape(str(release.path))}", soft_wrap=True)
    out.print(f"report:  {escape(str(report))}", soft_wrap=True)
    if is_sample:
        out.print("This is the synthetic sample: nobody's messages.")
    print_failed_checks(mined.failed_checks)


def print_failed_checks(checks: Sequence["FailedCheck"]) -> None:
    """The checks that failed without stopping the mining, last of all, so that nobody overlooks them."""
    for check in checks:
        mark = "[red]failed[/red]" if check.severity == "ERROR" else "[yellow]warning[/yellow]"
        notes.print(f"{mark} {check.check} ({check.asset}): {escape(check.sentence)}", soft_wrap=True)


def print_suggestion(text: str, suggestion: Any) -> None:
    """One message and what to answer it."""
    sure = f" {suggestion.route_confidence:.0%}" if suggestion.route_confidence is not None else ""
    out.print(f"\n[bold]“{escape(text)}”[/bold]  [cyan]{suggestion.route.value}[/cyan]{sure}")
    if suggestion.reason:
        out.print(f"  {escape(suggestion.reason)}", style="dim")
    for number, option in enumerate(suggestion.options, 1):
        about = f"{option.response_type.lower()}, {option.source}, {option.confidence:.0%}"
        out.print(f"  {number}. {escape(option.text)}  [dim]({about})[/dim]")


def print_hits(hits: Sequence[Any], *, as_json: bool) -> None:
    """Past exchanges, nearest first."""
    if as_json:
        print_json([hit.to_json() for hit in hits])
        return
    if not hits:
        out.print("Nothing like it in your history.")
        return
    table = _table("score", "they wrote", "you answered", "when", right=("score",))
    for hit in hits:
        table.add_row(f"{hit.score:.2f}", escape(hit.trigger), escape(hit.response), f"{hit.responded_at:%Y-%m-%d}")
    out.print(table)


def print_release(release: "Release", *, as_json: bool) -> None:
    """What a release was made from and what it holds."""
    manifest = release.manifest
    if as_json:
        print_json(dict(manifest))
        return
    facts: dict[str, Any] = {"release": release.name, "made": manifest["created_at"]}
    for key in ("source", "mining_encoder", "serving_encoder", "run_id"):
        if manifest.get(key) is not None:
            facts[key.replace("_", " ")] = manifest[key]
    facts.update({name.replace("_", " "): f"{count:,}" for name, count in manifest.get("counts", {}).items()})
    facts.update(
        {
            name.replace("_", " "): "--" if value is None else f"{value:.3f}"
            for name, value in manifest.get("metrics", {}).items()
        }
    )
    print_facts(facts, as_json=False)


def print_evaluation(settings: Settings, encoder: str | None, *, as_json: bool) -> None:
    """Every system's measures on the holdout, with intervals."""
    from jarvis_resources.asset_files import read_asset

    rows = read_asset(settings.assets_root, "holdout_evaluation", "table", encoder or settings.serving_encoder)
    if as_json:
        print_json(json.loads(rows.to_json(orient="records")))
        return
    table = _table("system", "measure", "value", "95 % interval", "pairs", right=("value", "95 % interval", "pairs"))
    system = None
    for row in rows.itertuples():
        if system is not None and row.system != system:
            table.add_section()
        interval = "--" if row.low != row.low else f"{row.low:.3f} … {row.high:.3f}"
        value = "--" if row.value != row.value else f"{row.value:.3f}"
        table.add_row("" if row.system == system else row.system, row.measure, value, interval, f"{row.pairs:,}")
        system = row.system
    out.print(table)
    out.print(
        f"report: {escape(str(settings.reports / f'{encoder or settings.serving_encoder}.html'))}", soft_wrap=True
    )


def print_releases(rows: Sequence["Listed"], *, as_json: bool) -> None:
    """The releases, newest first."""
    if as_json:
        print_json(
            [
                {
                    "name": row.name,
                    "latest": row.is_latest,
                    "damage": row.damage,
                    "manifest": dict(row.release.manifest) if row.release else None,
                }
                for row in rows
            ]
        )
        return
    table = _table("release", "latest", "pairs", "state", right=("pairs",))
    for row in rows:
        pairs = row.release.manifest.get("counts", {}).get("pairs") if row.release else None
        table.add_row(
            row.name,
            "←" if row.is_latest else "",
            "--" if pairs is None else f"{pairs:,}",
            escape(row.damage or "whole"),
        )
    out.print(table)


def print_examination(found: "Examination", report: Path, *, as_json: bool) -> None:
    """What the doctor counted and expects, its verdict on each thing, and go or no-go."""
    from jarvis_assets.doctor import words

    if as_json:
        print_json({**found.to_json(), "report": str(report)})
        return
    if found.volume and found.expected:
        _print_section("Messages", words.about_the_volume(found.volume))
        _print_section("Messages with one person", words.about_the_people(found.volume))
        _print_bars(words.histogram(found.volume), "people")
        _print_section("Pairs", words.about_the_pairs(found.volume, found.expected))
    _print_section("Machine", words.about_the_machine(found.machine))
    out.print()
    colours = {"PASS": "green", "WARN": "yellow", "FAIL": "red"}
    for finding in found.findings:
        colour = colours.get(finding.verdict, "dim")
        out.print(
            f"[{colour}]{finding.verdict:<12}[/{colour}] [bold]{escape(finding.subject)}[/bold]: {escape(finding.text)}",
            soft_wrap=True,
        )
    verdict = "[bold green]GO[/bold green]" if found.decision.go else "[bold red]NO-GO[/bold red]"
    out.print(f"\n{verdict}  {escape(found.decision.reasons)}", soft_wrap=True)
    out.print(f"next:   {escape(found.decision.next_step)}", soft_wrap=True)
    out.print(f"report: {escape(str(report))}", soft_wrap=True)


def _print_section(title: str, facts: Mapping[str, str]) -> None:
    out.print(f"\n[bold]{escape(title)}[/bold]")
    print_facts(facts, as_json=False)


def _print_bars(rows: Sequence[tuple[str, int]], unit: str) -> None:
    """A bar for each row, as wide as its share of the largest."""
    largest = max((count for _, count in rows), default=0) or 1
    width = max(map(len, dict(rows)), default=0)
    for name, count in rows:
        bar = "█" * round(BAR_WIDTH * count / largest) or ("▏" if count else "")
        out.print(f"[dim]{escape(name):>{width}}[/dim]  [cyan]{bar}[/cyan] {count:,} {unit}", soft_wrap=True)


def print_facts(facts: Mapping[str, Any], *, as_json: bool) -> None:
    """Names and values, a line each."""
    if as_json:
        print_json(dict(facts))
        return
    width = max(map(len, facts), default=0)
    for name, value in facts.items():
        shown = f"{value:,}" if isinstance(value, int) else str(value)
        out.print(f"[dim]{escape(name):<{width}}[/dim]  {escape(shown)}", soft_wrap=True)


def print_json(value: Any) -> None:
    """JSON on stdout, whatever the terminal."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=1, default=str) + os.linesep)


def _table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    table = Table(box=None, header_style="dim", pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return table
