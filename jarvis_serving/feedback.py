"""What the owner did with the suggestions: one line of JSON each, appended under JARVIS_HOME.

The file holds identifiers, choices and times, never a text. It is the source of the table ``suggestion_feedback``.
Deciding anything from it (calibration, style) belongs to the graph.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from jarvis_resources.errors import SettingsError

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

Action = Literal["sent", "edited", "dismissed"]
NO_OPTION = -1


def path(home: Path) -> Path:
    """Where the feedback lies: ``<home>/feedback/suggestions.jsonl``."""
    return home / "feedback" / "suggestions.jsonl"


def record(
    home: Path,
    *,
    suggestion_id: str,
    action: Action,
    option: int = NO_OPTION,
    route: str,
    given_at: datetime | None = None,
) -> None:
    """Append one verdict: ``option`` counts from 0, −1 means none; ``given_at`` defaults to now.

    Raises ``SettingsError`` for an unknown action or option, or when the file cannot be written.
    """
    if action not in get_args(Action) or not NO_OPTION <= option <= 2:
        raise SettingsError("Feedback is sent, edited or dismissed, of option 0, 1 or 2 (-1: none).")
    when = given_at or datetime.now(UTC)
    line = json.dumps(
        {
            "suggestion_id": suggestion_id,
            "given_at": when.astimezone(UTC).isoformat(),
            "action": action,
            "option": option,
            "route": route,
        },
    ).encode()
    file = path(home)
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(file, os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            # A line torn by a crash would otherwise swallow this one too.
            size = os.fstat(handle).st_size
            torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            os.write(handle, (b"\n" if torn else b"") + line + b"\n")
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise SettingsError(f"Feedback cannot be written to {file} ({error.strerror}).") from error


def read(home: Path) -> pd.DataFrame:
    """Every verdict, oldest first, as the table ``suggestion_feedback``; damaged lines are left out with a warning."""
    import pandas as pd

    from jarvis_resources.tables import SUGGESTION_FEEDBACK

    file = path(home)
    lines = file.read_bytes().splitlines() if file.is_file() else []
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
            rows.append(
                {
                    "suggestion_id": str(row["suggestion_id"]),
                    "given_at": datetime.fromisoformat(row["given_at"]),
                    "action": _known(row["action"]),
                    "option": int(row["option"]),
                    "route": str(row["route"]),
                },
            )
        except (ValueError, KeyError, TypeError):
            log.warning("line %d of the feedback is damaged and left out", number)
    if not rows:
        return SUGGESTION_FEEDBACK.empty()
    frame = pd.DataFrame(rows)
    frame["given_at"] = pd.to_datetime(frame["given_at"], utc=True).dt.as_unit("us")
    return SUGGESTION_FEEDBACK.conform(frame)


def _known(action: str) -> str:
    """``action``; raises ``ValueError`` for one that the table does not know."""
    if action not in get_args(Action):
        raise ValueError("unknown action")
    return action
