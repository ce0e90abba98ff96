"""The content-addressed store of vectors: (encoder fingerprint, hash of the text) → vector, in Parquet parts.

A text is embedded once in its life. A part is written whole or not at all, so it is a checkpoint: what a killed run had
finished is there for the next. Runs side by side write parts of their own and share nothing else; where two embedded
the same text, the older part has the say. The store knows neither messages nor pairs, and keeps no text: only hashes.

float16 on disk: ranks of neighbours do not suffer (``python -m benchmarks.vector_store`` measures it), and it is half
the size.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from jarvis_resources.encoders import compaction, vector_parts
from jarvis_resources.encoders.vector_parts import HASH_BYTES, Half, Hashes, Part
from jarvis_resources.errors import EncoderError

if TYPE_CHECKING:
    from jarvis_resources.encoders import Encoder

_NOBODY = np.iinfo(np.int64).max
"""When the part was written that has the say about a text, while there is none."""

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Embedding:
    """Vectors of some texts, and what they cost."""

    vectors: Half
    """float16 [n, d]: row i belongs to text i."""
    new_texts: int
    """Distinct texts that had to be embedded."""
    reused_texts: int
    """Distinct texts whose vectors were there."""
    damaged_parts: tuple[str, ...] = ()
    """Names of parts that were damaged, deleted, and embedded again."""


@dataclass(frozen=True)
class Missing:
    """Which of some texts the store lacks."""

    rows: Rows
    """int64: the first row of each distinct text that is not there, ascending."""
    distinct: int
    """Distinct texts asked about."""
    damaged_parts: tuple[str, ...]
    """Names of parts that were damaged and are deleted: their texts are missing now."""


class VectorStore:
    """The vectors of one encoder at one precision."""

    def __init__(self, root: Path, encoder_fingerprint: str, dimension: int) -> None:
        """A store under ``root``; nothing is read or written yet. ``dimension`` is the length of a vector."""
        self.folder = root / encoder_fingerprint
        self.fingerprint = encoder_fingerprint
        self.dimension = dimension

    def embed(
        self,
        texts: Sequence[str],
        encoder_factory: Callable[[], Encoder],
        *,
        shard_texts: int = 2048,
        progress: Callable[[int, int], None] | None = None,
    ) -> Embedding:
        """Vectors of ``texts``, embedding those that are not in the store yet, ``shard_texts`` to a part.

        ``encoder_factory`` is called only when something is new. ``progress`` is told (texts embedded, texts to embed)
        as often as the encoder tells, and after each part.
        Raises ``EncoderError`` when the factory's encoder is another than the store's, ``JarvisError`` when the disk is
        full or may not be written; what was embedded until then is kept.
        """
        vectors = np.empty((len(texts), self.dimension), np.float16)
        if not len(texts):
            return Embedding(vectors, 0, 0)
        distinct, first, inverse = np.unique(hash_texts(texts), return_index=True, return_inverse=True)
        known = _Known.none_of(distinct)
        for part, there, which in self._holding(known):
            vectors[first[which]] = part.vectors(self.dimension)[there]
        new = known.missing()
        if len(new):
            encoder = self._check(encoder_factory())
            new = new[np.argsort(first[new])]  # in the order of the texts
            told = progress or (lambda _done, _total: None)
            told(0, len(new))
            for start in range(0, len(new), shard_texts):
                rows = new[start : start + shard_texts]
                vectors[first[rows]] = self._embed_part(
                    encoder,
                    [texts[row] for row in first[rows]],
                    distinct[rows],
                    _counting_on(told, start, len(new)),
                )
                told(start + len(rows), len(new))
        repeated = np.flatnonzero(first[inverse] != np.arange(len(texts)))
        vectors[repeated] = vectors[first[inverse[repeated]]]
        return Embedding(vectors, len(new), len(distinct) - len(new), tuple(known.damaged))

    def missing(self, texts: Sequence[str]) -> Missing:
        """Which of ``texts`` are not in the store; no vector is read."""
        distinct, first = np.unique(hash_texts(texts), return_index=True)
        known = _Known.none_of(distinct)
        for _ in self._holding(known):
            pass
        return Missing(np.sort(first[known.missing()]), len(distinct), tuple(known.damaged))

    def compact(self) -> int:
        """Merge small parts where that is worth it; how many went into others. Others may read and write meanwhile."""
        return compaction.compact(self.folder, self.dimension) if self.folder.is_dir() else 0

    def _holding(self, known: _Known) -> Iterator[tuple[Part, Rows, Rows]]:
        """Each part that has the say about some texts of ``known``: the part, the rows there, which texts they are.

        Each part is verified; a damaged one is deleted, and named for the caller to tell. The folder is listed until nothing new
        shows, for compaction may put a part in the place of others that we were about to read.
        """
        seen: set[Path] = set()
        while len(known.distinct) and (
            fresh := [path for path in vector_parts.listed(self.folder) if path not in seen]
        ):
            seen.update(fresh)
            # Checksums are computed ahead of the copying, beside it.
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                for path, whole in zip(fresh, pool.map(vector_parts.is_whole, fresh), strict=True):
                    if whole is False:
                        path.unlink(missing_ok=True)
                        known.damaged.append(path.name)
                    if not whole:
                        continue
                    try:
                        part = Part(path)
                    except FileNotFoundError:
                        continue
                    there, which = known.claim(part.hashes(), vector_parts.written_at(path))
                    if len(there):
                        yield part, there, which

    def _check(self, encoder: Encoder) -> Encoder:
        """``encoder``, if it is the one whose vectors these are."""
        if (encoder.fingerprint, encoder.dimension) != (self.fingerprint, self.dimension):
            raise EncoderError(
                f"The encoder {encoder.slug} ({encoder.fingerprint}) is not the one of this store ({self.fingerprint}); "
                "its files changed while JARVIS was running: run again."
            )
        return encoder

    def _embed_part(self, encoder: Encoder, texts: list[str], hashes: Hashes, progress: Callable[[int], None]) -> Half:
        """Vectors of ``texts`` as stored, after the part that holds them is on disk."""
        exact = encoder.encode(texts, progress)
        if exact.shape != (len(texts), self.dimension) or not np.isfinite(exact).all():
            raise EncoderError(
                f"The encoder {encoder.slug} gave vectors that are not numbers; fetch its weights again."
            )
        stored = exact.astype(np.float16)
        vector_parts.write(self.folder, hashes, stored)
        return stored


@dataclass(frozen=True)
class _Known:
    """Of some distinct texts, which have been found, and how old the part is that has the say about each."""

    distinct: Hashes
    """Sorted."""
    say: Rows
    damaged: list[str] = field(default_factory=list)

    @classmethod
    def none_of(cls, distinct: Hashes) -> _Known:
        return cls(distinct, np.full(len(distinct), _NOBODY))

    def claim(self, hashes: Hashes, written: int) -> tuple[Rows, Rows]:
        """The rows of ``hashes`` that a part written at ``written`` (ns) has the say about, and which texts they are."""
        at = np.minimum(np.searchsorted(self.distinct, hashes), len(self.distinct) - 1)
        there = np.flatnonzero((self.distinct[at] == hashes) & (written < self.say[at]))
        self.say[at[there]] = written
        return there, at[there]

    def missing(self) -> Rows:
        """The texts that no part holds."""
        return np.flatnonzero(self.say == _NOBODY)


def _counting_on(told: Callable[[int, int], None], before: int, total: int) -> Callable[[int], None]:
    """A callback for one part's texts, which tells of all of them."""
    return lambda done: told(before + done, total)


def hash_texts(texts: Sequence[str]) -> Hashes:
    """128-bit keys of ``texts``: blake2b of their UTF-8, as an array of 16-byte strings.

    A loop over texts: hashing is per text, one microsecond each.
    """
    digests = b"".join(
        blake2b(text.encode("utf-8", "surrogatepass"), digest_size=HASH_BYTES).digest() for text in texts
    )
    return np.frombuffer(digests, f"S{HASH_BYTES}")
