"""Which side of each split a pair is on: train, dev or holdout, by three strategies.

Sides follow from hashes of what the pair says and of the person, and from a frozen date: a pair never moves when the
history grows. Whatever says the same is on one side, whichever occurrence stands for it. What nearly duplicates an
earlier pair of another side is set aside. Contexts are masked in ``masking``; ``leaks`` proves that nothing leaks.
"""

from __future__ import annotations

import json
from datetime import datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from jarvis_assets.pairs.dedupe import said
from jarvis_assets.pairs.near_duplicates import nearly_repeated
from jarvis_resources import tables
from jarvis_resources.errors import SettingsError
from jarvis_resources.files import write_private

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

HOLDOUT_SHARE = 0.20
"""Share of pairs (strategies pair and time) or people (contact) on the holdout side."""
DEV_SHARE = 0.10
"""Share of train that is dev: thresholds are tuned there and nowhere else."""
COLUMNS = ("pair_id", "person_id", "trigger_text", "response_text", "responded_at")
"""What of ``pairs`` the sides follow from."""
STRATEGIES = ("split_pair", "split_contact", "split_time")
CUTOFF_FILE = "time_cutoff.json"
"""Where ``$JARVIS_HOME`` keeps the frozen date of ``split_time``."""
NEAR_DUPLICATE = "near_duplicate_of_another_side"
"""Why a pair is set aside: an earlier pair that nearly reads the same is on another side."""


def assign(pairs: pd.DataFrame, *, cutoff: datetime | None) -> pd.DataFrame:
    """The table ``pair_splits`` of ``pairs``, of which it needs ``COLUMNS``.

    ``cutoff``: replies from then on are the holdout of ``split_time``; freeze it at the first mining
    (``default_cutoff``). None: ``split_time`` is null throughout.
    """
    if pairs.empty:
        return tables.PAIR_SPLITS.empty()
    says = said(pairs)
    is_dev = _uniform(says["both"], b"dev") < DEV_SHARE
    people, person = np.unique(pairs["person_id"].to_numpy(dtype=str), return_inverse=True)
    by_person = _uniform(pd.Series(people), b"contact")[person]
    sides: dict[str, NDArray[Any]] = {
        "split_pair": _side(_uniform(says["both"], b"pair") < HOLDOUT_SHARE, is_dev),
        "split_contact": _side(by_person < HOLDOUT_SHARE, is_dev),
    }
    if cutoff is None:
        sides["split_time"] = np.full(len(pairs), None, dtype=object)
    else:
        sides["split_time"] = _side((pairs["responded_at"] >= pd.Timestamp(cutoff)).to_numpy(), is_dev)
    near = nearly_repeated(pairs, says)
    for side in sides.values():
        _set_aside(side, *near)
    aside = pd.isna(sides["split_pair"])
    frame = pd.DataFrame(
        {
            "pair_id": pairs["pair_id"].to_numpy(),
            **{name: pd.Series(side, dtype="str") for name, side in sides.items()},
            "set_aside_reason": pd.Series(NEAR_DUPLICATE, index=pairs.index, dtype="str").where(aside).array,
        }
    )
    return tables.PAIR_SPLITS.conform(frame)


def default_cutoff(pairs: pd.DataFrame) -> datetime | None:
    """The date that leaves the last fifth of the replies to the holdout of ``split_time``; None without pairs."""
    if pairs.empty:
        return None
    ordered = pairs["responded_at"].sort_values(kind="stable", ignore_index=True)
    at = pd.Timestamp(ordered.iloc[min(int(len(ordered) * (1.0 - HOLDOUT_SHARE)), len(ordered) - 1)])
    return datetime.fromisoformat(at.isoformat())


def frozen_cutoff(home: Path, pairs: pd.DataFrame) -> datetime | None:
    """The cut-off kept in ``home``; at the first mining with a pair, ``default_cutoff`` is frozen there.

    Remove the file to move it. Raises ``SettingsError`` when it is damaged.
    """
    file = home / CUTOFF_FILE
    if file.is_file():
        try:
            return datetime.fromisoformat(json.loads(file.read_text(encoding="utf-8"))["holdout_from"])
        except (ValueError, KeyError, TypeError) as error:
            raise SettingsError(f"{file} is damaged; remove it and mine again to set a new cut-off date.") from error
    cutoff = default_cutoff(pairs)
    if cutoff is not None:
        write_private(file, json.dumps({"holdout_from": cutoff.isoformat()}))
    return cutoff


def _side(holdout: NDArray[np.bool_], dev: NDArray[np.bool_]) -> NDArray[Any]:
    return np.where(holdout, "holdout", np.where(dev, "dev", "train")).astype(object)


def _uniform(keys: pd.Series[str], salt: bytes) -> NDArray[np.float64]:
    """A number in [0, 1) for each key, the same in every run."""
    hashed = [int.from_bytes(blake2b(key.encode("utf-8"), digest_size=8, person=salt).digest()) for key in keys]
    return np.array(hashed, dtype=np.float64) / 2.0**64


def _set_aside(side: NDArray[Any], later: NDArray[np.int64], earlier: NDArray[np.int64]) -> None:
    """Take each pair off its side that nearly duplicates an earlier one on another; in place.

    A loop over the near duplicates, in the order of time: what was set aside itself keeps nobody off a side.
    """
    for new, old in zip(later.tolist(), earlier.tolist(), strict=True):
        if side[old] is not None and side[new] is not None and side[new] != side[old]:
            side[new] = None


def sides_of(pairs: pd.DataFrame, splits: pd.DataFrame, strategy: str) -> pd.Series[str]:
    """The side of each pair, aligned with ``pairs``; null: on none."""
    side = splits.set_index("pair_id")[strategy]
    return pd.Series(side.reindex(pairs["pair_id"]).to_numpy(), index=pairs.index, dtype="str")
