"""By which encoder a file was made: a note beside it, and the refusal of what another encoder made.

The note is ``<file>.made-by``, in JSON. It is blank while the file is replaced, so that a kill in between leaves a file that is
refused, never one that is taken for another encoder's. A file without a note is of a version that kept none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jarvis_resources.asset_files import is_local
from jarvis_resources.errors import EncoderError
from jarvis_resources.files import write_private

if TYPE_CHECKING:
    from upath import UPath

    from jarvis_resources.settings import Settings

FACTS = ("encoder", "fingerprint", "backend", "precision")
"""What is noted, where it is known."""


@contextmanager
def recorded(path: UPath, facts: Mapping[str, Any]) -> Iterator[None]:
    """Note ``facts`` beside ``path`` once the block has replaced it; without a fingerprint among them, do nothing."""
    if "fingerprint" not in facts:
        yield
        return
    _write(path, {})
    yield
    _write(path, {name: facts[name] for name in FACTS if name in facts})


def require_current(asset: str, path: UPath, settings: Settings | None = None) -> None:
    """Raise ``EncoderError`` when the file of ``asset`` was made by an encoder that is another now, or half replaced."""
    from jarvis_resources.encoders import encoder_fingerprint

    note = _note(path)
    if not note.exists():
        return
    facts = _read(note)
    if facts is None:
        raise EncoderError(f"{asset} was not finished by the run that made it; run `jarvis mine` again.")
    slug = facts["encoder"]
    if encoder_fingerprint(slug, settings=settings) != facts["fingerprint"]:
        raise EncoderError(
            f"{asset} was made with {slug} as it was then, and its weights, backend or precision are others now; run "
            f"`jarvis mine --encoder {slug}` again."
        )


def _note(path: UPath) -> UPath:
    return path.with_name(f"{path.name}.made-by")


def _read(note: UPath) -> dict[str, str] | None:
    """What a note says; None where it is blank or damaged."""
    try:
        with note.open("rb") as source:
            facts = json.load(source)
        return facts if {"encoder", "fingerprint"} <= facts.keys() else None
    except (ValueError, AttributeError):
        return None


def _write(path: UPath, facts: Mapping[str, Any]) -> None:
    note, content = _note(path), json.dumps(facts)
    if is_local(note):
        write_private(Path(note.path), content)
    else:
        note.write_text(content)
