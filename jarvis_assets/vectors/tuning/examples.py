"""What a tuning may learn from and what it is asked, as plain lists and arrays.

Learned from: pairs on the train side of both ``split_pair`` and ``split_contact``, and turns of conversations with nobody
whom ``split_contact`` holds out, without my turns that dev or the holdout ask for. Asked: the holdout of ``split_pair``, as
everywhere in the house, and people never seen (the holdout of ``split_contact``). No context is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from jarvis_assets.evaluation.holdout import divide
from jarvis_assets.pairs.masking import arrow_lists, unlearned_guids
from jarvis_assets.pairs.same_meaning import meaning_key
from jarvis_assets.pairs.splits import sides_of
from jarvis_assets.pairs.turns import codes

if TYPE_CHECKING:
    from numpy.typing import NDArray

PAIR_COLUMNS = (
    "pair_id", "trigger_text", "response_text", "confidence", "conversation_id", "occurrence_guids",
)  # fmt: skip
"""What of ``pairs`` a tuning needs."""
TURN_COLUMNS = (
    "conversation_id", "text", "message_guids", "thread_root_guid", "started_at", "ended_at",
)  # fmt: skip
"""What of ``turns`` it needs, cutting segments included."""
NEWCOMER_PAIRS = 1_000
"""Most pairs of people never seen that are asked: their interval is over people, and more pairs hardly narrow it."""


@dataclass(frozen=True)
class Exchanges:
    """Pairs as arrays [n]."""

    triggers: NDArray[np.object_]
    replies: NDArray[np.object_]
    confidence: NDArray[np.float64]
    conversation: NDArray[np.object_]
    trigger_key: NDArray[np.int64]
    """Equal where two triggers mean the same (``same_meaning``)."""
    reply_key: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.triggers)

    def take(self, rows: NDArray[np.int64]) -> Exchanges:
        """These rows."""
        return Exchanges(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class Talk:
    """Turns as arrays [n], in table order."""

    texts: NDArray[np.object_]
    conversation: NDArray[np.object_]
    segment: NDArray[np.int64]
    thread: NDArray[np.int64]
    """Inline-reply thread; −1 outside of threads."""

    def take(self, rows: NDArray[Any]) -> Talk:
        """These rows."""
        return Talk(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class Examples:
    """Everything that a tuning sees."""

    train: Exchanges
    dev: Exchanges
    holdout: Exchanges
    newcomers: Exchanges
    """Pairs with people never seen."""
    talk: Talk
    """Turns to learn from."""
    newcomer_talk: Talk
    """Turns of conversations with people never seen."""


def gather(
    pairs: pd.DataFrame,
    splits: pd.DataFrame,
    turns: pd.DataFrame,
    segments: NDArray[np.int64],
    *,
    most_train: int,
    most_asked: int,
    seed: int,
) -> Examples:
    """The examples of a tuning; ``segments`` [turns] is each turn's segment."""
    exchanges = Exchanges(
        pairs["trigger_text"].to_numpy(object),
        pairs["response_text"].to_numpy(object),
        pairs["confidence"].to_numpy(np.float64),
        pairs["conversation_id"].to_numpy(object),
        codes(pairs["trigger_text"].map(meaning_key)),
        codes(pairs["response_text"].map(meaning_key)),
    )
    by_pair, by_contact = (sides_of(pairs, splits, name) for name in ("split_pair", "split_contact"))
    learned = ((by_pair == "train") & (by_contact == "train")).to_numpy()
    rows = np.flatnonzero(learned)
    if len(rows) > most_train:
        rows = np.sort(np.random.default_rng(seed).choice(rows, most_train, replace=False))
    held_out = pairs.loc[by_contact == "holdout", "conversation_id"].unique()
    known = turns["conversation_id"].isin(pairs.loc[learned, "conversation_id"].unique())
    unseen = turns["conversation_id"].isin(held_out)
    hidden = _says_any(turns, unlearned_guids(pairs, by_pair.where(by_pair == "train")))
    talk = Talk(
        turns["text"].to_numpy(object),
        turns["conversation_id"].to_numpy(object),
        segments,
        pd.factorize(turns["thread_root_guid"])[0].astype(np.int64),
    )
    return Examples(
        exchanges.take(rows),
        exchanges.take(np.flatnonzero(((by_pair == "dev") & (by_contact != "holdout")).to_numpy())),
        exchanges.take(divide(pairs, splits, limit=most_asked).holdout),
        exchanges.take(divide(pairs, splits, strategy="split_contact", limit=NEWCOMER_PAIRS).holdout),
        talk.take((known & ~unseen).to_numpy() & ~hidden),
        talk.take(unseen.to_numpy()),
    )


def _says_any(turns: pd.DataFrame, guids: Any) -> NDArray[np.bool_]:
    """Whether one of a turn's messages is among ``guids``: bool [turns]."""
    lists = arrow_lists(turns["message_guids"])
    said = pc.is_in(lists.flatten(), value_set=guids).to_numpy(zero_copy_only=False)
    row = np.repeat(np.arange(len(turns)), pc.list_value_length(lists).to_numpy())
    return np.asarray(np.bincount(row[said], minlength=len(turns)) > 0)
