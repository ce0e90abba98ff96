"""Verdicts of reviewers on sampled pairs, kept as JSON lines in ``$JARVIS_HOME/reviews.jsonl``.

Reading and summing up live here; asking the owner (`jarvis review`) and calibrating by the answers come with a later
issue.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from jarvis_resources import tables
from jarvis_resources.errors import SettingsError

if TYPE_CHECKING:
    import pandas as pd

FILE = "reviews.jsonl"


def read(home: Path) -> pd.DataFrame:
    """Every verdict given so far, a GOLD_PAIR_REVIEW table; without a row when nobody has reviewed.

    Raises ``SettingsError`` when the file is damaged.
    """
    import pandas as pd

    file = home / FILE
    if not file.is_file():
        return tables.GOLD_PAIR_REVIEW.empty()
    try:
        rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
        frame = pd.DataFrame(rows, columns=list(tables.GOLD_PAIR_REVIEW.columns))
        frame["reviewed_at"] = pd.to_datetime(frame["reviewed_at"], utc=True)
    except (json.JSONDecodeError, UnicodeDecodeError, ValueError, TypeError) as error:
        raise SettingsError(
            f"{file} is damaged ({type(error).__name__}); mend the line or move the file away."
        ) from error
    return tables.GOLD_PAIR_REVIEW.conform(frame)


def summary(verdicts: pd.DataFrame) -> str:
    """One line for the graph: the share of GOOD among the decided verdicts, or "not reviewed"."""
    decided = verdicts["verdict"].isin(["GOOD", "BAD"]).sum()
    if not decided:
        return "not reviewed"
    good = (verdicts["verdict"] == "GOOD").sum()
    return f"{good} of {decided} decided verdicts are GOOD"
