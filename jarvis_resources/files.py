"""Writing a file so that a reader sees the old one or the new one, never half of one.

Everything that JARVIS keeps is private to its owner: files are 0600, the folders made here 0700.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from jarvis_resources.errors import JarvisError


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """An open binary file that takes the place of ``path`` when the block ends well: fsynced, renamed, mode 0600.

    When the block fails, ``path`` stays as it was and nothing is left beside it.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.part")
    try:
        with os.fdopen(os.open(aside, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as sink:
            yield sink
            sink.flush()
            os.fsync(sink.fileno())
        aside.replace(path)
        sync_folder(path.parent)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def told_of(path: Path) -> Iterator[None]:
    """Turn the system's error while ``path`` is written into a ``JarvisError`` that says what to do."""
    try:
        yield
    except OSError as error:
        raise JarvisError(f"Cannot write {path} ({error.strerror}); free some space and run again.") from error


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """One process at a time for what is done to ``path``; the lock goes when the process does."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(path.with_name(f".{path.name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def sync_folder(folder: Path) -> None:
    """Make a rename inside ``folder`` survive a power cut (POSIX asks for the folder to be synced too)."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_private(path: Path, content: bytes | str) -> None:
    """Replace ``path`` by ``content`` (text as UTF-8), as ``replacing`` does."""
    with replacing(path) as sink:
        sink.write(content.encode() if isinstance(content, str) else content)
