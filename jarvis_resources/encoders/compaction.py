"""Many small parts become few large ones, while others read and write.

The rule: where more than ``MOST_SMALL`` parts in a row are smaller than half of ``FULL_BYTES``, they are merged, oldest
first, into parts of at most ``FULL_BYTES``. So a store has few parts, a part that is large is never rewritten, and ten
minings of a few new texts each rewrite one small part. Where several hold a text, the oldest has the say.

Merged parts are on disk, and read again, before what they were merged from is deleted: a kill leaves both, which costs
space until the next time, and nothing else. Memory stays below eight times ``FULL_BYTES``, whatever the size of the store.
"""

from __future__ import annotations

import fcntl
import itertools
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from jarvis_resources.encoders import vector_parts
from jarvis_resources.errors import BusyError, JarvisError

FULL_BYTES = 32 << 20
"""Largest merged part: 42,000 texts at 384 numbers each. All of a damaged part is embedded again, so a part must not
cost more than a minute or so; twenty-four of them, for a million texts, are read as fast as one."""
MOST_SMALL = 8
"""Small parts that are left alone: opening one costs a millisecond."""

_LOCK = ".compaction.lock"

_log = logging.getLogger(__name__)


def compact(folder: Path, dimension: int) -> int:
    """Merge small parts in ``folder`` where the rule says so; how many went into others.

    Does nothing while another process compacts the same folder, or when the disk has no room for it.
    """
    gone = 0
    try:
        with _alone(folder):
            for run in _runs(vector_parts.listed(folder)):
                for group in _groups(run):
                    gone += _merge(group, dimension)
    except BusyError:
        pass
    except JarvisError as error:
        _log.warning("The parts in %s were not merged: %s", folder.name, error)
    return gone


def _runs(parts: Sequence[Path]) -> list[list[Path]]:
    """Small parts that follow each other, where they are too many."""
    neighbours = itertools.groupby(parts, key=lambda path: _bytes(path) < FULL_BYTES // 2)
    runs = [list(paths) for small, paths in neighbours if small]
    return [run for run in runs if len(run) > MOST_SMALL]


def _groups(run: Sequence[Path]) -> Iterator[list[Path]]:
    """``run`` in groups that fit into one part each."""
    group: list[Path] = []
    taken = 0
    for path in run:
        size = _bytes(path)
        if group and taken + size > FULL_BYTES:
            yield group
            group, taken = [], 0
        group.append(path)
        taken += size
    yield group


def _merge(group: Sequence[Path], dimension: int) -> int:
    """Put the parts of ``group`` into one, then delete them; how many they were."""
    if len(group) < 2:
        return 0
    if not all(vector_parts.is_whole(path) for path in group):
        return 0  # A damaged part is the reader's to report; it is gone the next time.
    parts = [vector_parts.Part(path) for path in group]
    hashes = np.concatenate([part.hashes() for part in parts])
    vectors = np.empty((len(hashes), dimension), np.float16)
    filled = 0
    for part in parts:
        vectors[filled : filled + part.rows] = part.vectors(dimension)
        filled += part.rows
    keep = np.unique(hashes, return_index=True)[1]  # the first of equals
    written = vector_parts.written_at(group[0])
    merged = vector_parts.write(group[0].parent, hashes[keep], vectors[keep], written=written)
    if not vector_parts.is_whole(merged):
        raise JarvisError(f"{merged.name} is not on disk as it was written; check the disk.")
    for path in group:
        if path != merged:
            path.unlink(missing_ok=True)
    return len(group)


def _bytes(path: Path) -> int:
    """Size of ``path``; 0 when it is gone."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder's compaction lock, which ends with its process; raises ``BusyError`` while another holds it."""
    with os.fdopen(os.open(folder / _LOCK, os.O_CREAT | os.O_WRONLY, 0o600), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BusyError(f"{folder} is being compacted by another process.") from error
        yield
