"""What an encoder's files were when they came: their hashes, and where they came from.

The record (``pinned.json``) lies in the encoder's folder under ``$JARVIS_HOME/encoders``. Fetching and distilling write
it with the files; what the owner put there by hand is recorded when it was first loaded. From then on every load
compares: a flipped byte is found before a vector is made of it.

A file is hashed once in a process. Only of a large one is a recorded hash believed for as long as size, inode and both
times are those of the record: every write through the file system moves the time of change, which no program can set.
What that leaves, a disk that forgets, is found at the start of a mining, which hashes everything.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from jarvis_resources.errors import EncoderError
from jarvis_resources.files import write_private

NAME = "pinned.json"
_ALWAYS_HASHED_BYTES = 256_000_000
"""Hashed at every start up to this size: a third of a second (docs/decisions.md has the measurement)."""

_State = tuple[int, int, int, int]
_hashes: dict[tuple[Path, _State], str] = {}
"""sha256 of files as they were found in this process."""


@dataclass(frozen=True)
class PinnedFile:
    """One file as it was when recorded."""

    sha256: str
    state: _State
    """Size, inode, time of modification, time of change (ns)."""


@dataclass(frozen=True)
class Pins:
    """An encoder's files as they were when recorded, by name, and their origin."""

    files: dict[str, PinnedFile]
    revision: str | None = None
    """Commit of the hub repository that they were fetched from."""
    distilled_from: str | None = None
    """The encoder that they were distilled from."""
    source_sha256: str | None = None
    """sha256 of that encoder's weights."""


@dataclass(frozen=True)
class Damage:
    """A file that is not the recorded one."""

    name: str
    expected: str
    found: str | None
    """Its sha256 now; None: it is gone."""


def sha256(path: Path) -> str:
    """sha256 of the file, computed once for each state of it in this process; raises ``OSError``."""
    key = (path, _state(path))
    if key not in _hashes:
        with open(path, "rb") as file:
            _hashes[key] = hashlib.file_digest(file, "sha256").hexdigest()
    return _hashes[key]


def read(folder: Path) -> Pins | None:
    """The record in ``folder``; None: nothing is recorded. Raises ``EncoderError`` when it is damaged."""
    path = folder / NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        files = {name: PinnedFile(file["sha256"], tuple(file["state"])) for name, file in content.pop("files").items()}
        return Pins(files, **content)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise EncoderError(f"Cannot read {path} ({error.strerror}); check its permissions.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EncoderError(
            f"{path} is damaged; fetch that encoder again, or remove the file if you trust it."
        ) from error


def record(folder: Path, names: Iterable[str], into: Path | None = None, **origin: str | None) -> Pins:
    """Record the files ``names`` of ``folder`` in ``into`` (default: there); ``origin`` as in ``Pins``."""
    files = {name: PinnedFile(sha256(folder / name), _state(folder / name)) for name in names}
    pins = Pins(files, **origin)
    _write(into or folder, pins)
    return pins


def damage(pins: Pins, folder: Path, record_folder: Path, *, thorough: bool = False) -> Damage | None:
    """The first file of ``folder`` that is not as recorded; ``thorough`` hashes large files too.

    Raises ``EncoderError`` when a file cannot be read.
    """
    current = {}
    for name, pinned in pins.files.items():
        path = folder / name
        try:
            state = _state(path)
            if state == pinned.state and state[0] > _ALWAYS_HASHED_BYTES and not thorough:
                _hashes.setdefault((path, state), pinned.sha256)
            found = sha256(path)
        except FileNotFoundError:
            return Damage(name, pinned.sha256, None)
        except OSError as error:
            raise EncoderError(f"Cannot read {path} ({error.strerror}); check its permissions.") from error
        if found != pinned.sha256:
            return Damage(name, pinned.sha256, found)
        current[name] = PinnedFile(found, state)
    if any(current[name] != file for name, file in pins.files.items() if file.state[0] > _ALWAYS_HASHED_BYTES):
        with contextlib.suppress(OSError):  # a copied home: only the next start is slower
            _write(record_folder, replace(pins, files=current))
    return None


def _write(folder: Path, pins: Pins) -> None:
    content = {key: value for key, value in asdict(pins).items() if value is not None}
    write_private(folder / NAME, json.dumps(content, indent=1) + "\n")


def _state(path: Path) -> _State:
    found = path.stat()
    return found.st_size, found.st_ino, found.st_mtime_ns, found.st_ctime_ns
