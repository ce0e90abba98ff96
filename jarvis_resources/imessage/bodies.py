"""Which text a row has: its rich body if that decodes, else its plain text, as a person saw it.

A row's text never comes from another row and is never guessed: a body that does not decode is counted under its
reason. Batches are lists, since each blob is decoded by itself. The decoding is ``typedstream.py``'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from jarvis_resources.imessage.typedstream import TRANSCRIPT, TypedstreamError, decode, decode_text

NOTHING_STORED = "no text stored"
"""Reason of a row with neither a body nor a text, such as one not yet fetched from iCloud."""

_ATTACHMENT, _APP = "\ufffc", "\ufffd"
"""Characters that stand in a body for an attachment and for an app's balloon."""
_TRANSCRIPT = TRANSCRIPT.encode()


@dataclass
class Bodies:
    """Texts of a batch of rows, aligned with it."""

    texts: list[str | None]
    """Visible text; None where there is none."""
    damaged: dict[int, str] = field(default_factory=dict)
    """Row of the batch → why it has no text although it should."""
    rescued: int = 0
    """Rows whose body is damaged but whose plain text is there."""


def visible_text(raw: str) -> str | None:
    """A text as a person saw it: without the characters that stand for attachments and apps, stripped; None if empty.

    Line breaks inside are kept.
    """
    if _ATTACHMENT in raw:
        raw = raw.replace(_ATTACHMENT, "")
    if _APP in raw:
        raw = raw.replace(_APP, "")
    return raw.strip() or None


def read_bodies(blobs: Sequence[bytes | None], plain: Sequence[bytes | None]) -> Bodies:
    """Texts of rows from ``attributedBody`` and from ``text`` (as UTF-8), the body first."""
    bodies = Bodies([None] * len(blobs))
    for row, (blob, text) in enumerate(zip(blobs, plain, strict=True)):
        if not blob and text is None:
            bodies.damaged[row] = NOTHING_STORED
            continue
        try:
            bodies.texts[row] = visible_text(decode_text(blob)) or _spoken(blob) if blob else _plain_text(text)
        except TypedstreamError as error:
            try:
                bodies.texts[row] = _plain_text(text)
            except TypedstreamError:
                bodies.damaged[row] = error.reason
            else:
                bodies.rescued += 1
    return bodies


def _plain_text(text: bytes | None) -> str | None:
    """The text of a row's plain column; raises ``TypedstreamError`` where it has none that can be read."""
    if text is None:
        raise TypedstreamError(NOTHING_STORED)
    try:
        return visible_text(text.decode())
    except UnicodeDecodeError as error:
        raise TypedstreamError("the text is not UTF-8") from error


def _spoken(blob: bytes) -> str | None:
    """The transcript of a voice note, which a person reads below it."""
    if _TRANSCRIPT not in blob:
        return None
    try:
        transcript = decode(blob).transcript
    except TypedstreamError:
        return None  # the body's text was whole, and empty; only what describes it is damaged
    return visible_text(transcript) if transcript else None
