"""Everything that serving knows, as one object that a release stores and loads whole.

Row i of the pairs, vector i and index id i are the same pair. What is counted from the rows (distinct replies, the map
from messages to replies) is made here once and stored, so that loading stays under a second. Nothing here decides
what is offered.
"""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from jarvis_resources import tables
from jarvis_resources.errors import JarvisError, ReleaseError
from jarvis_resources.vector_index import VectorIndex
from jarvis_serving import specifics
from jarvis_serving.privacy import Guard
from jarvis_serving.replies import Replies
from jarvis_serving.replies import shared_words as _shared_words
from jarvis_serving.reply_map import ReplyMap

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from jarvis_serving.understanding.dialogue_acts import DialogueActModel

SERVED = (
    "pair_id",
    "trigger_text",
    "response_text",
    "conversation_id",
    "person_id",
    "is_group",
    "responded_at",
    "occurrences",
    "trigger_da_type",
    "response_da_type",
    "topic_name",
)
"""Columns of PAIRS, DIALOGUE_ACTS and RESPONSE_TOPICS that serving reads; the rest would be most of its bytes."""
RECENT_MESSAGES = 20
"""Messages kept for each person as history when chat.db cannot be read (count)."""
RECENT_COLUMNS = ("person_id", "is_from_me", "text", "sent_at")


def shared_words(pairs: pd.DataFrame, min_people: int) -> frozenset[str]:
    """Words that the owner used with at least ``min_people`` different people, from the replies of ``pairs``."""
    return _shared_words(pairs["response_text"].tolist(), pairs["person_id"].tolist(), min_people)


def recent_messages(messages: pd.DataFrame, conversations: pd.DataFrame, limit: int = RECENT_MESSAGES) -> pd.DataFrame:
    """The last ``limit`` normal messages of every direct conversation, oldest first, with columns RECENT_COLUMNS.

    ``messages`` is MESSAGES and ``conversations`` is CONVERSATIONS.
    """
    direct = conversations.loc[
        ~conversations["is_group"] & ~conversations["is_self"], ["conversation_id", "person_ids"]
    ]
    direct = direct[direct["person_ids"].map(len) == 1]
    person = dict(zip(direct["conversation_id"], (people[0] for people in direct["person_ids"]), strict=True))
    normal = messages[
        (messages["kind"] == "normal")
        & messages["text"].notna()
        & messages["sent_at"].notna()
        & messages["conversation_id"].isin(person)
    ].sort_values("sent_at", kind="stable")
    last = normal.groupby("conversation_id", sort=False).tail(limit)
    return last.assign(person_id=last["conversation_id"].map(person))[list(RECENT_COLUMNS)].reset_index(drop=True)


class Bank:
    """What a release holds.

    ``pairs``: PAIRS joined with DIALOGUE_ACTS and topic_name, of which the columns SERVED are kept; ``vectors`` float16
    [n, 2, d] (trigger, response); ``index``: the trigger vectors; ``templates``, ``people``, ``profiles``:
    REPLY_TEMPLATES, PEOPLE, CONTACT_PROFILES; ``acts``: the classifier of the same encoder; ``shared_words``: words of the owner's that are
    nobody's own; ``recent``: ``recent_messages``; ``replies`` and ``reply_map`` are made from the rest when left out.
    """

    def __init__(
        self,
        pairs: pd.DataFrame,
        vectors: NDArray[np.float16],
        index: VectorIndex,
        templates: pd.DataFrame,
        people: pd.DataFrame,
        profiles: pd.DataFrame,
        acts: DialogueActModel,
        shared_words: frozenset[str],
        *,
        min_people: int = 3,
        recent: pd.DataFrame | None = None,
        replies: Replies | None = None,
        reply_map: ReplyMap | None = None,
    ) -> None:
        self.pairs = pairs.loc[:, list(SERVED)].reset_index(drop=True)
        self.vectors = vectors
        self.index = index
        self.templates = templates
        self.people = people
        self.profiles = profiles
        self.acts = acts
        self.shared_words = shared_words
        self.min_people = min_people
        self.recent = recent
        self.replies = replies if replies is not None else Replies.group(self.pairs)
        self.reply_map = reply_map if reply_map is not None else ReplyMap.fit(vectors[:, 0], vectors[:, 1])
        self.reply_vectors: NDArray[np.float16] = np.ascontiguousarray(vectors[self.replies.row, 1])

    def __len__(self) -> int:
        return len(self.pairs)

    @cached_property
    def names(self) -> frozenset[str]:
        """Words of the contacts' names, which no shared reply may hold."""
        return specifics.name_words(self.people["display_name"].dropna().tolist())

    @cached_property
    def guard(self) -> Guard:
        """The leak guard over this bank's replies."""
        return Guard(self.replies, self.shared_words, self.names, min_people=self.min_people)

    @cached_property
    def topic_names(self) -> NDArray[np.object_]:
        """Name of each pair's topic: object [n], no text where it has none."""
        return np.asarray(self.pairs["topic_name"], object)

    def restricted(self, allowed: NDArray[np.bool_]) -> Bank:
        """The bank as if only the rows ``allowed`` (bool [n]) had ever happened: its own counts, words, map and index.

        Templates are left out, since they were mined from all rows.
        """
        rows = np.flatnonzero(allowed)
        pairs = self.pairs.iloc[rows]
        vectors = self.vectors[rows]
        return Bank(
            pairs,
            vectors,
            VectorIndex.build(vectors[:, 0].astype(np.float32)),
            tables.REPLY_TEMPLATES.empty(),
            self.people,
            self.profiles,
            self.acts,
            shared_words(pairs, self.min_people),
            min_people=self.min_people,
        )

    def save(self, folder: Path) -> None:
        """Write everything into ``folder``."""
        pairs = pa.Table.from_pandas(self.pairs, preserve_index=False)
        pq.write_table(pairs, folder / "pairs.parquet", compression="zstd")
        np.save(folder / "vectors.npy", self.vectors)
        self.index.save(folder / "index.faiss")
        tables.REPLY_TEMPLATES.write(self.templates, folder / "templates.parquet")
        tables.PEOPLE.write(self.people, folder / "people.parquet")
        tables.CONTACT_PROFILES.write(self.profiles, folder / "profiles.parquet")
        if self.recent is not None:
            recent = pa.Table.from_pandas(self.recent, preserve_index=False)
            pq.write_table(recent, folder / "recent.parquet", compression="zstd")
        self.replies.save(folder)
        self.reply_map.save(folder / "reply_map.npy")
        small = {"min_people": self.min_people, "shared_words": sorted(self.shared_words), "acts": self.acts.to_json()}
        (folder / "bank.json").write_text(json.dumps(small, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Bank:
        """The bank that ``save`` wrote; raises ``ReleaseError`` when a file is missing or cannot be read.

        Vectors and index stay on the disk and are mapped into memory.
        """
        from jarvis_serving.understanding.dialogue_acts import DialogueActModel

        try:
            pairs = pq.read_table(folder / "pairs.parquet").to_pandas()
            small = json.loads((folder / "bank.json").read_text(encoding="utf-8"))
            recent = folder / "recent.parquet"
            return cls(
                pairs,
                np.load(folder / "vectors.npy", mmap_mode="r"),
                # The release was verified by its manifest just before: the index need not be read for its own checksum.
                VectorIndex.load(folder / "index.faiss", verify=False),
                tables.REPLY_TEMPLATES.read(folder / "templates.parquet"),
                tables.PEOPLE.read(folder / "people.parquet"),
                tables.CONTACT_PROFILES.read(folder / "profiles.parquet"),
                DialogueActModel.from_json(small["acts"]),
                frozenset(small["shared_words"]),
                min_people=int(small["min_people"]),
                recent=pq.read_table(recent).to_pandas() if recent.is_file() else None,
                replies=Replies.load(folder, pairs),
                reply_map=ReplyMap.load(folder / "reply_map.npy"),
            )
        except (OSError, ValueError, KeyError, JarvisError, pa.ArrowException) as error:
            raise ReleaseError(
                f"The release at {folder} cannot be loaded ({type(error).__name__}); run `jarvis mine`, or roll back."
            ) from error
