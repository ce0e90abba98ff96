"""``python -m benchmarks.volume HOME CHAT_DB``: the rates behind `jarvis doctor`'s estimates, from a history that was mined.

Prints a table of what the doctor counts beforehand, what the mining of ``HOME`` then found, and their ratio, which is what
``jarvis_assets/doctor/forecast.py`` carries; ``--json FILE`` also writes it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from jarvis_assets.doctor.forecast import forecast
from jarvis_assets.doctor.volume import count
from jarvis_resources.asset_files import read_asset
from jarvis_resources.settings import load_settings


def main() -> None:
    """Count, compare, print, and write JSON where asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.volume")
    parser.add_argument("home", type=Path, help="a JARVIS_HOME that was mined")
    parser.add_argument("chat_db", type=Path, help="the database that it was mined from")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    settings = load_settings(home=arguments.home)
    volume = count(arguments.chat_db, settings)
    expected = forecast(volume)

    def table(name: str, *columns: str):  # type: ignore[no-untyped-def]
        return read_asset(settings.assets_root, name, "table", columns=columns)

    gold, semantic = (table(name, "is_group") for name in ("gold_pairs", "semantic_pairs"))
    in_groups = int(semantic["is_group"].sum())
    texts = table("turns", "text")["text"]
    disk = sum(
        path.stat().st_size
        for folder in (Path(settings.assets_root), settings.vectors, settings.releases)
        for path in folder.rglob("*")
        if path.is_file()
    )
    rows = {
        "gold pairs / gold candidates": (len(gold), volume.gold_candidates, expected.gold_pairs),
        "semantic pairs / my unthreaded messages, direct": (
            len(semantic) - in_groups,
            volume.my_unthreaded_direct,
            None,
        ),
        "semantic pairs / my unthreaded messages, groups": (in_groups, volume.my_unthreaded_groups, None),
        "semantic pairs": (len(semantic), None, expected.semantic_pairs),
        "pairs": (len(table("pairs", "pair_id")), None, expected.pairs),
        "distinct turns / messages": (texts.nunique(), volume.messages, expected.texts),
        "bytes of assets, vectors, releases / rows": (disk, volume.rows, None),
    }
    figures = {}
    for name, (found, counted, estimate) in rows.items():
        rate = found / counted if counted else None
        figures[name] = {"found": found, "counted": counted, "rate": rate, "estimate": estimate}
        shown = [f"{found:>12,}", f"{counted:>10,}" if counted else " " * 10, f"{rate:>9.3f}" if rate else " " * 9]
        print(f"{name:<50}", *shown, "" if estimate is None else f"  estimated {estimate[0]:,} – {estimate[1]:,}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
