"""The owner's distinct replies: the unit that is ranked, guarded and offered.

Pairs whose replies the leak guard counts as one are one reply here, with its uses, the people it was used with, its
type and its vector. Which of them may reach whom is decided in ``privacy``; how they are scored in ``retrieval``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from jarvis_resources.tables import RESPONSE_TYPES
from jarvis_serving import specifics
from jarvis_serving.normalise import wording_key

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

_DIGITS = re.compile(r"\d+")
_NOBODY = np.zeros(0, np.int64)


def reply_key(text: str) -> str:
    """What makes two replies one: ``normalise.wording_key``, and the very same digits in the same order.

    The wording key shortens repeated characters, and 100 must never stand for 1000.
    """
    digits = " ".join(_DIGITS.findall(text))
    return f"{wording_key(text)}\x1f{digits}" if digits else wording_key(text)


@dataclass(frozen=True)
class Replies:
    """m distinct replies over n pairs.

    ``of_row`` int64 [n]: the reply of each pair; ``row`` int64 [m]: the pair whose wording and vector stand for it (the
    most used wording); ``secret`` bool [m]. Uses and people are counted from the pairs.
    """

    texts: list[str]
    keys: list[str]
    of_row: NDArray[np.int64]
    row: NDArray[np.int64]
    secret: NDArray[np.bool_]
    uses: NDArray[np.int64]
    types: NDArray[np.int64]
    """Index into ``tables.RESPONSE_TYPES``: the type most of its uses have."""
    people: tuple[str, ...]
    """Everybody who was ever answered."""
    with_reply: NDArray[np.int64] = field(repr=False)
    """Reply of each distinct (person, reply), sorted by person then reply."""
    with_person: NDArray[np.int64] = field(repr=False)
    """Person (index into ``people``) of each distinct (person, reply)."""
    with_uses: NDArray[np.int64] = field(repr=False)
    """Uses of each distinct (person, reply)."""

    @classmethod
    def group(cls, pairs: pd.DataFrame) -> Replies:
        """The distinct replies of ``pairs``."""
        texts = pairs["response_text"].tolist()
        keys: dict[str, int] = {}
        # Texts repeat, and a key costs ten microseconds: each distinct text is looked at once.
        of_text = {text: keys.setdefault(reply_key(text), len(keys)) for text in dict.fromkeys(texts)}
        of_row = np.array([of_text[text] for text in texts], np.int64)
        row = np.zeros(len(keys), np.int64)
        if len(pairs):
            counted = pairs[["response_text", "occurrences"]].assign(reply=of_row, row=np.arange(len(pairs)))
            wordings = counted.groupby(["reply", "response_text"], sort=False).agg(
                uses=("occurrences", "sum"), row=("row", "first")
            )
            wordings = wordings.sort_values(["uses", "row"], ascending=[False, True], kind="stable").reset_index()
            first = wordings.drop_duplicates("reply")
            row[first["reply"].to_numpy()] = first["row"].to_numpy()
        secret = np.array([specifics.secret(texts[index]) for index in row], np.bool_)
        return cls._counted(pairs, list(keys), of_row, row, secret)

    @classmethod
    def _counted(
        cls,
        pairs: pd.DataFrame,
        keys: list[str],
        of_row: NDArray[np.int64],
        row: NDArray[np.int64],
        secret: NDArray[np.bool_],
    ) -> Replies:
        import pandas as pd

        count = len(keys)
        weights = np.maximum(pairs["occurrences"].to_numpy(np.int64), 1)
        known = {name: index for index, name in enumerate(RESPONSE_TYPES)}
        row_types = pairs["response_da_type"].map(known).fillna(known["STATEMENT"]).to_numpy(np.int64)
        votes = np.zeros((count, len(RESPONSE_TYPES)))
        np.add.at(votes, (of_row, row_types), weights)
        codes, people = pd.factorize(pairs["person_id"], sort=True)
        told = codes >= 0
        pair_code = codes[told].astype(np.int64) * max(count, 1) + of_row[told]
        distinct, inverse = np.unique(pair_code, return_inverse=True)
        texts = pairs["response_text"].tolist()
        return cls(
            texts=[texts[index] for index in row],
            keys=keys,
            of_row=of_row,
            row=row,
            secret=secret,
            uses=np.bincount(of_row, weights, minlength=count).astype(np.int64),
            types=votes.argmax(axis=1).astype(np.int64) if count else _NOBODY,
            people=tuple(str(person) for person in people),
            with_reply=distinct % max(count, 1),
            with_person=distinct // max(count, 1),
            with_uses=np.bincount(inverse, weights[told], minlength=len(distinct)).astype(np.int64),
        )

    def __len__(self) -> int:
        return len(self.keys)

    @cached_property
    def people_counts(self) -> NDArray[np.int64]:
        """How many different people each reply was used with: int64 [m]."""
        return np.bincount(self.with_reply, minlength=len(self)).astype(np.int64)

    @cached_property
    def _by_key(self) -> dict[str, int]:
        return {key: index for index, key in enumerate(self.keys)}

    @cached_property
    def _by_person(self) -> dict[str, slice]:
        edges = np.searchsorted(self.with_person, np.arange(len(self.people) + 1))
        return {person: slice(edges[i], edges[i + 1]) for i, person in enumerate(self.people)}

    def find(self, text: str) -> int:
        """The reply that ``text`` is, or −1."""
        return self._by_key.get(reply_key(text), -1)

    def used_with(self, person_id: str | None) -> NDArray[np.int64]:
        """Ids of the replies used with ``person_id``, in rising order; none for None and for a stranger."""
        return self.with_reply[self._by_person.get(person_id or "", slice(0, 0))]

    def uses_with(self, person_id: str | None) -> NDArray[np.int64]:
        """Uses of each reply of ``used_with``, aligned with it."""
        return self.with_uses[self._by_person.get(person_id or "", slice(0, 0))]

    def save(self, folder: Path) -> None:
        """Write ``replies.parquet`` (key, row, secret) and ``reply_of_row.npy`` into ``folder``."""
        table = pa.table({"key": self.keys, "row": self.row, "secret": self.secret})
        pq.write_table(table, folder / "replies.parquet", compression="zstd")
        np.save(folder / "reply_of_row.npy", self.of_row.astype(np.int32))

    @classmethod
    def load(cls, folder: Path, pairs: pd.DataFrame) -> Replies:
        """The replies that ``save`` wrote for the same ``pairs``."""
        table = pq.read_table(folder / "replies.parquet")
        return cls._counted(
            pairs,
            table["key"].to_pylist(),
            np.load(folder / "reply_of_row.npy").astype(np.int64),
            table["row"].to_numpy().astype(np.int64),
            table["secret"].to_numpy().astype(np.bool_),
        )


def shared_words(texts: Sequence[str], people: Sequence[str | None], min_people: int) -> frozenset[str]:
    """Words that the owner used with at least ``min_people`` different people.

    ``texts`` and ``people`` are aligned: what was said, and to whom (missing: nobody known, not counted).
    """
    met: dict[str, set[str]] = {}
    # Per text by nature; a word is forgotten as a candidate's set only grows to ``min_people``.
    for text, person in zip(texts, people, strict=True):
        if not isinstance(person, str):
            continue
        for word in set(specifics.words(text)):
            seen = met.setdefault(word, set())
            if len(seen) < min_people:
                seen.add(person)
    return frozenset(word for word, seen in met.items() if len(seen) >= min_people)
