"""What ``jarvis encoders tune`` runs and prints: one tuning, what it changed, and whether it was kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table

from jarvis_assets.terminal import MiningProgress, notes, out, print_json

if TYPE_CHECKING:
    import pandas as pd

    from jarvis_resources.settings import Settings


def tune(settings: Settings, config: dict[str, Any], *, as_json: bool) -> None:
    """Run the asset ``tuned_encoder`` and show its table; raises what stopped it."""
    from jarvis_assets import mining
    from jarvis_resources.asset_files import read_asset

    with MiningProgress(quiet=as_json) as shown:
        values = mining.tune(settings, config, listener=shown.step)
    table = read_asset(settings.assets_root, "tuned_encoder", "table")
    if as_json:
        rows = table.astype(object).where(table.notna(), None).to_dict("records")
        told = {name: values[name] for name in ("encoder", "recipe", "kept", "verdict", "facts")}
        print_json({**told, "measured": rows})
        return
    out.print(differences(table))
    verdict = str(values["verdict"])
    notes.print(f"{values['encoder']} by {values['recipe']} {verdict}.", highlight=False)
    if values["kept"]:
        notes.print(f"Mine with it: jarvis mine --encoder {values['encoder']}", highlight=False)


def differences(table: pd.DataFrame) -> Table:
    """Before, after and difference of every measure."""
    shown = Table("measure", "asked", box=None, pad_edge=False, header_style="bold")
    for column in ("before", "after", "change", "95 % interval"):
        shown.add_column(column, justify="right")
    recipe = None
    for row in table.itertuples():
        if row.recipe != recipe:
            recipe = row.recipe
            shown.add_row(f"[bold]{recipe}[/bold]")
        shown.add_row(
            row.measure,
            row.asked,
            f"{row.before:.3f}",
            f"{row.after:.3f}",
            f"{row.difference:+.3f}",
            "--" if row.low != row.low else f"{row.low:+.3f} {row.high:+.3f}",
        )
    return shown
