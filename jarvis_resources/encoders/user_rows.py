"""The owner's own encoders: ``$JARVIS_HOME/encoders.toml``, one ``[[encoder]]`` table for each.

    [[encoder]]
    slug = "gte-small"
    hub_name = "thenlper/gte-small"     # or folder = "~/models/mine", or distilled_from = "bge-small-en-v1.5"
    dimension = 384

Everything else has a default. A row that is wrong is named, with its file; none is passed over.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from jarvis_resources.encoders.registry import (
    ANY_BACKENDS,
    BERT_BACKENDS,
    CARDS,
    PIPELINE_FILES,
    PLAIN_FILES,
    STATIC_BACKENDS,
    Backend,
    EncoderCard,
    Pooling,
)
from jarvis_resources.errors import EncoderError
from jarvis_resources.settings import Settings

NAME = "encoders.toml"

_DEFAULT_MAX_TOKENS = 256
"""As long as the default encoder reads: a longer message is rare."""
_DEFAULT_LAYERS = 12
"""Of a network, where the row does not say: BERT's base size. Only guesses of speed use it."""
_DEFAULT_STATIC_DIMENSION = 256
"""Of a distilled encoder: that of minilm-static."""
_SOURCES = ("hub_name", "folder", "distilled_from")
_TYPES: dict[str, type] = {
    "slug": str,
    "hub_name": str,
    "folder": str,
    "distilled_from": str,
    "dimension": int,
    "pooling": str,
    "max_tokens": int,
    "layers": int,
    "licence": str,
    "backends": list,
    "note": str,
    "revision": str,
    "weights_sha256": str,
    "normalise": bool,
    "query_prefix": str,
    "document_prefix": str,
    "pipeline": bool,
}
"""Keys of a row. ``pipeline``: its modules.json has layers after pooling, which sentence-transformers runs."""
_WORDS = {str: "a text", int: "a whole number", bool: "true or false", list: "a list"}
_PATTERNS = {
    "slug": (r"[a-z0-9][a-z0-9.-]{0,62}", "lower-case letters, digits, dots and hyphens, at most 63"),
    "hub_name": (r"([A-Za-z0-9][\w.-]*/)?[A-Za-z0-9][\w.-]*", "the name of a repository, like owner/model"),
    "revision": (r"[0-9a-f]{40}", "a commit's 40 hex digits"),
    "weights_sha256": (r"[0-9a-f]{64}", "64 hex digits"),
}


class _WrongRowError(Exception):
    """What is wrong with a row; the caller adds where it is."""


def read(settings: Settings) -> dict[str, EncoderCard]:
    """The owner's encoders by slug, in the order of the file; empty where there is no file.

    Raises ``EncoderError`` that names the file and the first row that is wrong.
    """
    path = settings.home / NAME
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise EncoderError(f"Cannot read {path} ({error.strerror}); check its permissions.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise EncoderError(f"{path} is not valid TOML ({error}); mend or remove it.") from error
    rows = content.pop("encoder", [])
    if content or not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise EncoderError(f"{path} may hold nothing but [[encoder]] tables; see docs/settings.md.")
    found: dict[str, EncoderCard] = {}
    for number, row in enumerate(rows, 1):
        try:
            card = _card(row, settings)
            if card.slug in found:
                raise _WrongRowError("its slug is that of an earlier row")
        except _WrongRowError as wrong:
            raise EncoderError(f"{path}, {_place(number, row)}: {wrong}.") from None
        found[card.slug] = card
    # A round of its own: a row may be distilled from one that comes later.
    for number, row in enumerate(rows, 1):
        if "distilled_from" in row and (why := _why_not_distilled(found[row["slug"]], {**CARDS, **found})):
            raise EncoderError(f"{path}, {_place(number, row)}: {why}.")
    return found


def _place(number: int, row: Mapping[str, Any]) -> str:
    slug = row.get("slug")
    return f"row {number} ({slug})" if isinstance(slug, str) else f"row {number}"


def _why_not_distilled(card: EncoderCard, known: Mapping[str, EncoderCard]) -> str | None:
    """What speaks against distilling ``card`` from the encoder that it names."""
    source = known.get(card.distilled_from or "")
    if source is None or source.pooling == "static":
        return f"it cannot be distilled from {card.distilled_from!r}, which is not an encoder with layers that is known here"
    if card.dimension > source.dimension:
        return f"its dimension, {card.dimension}, is more than the {source.dimension} of {source.slug}"
    return None


def _card(row: Mapping[str, Any], settings: Settings) -> EncoderCard:
    """The card that ``row`` declares, each value checked; raises ``_WrongRowError``."""
    _check_types(row)
    sources = [key for key in _SOURCES if key in row]
    if "slug" not in row:
        raise _WrongRowError("it has no slug")
    if row["slug"] in CARDS:
        raise _WrongRowError("its slug is that of an encoder of JARVIS's own; choose another")
    if len(sources) != 1:
        raise _WrongRowError(f"it must have exactly one of {', '.join(_SOURCES)}")
    distilled = "distilled_from" in row
    pooling = _pooling(row.get("pooling", "static" if distilled else "mean"))
    pipeline = row.get("pipeline", False)
    if distilled and pooling != "static":
        raise _WrongRowError("what is distilled is static; leave pooling out")
    if pipeline and pooling == "static":
        raise _WrongRowError("a static encoder has no pipeline")
    if "dimension" not in row and not distilled:
        raise _WrongRowError("it has no dimension")
    folder = settings.home / Path(row["folder"]).expanduser() if "folder" in row else None
    files = PIPELINE_FILES if pipeline else PLAIN_FILES
    possible = _possible_backends(pooling, pipeline=pipeline)
    return EncoderCard(
        slug=row["slug"],
        hub_name=row.get("hub_name"),
        dimension=row.get("dimension", _DEFAULT_STATIC_DIMENSION),
        pooling=pooling,
        max_tokens=row.get("max_tokens", _DEFAULT_MAX_TOKENS),
        layers=row.get("layers", 0 if pooling == "static" else _DEFAULT_LAYERS),
        licence=row.get("licence"),
        backends=_backends(row["backends"], possible)
        if "backends" in row
        else _usual_backends(possible, folder or settings.encoder_cache / row["slug"]),
        note=row.get("note", "A row of your own."),
        revision=row.get("revision"),
        weights_sha256=row.get("weights_sha256"),
        normalise=row.get("normalise", True),
        query_prefix=row.get("query_prefix"),
        document_prefix=row.get("document_prefix"),
        files=files,
        distilled_from=row.get("distilled_from"),
        folder=folder,
    )


def _check_types(row: Mapping[str, Any]) -> None:
    """Known keys, values of the right type and form."""
    for key, value in row.items():
        if key not in _TYPES:
            raise _WrongRowError(f"it has no key {key!r}; the keys are {', '.join(_TYPES)}")
        kind = _TYPES[key]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise _WrongRowError(f"{key} must be {_WORDS[kind]}, not {value!r}")
        if isinstance(value, int) and not isinstance(value, bool) and value < (0 if key == "layers" else 1):
            raise _WrongRowError(f"{key} cannot be {value}")
        pattern, words = _PATTERNS.get(key, (None, ""))
        if pattern is not None and isinstance(value, str) and (not re.fullmatch(pattern, value) or ".." in value):
            raise _WrongRowError(f"{key} must be {words}, not {value!r}")


def _pooling(name: str) -> Pooling:
    known: tuple[Pooling, ...] = get_args(Pooling)
    for pooling in known:
        if pooling == name:
            return pooling
    raise _WrongRowError(f"there is no pooling {name!r}; choose one of {', '.join(known)}")


def _possible_backends(pooling: Pooling, *, pipeline: bool) -> tuple[Backend, ...]:
    """What can run an encoder with such a pooling."""
    if pooling == "static":
        return STATIC_BACKENDS
    return ANY_BACKENDS if pipeline or pooling == "last" else BERT_BACKENDS


def _backends(names: list[Any], possible: tuple[Backend, ...]) -> tuple[Backend, ...]:
    """The backends that the row names, in its order."""
    chosen = tuple(backend for name in names for backend in possible if backend == name)
    if not names or len(chosen) != len(names):
        raise _WrongRowError(f"its backends can be {', '.join(possible)}, not {names!r}")
    return chosen


def _usual_backends(possible: tuple[Backend, ...], folder: Path) -> tuple[Backend, ...]:
    """Those for a BERT where its files are here and say that it is one; else the one that runs any network."""
    if possible != BERT_BACKENDS:
        return possible
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # not fetched yet, or damaged, which loading tells
        return ANY_BACKENDS
    return possible if isinstance(config, dict) and config.get("model_type") == "bert" else ANY_BACKENDS
