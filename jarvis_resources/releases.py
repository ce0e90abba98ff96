"""Releases: folders that serving loads whole or not at all.

A release is written aside, given a manifest with the sha256 of every file, verified, fsynced and renamed into place;
``LATEST`` then names it. A reader therefore sees the old release or the new one, never a half. What the files mean is
not known here: the bank and the calibration know that.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jarvis_resources.errors import BusyError, ReleaseError
from jarvis_resources.files import sync_folder, write_private

SCHEMA_VERSION = 1
"""Version of a release's layout; serving refuses any other."""
_MANIFEST = "manifest.json"
_LATEST = "LATEST"
_ASIDE = ".aside-"
_NAME = re.compile(r"r\d{8}T\d{12}-[0-9a-f]{6}")
_OWN_FIELDS = ("schema_version", "name", "created_at", "files")


@dataclass(frozen=True)
class Release:
    """One published release: its folder, its name, and its manifest."""

    path: Path
    name: str
    manifest: Mapping[str, Any]


@dataclass(frozen=True)
class Listed:
    """One row of ``listing``: the release, or why it cannot be read."""

    name: str
    is_latest: bool
    release: Release | None
    damage: str | None


def publish(root: Path, fill: Callable[[Path], None], manifest: Mapping[str, Any], *, keep: int = 3) -> Release:
    """Publish what ``fill`` writes into an empty folder, make it the latest, and keep the newest ``keep`` releases.

    ``manifest`` must be JSON and may not use the names schema_version, name, created_at, files. Raises ``BusyError``
    while another publisher works and ``ReleaseError`` when the result cannot be written or does not verify; the
    previous release then stays the latest.
    """
    if clash := [field for field in _OWN_FIELDS if field in manifest]:
        raise ReleaseError(f"A release's manifest cannot set {clash[0]!r} itself; this is a bug in JARVIS.")
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _lock(root):
        for leftover in root.glob(f"{_ASIDE}*"):
            shutil.rmtree(leftover, ignore_errors=True)
        now = datetime.now(UTC)
        name = f"r{now:%Y%m%dT%H%M%S%f}-{secrets.token_hex(3)}"
        aside = root / f"{_ASIDE}{name}"
        try:
            aside.mkdir(mode=0o700)
            fill(aside)
            _write_manifest(aside, name, now, manifest)
            verify(_read(aside, name))
            _sync_tree(aside)
            aside.rename(root / name)
            sync_folder(root)
            _point_latest(root, name)
        except OSError as error:
            raise ReleaseError(
                f"The release could not be written to {root} ({error.strerror}); free some space and publish again."
            ) from error
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        _prune(root, max(1, keep), name)
        return _read(root / name, name)


def latest(root: Path) -> Release:
    """The release that ``LATEST`` names; raises ``ReleaseError`` when there is none or its manifest is damaged."""
    return load(root, _latest_name(root))


def load(root: Path, name: str) -> Release:
    """The release ``name`` under ``root``, its manifest read but its files not yet verified; raises ``ReleaseError``."""
    if not _NAME.fullmatch(name):
        raise ReleaseError(f"{name!r} is not the name of a release; `jarvis releases` lists them.")
    return _read(root / name, name)


def verify(release: Release) -> Release:
    """``release`` itself once every file has the sha256 of the manifest; raises ``ReleaseError`` naming the first bad."""
    files: Mapping[str, Any] = release.manifest["files"]
    found = {str(path.relative_to(release.path)) for path in _files(release.path)} - {_MANIFEST}
    for relative in sorted(set(files) | found):
        path = release.path / relative
        if relative not in found:
            raise _damaged(release.name, f"{relative} is missing")
        if relative not in files:
            raise _damaged(release.name, f"{relative} is not in the manifest")
        if path.stat().st_size != files[relative]["bytes"] or _sha256(path) != files[relative]["sha256"]:
            raise _damaged(release.name, f"{relative} has changed")
    return release


def newest_sound(root: Path) -> tuple[Release, tuple[str, ...]]:
    """The latest release if it verifies, else the newest that does; with one sentence for each one passed over.

    Raises ``ReleaseError`` when none is published, or all are damaged.
    """
    passed: list[str] = []
    first = _latest_name(root)
    for name in [first, *[name for name in reversed(_names(root)) if name < first]]:
        try:
            return verify(load(root, name)), tuple(passed)
        except ReleaseError as error:
            passed.append(str(error))
    raise ReleaseError(passed[0])


def listing(root: Path) -> list[Listed]:
    """Every release under ``root``, newest first; a damaged manifest is told, not raised."""
    try:
        current: str | None = _latest_name(root)
    except ReleaseError:
        current = None
    rows: list[Listed] = []
    for name in reversed(_names(root)):
        try:
            rows.append(Listed(name, name == current, load(root, name), None))
        except ReleaseError as error:
            rows.append(Listed(name, name == current, None, str(error)))
    return rows


def rollback(root: Path) -> Release:
    """Make the newest sound release older than the latest the latest, and return it; raises ``ReleaseError``."""
    current = _latest_name(root)
    with _lock(root):
        for name in reversed(_names(root)):
            if name >= current:
                continue
            try:
                release = verify(load(root, name))
            except ReleaseError:
                continue  # a damaged release is no place to go back to; `listing` shows it
            _point_latest(root, name)
            return release
    raise ReleaseError(f"There is no sound release before {current} to roll back to; `jarvis mine` makes a new one.")


def _damaged(name: str, what: str) -> ReleaseError:
    return ReleaseError(f"The release {name} is damaged ({what}); run `jarvis mine`, or roll back to an older one.")


def _latest_name(root: Path) -> str:
    try:
        name = (root / _LATEST).read_text(encoding="utf-8").strip()
    except FileNotFoundError as error:
        raise ReleaseError("No release is published yet; run `jarvis mine` first.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ReleaseError(f"{root / _LATEST} cannot be read; run `jarvis mine` to publish again.") from error
    if not _NAME.fullmatch(name):
        raise ReleaseError(f"{root / _LATEST} names no release; run `jarvis mine` to publish again.")
    return name


def _names(root: Path) -> list[str]:
    """Names of the releases under ``root``, oldest first (a name begins with its time)."""
    return sorted(path.name for path in root.iterdir() if path.is_dir() and _NAME.fullmatch(path.name))


def _read(folder: Path, name: str) -> Release:
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise _damaged(name, f"{_MANIFEST} cannot be read") from error
    if not isinstance(manifest, dict) or manifest.get("name") != name or not isinstance(manifest.get("files"), dict):
        raise _damaged(name, f"{_MANIFEST} is not its own")
    if manifest.get("schema_version") != SCHEMA_VERSION:
        raise ReleaseError(
            f"The release {name} has layout {manifest.get('schema_version')}, this JARVIS reads {SCHEMA_VERSION}; "
            "run `jarvis mine` to publish one that fits."
        )
    return Release(folder, name, manifest)


def _write_manifest(folder: Path, name: str, now: datetime, manifest: Mapping[str, Any]) -> None:
    files = {
        str(path.relative_to(folder)): {"sha256": _sha256(path), "bytes": path.stat().st_size}
        for path in sorted(_files(folder))
    }
    own = {"schema_version": SCHEMA_VERSION, "name": name, "created_at": now.isoformat(), "files": files}
    (folder / _MANIFEST).write_text(json.dumps({**own, **manifest}, indent=1, ensure_ascii=False), encoding="utf-8")


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _sha256(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_tree(folder: Path) -> None:
    """Make every file 0600 and every folder 0700, and force all of it to the disk."""
    for path in [*folder.rglob("*"), folder]:
        path.chmod(0o700 if path.is_dir() else 0o600)
        _sync(path)


def _point_latest(root: Path, name: str) -> None:
    write_private(root / _LATEST, name + "\n")


def _prune(root: Path, keep: int, current: str) -> None:
    for name in _names(root)[:-keep]:
        if name != current:
            shutil.rmtree(root / name, ignore_errors=True)


@contextmanager
def _lock(root: Path) -> Iterator[None]:
    """Hold the publishers' lock; the kernel lets go of it when a process dies."""
    descriptor = os.open(root / ".lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BusyError("Another JARVIS is publishing a release; wait for it and try again.") from error
        yield
    finally:
        os.close(descriptor)
