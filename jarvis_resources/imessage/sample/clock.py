"""When people write: the hours and days of sessions, and the pauses between one message and the next.

Here belongs time and nothing else. The owner lives at a fixed offset from UTC, so a sample does not depend on the
machine's time zones. Times are microseconds since 1970, UTC; the medians are judgement, from how people text.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from random import Random

from jarvis_resources.imessage.sample.record import DAY, HOUR, SECOND

FIRST = int(datetime(2016, 3, 1, tzinfo=UTC).timestamp()) * SECOND
LAST = int(datetime(2026, 10, 20, tzinfo=UTC).timestamp()) * SECOND
"""The sample's span, fixed so that a seed means the same texts and times forever."""

NANOSECONDS_SINCE = int(datetime(2017, 9, 20, tzinfo=UTC).timestamp()) * SECOND
"""Dates were stored in seconds before macOS 10.13, in nanoseconds since."""

EDITS_SINCE = int(datetime(2022, 9, 12, tzinfo=UTC).timestamp()) * SECOND
"""Editing and unsending came with iOS 16."""

THREADS_SINCE = int(datetime(2020, 9, 16, tzinfo=UTC).timestamp()) * SECOND
"""Inline replies and mentions came with iOS 14."""

_OFFSET = timedelta(hours=-6)
_HOURS = {
    "work": (0, 0, 0, 0, 0, 0, 0, 2, 7, 10, 10, 9, 6, 8, 9, 8, 7, 4, 2, 1, 1, 0, 0, 0),
    "service": (0, 0, 0, 0, 0, 0, 0, 0, 4, 9, 9, 8, 5, 7, 8, 7, 5, 2, 0, 0, 0, 0, 0, 0),
    "family": (0, 0, 0, 0, 0, 0, 1, 4, 6, 6, 5, 5, 6, 4, 4, 4, 5, 7, 9, 9, 8, 6, 3, 1),
    "acq": (0, 0, 0, 0, 0, 0, 0, 1, 3, 5, 6, 6, 7, 6, 5, 5, 6, 8, 8, 7, 6, 4, 1, 0),
    "close": (2, 1, 0, 0, 0, 0, 0, 2, 4, 5, 5, 6, 8, 6, 5, 6, 7, 9, 10, 10, 10, 9, 7, 4),
}
"""Share of sessions that begin in each local hour."""

_MEDIAN = {"close": 45.0, "family": 90.0, "acq": 150.0, "work": 120.0, "service": 300.0}
"""Seconds to a reply, median."""


def local(at: int) -> datetime:
    """The owner's wall clock."""
    return datetime.fromtimestamp(at / SECOND, UTC) + _OFFSET


def session_start(relation: str, first: int, random: Random) -> int:
    """When a session of such people begins, not before ``first``; later years are busier, work keeps to weekdays."""
    while True:
        share = math.sqrt(random.random())
        at = int(first + share * (LAST - first)) // DAY * DAY
        if relation in ("work", "service") and (at // DAY + 4) % 7 in (0, 6):
            continue
        hour = random.choices(range(24), _HOURS[relation])[0]
        at += hour * HOUR + int(random.random() * HOUR) - int(_OFFSET.total_seconds()) * SECOND
        if at >= first:
            return at


def reply_pause(relation: str, random: Random, *, group: bool, at: int) -> int:
    """Microseconds until a message is answered: mostly a minute or two, now and then hours, seldom over night."""
    median = _MEDIAN[relation] * (1.4 if group else 1.0)
    pause = min(3.5 * 3600.0, max(3.0, random.lognormvariate(math.log(median), 1.15)))
    if random.random() < 0.035:
        pause = random.uniform(1.0, 8.0) * 3600
    pause_end = at + int(pause * SECOND)
    if pause > 1800 and local(pause_end).hour < 7:
        pause_end += (7 - local(pause_end).hour) * HOUR + int(random.random() * HOUR)
    return pause_end - at


def typing_pause(text: str, random: Random) -> int:
    """Microseconds between two messages of one burst."""
    return int((random.uniform(1.5, 9.0) + len(text) * random.uniform(0.05, 0.16)) * SECOND)


def next_topic_pause(random: Random) -> int:
    """Microseconds until the same people begin another topic in one session."""
    return int(min(2.5 * 3600, max(20.0, random.lognormvariate(math.log(300), 1.3))) * SECOND)
