"""The links of a mined home as they were before the threshold: found again from its tables, by the code of the graph."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from jarvis_assets import kept
from jarvis_assets.pairs import reply_links, segments
from jarvis_assets.pairs.links.ranker import Ranker
from jarvis_assets.pairs.links.weights import LinkModel

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import pandas as pd

T = TypeVar("T")


@dataclass(frozen=True)
class EveryLink:
    """A pair for each of my unthreaded turns that has a candidate, and what the mining keeps of them."""

    pairs: pd.DataFrame
    direct_threshold: float
    group_threshold: float
    provenance: str

    def found_again(self, mined: pd.DataFrame) -> float:
        """Share of the ``mined`` semantic pairs that are here, with the same trigger."""
        here = self.pairs[["response_guid", "trigger_guid"]]
        return len(mined.merge(here, on=["response_guid", "trigger_guid"])) / max(len(mined), 1)


def find(
    turns: pd.DataFrame, messages: pd.DataFrame, people: pd.DataFrame, vectors: np.ndarray, home: Path
) -> EveryLink:
    """Every link of these tables, by the models that the mining of ``home`` kept; no public links are learned from."""
    inputs = reply_links.link_inputs(turns, vectors, people)
    model = _kept(home, "weights", lambda data: LinkModel.from_json(json.loads(data)))
    model = model or reply_links.model_for(turns, messages, vectors, inputs=inputs)
    trees = _kept(home, "trees", Ranker.from_bytes)
    model = replace(model, ranker=trees)
    found = reply_links.pair_unthreaded_turns(
        turns,
        messages,
        vectors,
        segments.segment(turns, vectors),
        model,
        use_threshold=False,
        people=people,
        inputs=inputs,
    )
    provenance = model.provenance + (f"; in groups {trees.provenance}" if trees else "")
    return EveryLink(found.pairs, model.direct.threshold, model.group_threshold, provenance)


def _kept(home: Path, name: str, load: Callable[[bytes], T]) -> T | None:
    """The model of this name that the mining kept; None where it kept none."""
    files = list((home / kept.LINKS).glob(f"{name}-*"))
    return load(files[0].read_bytes()) if files else None
