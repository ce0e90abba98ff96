"""What ``jarvis encoders`` prints: the registry as a table, and a fetch with its progress."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from jarvis_assets.terminal import MiningProgress, notes, out, print_json

if TYPE_CHECKING:
    from jarvis_resources.encoders import EncoderCard
    from jarvis_resources.settings import Settings

_SHORT = {"sentence-transformers": "torch"}
"""Names of backends that would not fit a column."""


def rows(settings: Settings) -> list[dict[str, Any]]:
    """Every encoder: whether it is here, what it takes, what can run it here, how fast it was; raises ``EncoderError``."""
    from jarvis_resources.encoders import CARDS, cards, measured
    from jarvis_resources.encoders.backends import runs_here

    speeds = [row for row in measured.read(settings) if "texts_per_second" in row]
    found = []
    # A loop over a few dozen encoders.
    for slug, card in cards(settings).items():
        own = _of_these_weights(card, [row for row in speeds if row["slug"] == slug], settings)
        fastest = max(own, key=lambda row: row["texts_per_second"], default=None)
        found.append(
            {
                "encoder": slug,
                **_presence(card, settings),
                "dimension": card.dimension,
                "licence": card.licence,
                "backends": list(card.backends),
                "backends_here": [backend for backend in card.backends if runs_here(backend)],
                "measured": fastest,
                "yours": slug not in CARDS,
                "note": card.note,
            }
        )
    return found


def print_encoders(settings: Settings, *, as_json: bool) -> None:
    """The registry, and which of it can run here."""
    found = rows(settings)
    if as_json:
        print_json(found)
        return
    table = Table("encoder", box=None, pad_edge=False, header_style="dim")
    for column in ("here", "MB", "dim"):
        table.add_column(column, justify="left" if column == "here" else "right")
    for column in ("licence", "runs on", "texts/s"):
        table.add_column(column)
    for row in found:
        table.add_row(
            f"{row['encoder']} *" if row["yours"] else row["encoder"],
            {True: "yes", False: "no", None: "soon"}[row["here"]],
            "--" if row["bytes"] is None else f"{row['bytes'] / 1e6:,.0f}",
            str(row["dimension"]),
            escape(row["licence"] or "--"),
            ", ".join(_SHORT.get(backend, backend) for backend in row["backends_here"]),
            _speed(row["measured"]),
        )
    out.print(table)
    out.print("\nsoon: made here when first used.  torch: sentence-transformers.  --: not known.", style="dim")
    if any(row["yours"] for row in found):
        out.print(f"* from {escape(str(settings.home / 'encoders.toml'))}", style="dim", soft_wrap=True)
    out.print("`jarvis encoders fetch ENCODER` brings one that is not here.", style="dim")


def fetch(slug: str, settings: Settings, *, revision: str | None, as_json: bool) -> None:
    """Fetch the encoder ``slug`` under a progress bar, and say what came; raises ``EncoderError``."""
    from jarvis_resources.encoders import fetch as fetching

    shown = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=notes,
        transient=True,
        disable=as_json or not notes.is_terminal,
    )
    with shown:
        task = shown.add_task(slug, total=None)

        def tell(done: int, total: int) -> None:
            if shown.tasks[0].total is None:
                shown.reset(task, completed=done, total=total)  # what an earlier fetch left says nothing of the speed
            shown.update(task, completed=done)

        found = fetching.fetch(slug, settings, revision=revision, progress=tell)
    if as_json:
        print_json(
            {
                "encoder": slug,
                "folder": str(found.folder),
                "revision": found.revision,
                "bytes": found.size_bytes,
                "downloaded_bytes": found.downloaded_bytes,
                "notes": list(found.notes),
            }
        )
        return
    for note in found.notes:
        notes.print(f"[yellow]note:[/yellow] {escape(note)}", soft_wrap=True)
    commit = f" at {found.revision[:12]}" if found.revision else ""
    verb = "fetched" if found.downloaded_bytes else "here already"
    out.print(
        f"{slug}{commit}: {verb}, whole, {found.size_bytes / 1e6:,.0f} MB in {escape(str(found.folder))}",
        soft_wrap=True,
    )


def _presence(card: EncoderCard, settings: Settings) -> dict[str, Any]:
    """Whether the encoder is here (null: it is made here when first used), and its bytes on disk."""
    from jarvis_resources.encoders import require_weights, weights
    from jarvis_resources.errors import EncoderError

    try:
        folder = weights.locate(card, settings)
    except EncoderError:
        folder = None
    if folder is not None:
        return {"here": True, "bytes": sum((folder / name).stat().st_size for name in card.files)}
    if card.distilled_from is not None:
        try:
            require_weights(card.slug, settings=settings)
        except EncoderError:
            return {"here": False, "bytes": None}
        return {"here": None, "bytes": None}
    return {"here": False, "bytes": None}


def _of_these_weights(card: EncoderCard, measured: list[dict[str, Any]], settings: Settings) -> list[dict[str, Any]]:
    """Those of ``measured`` that were made with the weights that are here: a tuned encoder has others each time."""
    from jarvis_resources.encoders import weights
    from jarvis_resources.errors import EncoderError

    if not measured:
        return []
    try:
        here = weights.digest(card, weights.locate(card, settings))
    except EncoderError:
        return []
    return [row for row in measured if row["weights"] == here]


def _speed(row: dict[str, Any] | None) -> str:
    if row is None:
        return "--"
    backend = _SHORT.get(row["backend"], row["backend"])
    return f"{row['texts_per_second']:,.0f} {backend} {row['precision']}"


def bench(settings: Settings, encoders: Sequence[str], *, as_json: bool) -> None:
    """Run the asset ``encoder_comparison`` on all that is here, and show its table and plot; raises what stopped it."""
    from jarvis_assets import mining
    from jarvis_assets.evaluation import plots
    from jarvis_resources.asset_files import read_asset
    from jarvis_resources.files import write_private

    with MiningProgress(quiet=as_json) as shown:
        mining.compare(settings, {"thorough": True, "encoders": list(encoders)}, listener=shown.step)
    compared = read_asset(settings.assets_root, "encoder_comparison", "table")
    if as_json:
        print_json(compared.astype(object).where(compared.notna(), None).to_dict("records"))
        return
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    for column in ("encoder", "run by"):
        table.add_column(column, no_wrap=True)
    for column in ("texts/s", "one, ms", "MB", "1-of-100", "acts", "topics", "agrees"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in compared.sort_values("recall_at_1", ascending=False).itertuples():
        table.add_row(
            f"[bold]{row.encoder}[/bold]" if row.on_front else row.encoder,
            f"{_SHORT.get(row.backend, row.backend)} {row.precision}{'*' if row.is_chosen else ''}",
            f"{row.texts_per_second:,.0f}",
            f"{row.single_text_ms:.2f}",
            f"{row.peak_mb:,.0f}",
            *(_number(value) for value in (row.recall_at_1, row.act_macro_f1, row.topic_agreement, row.agreement)),
        )
    out.print(table)
    picture = settings.reports / "encoders.png"
    write_private(picture, plots.speed_and_quality(compared))
    out.print(
        "\n*: how it is run here.  bold: no other is as fast and as good.  acts: macro-F1 of response types.  topics: how far "
        "two seeds agree.  agrees: mean cosine to sentence-transformers.",
        style="dim",
    )
    out.print(f"Plot: {escape(str(picture))}", style="dim", soft_wrap=True)


def _number(value: float) -> str:
    return "--" if value != value else f"{value:.3f}"
