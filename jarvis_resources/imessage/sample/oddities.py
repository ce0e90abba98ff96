"""What a real chat.db holds beside plain messages: reactions, edits, attachments, system rows, junk, damage.

Here belongs how often each occurs and making the rows; ``writer`` stores them. Rows are only ever added after what they
are about, and a reaction row stands for the latest state, as Messages keeps it.
"""

from __future__ import annotations

import plistlib
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from jarvis_resources.imessage.sample import clock, grammar, typedstream_writer
from jarvis_resources.imessage.sample.files import new_file
from jarvis_resources.imessage.sample.personas import Person, Room
from jarvis_resources.imessage.sample.reactions import Reactions, beside, recent
from jarvis_resources.imessage.sample.record import SECOND, Message, Version, new_guid
from jarvis_resources.imessage.sample.texts import read
from jarvis_resources.imessage.sample.typedstream_writer import Run, utf16_length
from jarvis_resources.imessage.sample.voices import slip

ADDED = {
    "tapback": 0.045, "tapback_removed": 0.004, "text_tapback": 0.004, "sticker": 0.002, "system": 0.006, "app": 0.003,
    "attachment_only": 0.012, "unsent": 0.004, "failed": 0.003, "deleted": 0.004, "scheduled": 0.0008, "self": 0.004,
    "junk": 0.002, "unknown": 0.0008, "automated": 0.011, "orphan": 0.002, "decoy": 0.0008, "literal": 0.0015, "story": 0.004,
}  # fmt: skip
"""Rows of each oddity, as a share of all rows."""

CHANGED = {"edited": 0.016, "attachment": 0.012, "bold": 0.003, "padding": 0.003, "corrupt": 0.002, "two_chats": 0.003,
           "part_unsent": 0.0008, "undated": 0.0003}  # fmt: skip
"""Ordinary messages that become each oddity, as a share of all rows."""

_APPS = (
    "com.apple.DigitalTouchBalloonProvider",
    "com.apple.Handwriting.HandwritingProvider",
    "com.apple.messages.MSMessageExtensionBalloonPlugin:0000000000:com.apple.PassbookUIService.PeerPaymentMessagesExtension",
    "com.apple.messages.MSMessageExtensionBalloonPlugin:0000000000:com.example.game.ext",
)
FAILED, SEND_LATER = 22, 2
"""``error`` of a message that was not sent; ``schedule_type`` and ``schedule_state`` of one that waits."""


def share_out(rows: int) -> dict[str, int]:
    """How many rows of each kind of ``ADDED`` a sample of ``rows`` has; small samples have few or none."""
    return {name: round(rows * share) for name, share in ADDED.items()}


@dataclass
class Oddities:
    """Adds and changes rows of one history. ``history`` is by time and is added to by ``add``."""

    history: list[Message]
    people: list[Person]
    rooms: list[Room]
    random: Random

    def __post_init__(self) -> None:
        self._spoken = [message for message in self.history if message.kind == "normal"]
        self._roots = {message.thread.guid for message in self.history if message.thread}
        self._busy: set[str] = {message.guid for message in self.history if message.mention}

    def add(self, counts: dict[str, int]) -> list[Message]:
        """Rows to be put beside the history, ``counts`` of each kind; fewer where nothing is there to go by."""
        reactions = Reactions(self._spoken, self._busy, self.random)
        makers: dict[str, Callable[[], Message | None]] = {
            "tapback": reactions.tapback, "tapback_removed": lambda: reactions.tapback(removed=True),
            "text_tapback": reactions.in_text, "sticker": reactions.sticker, "system": self._system, "app": self._app, "attachment_only": self._picture,
            "unsent": self._unsent, "failed": self._failed, "deleted": self._deleted, "scheduled": self._scheduled,
            "orphan": self._orphan, "decoy": lambda: self._remark("reminder_decoy", "tapback_decoy"),
            "literal": lambda: self._remark("literal", "literal_words"), "story": lambda: self._remark("story", "long_body"),
        }  # fmt: skip
        added: list[Message] = []
        for name, make in makers.items():
            for _ in range(counts.get(name, 0) if self._spoken else 0):
                if (row := make()) is not None:
                    added.append(row)
        return added

    def change(self, rows: int) -> None:
        """Turns some ordinary messages of the history into oddities."""
        changers = {
            "edited": self._edit, "attachment": self._attach, "bold": self._embolden, "padding": self._pad,
            "corrupt": self._damage, "two_chats": self._double, "part_unsent": self._unsend_part, "undated": self._undate,
        }  # fmt: skip
        for name, change in changers.items():
            for _ in range(round(rows * CHANGED[name])):
                for _ in range(20):
                    message = self._any()
                    if message.guid not in self._busy and change(message):
                        self._busy.add(message.guid)
                        break

    def _any(self) -> Message:
        return self.random.choice(self._spoken)

    def _beside(self, message: Message, seconds: float, text: str | None, **rest: Any) -> Message:
        return beside(message, seconds, text, self.random, **rest)

    # Rows that nobody wrote

    def _system(self) -> Message:
        target = self._any()
        row = self._beside(target, self.random.uniform(-40, 400), None, kind="system")
        group = bool(target.room and target.room.is_group)
        item = self.random.choice((1, 1, 2, 2, 3, 3, 6) if group else (5, 5, 6))
        row.columns = {"item_type": item}
        if item == 2:
            row.columns["group_title"] = grammar.expand(
                self.random.choice(read("automated")["texts"]["titles"]), self.random, {}
            )
        elif item in (1, 3) and target.room:
            row.columns["other_handle"] = self.random.choice(target.room.members)
            row.columns["group_action_type"] = self.random.randrange(2) if item == 1 else self.random.randrange(3)
        elif item == 5:
            row.columns["message_action_type"] = 1
        row.subkind = f"item_type_{item}"
        return row

    def _app(self) -> Message:
        row = self._beside(self._any(), self.random.uniform(20, 200), None, kind="app", subkind="app")
        game = plistlib.dumps({"an": "Game", "ldtext": "Let's play!"}, fmt=plistlib.FMT_BINARY)
        row.columns = {"balloon_bundle_id": self.random.choice(_APPS), "payload_data": game}
        return row

    def _picture(self) -> Message:
        row = self._beside(self._any(), self.random.uniform(8, 120), None, kind="attachment_only")
        row.files = tuple(new_file(self.random) for _ in range(self.random.choice((1, 1, 1, 2, 4))))
        return row

    def _unsent(self) -> Message | None:
        target = recent(self._spoken, clock.EDITS_SINCE, self.random)
        if target is None:
            return None
        row = self._beside(target, self.random.uniform(10, 60), None, kind="unsent")
        gone = row.at + self.random.randint(3, 90) * SECOND
        length = self.random.randint(3, 60)
        summary = {"amc": 0, "otr": {"0": {"le": length, "lo": 0}}, "rp": [0], "ust": True}
        row.columns = {"message_summary_info": plistlib.dumps(summary, fmt=plistlib.FMT_BINARY), "part_count": 0}
        row.columns["date_retracted" if self.random.random() < 0.5 else "date_edited"] = gone
        return row

    def _failed(self) -> Message | None:
        """A message of mine that did not go out and was sent again."""
        for _ in range(30):
            target = self._any()
            if target.sender is None:
                row = self._beside(target, -self.random.uniform(5, 40), target.text, kind="failed")
                row.columns = {"error": FAILED, "is_sent": 0}
                return row
        return None

    def _deleted(self) -> Message:
        target = self._any()
        return self._beside(target, self.random.uniform(20, 300), target.text, kind="deleted", in_chat=False)

    def _scheduled(self) -> Message:
        target = self._any()
        text = grammar.expand(self.random.choice(read("automated")["texts"]["scheduled"]), self.random, {})
        row = self._beside(target, 0, text, kind="scheduled", sender=None)
        row.at = clock.LAST + self.random.randint(2, 40 * 24) * 3600 * SECOND
        row.columns = {"schedule_type": SEND_LATER, "schedule_state": SEND_LATER, "is_sent": 0, "is_delivered": 0}
        return row

    def _orphan(self) -> Message:
        target = self._any()
        row = self._beside(target, self.random.uniform(3600, 7200), target.text, subkind="orphan", room=None)
        if row.sender is None:
            row.sender = self.random.choice(self.people)
        return row

    def _remark(self, name: str, subkind: str) -> Message:
        """A message that readers stumble over, said to somebody close."""
        room = self.random.choice([room for room in self.rooms if room.relation in ("close", "family")])
        text = grammar.expand(self.random.choice(read("automated")["texts"][name]), self.random, {})
        sender = self.random.choice((None, *room.members))
        at = clock.session_start(room.relation, clock.FIRST, self.random)
        return Message(new_guid(self.random), room, sender, at, text, subkind=subkind, trigger_act="INFO_STATEMENT")

    # Changes to ordinary messages

    def _edit(self, message: Message) -> bool:
        text = message.text or ""
        if (
            message.at < clock.EDITS_SINCE
            or not message.room
            or not message.room.threads
            or len(text) < 8
            or "://" in text
        ):
            return False
        versions = [text]
        for _ in range(self.random.choice((1, 1, 2, 3))):
            earlier = slip(versions[0], self.random)[0]
            if self.random.random() < 0.35:
                earlier = versions[0].rsplit(" ", 1)[0] if " " in versions[0] else versions[0] + "?"
            if earlier != versions[0]:
                versions.insert(0, earlier)
        if len(versions) == 1:
            return False
        times = [message.at]
        for _ in versions[1:]:
            times.append(times[-1] + int(self.random.lognormvariate(3.6, 1.3) * SECOND) + SECOND)
        message.versions = tuple(Version(at, wording) for at, wording in zip(times, versions, strict=True))
        message.subkind = "edited"
        return True

    def _attach(self, message: Message) -> bool:
        if message.columns or "://" in (message.text or ""):
            return False
        message.files = tuple(new_file(self.random) for _ in range(self.random.choice((1, 1, 2))))
        length = len(message.text or "")
        message.file_places = tuple(sorted(self.random.choice((0, 0, length, length // 2)) for _ in message.files))
        message.subkind = "multi_part" if set(message.file_places) - {0, length} else "attachment_text"
        return True

    def _embolden(self, message: Message) -> bool:
        word = (message.text or "").find(" ")
        if word < 1 or "://" in (message.text or ""):
            return False
        message.bold, message.subkind = (0, word), "formatted"
        return True

    def _pad(self, message: Message) -> bool:
        message.padding = self.random.choice((("", " "), (" ", ""), ("", "\n"), ("  ", "\n\n"), ("\n", "")))
        message.subkind = "padded"
        return True

    def _damage(self, message: Message) -> bool:
        if message.guid in self._roots:
            return False
        whole = typedstream_writer.encode([Run(message.text or "")], mutable=self.random.random() < 0.5)
        message.body = whole[: self.random.randint(17, 60)]
        message.kind, message.text, message.subkind = "corrupt", None, None
        return True

    def _double(self, message: Message) -> bool:
        room = message.room
        if room is None or room.is_group or len(room.members[0].handles) < 2:
            return False
        message.also_in_other_chat = True
        return True

    def _unsend_part(self, message: Message) -> bool:
        if message.at < clock.EDITS_SINCE or not message.room or not message.room.threads:
            return False
        length = utf16_length(message.text or "")
        summary = {"amc": 0, "otr": {"0": {"le": 1, "lo": 0}, "1": {"le": length, "lo": 1}}, "rp": [0], "ust": True}
        message.columns = {"message_summary_info": plistlib.dumps(summary, fmt=plistlib.FMT_BINARY), "part_count": 2,
                           "date_edited": message.at + 40 * SECOND}  # fmt: skip
        message.subkind = "part_unsent"
        return True

    def _undate(self, message: Message) -> bool:
        message.undated, message.subkind = True, "date_zero"
        return True
