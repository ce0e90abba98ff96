"""Reactions to messages: tapbacks and their removal, stickers, and the texts that stand for them on SMS.

Here belongs choosing a message to react to and the row that says so. Only the latest reaction of a person to a message
is kept, as Messages does.
"""

from __future__ import annotations

from random import Random
from typing import Any

from jarvis_resources.imessage.sample import clock
from jarvis_resources.imessage.sample.files import new_file
from jarvis_resources.imessage.sample.record import SECOND, Message, new_guid
from jarvis_resources.imessage.sample.typedstream_writer import utf16_length

_VERBS = {2000: "Loved", 2001: "Liked", 2002: "Disliked", 2003: "Laughed at", 2004: "Emphasized", 2005: "Questioned"}
_NOUNS = {3000: "heart", 3001: "like", 3002: "dislike", 3003: "laugh", 3004: "exclamation", 3005: "question mark"}
_REACTIONS = (2000, 2000, 2000, 2001, 2001, 2001, 2003, 2003, 2004, 2005, 2002)
_REACTION_EMOJI = ("🔥", "🎉", "🥰", "😭", "👀", "💯", "🫶", "🙏", "💀")


def beside(message: Message, seconds: float, text: str | None, random: Random, **rest: Any) -> Message:
    """A row some seconds from ``message``, in the same chat and by the same sender unless ``rest`` says otherwise."""
    at = message.at + int(seconds * SECOND) + random.randrange(SECOND)
    row = Message(new_guid(random), message.room, message.sender, at, text, handle=message.handle)
    for name, value in rest.items():
        setattr(row, name, value)
    return row


def recent(messages: list[Message], since: int, random: Random) -> Message | None:
    """One of ``messages`` after ``since`` among people who all have iMessage; None when none was found."""
    for _ in range(40):
        message = random.choice(messages)
        if message.at > since and message.room is not None and message.room.threads:
            return message
    return None


class Reactions:
    """Reacts to ``spoken`` messages; what is quoted is added to ``busy``, the guids that must stay as they are."""

    def __init__(self, spoken: list[Message], busy: set[str], random: Random) -> None:
        self._spoken = spoken
        self._busy = busy
        self._random = random
        self._reacted: set[tuple[str, str]] = set()

    def tapback(self, *, removed: bool = False) -> Message | None:
        """A reaction to somebody's message, or its removal; None when no new one was found."""
        target = recent(self._spoken, clock.FIRST, self._random)
        if target is None or target.room is None:
            return None
        sender = self._random.choice([p for p in (None, *target.room.members) if p is not target.sender])
        mark = (target.guid, sender.key if sender else "me")
        if mark in self._reacted:
            return None
        self._reacted.add(mark)
        row = beside(target, self._random.lognormvariate(3.4, 1.2), None, self._random, sender=sender, about=target)
        code = self._random.choice(_REACTIONS)
        quote = f"“{target.text}”"
        emoji = (
            self._random.choice(_REACTION_EMOJI)
            if row.at > clock.EDITS_SINCE and self._random.random() < 0.12
            else None
        )
        text = f"Reacted {emoji} to {quote}" if emoji else f"{_VERBS[code]} {quote}"
        if emoji:
            code = 2006
        if removed:
            code += 1000
            text = f"Removed {emoji} from {quote}" if emoji else f"Removed a {_NOUNS[code]} from {quote}"
        row.kind, row.subkind = ("tapback_removed" if removed else "tapback"), str(code)
        row.text = text if self._random.random() < 0.55 else None
        form = "bp:{}" if target.columns.get("balloon_bundle_id") else "p:0/{}"
        row.columns = {
            "associated_message_guid": form.format(target.guid), "associated_message_type": code,
            "associated_message_emoji": emoji, "associated_message_range_length": utf16_length(target.text or ""),
        }  # fmt: skip
        return row

    def in_text(self) -> Message | None:
        """A reaction that crossed to SMS: a message that quotes what it is about."""
        for _ in range(60):
            target = self._random.choice(self._spoken)
            if target.room is None or target.room.threads or not target.text or len(target.text) > 120:
                continue
            senders = [p for p in (None, *target.room.members) if p is not target.sender]
            sender, pause = self._random.choice(senders), self._random.uniform(2, 20)
            row = beside(target, pause, None, self._random, sender=sender, about=target)
            row.subkind = "sms_text_tapback"
            self._busy.add(target.guid)  # what is quoted stays as it is
            if self._random.random() < 0.2:
                row.kind, row.text = "tapback_removed", f"Removed a {_NOUNS[3001]} from “{target.text}”"
            else:
                row.kind, row.text = "tapback", f"{_VERBS[self._random.choice(_REACTIONS)]} “{target.text}”"
            return row
        return None

    def sticker(self) -> Message | None:
        """A sticker on a message."""
        target = recent(self._spoken, clock.FIRST, self._random)
        if target is None:
            return None
        row = beside(target, self._random.uniform(4, 90), None, self._random, kind="sticker", about=target)
        row.files = (new_file(self._random, sticker=True),)
        row.columns = {"associated_message_guid": f"p:0/{target.guid}", "associated_message_type": 1000}
        return row
