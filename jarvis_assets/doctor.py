"""What `jarvis doctor` looks at before anything is mined: permission, volume, memory, time, encoders, releases.

Each finding is one line with a verdict. It counts rows and reads no text.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from jarvis_resources.errors import ChatDatabaseError, EncoderError, JarvisError
from jarvis_resources.settings import Settings

SECONDS_PER_THOUSAND_MESSAGES = 5.0
"""Whole mining with the default encoders, measured on 2 cores (docs/measured.md); a Mac is faster."""
BYTES_PER_MESSAGE = 2_000
"""Disk for snapshot, assets and vectors, rounded up from what the sample takes."""
MEMORY_BASE_GB = 1.6
MEMORY_GB_PER_MILLION = 1.5
"""Peak memory: libraries and models (measured: 1.63 GB with 48,000 messages), and what grows with the messages (not
measured yet)."""


@dataclass(frozen=True)
class Finding:
    """One thing looked at: its name, whether it is good, and what was found or what to do."""

    subject: str
    good: bool
    text: str


@dataclass(frozen=True)
class Volume:
    """What is in a chat.db, by counting."""

    messages: int
    mine: int
    threaded_replies: int
    chats: int


def look_inside(chat_db: Path) -> Volume:
    """Count what is in ``chat_db`` without reading any text; raises ``ChatDatabaseError`` when it cannot be read."""
    from jarvis_resources.imessage import schema
    from jarvis_resources.imessage.diagnosis import explained, refuse_unlike_sqlite
    from jarvis_resources.imessage.ios_backup import database_in

    chat_db = database_in(chat_db)
    refuse_unlike_sqlite(chat_db)
    with explained(chat_db):
        connection = schema.open_in_place(chat_db)
        try:
            found = schema.probe(connection)
            threaded = "thread_originator_guid IS NOT NULL" if found.has("message", "thread_originator_guid") else "0"
            messages, mine, replies = connection.execute(
                "SELECT count(*), coalesce(sum(is_from_me), 0), "
                f"coalesce(sum(is_from_me AND {threaded}), 0) FROM message"
            ).fetchone()
            chats = connection.execute("SELECT count(*) FROM chat").fetchone()[0]
        finally:
            connection.close()
    return Volume(messages, mine, replies, chats)


def examine(chat_db: Path, settings: Settings) -> list[Finding]:
    """All findings, in the order in which an owner would want them."""
    return [*_database(chat_db, settings), _memory(), *_encoders(settings), _release(settings)]


def _database(chat_db: Path, settings: Settings) -> list[Finding]:
    try:
        volume = look_inside(chat_db)
    except ChatDatabaseError as error:
        return [Finding("messages", False, str(error))]
    minutes = volume.messages / 1000 * SECONDS_PER_THOUSAND_MESSAGES / 60
    need = MEMORY_BASE_GB + MEMORY_GB_PER_MILLION * volume.messages / 1e6
    free = shutil.disk_usage(settings.home).free
    wanted = volume.messages * BYTES_PER_MESSAGE
    return [
        Finding(
            "messages",
            True,
            f"{volume.messages:,} rows in {volume.chats:,} chats, {volume.mine:,} of them yours, "
            f"{volume.threaded_replies:,} inline replies of yours.",
        ),
        Finding("time", True, f"about {max(1, round(minutes))} min for the first mining."),
        Finding("memory needed", True, f"about {need:.1f} GB at the peak."),
        Finding(
            "disk",
            free > wanted,
            f"{free / 1e9:,.0f} GB free, about {wanted / 1e9:.1f} GB wanted in {settings.home}.",
        ),
    ]


def _memory() -> Finding:
    import psutil

    total = psutil.virtual_memory().total / 1e9
    return Finding("machine", total >= 4, f"{total:.0f} GB of memory.")


def _encoders(settings: Settings) -> list[Finding]:
    from jarvis_resources.encoders import require_weights

    findings = []
    for slug in dict.fromkeys([*settings.encoders, settings.pairing_encoder]):
        try:
            require_weights(slug, settings=settings)
            findings.append(Finding(f"encoder {slug}", True, "its weights are here."))
        except EncoderError as error:
            findings.append(Finding(f"encoder {slug}", False, str(error)))
    return findings


def _release(settings: Settings) -> Finding:
    from jarvis_resources import releases

    try:
        release = releases.verify(releases.latest(settings.releases))
    except JarvisError as error:
        return Finding("release", True, str(error))
    return Finding("release", True, f"{release.name} is whole.")
