"""A message of the sample before it is written: what was said, by whom, when, and what it truly answers.

Here belongs the record that the other modules fill in turn: ``history`` says, ``oddities`` adds what is no message,
``writer`` stores, ``truth`` tells. Times are microseconds since 1970, UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from jarvis_resources.imessage.sample.personas import Handle, Person, Room

SECOND = 1_000_000
HOUR = 3600 * SECOND
DAY = 24 * HOUR


@dataclass(frozen=True)
class File:
    """An attachment."""

    guid: str
    name: str
    mime: str
    uti: str
    size: int
    sticker: bool = False


@dataclass(frozen=True)
class Version:
    """One wording of an edited message, and since when it stood."""

    at: int
    text: str


@dataclass(eq=False, slots=True)
class Message:
    """One row of ``message``. ``columns`` are the stored columns that differ from an ordinary message's."""

    guid: str
    room: Room | None
    """None: the message is in no chat."""
    sender: Person | None
    """None: the owner."""
    at: int
    text: str | None
    kind: str = "normal"
    subkind: str | None = None
    answers: Message | None = None
    thread: Message | None = None
    """Root of the inline-reply thread."""
    about: Message | None = None
    """What a reaction is on."""
    trigger_act: str | None = None
    response_type: str | None = None
    handle: Handle | None = None
    """The address on the other side; None: the first of the person."""
    files: tuple[File, ...] = ()
    file_places: tuple[int, ...] = ()
    """Where in the text each file stands; none: after it."""
    mention: tuple[int, int, str] | None = None
    """Start, length and handle of a mention in the text."""
    bold: tuple[int, int] | None = None
    padding: tuple[str, str] = ("", "")
    """White space stored around the text."""
    versions: tuple[Version, ...] = ()
    columns: dict[str, Any] = field(default_factory=dict)
    body: bytes | None = None
    """A body made beforehand (a damaged one); None: made from the text."""
    also_in_other_chat: bool = False
    in_chat: bool = True
    """False: only in the table of recoverable messages."""
    undated: bool = False

    @property
    def said(self) -> str | None:
        """The text as a person saw it."""
        return (self.text or "").strip() or None


def new_guid(random: Random) -> str:
    """A guid as Apple writes them."""
    digits = f"{random.getrandbits(128):032X}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
