"""Verdicts of reviewers on sampled pairs, kept as JSON lines in ``$JARVIS_HOME/reviews.jsonl``.

The file only grows: a verdict taken back is a later line of the same showing without a verdict. Which pairs are shown
is decided in ``sample``; what follows from the verdicts in ``quality`` and ``calibration``.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import unicodedata
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from jarvis_resources import tables
from jarvis_resources.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

FILE = "reviews.jsonl"
OWNER = "owner"
"""The reviewer whose verdicts count; the others' are second opinions."""
LONGEST_NAME = 40
"""Characters of a reviewer's name: more would not fit a line of the summary."""
LONGEST_NOTE = 500
"""Characters of a note: a reason, not an essay."""


def reviewer_name(given: str) -> str:
    """``given`` as it is stored: one spelling for one person, whatever the case, spaces and accents' encoding.

    Raises ``SettingsError`` for a name that is empty, too long, or holds characters that cannot be shown.
    """
    name = " ".join(unicodedata.normalize("NFC", given).casefold().split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise SettingsError(
            f"A reviewer's name is 1 to {LONGEST_NAME} letters, digits or signs on one line; give another --reviewer."
        )
    return name


def record(
    home: Path,
    *,
    showing: str,
    pair_id: str,
    source: str,
    confidence: float,
    reviewer: str,
    verdict: str | None,
    reason: str | None = None,
    note: str | None = None,
) -> None:
    """Append one verdict and make it last; ``verdict`` None takes the showing's verdict back.

    Raises ``SettingsError`` for a verdict or reason that ``tables`` does not know, or when the file cannot be written.
    """
    if verdict not in (*tables.VERDICTS, None) or reason not in (*tables.REVIEW_REASONS, None):
        raise SettingsError(f"A verdict is {', '.join(tables.VERDICTS)}; its reason is one of the list, or none.")
    line = {
        "showing": showing,
        "pair_id": pair_id,
        "source": source,
        "confidence": float(confidence),
        "reviewer": reviewer,
        "verdict": verdict,
        "reason": reason,
        "note": _plain(note or "")[:LONGEST_NOTE] or None,
        "reviewed_at": datetime.now(UTC).isoformat(timespec="microseconds"),
    }
    file = home / FILE
    try:
        _append(file, json.dumps(line).encode())
    except OSError as error:
        raise SettingsError(f"The verdict cannot be written to {file} ({error.strerror}); mend that first.") from error


def read(home: Path, *, until: datetime | None = None) -> pd.DataFrame:
    """The verdicts that stand, oldest first, as the table GOLD_PAIR_REVIEW; ``until``: as of that time.

    A last line torn by a crash is left out. Raises ``SettingsError`` when another line is damaged.
    """
    import pandas as pd

    file = home / FILE
    content = file.read_bytes() if file.is_file() else b""
    latest: dict[str, dict[str, Any]] = {}
    lines = content.split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = _row(line)
        except (ValueError, KeyError, TypeError) as error:
            if number == len(lines):
                break
            raise SettingsError(
                f"Line {number} of {file} is damaged ({type(error).__name__}); mend it or take it out."
            ) from error
        if until is None or row["reviewed_at"] <= until:
            latest[row["showing"]] = row
    standing = [row for row in latest.values() if row["verdict"] is not None]
    if not standing:
        return tables.GOLD_PAIR_REVIEW.empty()
    frame = pd.DataFrame(standing).sort_values("reviewed_at", kind="stable")
    frame["reviewed_at"] = pd.to_datetime(frame["reviewed_at"], utc=True).dt.as_unit("us")
    return tables.GOLD_PAIR_REVIEW.conform(frame)


def settled(verdicts: pd.DataFrame, reviewer: str = OWNER) -> pd.DataFrame:
    """One row per pair that ``reviewer`` judged: the last verdict, which knew most. Repeats only serve agreement."""
    own = verdicts[verdicts["reviewer"] == reviewer]
    return own.drop_duplicates("pair_id", keep="last").reset_index(drop=True)


def _plain(text: str) -> str:
    """``text`` on one line, without what cannot be shown or stored."""
    shown = "".join(sign if sign.isprintable() else " " for sign in text)
    return " ".join(shown.split())


def _append(file: Path, line: bytes) -> None:
    handle = os.open(file, os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        os.fchmod(handle, 0o600)
        _mend(handle)
        size = os.fstat(handle).st_size
        if os.write(handle, line + b"\n") <= len(line):
            os.ftruncate(handle, size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(handle)
    finally:
        os.close(handle)


def _mend(handle: int) -> None:
    """End the file with a whole line: a last line torn by a crash goes, one that only lacks its end gets it."""
    content = os.pread(handle, os.fstat(handle).st_size, 0)
    tail = content.rpartition(b"\n")[2]
    if not tail:
        return
    try:
        _row(tail)
        os.write(handle, b"\n")
    except (ValueError, KeyError, TypeError):
        os.ftruncate(handle, len(content) - len(tail))


def _row(line: bytes) -> dict[str, Any]:
    """One line as a row; raises ``ValueError``, ``KeyError`` or ``TypeError`` when it is none."""
    read = json.loads(line)
    row = {name: read[name] for name in tables.GOLD_PAIR_REVIEW.columns}
    for name in ("showing", "pair_id", "reviewer"):
        if not isinstance(row[name], str) or not row[name]:
            raise TypeError(name)
    for name, known in (
        ("source", ("gold", "semantic")),
        ("verdict", (*tables.VERDICTS, None)),
        ("reason", (*tables.REVIEW_REASONS, None)),
    ):
        if row[name] not in known:
            raise ValueError(name)
    row["confidence"] = float(row["confidence"])
    if not 0.0 <= row["confidence"] <= 1.0 or not isinstance(row["note"], str | None):
        raise ValueError("confidence")
    (row["note"] or "").encode()
    row["reviewed_at"] = datetime.fromisoformat(row["reviewed_at"])
    if row["reviewed_at"].tzinfo is None:
        raise ValueError("reviewed_at")
    return row
