"""How a tuned encoder comes into the house: written aside, judged as it lies there, then put in place whole.

It lies in ``$JARVIS_HOME/encoders`` beside the others, with ``tuning.json``, which says what it was made from. Tuned from an
encoder shaped like ``minilm-tuned``'s card it is ``minilm-tuned``; from any other it is ``<base>-tuned``, with a row in
``encoders.toml``.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jarvis_resources import releases
from jarvis_resources.encoders import Encoder, load_encoder
from jarvis_resources.encoders.registry import CARDS, Backend, EncoderCard
from jarvis_resources.encoders.user_rows import NAME as ROWS
from jarvis_resources.encoders.user_rows import read as own_rows
from jarvis_resources.errors import BusyError, EncoderError, ReleaseError, SettingsError
from jarvis_resources.files import sync_folder, write_private

if TYPE_CHECKING:
    from jarvis_assets.vectors.tuning.model import TunableEncoder
    from jarvis_resources.settings import Settings

TUNED = "minilm-tuned"
ABOUT = "tuning.json"
"""What a tuned encoder was made from and what it is worth."""
_SHAPE = ("dimension", "pooling", "layers", "files")


def tuned_slug(base: EncoderCard) -> str:
    """The slug that a tuned ``base`` goes by."""
    card = CARDS[TUNED]
    alike = all(getattr(base, name) == getattr(card, name) for name in _SHAPE) and not base.document_prefix
    return TUNED if alike else f"{base.slug}-tuned"


def plain_backend(card: EncoderCard) -> Backend:
    """What runs base and candidate alike in fp32: a difference must not be one of precision."""
    return "onnx" if "onnx" in card.backends else "sentence-transformers"


def check_replaceable(slug: str, settings: Settings) -> None:
    """Raise ``SettingsError`` when the release that serves needs the encoder ``slug`` as it is."""
    try:
        served = releases.latest(settings.releases).manifest.get("serving_encoder")
    except ReleaseError:
        return  # nothing serves
    if served == slug and (settings.encoder_cache / slug).is_dir():
        raise SettingsError(
            f"The latest release serves with {slug}, and would not be served once it is replaced; mine with another "
            "serving encoder first, or tune with --replace-served and mine again at once."
        )


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Hold the home's tuning lock, and clear away what a killed tuning left; raises ``BusyError``."""
    settings.encoder_cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(settings.encoder_cache / ".tuning.lock", os.O_CREAT | os.O_WRONLY, 0o600), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BusyError(f"Another tuning of {settings.home} is running; wait for it or stop it.") from error
        for replaced in settings.encoder_cache.glob(".*-tuned.before"):
            target = replaced.with_name(replaced.name[1:].removesuffix(".before"))
            if target.is_dir():
                shutil.rmtree(replaced)
            else:
                replaced.rename(target)
        shutil.rmtree(_workshop(settings).home, ignore_errors=True)
        try:
            yield
        finally:
            shutil.rmtree(_workshop(settings).home, ignore_errors=True)


def candidate(encoder: TunableEncoder, slug: str, recipe: str, settings: Settings) -> Encoder:
    """``encoder`` written aside and loaded as any encoder is: what is judged is what would be installed."""
    workshop = _workshop(settings, recipe)
    folder = workshop.encoder_cache / slug
    try:
        folder.parent.mkdir(mode=0o700, parents=True)
        encoder.save(folder)
    except OSError as error:
        raise EncoderError(f"Cannot write {folder} ({error.strerror}); free some space and run again.") from error
    if slug not in CARDS:
        _add_row(slug, encoder.card, workshop)
    return load_encoder(slug, plain_backend(encoder.card), "fp32", settings=workshop)


def install(slug: str, base: EncoderCard, recipe: str, about: Mapping[str, Any], settings: Settings) -> Path:
    """Put the candidate of ``recipe`` in place as ``slug``, in place of an earlier one; its folder."""
    aside = _workshop(settings, recipe).encoder_cache / slug
    target = settings.encoder_cache / slug
    before = target.with_name(f".{slug}.before")
    try:
        write_private(aside / ABOUT, json.dumps(about, indent=1) + "\n")
        _make_private(aside)
        if target.exists():
            target.rename(before)
        aside.rename(target)
        sync_folder(target.parent)
    except OSError as error:
        raise EncoderError(f"Cannot write {target} ({error.strerror}); free some space and run again.") from error
    if slug not in CARDS:
        _add_row(slug, base, settings)
    shutil.rmtree(before, ignore_errors=True)
    return target


def _workshop(settings: Settings, recipe: str = "") -> Settings:
    """Settings on a home inside the home, where candidates lie while they are judged."""
    return replace(settings, home=settings.encoder_cache / ".tuning" / recipe)


def _make_private(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        path.chmod(0o700 if path.is_dir() else 0o600)
        if path.is_file():
            with open(path, "rb") as written:
                os.fsync(written.fileno())
    sync_folder(folder)


def _add_row(slug: str, base: EncoderCard, settings: Settings) -> None:
    """The owner's row for an encoder that JARVIS has no card for; one that is there already stays."""
    if slug in own_rows(settings):
        return
    path = settings.home / ROWS
    values: dict[str, str | int | bool | None] = {
        "slug": slug,
        "folder": f"encoders/{slug}",
        "dimension": base.dimension,
        "pooling": base.pooling,
        "max_tokens": base.max_tokens,
        "layers": base.layers,
        "licence": base.licence,
        "document_prefix": base.document_prefix or None,
        "pipeline": True if "modules.json" in base.files else None,
        "note": f"{base.slug} fine-tuned on the owner's pairs.",
    }
    # TOML writes texts, numbers and truth as JSON does.
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items() if value is not None]
    there = path.read_text(encoding="utf-8").rstrip() + "\n\n" if path.is_file() else ""
    write_private(path, there + "\n".join(["[[encoder]]", *lines, ""]))
