"""Ten years of conversations: sessions in rooms, topics that overlap, bursts, inline replies, mentions.

Here belongs when which dialogue is played with whom and how its lines become messages. ``dialogue`` chooses the words,
``clock`` the times; what is not a message (reactions, edits, system rows, junk) is added by ``oddities``.
"""

from __future__ import annotations

import heapq
import plistlib
from bisect import bisect
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random

from jarvis_resources.imessage.sample import clock, situations
from jarvis_resources.imessage.sample.dialogue import Line, Scene, Speaker, choose
from jarvis_resources.imessage.sample.grammar import Bindings
from jarvis_resources.imessage.sample.personas import OWNER, Handle, Room
from jarvis_resources.imessage.sample.record import HOUR, SECOND, Message, new_guid
from jarvis_resources.imessage.sample.voices import Voice, speak

_FIRST_WORD = 0.31
"""Share of topics that the owner begins in a direct conversation; in groups less."""

_OVERLAP = {False: 0.22, True: 0.45}
"""Share of topics that begin before the last one is answered, in direct conversations and in groups."""

_THREAD = {(False, False): 0.06, (False, True): 0.38, (True, False): 0.14, (True, True): 0.5}
"""Share of replies that use the inline-reply feature, by (in a group, something came between)."""

_THREAD_GOES_ON = 0.72
_CARE = 0.8
"""Share of replies kept out of a thread that has gone on without them."""

_CALL_BY_NAME = 0.3
"""Share of group replies, with something in between and no thread, that name whom they answer."""

URL_CARD = "com.apple.messages.URLBalloonProvider"

_MARGIN = 30 * 60 * SECOND
"""Sessions of one room keep this far apart."""


@dataclass
class _Diary:
    """What a room has been through: when it began, and the sessions so far."""

    room: Room
    first: int
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    def is_free(self, start: int, end: int) -> bool:
        """Whether no session is near."""
        place = bisect(self.starts, start)
        before = place == 0 or self.ends[place - 1] + _MARGIN < start
        return before and (place == len(self.starts) or end + _MARGIN < self.starts[place])

    def enter(self, start: int, end: int) -> None:
        """Adds a session."""
        place = bisect(self.starts, start)
        self.starts.insert(place, start)
        self.ends.insert(place, end)


@dataclass(order=True)
class _Sequel:
    """A situation that follows from an earlier one."""

    at: int
    order: int
    diary: _Diary = field(compare=False)
    situation: str = field(compare=False)
    opener: Speaker = field(compare=False)
    bindings: Bindings = field(compare=False)


def converse(rooms: list[Room], count: int, random: Random, progress: Callable[[int], None]) -> list[Message]:
    """``count`` messages of conversations in ``rooms``, by time; every one's ``answers`` comes before it."""
    diaries = [
        _Diary(room, clock.FIRST + int(random.random() ** 1.6 * 0.55 * (clock.LAST - clock.FIRST))) for room in rooms
    ]
    weights = [room.weight for room in rooms]
    sequels: list[_Sequel] = []
    found: list[Message] = []
    while len(found) < count:
        if sequels and random.random() < 0.5:
            sequel = heapq.heappop(sequels)
            diary, start, first = sequel.diary, sequel.at, sequel
        else:
            diary, first = random.choices(diaries, weights)[0], None
            start = clock.session_start(diary.room.relation, diary.first, random)
        if not diary.is_free(start, start + HOUR):
            continue
        session = _session(diary, start, first, sequels, random)
        if session and diary.is_free(start, session[-1].at):
            diary.enter(start, session[-1].at)
            # Only the newest messages of the last session are left out: links lead back in time.
            found += session[: count - len(found)]
            progress(len(found))
    found.sort(key=lambda message: (message.at, message.guid))
    return found


def _session(
    diary: _Diary, start: int, sequel: _Sequel | None, sequels: list[_Sequel], random: Random
) -> list[Message]:
    """One sitting: a few topics one after the other or overlapping, by time."""
    room, at = diary.room, start
    handle = _handle(room, random)
    turns: dict[Line, list[Message]] = {}
    bindings = {"friend0": room.members[0].name} if not room.is_group else {}
    while True:
        moment = clock.local(at)
        if sequel is not None:
            situation, opener, bindings = situations.load()[sequel.situation], sequel.opener, dict(sequel.bindings)
        else:
            situation = choose(room.relation, random, group=room.is_group, hour=moment.hour, month=moment.month)
            opener = _opener(situation, room, random)
        others: list[Speaker] = [speaker for speaker in (None, *room.members) if speaker is not opener]
        lines = Scene(random, room.relation, bindings).play(situation, opener, others)
        opened = at
        for line in lines:
            begun = opened
            if line.answers is not None:
                begun = turns[line.answers][-1].at
                begun += clock.reply_pause(room.relation, random, group=room.is_group, at=begun)
            turns[line] = _type(room, line, begun, handle, random)
        _note_sequels(situation, lines, at, diary, sequels, bindings, random)
        if random.random() > (0.5 if room.relation in ("close", "family") else 0.32):
            break
        bindings = {key: word for key, word in bindings.items() if key == "friend0"}
        sequel = None
        if random.random() < _OVERLAP[room.is_group]:
            at = turns[lines[0]][-1].at + int(random.uniform(2, 120) * SECOND)
        else:
            at = max(turns[line][-1].at for line in lines) + clock.next_topic_pause(random)
    session = sorted((message for turn in turns.values() for message in turn), key=lambda message: message.at)
    if session[-1].at > clock.LAST:
        return []
    threads = room.threads if handle is None else handle.service == "iMessage"
    place = {message: number for number, message in enumerate(session)}
    inline: dict[Message, list[Message]] = {}
    for line, turn in sorted(turns.items(), key=lambda item: item[1][0].at):
        if line.answers is not None:
            _link(room, turn, turns[line.answers], session, place, inline if threads else None, random)
    return session


def _opener(situation: situations.Situation, room: Room, random: Random) -> Speaker:
    share = _FIRST_WORD * (0.7 if room.is_group else 1.0)
    if situation.opener == "me" or (situation.opener == "both" and random.random() < share):
        return None
    return random.choice(room.members)


def _note_sequels(
    situation: situations.Situation, lines: list[Line], at: int, diary: _Diary, sequels: list[_Sequel],
    bindings: Bindings, random: Random,
) -> None:  # fmt: skip
    for line in lines[1:]:
        later = situation.later.get(line.kind or "")
        if later is not None and line.answers is lines[0] and random.random() < 0.35:
            due = at + int(random.uniform(*later.hours) * HOUR)
            opener = random.choice([lines[0].speaker, line.speaker])
            heapq.heappush(sequels, _Sequel(due, len(sequels), diary, later.situation, opener, dict(bindings)))


def _type(room: Room, line: Line, begun: int, handle: Handle | None, random: Random) -> list[Message]:
    """The messages of a turn, a few seconds apart."""
    voice = OWNER[room.relation] if line.speaker is None else line.speaker.voice
    turn: list[Message] = []
    at = begun + random.randrange(SECOND)
    for text in speak(line.text, _in_company(voice, room), line.mood, random):
        at += clock.typing_pause(text, random) if turn else 0
        message = Message(new_guid(random), room, line.speaker, at, text, handle=handle)
        message.trigger_act, message.response_type = line.act, line.kind
        if text.startswith("https://") and " " not in text:
            _show_card(message)
        turn.append(message)
    return turn


def _handle(room: Room, random: Random) -> Handle | None:
    """The address that a session with one person goes to; now and then another of theirs. None for a group."""
    if room.is_group:
        return None
    handles = room.members[0].handles
    return handles[0] if random.random() < 0.8 else random.choice(handles)


def _show_card(message: Message) -> None:
    """An address alone is shown as the page's card."""
    message.kind, message.subkind = "app", "url_preview"
    card = plistlib.dumps({"richLinkMetadata": {"URL": message.text}}, fmt=plistlib.FMT_BINARY)
    message.columns = {"balloon_bundle_id": URL_CARD, "payload_data": card}


def _in_company(voice: Voice, room: Room) -> Voice:
    """In a group nobody is called by the owner's name."""
    return replace(voice, vocative=0.0) if room.is_group else voice


def _link(
    room: Room, turn: list[Message], answered: list[Message], session: list[Message], place: dict[Message, int],
    inline: dict[Message, list[Message]] | None, random: Random,
) -> None:  # fmt: skip
    """Links a turn to the message it answers; perhaps in a thread, perhaps by name.

    ``inline``: threads so far, by root; None where there are none on this service.
    """
    first = turn[0]
    said = [message for message in answered if message.text and "*" not in message.text] or answered
    target = next((message for message in reversed(said) if message.text and "?" in message.text), said[-1])
    between = session[place[answered[-1]] + 1 : place[first]]
    crossed = any(message.sender is not first.sender for message in between)
    threaded = [message for message in answered if message.thread is not None]
    root = None
    if threaded and random.random() < _THREAD_GOES_ON:
        target, root = threaded[-1], threaded[-1].thread
    elif inline is not None and first.at > clock.THREADS_SINCE and random.random() < _THREAD[room.is_group, crossed]:
        root = target.thread or target
    if root is not None and inline is not None and _would_mislead(first, target, root, inline, random):
        root = None
    calls = room.is_group and crossed and first.kind == "normal" and random.random() < _CALL_BY_NAME
    if calls and root is None and target.sender is not None:
        _name(first, target.sender.name, target.sender.handles[0].address, random)
    all_threaded = random.random() < 0.4
    for number, message in enumerate(turn):
        message.answers = target
        if root is not None and inline is not None and (number == 0 or all_threaded):
            message.thread = root
            inline.setdefault(root, []).append(message)


def _would_mislead(
    first: Message, target: Message, root: Message, inline: dict[Message, list[Message]], random: Random
) -> bool:
    """Whether the thread's latest message is another than the one meant: people seldom put a reply there."""
    before = [
        message for message in inline.get(root, []) if message.sender is not first.sender and message.at < first.at
    ]
    return (before[-1] if before else root) is not target and random.random() < _CARE


def _name(message: Message, name: str, handle: str, random: Random) -> None:
    """Begins a message with the name of whom it answers; about half as a mention."""
    called = name if (message.text or "")[:1].isupper() else name.lower()
    text = message.text or ""
    rest = text if text.startswith(("I ", "I'")) else text[:1].lower() + text[1:]
    message.text = f"{called} {rest}"
    if message.at > clock.THREADS_SINCE and random.random() < 0.5:
        message.mention = (0, len(called), handle)
        message.subkind = "mention"
