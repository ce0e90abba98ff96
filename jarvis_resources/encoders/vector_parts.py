"""Parts of the vector store: Parquet files of hashes and vectors, whole or not there, whose names carry their checksum.

``pyarrow.parquet.read_table(part)`` gives the columns ``hash`` (16 bytes) and ``vector`` (float16, little-endian, as
bytes: ``numpy.frombuffer(vector, "<f2")``). A list of half floats would need no ``frombuffer``, and takes ten times as
long to read and eight times as long to write (``python -m benchmarks.vector_store``). Which texts are kept, and who
has the say about one, is the store's business.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import time
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from jarvis_resources.errors import EncoderError, JarvisError
from jarvis_resources.files import sync_folder

HASH_BYTES = 16
_CHECKSUM_BYTES = 16
_SUFFIX = ".parquet"
_ASIDE = ".aside"
_STALE_SECONDS = 3600
"""Age after which a half-written part belongs to a run that was killed: no part takes an hour to write."""

Hashes = npt.NDArray[np.bytes_]
Half = npt.NDArray[np.float16]


class Part:
    """An open part. It stays readable when compaction takes its file away meanwhile."""

    def __init__(self, path: Path) -> None:
        """Map the part into memory; raises ``FileNotFoundError`` when it is gone."""
        self._path = path
        self._file = pq.ParquetFile(path, memory_map=True)
        self.rows: int = self._file.metadata.num_rows

    def hashes(self) -> Hashes:
        """The hash of each row's text; the vectors are not read."""
        return np.frombuffer(self._column("hash"), f"S{HASH_BYTES}")

    def vectors(self, dimension: int) -> Half:
        """float16 [rows, dimension]; raises ``EncoderError`` when they are of another length."""
        vectors = np.frombuffer(self._column("vector"), np.float16)
        if vectors.size != self.rows * dimension:
            raise EncoderError(
                f"The vectors in {self._path.parent} are not {dimension} numbers long; remove that folder and run again."
            )
        return vectors.reshape(-1, dimension)

    def _column(self, name: str) -> memoryview | bytes:
        """The bytes of a fixed-width column."""
        chunks = [
            memoryview(chunk.buffers()[1])[chunk.offset * chunk.type.byte_width :][: len(chunk) * chunk.type.byte_width]
            for chunk in self._file.read(columns=[name], use_threads=False)[name].chunks
        ]
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def listed(folder: Path) -> list[Path]:
    """The parts in ``folder``, oldest first; what killed runs left half-written is deleted."""
    if not folder.is_dir():
        return []
    for aside in folder.glob(f".*{_ASIDE}"):
        if _age(aside) > _STALE_SECONDS:
            aside.unlink(missing_ok=True)
    return sorted(path for path in folder.glob(f"*{_SUFFIX}") if not path.name.startswith("."))


def written_at(path: Path) -> int:
    """When the part was written (ns since 1970), or the oldest of those that it was merged from."""
    return int(path.name.split("-", 1)[0])


def is_whole(path: Path) -> bool | None:
    """Whether the bytes of the part are those that were written; ``None``: it is gone.

    A part is read whole for that, once in a process as long as its file stays the same. Raises ``JarvisError`` when it
    cannot be read.
    """
    try:
        state = path.stat()
        return _checksum_of(str(path), state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns) in path.name
    except FileNotFoundError:
        return None
    except OSError as error:
        raise JarvisError(f"Cannot read {path} ({error.strerror}); check its permissions and the disk.") from error


def write(folder: Path, hashes: Hashes, vectors: Half, *, written: int | None = None) -> Path:
    """Write a part: aside, fsynced, renamed. Its name is ``written`` (now, in ns since 1970) and its checksum.

    Rows are sorted by hash, which makes looking them up four times as fast. Raises ``JarvisError`` when the disk is full or may not be written; then nothing is left behind.
    """
    rows, dimension = vectors.shape
    schema = pa.schema(
        [
            pa.field("hash", pa.binary(HASH_BYTES), nullable=False),
            pa.field("vector", pa.binary(2 * dimension), nullable=False),
        ],
        metadata={"encoder": folder.name, "vector": f"{dimension} numbers, float16, little-endian"},
    )
    content = pa.BufferOutputStream()
    if (hashes[1:] < hashes[:-1]).any():
        order = np.argsort(hashes)
        hashes, vectors = hashes[order], vectors[order]
    columns = (hashes.astype(f"S{HASH_BYTES}"), np.ascontiguousarray(vectors, np.float16))
    table = pa.Table.from_arrays(
        [
            pa.Array.from_buffers(field.type, rows, [None, pa.py_buffer(column.view(np.uint8))])
            for field, column in zip(schema, columns, strict=True)
        ],
        schema=schema,
    )
    pq.write_table(table, content, compression="none", use_dictionary=False, write_statistics=False)
    buffer = content.getvalue()
    when = time.time_ns() if written is None else written
    checksum = hashlib.blake2b(buffer, digest_size=_CHECKSUM_BYTES).hexdigest()
    path = folder / f"{when:020d}-{checksum}{_SUFFIX}"
    aside = folder / f".{path.name}.{os.getpid()}{_ASIDE}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(aside, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
            file.write(buffer)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
        sync_folder(folder)
    except OSError as error:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)
        what = "free some space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "check its permissions"
        raise JarvisError(
            f"Cannot write vectors to {folder} ({error.strerror}); {what} and run again: "
            "what is embedded so far is kept."
        ) from error
    return path


@lru_cache(maxsize=4096)
def _checksum_of(path: str, _inode: int, _size: int, _modified: int, _changed: int) -> str:
    """Checksum of the file; any change of what ``stat`` says of it makes this a new question."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, partial(hashlib.blake2b, digest_size=_CHECKSUM_BYTES)).hexdigest()


def _age(path: Path) -> float:
    """Seconds since ``path`` was written; 0 when it is gone."""
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
