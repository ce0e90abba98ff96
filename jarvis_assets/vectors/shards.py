"""Embedding in shards: plan what is new, embed it shard by shard, collect the vectors from the store.

A shard is what is tried again by itself, and what another machine may take; the parts within it are its checkpoints.
From step to step go descriptions in plain JSON (counts, and which texts by number), never a text or a vector: those are
read from the asset and from the store, so a step that runs again, or elsewhere, needs nothing from the one before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, TypedDict

from jarvis_assets.vectors.embedding import Embedded, held_encoder, let_go_of_encoder, open_store
from jarvis_resources.encoders import encoder_fingerprint
from jarvis_resources.errors import EncoderError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from jarvis_resources.settings import Settings

MOST_SHARDS = 16
"""Shards of one run: a step costs Dagster 0.1 s of the processor and up to 0.5 s of the clock, so a first mining spends
seconds on them, not minutes."""
FEWEST_PARTS = 4
"""Parts that a shard holds at least, so that a mining of few new texts has one shard."""


class Plan(TypedDict):
    """What there is to embed."""

    encoder: str
    fingerprint: str
    new_texts: int
    shards: int
    damaged_parts: list[str]


class Shard(TypedDict):
    """Some of the texts to embed."""

    encoder: str
    fingerprint: str
    rows: list[int]
    """Numbers of the texts, ascending."""
    before: int
    """Texts in the shards before this one."""
    of: int
    """Texts in all shards."""


class Done(TypedDict):
    """What embedding a shard cost, and by what it was embedded."""

    texts: int
    """Texts embedded; less than the shard has when it is taken up again."""
    seconds: float
    backend: str
    precision: str


@dataclass(frozen=True)
class Collected:
    """All the vectors, and what their shards cost."""

    embedded: Embedded
    done: tuple[Done, ...]

    def as_metadata(self) -> dict[str, Any]:
        """Counts for the graph."""
        by = self.done[-1] if self.done else None
        return {
            **self.embedded.as_metadata(),
            "shards": len(self.done),
            **({"backend": by["backend"], "precision": by["precision"]} if by else {}),
        }


def plan(texts: Sequence[str], slug: str, settings: Settings) -> tuple[Plan, list[Shard]]:
    """What of ``texts`` the encoder ``slug`` has to embed, and in which shards.

    Raises ``EncoderError`` when its weights are not there.
    """
    fingerprint = encoder_fingerprint(slug, settings=settings)
    missing = open_store(slug, fingerprint, settings).missing(texts)
    new = len(missing.rows)
    size = shard_size(new, settings.shard_texts)
    shards = [
        Shard(
            encoder=slug,
            fingerprint=fingerprint,
            rows=missing.rows[start : start + size].tolist(),
            before=start,
            of=new,
        )
        for start in range(0, new, size)
    ]
    return Plan(
        encoder=slug,
        fingerprint=fingerprint,
        new_texts=new,
        shards=len(shards),
        damaged_parts=list(missing.damaged_parts),
    ), shards


def shard_size(new: int, part_texts: int) -> int:
    """Texts to a shard where ``new`` are to be embedded, ``part_texts`` to a part: whole parts."""
    parts = -(-new // part_texts)
    return part_texts * max(FEWEST_PARTS, -(-parts // MOST_SHARDS))


def embed(
    shard: Shard, texts: Sequence[str], settings: Settings, progress: Callable[[int, int], None] | None = None
) -> Done:
    """Embed ``texts``, those of ``shard``, into the store; ``progress`` is told of all shards' texts.

    Raises ``EncoderError`` when the encoder is no longer the one of the plan.
    """
    slug, fingerprint = shard["encoder"], shard["fingerprint"]

    def told(done: int, total: int) -> None:
        if progress is not None:
            progress(shard["before"] + len(texts) - total + done, shard["of"])

    encoder = held_encoder(slug, fingerprint, settings)
    started = monotonic()
    embedding = open_store(slug, fingerprint, settings).embed(
        texts, lambda: encoder, shard_texts=settings.shard_texts, progress=told
    )
    return Done(
        texts=embedding.new_texts,
        seconds=monotonic() - started,
        backend=encoder.backend,
        precision=encoder.precision,
    )


def collect(texts: Sequence[str], planned: Plan, done: Sequence[Done], settings: Settings) -> Collected:
    """The vectors of ``texts`` from the store, once the shards of the plan are embedded; the encoder is let go of.

    What was damaged in between is embedded here. Raises ``EncoderError`` when the encoder is no longer the one of the
    plan: then some of the vectors would be another's.
    """
    slug, fingerprint = planned["encoder"], planned["fingerprint"]
    if encoder_fingerprint(slug, settings=settings) != fingerprint:
        raise EncoderError(f"The encoder {slug} was replaced while its vectors were made; run again.")
    store = open_store(slug, fingerprint, settings)
    embedding = store.embed(texts, lambda: held_encoder(slug, fingerprint, settings), shard_texts=settings.shard_texts)
    let_go_of_encoder()
    if planned["new_texts"] or embedding.new_texts:
        store.compact()
    embedded = Embedded(
        embedding.vectors,
        slug,
        fingerprint,
        new_texts=planned["new_texts"] + embedding.new_texts,
        reused_texts=embedding.reused_texts - planned["new_texts"],
        seconds=sum(one["seconds"] for one in done),
        damaged_parts=(*planned["damaged_parts"], *embedding.damaged_parts),
    )
    return Collected(embedded, tuple(done))


def texts_of(table: pd.DataFrame, columns: Sequence[str]) -> np.ndarray:
    """The texts of a table as one array of objects, row by row: [rows * columns]."""
    texts: np.ndarray = table[list(columns)].to_numpy(dtype=object).ravel()
    return texts
