"""What a tuning changed, as a picture: each recipe's differences with their intervals."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def differences(table: pd.DataFrame) -> bytes:
    """PNG: the differences of a TUNED_ENCODER table that have an interval, a colour for each recipe."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = table.dropna(subset=["difference", "low", "high"])
    shown = shown[shown["measure"] != "nearest_rouge_3x"]  # 0–100, the others 0–1
    names = (shown["measure"] + " (" + shown["asked"] + ")").drop_duplicates().tolist()[::-1]
    figure = Figure(figsize=(7, 0.6 + 0.28 * len(names)), layout="constrained")
    axes = figure.subplots()
    for number, (recipe, rows) in enumerate(shown.groupby("recipe", sort=True)):
        at = [names.index(f"{row.measure} ({row.asked})") - 0.2 * (number - 1) for row in rows.itertuples()]
        ends = [rows["difference"] - rows["low"], rows["high"] - rows["difference"]]
        axes.errorbar(rows["difference"], at, xerr=ends, fmt="o", markersize=3, linewidth=1, label=recipe)
    axes.axvline(0, color="grey", linewidth=0.8)
    axes.set_yticks(range(len(names)), names, fontsize=7)
    axes.set_xlabel("tuned minus base, 95 % interval")
    if len(shown):
        axes.legend(fontsize=7)
    FigureCanvasAgg(figure)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=100)
    return picture.getvalue()
