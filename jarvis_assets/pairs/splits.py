"""Which side of each split a pair is on, and the proof that nothing leaks across.

Sides follow from hashes of the pair's key and of the person, and from a frozen date: a pair never moves when the
history grows. What nearly duplicates an earlier pair of another side is set aside. A message that is a holdout's
response is masked in the contexts of train and dev.
"""

from __future__ import annotations

import json
from datetime import datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from jarvis_resources import tables
from jarvis_resources.errors import SettingsError
from jarvis_resources.files import write_private
from jarvis_serving.normalise import wording_key

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

HOLDOUT_SHARE = 0.20
"""Share of pairs (strategies pair and time) or people (contact) on the holdout side."""
DEV_SHARE = 0.10
"""Share of train that is dev: thresholds are tuned there and nowhere else."""
STRATEGIES = ("split_pair", "split_contact", "split_time")
CUTOFF_FILE = "time_cutoff.json"
"""Where ``$JARVIS_HOME`` keeps the frozen date of ``split_time``."""
NEAR_DUPLICATE = "near_duplicate_of_another_side"
"""Why a pair is set aside: an earlier pair with the same wording on both sides is on another side."""


def assign(pairs: pd.DataFrame, *, cutoff: datetime | None) -> pd.DataFrame:
    """The table ``pair_splits`` of ``pairs``.

    ``cutoff``: replies from then on are the holdout of ``split_time``; freeze it at the first mining
    (``default_cutoff``). None: ``split_time`` is null throughout.
    """
    if pairs.empty:
        return tables.PAIR_SPLITS.empty()
    by_key = _uniform(pairs["pair_id"], b"pair")
    is_dev = _uniform(pairs["pair_id"], b"dev") < DEV_SHARE
    people, person = np.unique(pairs["person_id"].to_numpy(dtype=str), return_inverse=True)
    by_person = _uniform(pd.Series(people), b"contact")[person]
    sides: dict[str, NDArray[Any]] = {
        "split_pair": _side(by_key < HOLDOUT_SHARE, is_dev),
        "split_contact": _side(by_person < HOLDOUT_SHARE, is_dev),
    }
    if cutoff is None:
        sides["split_time"] = np.full(len(pairs), None, dtype=object)
    else:
        sides["split_time"] = _side((pairs["responded_at"] >= pd.Timestamp(cutoff)).to_numpy(), is_dev)
    first = _first_alike(pairs)
    for side in sides.values():
        side[side != side[first]] = None
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


def mask_holdout(pairs: pd.DataFrame, splits: pd.DataFrame, *, strategy: str = "split_pair") -> pd.DataFrame:
    """``pairs`` in which no context of train or dev holds a message that is a holdout's response.

    Masked messages are taken out of ``context`` and of ``context_text``; contexts of the holdout stay whole.
    """
    side = _sides(pairs, splits, strategy)
    hidden = {guid for guids in pairs.loc[side == "holdout", "response_guids"] for guid in guids}
    contexts, texts = pairs["context"].tolist(), pairs["context_text"].tolist()
    learns = (side != "holdout").to_numpy()
    # A loop over contexts: each is a list of its own length.
    for row in np.flatnonzero(learns).tolist():
        keep = [entry["guid"] not in hidden for entry in contexts[row]]
        if not all(keep):
            lines = _lines(contexts[row], texts[row])
            texts[row] = "\n".join(line for line, stays in zip(lines, keep, strict=True) if stays)
            contexts[row] = [entry for entry, stays in zip(contexts[row], keep, strict=True) if stays]
    return pairs.assign(
        context=pd.Series(contexts, dtype=object, index=pairs.index),
        context_text=pd.Series(texts, dtype="str", index=pairs.index),
    )


def leaks(pairs: pd.DataFrame, splits: pd.DataFrame, *, learned_from: pd.DataFrame | None = None) -> list[str]:
    """What leaks between the sides, a sentence for each kind; empty: nothing.

    ``learned_from``: the pairs with the contexts that learning sees; default: ``mask_holdout`` of ``pairs``.
    """
    out: list[str] = []
    if splits["pair_id"].duplicated().any():
        out.append(f"{int(splits['pair_id'].duplicated().sum())} keys stand on more than one row.")
    if set(splits["pair_id"]) != set(pairs["pair_id"]):
        out.append("The splits and the pairs do not hold the same keys.")
    if out or pairs.empty:
        return out
    alike = _wording(pairs)
    for strategy in STRATEGIES:
        side = _sides(pairs, splits, strategy)
        placed = side.notna()
        if crossing := _crossing(alike[placed], side[placed]):
            out.append(f"{strategy}: {crossing} wordings stand on more than one side.")
    contact = _sides(pairs, splits, "split_contact")
    known = contact.notna()
    if crossing := _crossing(pairs["person_id"][known], contact[known].replace("dev", "train")):
        out.append(f"split_contact: {crossing} people stand on both sides.")
    time = _sides(pairs, splits, "split_time")
    held, learned = pairs["responded_at"][time == "holdout"], pairs["responded_at"][time.isin(("train", "dev"))]
    if len(held) and len(learned) and held.min() <= learned.max() and (held < learned.max()).any():
        out.append("split_time: a holdout reply is older than a reply of train.")
    seen = mask_holdout(pairs, splits) if learned_from is None else learned_from
    side = _sides(seen, splits, "split_pair")
    hidden = {guid for guids in seen.loc[side == "holdout", "response_guids"] for guid in guids}
    shown = sum(
        any(entry["guid"] in hidden for entry in context)
        for context in seen.loc[side.isin(("train", "dev")), "context"]
    )
    if shown:
        out.append(f"split_pair: {shown} contexts of train or dev show a holdout's response.")
    return out


def _side(holdout: NDArray[np.bool_], dev: NDArray[np.bool_]) -> NDArray[Any]:
    return np.where(holdout, "holdout", np.where(dev, "dev", "train")).astype(object)


def _uniform(keys: pd.Series[str], salt: bytes) -> NDArray[np.float64]:
    """A number in [0, 1) for each key, the same in every run."""
    hashed = [int.from_bytes(blake2b(key.encode("utf-8"), digest_size=8, person=salt).digest()) for key in keys]
    return np.array(hashed, dtype=np.float64) / 2.0**64


def _wording(pairs: pd.DataFrame) -> pd.Series[str]:
    """The key under which near duplicates are alike: both sides' wording."""
    return pairs["trigger_text"].map(wording_key) + "\x1f" + pairs["response_text"].map(wording_key)


def _first_alike(pairs: pd.DataFrame) -> NDArray[np.int64]:
    """Position of the earliest pair with each pair's wording (itself, where there is none)."""
    order = pairs.assign(row=np.arange(len(pairs))).sort_values(["responded_at", "pair_id"], kind="stable")["row"]
    alike = pd.factorize(_wording(pairs))[0]
    first = np.full(alike.max() + 1, -1, dtype=np.int64)
    reverse = order.to_numpy()[::-1]
    first[alike[reverse]] = reverse
    return np.asarray(first[alike])


def _sides(pairs: pd.DataFrame, splits: pd.DataFrame, strategy: str) -> pd.Series[str]:
    """The side of each pair, aligned with ``pairs``."""
    side = splits.set_index("pair_id")[strategy]
    return pd.Series(side.reindex(pairs["pair_id"]).to_numpy(), index=pairs.index, dtype="str")


def _crossing(key: pd.Series[str], side: pd.Series[str]) -> int:
    """How many keys stand on more than one side."""
    return int((side.groupby(key).nunique() > 1).sum())


def _lines(context: list[dict[str, str]], text: str) -> list[str]:
    """The text form cut back into its messages, which may hold line breaks of their own."""
    lines: list[str] = []
    begin = 0
    for entry in context:
        end = text.index(": " + entry["text"], begin) + 2 + len(entry["text"])
        lines.append(text[begin:end])
        begin = end + 1
    return lines
