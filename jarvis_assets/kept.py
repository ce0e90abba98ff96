"""Models that are learned once and kept, so that a growing history does not shake its own pairs.

A model is kept under a key of what it was learned from; another key, or a file that is damaged, and it is learned again.
What goes into a key is decided by whoever learns. A file begins with a digest of the rest: most formats take a flipped bit
for another number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import blake2b
from pathlib import Path
from types import ModuleType
from typing import TypeVar
from zipfile import BadZipFile

from safetensors import SafetensorError

from jarvis_resources.errors import JarvisError
from jarvis_resources.files import told_of, write_private

LINKS, ACTS = "links", "acts"
"""Where ``$JARVIS_HOME`` keeps those of reply links and those of dialogue acts."""
_KEY_BYTES, _DIGEST_BYTES = 12, 16
T = TypeVar("T")


def once(
    folder: Path, name: str, key: str, *, load: Callable[[bytes], T], dump: Callable[[T], bytes], make: Callable[[], T]
) -> T:
    """The model ``name`` kept under ``key``; else it is made, kept, and what was kept before is removed."""
    found = read(folder, name, key, load)
    if found is None:
        found = make()
        write(folder, name, key, dump(found))
    return found


def read(folder: Path, name: str, key: str, load: Callable[[bytes], T]) -> T | None:
    """What is kept under ``key``; None where there is nothing, or ``load`` cannot take it."""
    try:
        content = (folder / f"{name}-{key}").read_bytes()
        if _digest(content[_DIGEST_BYTES:]) != content[:_DIGEST_BYTES]:
            return None
        return load(content[_DIGEST_BYTES:])
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, SafetensorError, JarvisError):
        return None


def write(folder: Path, name: str, key: str, content: bytes) -> None:
    """Keep ``content`` under ``key``; what was kept before under another key is removed. Raises ``JarvisError``."""
    file = folder / f"{name}-{key}"
    with told_of(file):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(file, _digest(content) + content)
    # Another name may begin with this one.
    for older in folder.glob(f"{name}-{'[0-9a-f]' * 2 * _KEY_BYTES}"):
        if older != file:
            older.unlink(missing_ok=True)


def _digest(content: bytes) -> bytes:
    return blake2b(content, digest_size=_DIGEST_BYTES).digest()


def key_of(parts: Iterable[bytes | str], modules: Iterable[ModuleType]) -> str:
    """A key of what a model was learned from: ``parts``, and the source of the ``modules`` that learned it."""
    digest = blake2b(digest_size=_KEY_BYTES)
    for part in parts:
        digest.update(part.encode() if isinstance(part, str) else part)
        digest.update(b"\x1f")
    for module in modules:
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()


def doublings(count: int) -> str:
    """How often a count has doubled: twice as many links teach something new, a few more do not."""
    return str(count.bit_length())
