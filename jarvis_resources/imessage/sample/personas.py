"""The owner, the people they write with, and their groups: names, voices, how much, on which services.

Here belongs the cast; what they say to each other is in ``texts``. Telephone numbers are from the ranges kept for
fiction (555-01xx), addresses from example.com; the names are made up.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from jarvis_resources.imessage.sample.voices import Voice, vary

OWNER_PHONE = "+15125550100"
OWNER_EMAIL = "jules@example.com"

OWNER = {
    "close": Voice(lower=0.86, no_apostrophes=0.04, period=0.0, bare=0.45, elongate=0.05, slang=0.06, emoji=0.08,
                   typo=0.02, split=0.3, taste="classic", filler=0.05),
    "family": Voice(lower=0.72, no_apostrophes=0.02, period=0.02, bare=0.4, elongate=0.03, slang=0.02, emoji=0.14,
                    typo=0.015, split=0.3, taste="warm", filler=0.02),
    "acq": Voice(lower=0.55, no_apostrophes=0.02, period=0.04, bare=0.35, elongate=0.03, slang=0.03, emoji=0.08,
                 typo=0.015, split=0.2, taste="classic", filler=0.02),
    "work": Voice(lower=0.06, no_apostrophes=0.0, period=0.45, bare=0.2, elongate=0.0, slang=0.0, emoji=0.02,
                  typo=0.008, split=0.1, taste="classic"),
    "service": Voice(lower=0.04, no_apostrophes=0.0, period=0.5, bare=0.15, elongate=0.0, slang=0.0, emoji=0.0,
                     typo=0.005, split=0.05, taste="classic"),
}  # fmt: skip
"""The owner's one voice, loose with friends and buttoned up at work."""

_MANNERS = {
    "young": Voice(lower=0.85, no_apostrophes=0.45, bare=0.8, elongate=0.12, slang=0.4, emoji=0.22, typo=0.03, split=0.55,
                   laugh="lmao", taste="young", filler=0.16, vocatives=("bro", "dude", "babe", "bestie"), vocative=0.06),
    "easy": Voice(lower=0.5, no_apostrophes=0.2, bare=0.5, elongate=0.07, slang=0.15, emoji=0.12, typo=0.025, split=0.4,
                  laugh="lol", taste="classic", filler=0.1, vocatives=("jules", "friend", "man"), vocative=0.04),
    "chatty": Voice(lower=0.3, no_apostrophes=0.1, bare=0.2, elongate=0.16, slang=0.12, emoji=0.3, typo=0.03, split=0.6,
                    laugh="hahaha", taste="young", filler=0.14, vocatives=("jules", "love", "girl", "jj"), vocative=0.07),
    "proper": Voice(lower=0.02, no_apostrophes=0.0, period=0.55, bare=0.1, elongate=0.01, slang=0.0, emoji=0.03, typo=0.01,
                    split=0.1, laugh="Ha", taste="classic"),
    "parent": Voice(lower=0.05, no_apostrophes=0.05, period=0.35, bare=0.2, elongate=0.03, slang=0.01, emoji=0.22,
                    typo=0.04, split=0.3, laugh="ha ha", taste="warm", vocatives=("sweetie", "honey", "kiddo", "dear"),
                    vocative=0.09, filler=0.03),
    "dry": Voice(lower=0.7, no_apostrophes=0.3, bare=0.85, elongate=0.01, slang=0.1, emoji=0.02, typo=0.02, split=0.25,
                 laugh="heh", taste="classic", filler=0.04, vocatives=("jules",), vocative=0.02),
    "office": Voice(lower=0.08, no_apostrophes=0.02, period=0.4, bare=0.2, elongate=0.01, slang=0.01, emoji=0.05, typo=0.012,
                    split=0.15, laugh="haha", taste="classic"),
}  # fmt: skip

_CAST = """
Mom family parent 70 both; Grace family chatty 62; Maya close chatty 100; Theo close dry 72; Priya close young 60
Eli family young 34; Dad family proper 26 sms; Marcus close easy 44; Lena close chatty 36; Diego close easy 30 sms
Hannah close young 26; Omar close dry 22; Tess close easy 18 email; Aunt Carol family parent 12; Benny family easy 9
Kate family young 12; Grandma Jo family proper 7 sms; Bea acq chatty 10; Jonah acq easy 9; Ravi acq dry 8 rcs
Nora acq easy 8; Caleb acq dry 6; Imani acq chatty 8; Felix acq easy 6 rcs; Sofia acq chatty 7; Wes acq young 6 sms
Yuki acq proper 5; Anders acq dry 5; Camille acq chatty 5; Ruthie acq proper 4; Silas acq easy 4; Mr. Okafor acq proper 4 sms
Dana work office 26; Greg work dry 14; Shreya work easy 18; Tom work office 10; Valerie work proper 12; Ken work office 7
Aisha work chatty 11; Paolo work easy 7; Meredith work proper 5; Luis work easy 6; Joan work proper 3
Bright Smile Dental service proper 3 sms; Sunny Paws Vet service proper 3 sms; Rosa service easy 4; Alder Auto service proper 3 sms
Ms. Finch service proper 3
"""
"""Name, relation, manner, weight (messages, relative), services. Skewed, as an address book is."""

_GROUPS = """
Family 🏡|family|34|Mom, Dad, Grace, Eli
sibs|family|14|Grace, Eli, Kate
brunch club|close|36|Maya, Priya, Lena, Hannah
Game Night|close|40|Theo, Marcus, Diego, Omar, Tess
Book Club|acq|12|Bea, Nora, Imani, Camille, Ruthie
Thursday Soccer|acq|18|Marcus, Wes, Silas, Felix, Anders
Project Room|work|18|Dana, Greg, Shreya, Tom, Ken
Lunch Crew|work|10|Aisha, Paolo, Luis, Shreya
Alder St Neighbors|acq|8|Mr. Okafor, Sofia, Caleb, Yuki
|close|16|Maya, Theo
Cabin Weekend|close|14|Theo, Priya, Hannah, Marcus, Omar
Cousins|family|6|Benny, Kate, Eli
"""
"""Name (one has none), relation, weight, members."""


@dataclass(frozen=True)
class Handle:
    """An address on one service."""

    address: str
    service: str
    country: str = "us"


@dataclass(frozen=True)
class Person:
    """Somebody the owner writes with. ``handles[0]`` is the one used most."""

    key: str
    name: str
    relation: str
    voice: Voice
    weight: float
    handles: tuple[Handle, ...]
    centric: str | None
    """handle.person_centric_id, which joins several handles."""

    @property
    def threads(self) -> bool:
        """Whether their first service has inline replies and tapbacks of its own."""
        return self.handles[0].service == "iMessage"


@dataclass(frozen=True)
class Room:
    """A conversation: one person, or a group."""

    key: str
    relation: str
    weight: float
    members: tuple[Person, ...]
    name: str | None = None
    filtered: int = 0
    """chat.is_filtered: 0 known, 1 unknown sender, 2 junk."""
    is_self: bool = False
    """The owner's chat with themselves; its one member is the owner's own handle."""

    @property
    def is_group(self) -> bool:
        """More than one other person."""
        return len(self.members) > 1

    @property
    def threads(self) -> bool:
        """Whether everybody in it has iMessage."""
        return all(member.threads for member in self.members)


def people(random: Random) -> list[Person]:
    """The cast, in order of appearance."""
    found: list[Person] = []
    for line in _CAST.replace("\n", ";").split(";"):
        if not (words := line.split()):
            continue
        special = words.pop() if not words[-1].isdigit() else "plain"
        weight, manner, relation = float(words.pop()), words.pop(), words.pop()
        name = " ".join(words)
        number = len(found)
        # 00 is the owner's own.
        phone = f"+1{random.choice((212, 303, 312, 415, 503, 512, 617, 646, 720, 917))}55501{number + 1:02d}"
        mail = f"{name.lower().replace(' ', '.').replace('..', '.')}@example.com"
        first = {"sms": "SMS", "rcs": "RCS"}.get(special, "iMessage")
        handles = [Handle(mail if special == "email" else phone, first)]
        if special == "both":
            handles += [Handle(phone, "SMS"), Handle(mail, "iMessage")]
        elif special == "email":
            handles.append(Handle(phone, "iMessage"))
        elif first == "RCS" or (number % 5 == 0 and first != "SMS"):
            handles.append(Handle(phone, "SMS"))
        merged = len({handle.address for handle in handles}) > 1
        found.append(Person(
            key=f"p{number:03d}", name=name, relation=relation, voice=vary(_MANNERS[manner], random), weight=weight,
            handles=tuple(handles), centric=f"{random.getrandbits(128):032X}" if merged else None,
        ))  # fmt: skip
    return found


def rooms(cast: list[Person]) -> list[Room]:
    """A direct conversation with everybody, and the groups."""
    by_name = {person.name: person for person in cast}
    direct = [Room(f"dm-{person.key}", person.relation, person.weight, (person,)) for person in cast]
    groups = []
    for number, line in enumerate(_GROUPS.strip().split("\n")):
        name, relation, weight, members = line.split("|")
        found = tuple(by_name[member] for member in members.split(", "))
        groups.append(Room(f"grp-{number:02d}", relation, float(weight), found, name or None))
    return direct + groups
