"""One row per pair: gold and semantic pairs together, repeats merged under their key.

The key is ``normalise.pair_id``. The earliest occurrence stands for all, so that a growing history never swaps a
pair's row, person or date for another's. Near duplicates stay apart here; ``splits`` keeps them on one side.
"""

from __future__ import annotations

import pandas as pd

from jarvis_assets.pairs.found import Found
from jarvis_resources import tables


def merge(gold: pd.DataFrame, semantic: pd.DataFrame) -> Found:
    """The table ``pairs``, sorted by the time of the reply; ``occurrences`` counts the merged ones.

    Of equally early occurrences the more confident stands. Drops: ``repeats_an_earlier_pair``.
    """
    both = pd.concat([gold, semantic], ignore_index=True)
    if both.empty:
        return Found(tables.PAIRS.empty())
    both = both.sort_values(
        ["responded_at", "confidence", "response_guid"], ascending=[True, False, True], kind="stable", ignore_index=True
    )
    total = both.groupby("pair_id", sort=False)["occurrences"].sum()
    kept = both.drop_duplicates("pair_id", keep="first")
    kept = kept.assign(occurrences=kept["pair_id"].map(total).to_numpy())
    repeats = len(both) - len(kept)
    return Found(tables.PAIRS.conform(kept), {"repeats_an_earlier_pair": repeats} if repeats else {})
