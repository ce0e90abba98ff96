"""Models that are learned once and kept, so that a growing history does not shake its own pairs.

A model is kept under a key of what it was learned from; another key, or a file that cannot be read, and it is learned
again. What goes into a key is decided by whoever learns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import blake2b
from pathlib import Path
from types import ModuleType
from typing import TypeVar
from zipfile import BadZipFile

from jarvis_resources.errors import JarvisError
from jarvis_resources.files import write_private

LINKS, ACTS = "links", "acts"
"""Where ``$JARVIS_HOME`` keeps those of reply links and those of dialogue acts."""
T = TypeVar("T")


def once(
    folder: Path, name: str, key: str, *, load: Callable[[bytes], T], dump: Callable[[T], bytes], make: Callable[[], T]
) -> T:
    """The model ``name`` kept under ``key``; else it is made, kept, and what was kept before is removed."""
    file = folder / f"{name}-{key}"
    try:
        return load(file.read_bytes())
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, JarvisError):
        made = make()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for older in folder.glob(f"{name}-*"):
        older.unlink()
    write_private(file, dump(made))
    return made


def key_of(parts: Iterable[bytes | str], modules: Iterable[ModuleType]) -> str:
    """A key of what a model was learned from: ``parts``, and the source of the ``modules`` that learned it."""
    digest = blake2b(digest_size=12)
    for part in parts:
        digest.update(part.encode() if isinstance(part, str) else part)
        digest.update(b"\x1f")
    for module in modules:
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()


def doublings(count: int) -> str:
    """How often a count has doubled: twice as many links teach something new, a few more do not."""
    return str(count.bit_length())
