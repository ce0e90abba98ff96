"""A message of the sample to what ``message.text`` and ``message.attributedBody`` hold.

Here belongs cutting a text into runs: parts, attachments, links, mentions, bold words. Bytes are made by
``typedstream_writer``.
"""

from __future__ import annotations

import re

from jarvis_resources.imessage.sample.record import Message
from jarvis_resources.imessage.sample.typedstream_writer import (
    BOLD,
    CODE,
    DETECTED,
    DIRECTION,
    FILENAME,
    LINK,
    MENTION,
    PART,
    TRANSFER,
    Code,
    Detected,
    Run,
    Url,
    Value,
    encode,
)

ATTACHMENT = "\ufffc"
"""Stands in a text for an attachment or an app's card."""

_NATURAL = -1
"""NSWritingDirectionNatural, the value of ``DIRECTION``."""

_ADDRESS = re.compile(r"https://\S+")
_CODE = re.compile(r"(?<![\w-])(?:\d{6}|\d{3}-\d{3})(?!\w)")


def stored_text(message: Message) -> str | None:
    """The text with its padding and a mark for each attachment; None for what has no text at all."""
    if message.kind in ("app", "sticker") and message.subkind != "url_preview":
        return ATTACHMENT
    if message.kind in ("system", "unsent") or (message.text is None and not message.files):
        return None
    text, out, done = message.text or "", "", 0
    places = message.file_places or (len(text),) * len(message.files)
    for place in places:
        out += text[done:place] + ATTACHMENT
        done = place
    return message.padding[0] + out + text[done:] + message.padding[1]


def body(message: Message, *, mutable: bool) -> bytes | None:
    """The typedstream of a message; None where it has none."""
    if message.body is not None:
        return message.body
    text = stored_text(message)
    if text is None:
        return encode([], mutable=mutable) if message.kind == "unsent" else None
    if message.versions:
        return version_body(text, mutable=mutable)
    return encode(_runs(message, text), mutable=mutable)


def version_body(text: str, *, mutable: bool) -> bytes:
    """The typedstream of a plain text, as a version of an edited message is kept."""
    return encode([Run(text)], mutable=mutable)


def _runs(message: Message, text: str) -> list[Run]:
    if message.mention:
        start, length, handle = message.mention
        return _split(text, len(message.padding[0]) + start, length, ((MENTION, handle),))
    if message.bold:
        return _split(text, len(message.padding[0]) + message.bold[0], message.bold[1], ((BOLD, 1),))
    if found := _ADDRESS.search(text):
        address = found.group()
        detected: tuple[tuple[str, Value], ...] = ((DETECTED, Detected(address)),) if len(text) % 2 else ()
        return _split(text, found.start(), len(address), (*detected, (LINK, Url(address))))
    if message.sender is not None and message.sender.key.startswith("a") and (found := _CODE.search(text)):
        code = Code(found.group().replace("-", ""), found.group())
        return _split(text, found.start(), len(found.group()), ((CODE, code),))
    first_part = 1 if message.subkind == "part_unsent" else 0
    if not message.files:
        return [Run(text, ((PART, first_part),))]
    return _parts(message, text)


def _split(text: str, start: int, length: int, attributes: tuple[tuple[str, Value], ...]) -> list[Run]:
    """The text with ``attributes`` on one stretch of it."""
    part: tuple[tuple[str, Value], ...] = ((PART, 0),)
    pieces = [Run(text[:start]), Run(text[start : start + length], (*attributes, *part)), Run(text[start + length :])]
    return [piece for piece in pieces if piece.text]


def _parts(message: Message, text: str) -> list[Run]:
    """Every attachment and every stretch of text between is a part of its own."""
    runs: list[Run] = []
    files = iter(message.files)
    for piece in re.split(f"({ATTACHMENT})", text):
        if not piece:
            continue
        part: tuple[str, Value] = (PART, len(runs))
        if piece == ATTACHMENT:
            file = next(files)
            runs.append(Run(piece, ((TRANSFER, file.guid), (DIRECTION, _NATURAL), part, (FILENAME, file.name))))
        else:
            runs.append(Run(piece, (part,)))
    return runs
