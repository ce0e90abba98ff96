"""The links of a mined home as they were before the threshold: found again from its tables, by the code of the graph."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from jarvis_assets.pairs import reply_links, segments
from jarvis_assets.pairs.links import learning
from jarvis_assets.vectors.embedding import embed_texts

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from jarvis_resources.settings import Settings


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
    turns: pd.DataFrame, messages: pd.DataFrame, people: pd.DataFrame, vectors: np.ndarray, settings: Settings
) -> EveryLink:
    """Every link of these tables. Where public links are at hand and the home keeps no model of them, it is learned."""
    numbers = segments.segment(turns, vectors)
    inputs = reply_links.link_inputs(turns, vectors, people)
    learn = partial(
        learning.learned,
        settings,
        lambda texts: embed_texts(texts, settings.pairing_encoder, settings).vectors,
        say=lambda text: print(text, file=sys.stderr, flush=True),
    )
    model = reply_links.model_for(turns, messages, vectors, inputs=inputs, learn=learn)
    found = reply_links.pair_unthreaded_turns(
        turns, messages, vectors, numbers, model, use_threshold=False, people=people, inputs=inputs
    )
    return EveryLink(found.pairs, model.direct.threshold, model.group_threshold, model.provenance)
