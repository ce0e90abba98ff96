"""Fetching an encoder from the Hugging Face hub: the only place where JARVIS goes to the network.

Files go into a folder aside, are compared with the hashes that the hub itself states for the commit, recorded
(``pins.py``) and renamed into place: an encoder is there whole or not at all. The first fetch pins the commit; a later one
of the same encoder brings the same files again unless told otherwise. Weights come as safetensors or not at all: a
pickled file could run code when read.
"""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jarvis_resources.encoders import pins, weights
from jarvis_resources.encoders.hub import Meter, Progress, Repository, one_sentence, online
from jarvis_resources.encoders.registry import EncoderCard, get_card
from jarvis_resources.errors import BusyError, EncoderError
from jarvis_resources.files import sync_folder
from jarvis_resources.settings import Settings

_SPARE_BYTES = 100_000_000
"""Left free on the disk."""
_READ = ".read"
"""Folder of files that are looked at and not kept."""
_PLAIN_LAYERS = ("Transformer", "Pooling", "Normalize")
"""Layers of sentence-transformers that a card's pooling says all about."""
_POOLING_NAMES = {"cls_token": "cls", "mean_tokens": "mean", "lasttoken": "last"}


@dataclass(frozen=True)
class Fetched:
    """An encoder that is here now."""

    slug: str
    folder: Path
    revision: str | None
    """Commit; None: it was put here by hand or came as a package."""
    size_bytes: int
    downloaded_bytes: int
    """0: it was here."""
    notes: tuple[str, ...] = ()
    """What the owner should know of it, a sentence each."""


def fetch(slug: str, settings: Settings, *, revision: str | None = None, progress: Progress | None = None) -> Fetched:
    """Bring the encoder ``slug`` here, or find that it is here and whole.

    ``revision``: a commit, tag or branch; default: the pinned commit, and the first time the newest. ``progress`` is
    told (bytes done, bytes in all). Raises ``EncoderError`` with one sentence for whatever went wrong, ``BusyError``
    when another process is at it.
    """
    card = get_card(slug, settings)
    _require_hub(card, revision)
    target = settings.encoder_cache / slug
    recorded = _recorded(target)
    if (here := _here(card, settings, recorded, revision)) is not None:
        return here
    pinned = revision or card.revision or (recorded.revision if recorded else None)
    aside = target.with_name(f".{slug}.fetch")
    with _alone(target), online() as api, one_sentence(card, pinned, target):
        hub = Repository(api, card.hub_name or "", pinned or "main")
        hub.look()
        aside.mkdir(mode=0o700, exist_ok=True)
        names, notes = _files(card, hub, aside)
        meter = Meter(sum(hub.files[name].size for name in names), progress)
        _require_space(aside, meter.total)
        # The largest first: it is the one that a killed fetch left half-done.
        for name in sorted(names, key=lambda name: -hub.files[name].size):
            hub.download(hub.files[name], aside, meter)
        _check(card, aside, hub.commit, recorded)
        _settle(aside, names, hub.commit, target)
    return Fetched(slug, target, hub.commit, meter.total, meter.downloaded, notes)


def _require_hub(card: EncoderCard, revision: str | None) -> None:
    """Raise ``EncoderError`` for an encoder that does not come from the hub, or not from that commit."""
    if card.distilled_from is not None:
        raise EncoderError(
            f"{card.slug} is not fetched: it is distilled here from {card.distilled_from} when first used."
        )
    if card.folder is not None:
        raise EncoderError(f"{card.slug} is not fetched: its row says that it lies in {card.folder}.")
    if card.hub_name is None:
        raise EncoderError(f"{card.slug} is not fetched: it is made here, by `jarvis encoders tune`.")
    if card.revision and revision and revision != card.revision:
        raise EncoderError(f"The row of {card.slug} pins the revision {card.revision}; change it there.")


def _recorded(target: Path) -> pins.Pins | None:
    """The record of what was fetched before; a damaged one is as good as none."""
    try:
        return pins.read(target)
    except EncoderError:
        return None


def _here(card: EncoderCard, settings: Settings, recorded: pins.Pins | None, revision: str | None) -> Fetched | None:
    """The encoder that is here and whole, if it is the one asked for."""
    commit = recorded.revision if recorded else None
    if (revision or card.revision) not in (None, commit):
        return None
    try:
        folder = weights.locate(card, settings)
        weights.check(card, folder, settings, thorough=True)
    except EncoderError:
        return None
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return Fetched(card.slug, folder, commit, size, 0)


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    """Hold the lock of this encoder's folder; the kernel frees it when the process ends, however it ends."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(target.parent / f".{target.name}.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BusyError(f"{target.name} is being fetched already; wait for it or stop it.") from error
        yield


def _files(card: EncoderCard, hub: Repository, aside: Path) -> tuple[list[str], tuple[str, ...]]:
    """Which files of the commit the card needs, and what to tell of it; raises ``EncoderError`` where one is missing."""
    if missing := [name for name in card.files if name not in hub.files]:
        raise EncoderError(_what_it_lacks(hub, missing[0]))
    if "modules.json" in card.files:
        hub.download(hub.files["modules.json"], aside, Meter(0, None))
    notes = () if card.pooling == "static" or "modules.json" in card.files else _compare_pooling(card, hub, aside)
    return [name for name in weights.wanted(card, aside) if name in hub.files], notes


def _what_it_lacks(hub: Repository, name: str) -> str:
    if name != weights.WEIGHTS:
        return f"{hub.name} has no {name}, which JARVIS needs; choose another encoder."
    if any(other.endswith(".safetensors.index.json") for other in hub.files):
        return f"{hub.name} keeps its weights in several files, which JARVIS does not read; choose another encoder."
    if any(other.endswith((".bin", ".pt", ".pkl")) for other in hub.files):
        return (
            f"{hub.name} has its weights only in a pickled file, which could run code when read; ask its authors for "
            f"{weights.WEIGHTS}, or choose another encoder."
        )
    return f"{hub.name} has no {weights.WEIGHTS}; choose another encoder."


def _compare_pooling(card: EncoderCard, hub: Repository, aside: Path) -> tuple[str, ...]:
    """What the authors' own pipeline says against the card: layers that the card lacks are refused, pooling is noted."""
    if "modules.json" not in hub.files:
        return ()
    modules = _peek(hub, "modules.json", aside)
    try:
        kinds = {str(module["type"]).rpartition(".")[2]: str(module["path"]) for module in modules}
    except (KeyError, TypeError) as error:
        raise EncoderError(f"modules.json of {hub.name} is not a list of layers; choose another encoder.") from error
    if others := [kind for kind in kinds if kind not in _PLAIN_LAYERS]:
        raise EncoderError(
            f"{hub.name} has a layer after its pooling ({others[0]}) that the row of {card.slug} does not know; add "
            "`pipeline = true` there."
        )
    config = f"{kinds.get('Pooling')}/config.json"
    if config not in hub.files:
        return ()
    theirs = _pooling(_peek(hub, config, aside))
    if theirs in (None, card.pooling):
        return ()
    return (f"Its authors pool by {theirs}, and the card of {card.slug} says {card.pooling}.",)


def _pooling(config: Any) -> str | None:
    """The pooling of a sentence-transformers configuration, in our words where we have one; None: it does not say."""
    if not isinstance(config, dict):
        return None
    named = config.get("pooling_mode")
    modes = [
        key.removeprefix("pooling_mode_")
        for key, on in config.items()
        if key.startswith("pooling_mode_") and on is True
    ]
    mode = named if isinstance(named, str) else "+".join(modes)
    return _POOLING_NAMES.get(mode, mode) or None


def _peek(hub: Repository, name: str, aside: Path) -> Any:
    """A JSON file of the commit, which is read and not kept."""
    folder = aside / _READ
    hub.download(hub.files[name], folder, Meter(0, None))
    try:
        return json.loads((folder / name).read_text(encoding="utf-8"))
    except ValueError as error:
        raise EncoderError(f"{name} of {hub.name} is not JSON; choose another encoder.") from error


def _require_space(folder: Path, total: int) -> None:
    have = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    missing = total - have + _SPARE_BYTES - shutil.disk_usage(folder).free
    if missing > 0:
        raise EncoderError(
            f"The disk has too little room for {total / 1e6:,.0f} MB; free {missing / 1e6:,.0f} MB and run again."
        )


def _check(card: EncoderCard, folder: Path, commit: str, recorded: pins.Pins | None) -> None:
    """Raise ``EncoderError`` unless the files can be read, fit the card, and are those that are pinned."""
    from safetensors import SafetensorError, safe_open

    from jarvis_resources.encoders.onnx import read_tokenizer

    config = weights.read_config(folder)
    read_tokenizer(folder, card.max_tokens)
    try:
        with safe_open(folder / weights.WEIGHTS, framework="numpy") as file:
            file.keys()
    except SafetensorError as error:
        raise EncoderError(
            f"{weights.WEIGHTS} of {card.hub_name} is not safetensors; choose another encoder."
        ) from error
    width = config.get("hidden_size")
    if card.pooling != "static" and "modules.json" not in card.files and width != card.dimension:
        raise EncoderError(
            f"{card.hub_name} makes vectors of {width} numbers, and the card of {card.slug} says {card.dimension}."
        )
    found = pins.sha256(folder / weights.WEIGHTS)
    if card.weights_sha256 not in (None, found):
        raise EncoderError(
            f"The weights of {card.hub_name} at {commit[:12]} are not those that the card of {card.slug} pins (sha256 "
            f"{found[:12]}…); give the right --revision."
        )
    before = recorded.files.get(weights.WEIGHTS) if recorded and recorded.revision == commit else None
    if before is not None and before.sha256 != found:
        raise EncoderError(
            f"The hub gives other weights for the commit {commit[:12]} of {card.hub_name} than before; do not trust "
            "either: compare their sha256 with what its authors publish."
        )


def _settle(aside: Path, names: list[str], commit: str, target: Path) -> None:
    """Record the files and rename the folder into place."""
    shutil.rmtree(aside / _READ, ignore_errors=True)
    for path in [path for path in aside.rglob("*") if path.is_file()]:
        if path.relative_to(aside).as_posix() in names:
            path.chmod(0o600)
        else:
            path.unlink()
    pins.record(aside, names, revision=commit)
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.is_dir():
        target.rename(old)
    aside.rename(target)
    sync_folder(target.parent)
    shutil.rmtree(old, ignore_errors=True)
