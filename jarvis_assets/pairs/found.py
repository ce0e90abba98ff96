"""What a pairing step hands back: the pairs it found and, under a name each, the rows it did not use.

Nothing is dropped without a count: a check adds the reasons up, and the report prints them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Found:
    """Pairs (a pair table of ``tables.py``) and how many candidates were dropped for which reason."""

    pairs: pd.DataFrame
    drops: dict[str, int] = field(default_factory=dict)
