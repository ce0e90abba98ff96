"""What a message said before it was edited, and what was taken back.

Edits live in ``message_summary_info``, a binary property list: ``ec`` holds for each part its versions, ``otr`` names
the parts as sent, ``rp`` those unsent. Here they become one history of whole texts. How a body is decoded is not this
module's business, nor which rows have a summary worth reading.
"""

from __future__ import annotations

import plistlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.parsers.expat import ExpatError

from jarvis_resources.imessage.bodies import visible_text
from jarvis_resources.imessage.typedstream import AttributedBody, TypedstreamError, decode_text

APPLE_EPOCH = datetime(2001, 1, 1, tzinfo=UTC)
"""Dates in chat.db count from here."""


@dataclass(frozen=True)
class Version:
    """One version of one part: its raw text (None where it cannot be decoded), and since when it stood."""

    since: datetime
    text: str | None


@dataclass(frozen=True)
class Summary:
    """What ``message_summary_info`` says of edits."""

    versions: dict[int, tuple[Version, ...]]
    """Part → its versions, first as sent. Only parts that were edited."""
    parts: frozenset[int]
    """Parts as sent, where it says."""
    unsent: frozenset[int]
    """Parts taken back."""

    @property
    def wholly_unsent(self) -> bool:
        """Whether nothing is left of the message."""
        return bool(self.unsent) and self.unsent >= self.parts


class SummaryError(ValueError):
    """A ``message_summary_info`` is damaged."""


def read_summary(blob: bytes) -> Summary:
    """The summary in a property list; raises ``SummaryError`` when it is damaged.

    Unknown keys are passed over: Apple keeps more there than edits.
    """
    try:
        root = plistlib.loads(blob)
        edited = root.get("ec") or {}
        versions = {int(part): tuple(_version(entry) for entry in entries) for part, entries in edited.items()}
        parts = frozenset(int(part) for part in root.get("otr") or {})
        unsent = frozenset(int(part) for part in root.get("rp") or ())
    except (plistlib.InvalidFileException, ExpatError, ValueError, TypeError, KeyError, AttributeError, OverflowError,
            RecursionError, IndexError) as error:  # fmt: skip
        # plistlib lets each of these through for some damaged file.
        raise SummaryError("not a property list of edits") from error
    return Summary(versions, parts, unsent)


def _version(entry: Mapping[str, Any]) -> Version:
    since = APPLE_EPOCH + timedelta(microseconds=int(float(entry["d"]) * 1e6))
    try:
        return Version(since, decode_text(bytes(entry["t"])))
    except TypedstreamError:
        return Version(since, None)


def history(summary: Summary, body: AttributedBody | None) -> list[dict[str, Any]] | None:
    """Every text the message had as ``{"sent_at", "text"}``, oldest first; None when it was never edited.

    At each edit the parts are put together as they stood then; parts never edited come from ``body``. A version that
    cannot be decoded has the text None.
    """
    moments = sorted({version.since for versions in summary.versions.values() for version in versions})
    if not moments:
        return None
    fixed = {part: text for part, text in (body.parts if body else {}).items() if part not in summary.versions}
    order = sorted({*fixed, *summary.versions})
    entries = []
    for moment in moments:
        texts = [fixed[part] if part in fixed else _standing(summary.versions[part], moment) for part in order]
        whole = None if None in texts else visible_text("".join(text for text in texts if text is not None))
        entries.append({"sent_at": moment, "text": whole})
    return entries


def _standing(versions: Iterable[Version], moment: datetime) -> str | None:
    """A part's text at a moment: its latest version by then, or the first."""
    ordered = sorted(versions, key=lambda version: version.since)
    return next((version for version in reversed(ordered) if version.since <= moment), ordered[0]).text


def text_at(text: str | None, history: list[dict[str, Any]] | None, when: datetime) -> str | None:
    """What a message said at a moment: the last version sent by then, else the first; ``text`` if never edited.

    Missing texts may be None or NaN, as in the table of messages; both come back as None.
    """
    if history is None or len(history) == 0:
        return text if isinstance(text, str) else None
    sent = [version for version in history if version["sent_at"] <= when]
    said = (sent[-1] if sent else history[0])["text"]
    return said if isinstance(said, str) else None
