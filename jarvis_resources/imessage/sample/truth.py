"""What the sample's rows truly are: one JSON line per row, for scoring a reader and the pairs.

Here belongs the format that ``score_chatdb.py`` reads; two fields are ours, ``trigger_act`` and ``response_type``, where
the generator knows them.
"""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from jarvis_resources.imessage.sample.record import Message

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DROPPED = frozenset(
    {"tapback", "tapback_removed", "sticker", "system", "unsent", "failed", "deleted", "scheduled", "spam"}
)
_EITHER = frozenset({"app", "attachment_only", "corrupt", "self"})


def iso(at: int) -> str:
    """Microseconds since 1970 as ISO 8601 in UTC."""
    return (_EPOCH + timedelta(microseconds=at)).isoformat(timespec="microseconds").replace("+00:00", "Z")


def row(message: Message, at: int | None, chats: Sequence[str]) -> dict[str, Any]:
    """The truth about one row; ``at``: the time as stored, ``chats``: guids of the chats it is in."""
    room = message.room
    threaded = message.thread is not None
    record: dict[str, Any] = {
        "guid": message.guid,
        "kind": message.kind,
        "text": message.said,
        "sender": message.sender.key if message.sender else "me",
        "conversation": room.key if room else None,
        "is_group": bool(room and room.is_group),
        "date_utc": None if at is None else iso(at),
        "reply_to": message.answers.guid if message.answers else None,
        "threaded": threaded,
        "thread_root": message.thread.guid if message.thread else None,
        "expect": _expect(message),
        "link_known": message.subkind != "orphan",
        "chats": list(chats),
    }
    if message.subkind:
        record["subkind"] = message.subkind
    if message.versions:
        record["edited"] = [{"text": version.text.strip(), "date_utc": iso(version.at)} for version in message.versions]
    if message.about is not None:
        record["about"] = message.about.guid
    if message.trigger_act:
        record["trigger_act"] = message.trigger_act
    if message.response_type:
        record["response_type"] = message.response_type
    return record


def _expect(message: Message) -> str:
    if message.subkind in ("orphan", "unknown_sender") or message.kind in _EITHER:
        return "either"
    return "drop" if message.kind in _DROPPED else "keep"


def packed(records: Sequence[dict[str, Any]]) -> bytes:
    """The lines, gzipped, the same bytes for the same records."""
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", mtime=0, filename="") as file:
        for record in records:
            file.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")
    return out.getvalue()
