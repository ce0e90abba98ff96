"""The content-addressed store of vectors: (encoder fingerprint, hash of the text) → vector, in Parquet parts.

A text is embedded once in its life. A part is written whole or not at all, so it is a checkpoint: what a killed run had
finished is there for the next. Runs side by side write parts of their own and share nothing else. The store knows
neither messages nor pairs, and keeps no text: only hashes of it.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from jarvis_resources.errors import EncoderError, JarvisError

if TYPE_CHECKING:
    from jarvis_resources.encoders import Encoder

_HASH_BYTES = 16
_SUFFIX = ".parquet"
_ASIDE = ".aside"
_STALE_SECONDS = 3600
"""Age after which a half-written part belongs to a run that was killed: no part takes an hour to write."""

_log = logging.getLogger(__name__)

Hashes = npt.NDArray[np.bytes_]
Half = npt.NDArray[np.float16]


@dataclass(frozen=True)
class Embedding:
    """Vectors of some texts, and what they cost."""

    vectors: Half
    """float16 [n, d]: row i belongs to text i."""
    new_texts: int
    """Distinct texts that had to be embedded."""
    reused_texts: int
    """Distinct texts whose vectors were there."""
    damaged_parts: int = 0
    """Parts that were damaged, and were deleted and embedded again."""


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

        ``encoder_factory`` is called only when something is new. ``progress`` is told (texts embedded, texts to embed).
        Raises ``EncoderError`` when the factory's encoder is another than the store's, ``JarvisError`` when the disk is
        full or may not be written; what was embedded until then is kept.
        """
        vectors = np.empty((len(texts), self.dimension), np.float16)
        if not len(texts):
            return Embedding(vectors, 0, 0)
        distinct, first, inverse = np.unique(hash_texts(texts), return_index=True, return_inverse=True)
        known = np.zeros(len(distinct), bool)
        damaged = 0
        # A loop over parts: each is a file of a few thousand rows.
        for path in self._parts():
            part = self._read(path)
            if part is None:
                damaged += 1
                continue
            hashes, stored = part
            at = np.minimum(np.searchsorted(distinct, hashes), len(distinct) - 1)
            # Where two runs embedded the same text, the first part has the say.
            wanted = np.flatnonzero((distinct[at] == hashes) & ~known[at])
            vectors[first[at[wanted]]] = stored[wanted]
            known[at[wanted]] = True
        new = np.flatnonzero(~known)
        if len(new):
            encoder = self._check(encoder_factory())
            new = new[np.argsort(first[new])]  # in the order of the texts
            for start in range(0, len(new), shard_texts):
                shard = new[start : start + shard_texts]
                vectors[first[shard]] = self._embed_shard(
                    encoder, [texts[row] for row in first[shard]], distinct[shard]
                )
                if progress is not None:
                    progress(start + len(shard), len(new))
        repeated = np.flatnonzero(first[inverse] != np.arange(len(texts)))
        vectors[repeated] = vectors[first[inverse[repeated]]]
        return Embedding(vectors, len(new), len(distinct) - len(new), damaged)

    def _check(self, encoder: Encoder) -> Encoder:
        """``encoder``, if it is the one whose vectors these are."""
        if (encoder.fingerprint, encoder.dimension) != (self.fingerprint, self.dimension):
            raise EncoderError(
                f"The encoder {encoder.slug} ({encoder.fingerprint}) is not the one of this store ({self.fingerprint}); "
                "its files changed while JARVIS was running: run again."
            )
        return encoder

    def _embed_shard(self, encoder: Encoder, texts: list[str], hashes: Hashes) -> Half:
        """Vectors of ``texts`` as stored, after the part that holds them is on disk."""
        exact = encoder.encode(texts)
        if exact.shape != (len(texts), self.dimension) or not np.isfinite(exact).all():
            raise EncoderError(
                f"The encoder {encoder.slug} gave vectors that are not numbers; fetch its weights again."
            )
        stored = exact.astype(np.float16)
        self._write(hashes, stored)
        return stored

    def _parts(self) -> list[Path]:
        """The parts, oldest first; what killed runs left half-written is deleted."""
        if not self.folder.is_dir():
            return []
        for aside in self.folder.glob(f".*{_ASIDE}"):
            if _age(aside) > _STALE_SECONDS:
                aside.unlink(missing_ok=True)
        return sorted(path for path in self.folder.glob(f"*{_SUFFIX}") if not path.name.startswith("."))

    def _write(self, hashes: Hashes, vectors: Half) -> None:
        """Write a part: aside, fsynced, renamed. Its name is when it was written and the hash of its bytes."""
        table = pa.table(
            {
                "hash": _binary(hashes.astype(f"S{_HASH_BYTES}").tobytes(), _HASH_BYTES),
                "vector": _binary(np.ascontiguousarray(vectors).tobytes(), 2 * self.dimension),
            }
        )
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="none", use_dictionary=False, write_statistics=False)
        content = sink.getvalue()
        name = f"{time.time_ns():020d}-{_checksum(content)}{_SUFFIX}"
        aside = self.folder / f".{name}.{os.getpid()}{_ASIDE}"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(aside, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(self.folder / name)
            _sync_folder(self.folder)
        except OSError as error:
            with contextlib.suppress(OSError):
                aside.unlink(missing_ok=True)
            what = "free some space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "check its permissions"
            raise JarvisError(
                f"Cannot write vectors to {self.folder} ({error.strerror}); {what} and run again: "
                "what is embedded so far is kept."
            ) from error

    def _read(self, path: Path) -> tuple[Hashes, Half] | None:
        """Hashes and vectors of a part; None: it was damaged, and is deleted so that its texts are embedded again."""
        try:
            content = path.read_bytes()
        except FileNotFoundError:  # another run found it damaged and deleted it
            return hash_texts([]), np.empty((0, self.dimension), np.float16)
        except OSError as error:
            raise JarvisError(f"Cannot read {path} ({error.strerror}); check its permissions and the disk.") from error
        if _checksum(content) not in path.name:
            _log.warning("The vectors in %s are damaged; they are deleted and made again.", path.name)
            path.unlink(missing_ok=True)
            return None
        table = pq.read_table(pa.BufferReader(content)).combine_chunks()
        hashes = np.frombuffer(b"".join(_chunks(table["hash"])), f"S{_HASH_BYTES}")
        vectors = np.frombuffer(b"".join(_chunks(table["vector"])), np.float16)
        if vectors.size != len(hashes) * self.dimension:
            raise EncoderError(
                f"The vectors in {self.folder} are not {self.dimension} numbers long; remove that folder and run again."
            )
        return hashes, vectors.reshape(len(hashes), self.dimension)


def hash_texts(texts: Sequence[str]) -> Hashes:
    """128-bit keys of ``texts``: blake2b of their UTF-8, as an array of 16-byte strings.

    A loop over texts: hashing is per text, one microsecond each.
    """
    digests = b"".join(
        blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_HASH_BYTES).digest() for text in texts
    )
    return np.frombuffer(digests, f"S{_HASH_BYTES}")


def _checksum(content: bytes | pa.Buffer) -> str:
    """Checksum of a part's bytes, as its name carries it."""
    return blake2b(content, digest_size=16).hexdigest()


def _binary(content: bytes, width: int) -> pa.Array:
    """Fixed-width binary column over ``content``."""
    return pa.Array.from_buffers(pa.binary(width), len(content) // width, [None, pa.py_buffer(content)])


def _chunks(column: pa.ChunkedArray) -> Iterator[memoryview]:
    """The bytes of a fixed-width column, a chunk at a time."""
    for chunk in column.chunks:
        width = chunk.type.byte_width
        yield memoryview(chunk.buffers()[1])[chunk.offset * width : (chunk.offset + len(chunk)) * width]


def _age(path: Path) -> float:
    """Seconds since ``path`` was written; 0 when it is gone."""
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _sync_folder(folder: Path) -> None:
    """Make a rename in ``folder`` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
