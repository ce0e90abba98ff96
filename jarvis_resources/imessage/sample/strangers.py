"""Who is no correspondent: automated senders, junk, unknown senders, and the owner's notes to self.

Here belongs what arrives without a conversation. The numbers are short codes and fiction (555-01xx); the texts are in
``texts/automated.toml``.
"""

from __future__ import annotations

from random import Random

from jarvis_resources.imessage.sample import clock, grammar
from jarvis_resources.imessage.sample.personas import OWNER_PHONE, Handle, Person, Room
from jarvis_resources.imessage.sample.record import DAY, SECOND, Message, new_guid
from jarvis_resources.imessage.sample.texts import read
from jarvis_resources.imessage.sample.voices import Voice

_CODES = {"codes": "24273", "delivery": "69525", "pharmacy": "38898", "bank": "72166"}
"""Short codes by kind of sender; made up."""


def strangers(counts: dict[str, int], random: Random) -> tuple[list[Room], list[Message]]:
    """Rooms and rows of ``automated``, ``junk``, ``unknown`` and ``self``, as many rows of each as ``counts`` says."""
    rooms: list[Room] = []
    rows: list[Message] = []
    _automated(counts.get("automated", 0), rooms, rows, random)
    _filtered(counts.get("junk", 0), "spam", 2, rooms, rows, random)
    _filtered(counts.get("unknown", 0), "unknown_sender", 1, rooms, rows, random)
    _notes(counts.get("self", 0), rooms, rows, random)
    return rooms, rows


def _room(key: str, name: str, address: str, service: str, *, filtered: int = 0) -> Room:
    person = Person(key, name, "service", Voice(), 1.0, (Handle(address, service),), None)
    return Room(f"dm-{key}", "service", 1.0, (person,), filtered=filtered)


def _moment(random: Random) -> int:
    return clock.session_start("acq", clock.FIRST + 400 * DAY, random)


def _automated(count: int, rooms: list[Room], rows: list[Message], random: Random) -> None:
    made = {name: _room(f"a{number}", name, code, "SMS") for number, (name, code) in enumerate(_CODES.items())}
    while count > 0:
        name = random.choice(list(_CODES))
        room = made[name]
        text = grammar.expand(random.choice(read("automated")["senders"][name]), random, {})
        row = Message(new_guid(random), room, room.members[0], _moment(random), text, trigger_act="INFO_STATEMENT")
        rows.append(row)
        count -= 1
        if name == "pharmacy" and "Reply " in text and "STOP" not in text and count and random.random() < 0.5:
            reply = text.rpartition("Reply ")[2][0]
            at = row.at + random.randint(20, 3000) * SECOND
            rows.append(Message(new_guid(random), room, None, at, reply, answers=row, response_type="AGREE"))
            count -= 1
    rooms += [room for room in made.values() if any(row.room is room for row in rows)]


def _filtered(count: int, texts: str, filtered: int, rooms: list[Room], rows: list[Message], random: Random) -> None:
    for number in range(count):
        key = f"{'s' if filtered == 2 else 'u'}{number:03d}"
        # The cast has 00 to 49 of every area; no two strangers share a number.
        area = 201 + (number // 50 + (0 if filtered == 2 else 400)) % 789
        address = f"+1{area}55501{50 + number % 50}"
        if random.random() < 0.3:
            address = f"{key}{random.randrange(1000)}@example.net"
        room = _room(key, "", address, "iMessage" if "@" in address else "SMS", filtered=filtered)
        text = grammar.expand(random.choice(read("automated")["texts"][texts]), random, {})
        row = Message(new_guid(random), room, room.members[0], _moment(random), text, kind="spam")
        row.subkind = "junk" if filtered == 2 else "unknown_sender"
        row.columns = {"is_spam": 1} if filtered == 2 else {}
        rooms.append(room)
        rows.append(row)


def _notes(count: int, rooms: list[Room], rows: list[Message], random: Random) -> None:
    if count <= 0:
        return
    me = Person("me", "", "close", Voice(), 1.0, (Handle(OWNER_PHONE, "iMessage"),), None)
    room = Room("self", "close", 1.0, (me,), is_self=True)
    rooms.append(room)
    while count > 0:
        text = grammar.expand(random.choice(read("automated")["texts"]["self"]), random, {})
        at = _moment(random)
        rows.append(Message(new_guid(random), room, None, at, text, kind="self"))
        count -= 1
        if count and random.random() < 0.7:
            # Messages keeps what one sends to oneself twice, once as received.
            rows.append(Message(new_guid(random), room, me, at + SECOND // 2, text, kind="self"))
            count -= 1
