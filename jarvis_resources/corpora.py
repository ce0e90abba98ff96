"""Optional public corpora, read from the folder that ``JARVIS_CORPORA`` names.

A corpus is a file of JSON lines, ``<name>/<name>.jsonl.gz``; one that is not there is simply not used, one that is
damaged is an error. Their licences forbid shipping them: what is read here is used on this machine and never becomes
part of the repository. What a corpus' labels mean to JARVIS is decided where it is trained on.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jarvis_resources.errors import CorpusError

if TYPE_CHECKING:
    import pandas as pd


def swda(folder: Path | None) -> pd.DataFrame | None:
    """Switchboard dialogue acts, one row per utterance in the order of speaking; None where the corpus is not there.

    Columns: row_id (``conversation:index``), text, previous_text (the last thing the other speaker said, "" at the
    start), act (the SwDA tag), split (train | val | test). Raises ``CorpusError`` for a folder that does not exist
    and for a damaged file.
    """
    import pandas as pd

    frame = _rows(folder, "swda", ["conv_id", "idx", "caller", "text", "act", "split"])
    if frame is None:
        return None
    frame = frame.sort_values(["conv_id", "idx"], kind="stable", ignore_index=True)
    return pd.DataFrame(
        {
            "row_id": frame["conv_id"].astype(str) + ":" + frame["idx"].astype(str),
            "text": frame["text"].astype(str),
            "previous_text": _last_of_other_speaker(frame),
            "act": frame["act"].astype(str),
            "split": frame["split"].astype(str),
        }
    )


def _last_of_other_speaker(frame: pd.DataFrame) -> pd.Series[str]:
    """For each row the other caller's latest text before it in the conversation; "" where there is none."""
    caller, conversation = frame["caller"], frame["conv_id"]
    earlier = frame["text"].astype("object").groupby(conversation).shift(1)
    changed = caller.ne(caller.groupby(conversation).shift(1))
    # Within a run by one caller every row looks back to the row before the run.
    return earlier.where(changed).groupby(conversation).ffill().fillna("").astype(str)


_PREFIX = re.compile(r"\s*([^\s:,]+)\s?[:,]\s*")
_PREFIXES_AT_MOST = 3


def irc_ubuntu(folder: Path | None, *, prefixes: bool = False) -> pd.DataFrame | None:
    """#ubuntu chat with hand-annotated links, one row per line said, in log order; None where the corpus is not there.

    Columns: log, line (its number in the log), minute (since the log's first midnight), nick, text, annotated, targets
    (lines of the log that it answers, ones said by nobody left out), starts (linked to itself alone or besides), missing
    (targets said by nobody), split (train | dev | test). Without ``prefixes``, ``nick:`` at the start of a text is cut
    off: personal texts have none. Raises ``CorpusError`` as ``swda`` does.
    """
    columns = ["file", "idx", "time", "nick", "text", "kind", "annotated", "reply_to", "starts", "split"]
    frame = _rows(folder, "irc_ubuntu", columns)
    if frame is None:
        return None
    frame["split"] = frame.groupby("file")["split"].transform("first")
    frame = frame[frame["kind"] != "system"].reset_index(drop=True)
    if not prefixes:
        nicks = frame.groupby("file")["nick"].agg(lambda names: {name.casefold() for name in names})
        known = frame["file"].map(nicks)
        frame["text"] = [_without_prefix(text, there) for text, there in zip(frame["text"], known, strict=True)]
    clock = frame["time"].str.split(":", expand=True).astype(int)
    minute = clock[0] * 60 + clock[1]
    # The logs tell no date: a clock that goes back by half a day has passed midnight.
    midnights = (minute.groupby(frame["file"]).diff() < -12 * 60).groupby(frame["file"]).cumsum()
    said = frame.groupby("file")["idx"].agg(set)
    targets = [answered if isinstance(answered, list) else [] for answered in frame["reply_to"]]
    there = [[one for one in many if one in said[log]] for many, log in zip(targets, frame["file"], strict=True)]
    return frame.assign(
        minute=minute + 24 * 60 * midnights,
        annotated=frame["annotated"].fillna(False).astype(bool),
        starts=frame["starts"].fillna(False).astype(bool),
        targets=there,
        missing=[len(all_) - len(found) for all_, found in zip(targets, there, strict=True)],
    ).rename(columns={"file": "log", "idx": "line"})[
        ["log", "line", "minute", "nick", "text", "annotated", "targets", "starts", "missing", "split"]
    ]


def irc_ubuntu_system_links(folder: Path | None, split: str) -> tuple[int, int]:
    """Links of the annotated system lines of a split, and how many of them are to the line itself; (0, 0) without it."""
    frame = _rows(folder, "irc_ubuntu", ["file", "kind", "annotated", "reply_to", "starts", "split"])
    if frame is None:
        return 0, 0
    told = frame[(frame["kind"] == "system") & (frame["split"] == split) & frame["annotated"].eq(True)]
    itself = int(told["starts"].eq(True).sum())
    return itself + sum(len(many) for many in told["reply_to"] if isinstance(many, list)), itself


def _without_prefix(text: str, nicks: set[str]) -> str:
    """``text`` without the names of speakers that it begins with."""
    for _ in range(_PREFIXES_AT_MOST):
        found = _PREFIX.match(text)
        if not found or found.group(1).casefold() not in nicks:
            break
        text = text[found.end() :]
    return text


def file_of(folder: Path | None, name: str) -> Path | None:
    """The file of a corpus; None where it is not there; raises ``CorpusError`` for a folder that does not exist."""
    if folder is None:
        return None
    if not folder.is_dir():
        raise CorpusError(f"JARVIS_CORPORA names {folder}, which is not a folder; correct it or unset it.")
    path = folder / name / f"{name}.jsonl.gz"
    return path if path.is_file() else None


def _rows(folder: Path | None, name: str, columns: Sequence[str]) -> pd.DataFrame | None:
    """These columns of a corpus; None where it is not there; raises ``CorpusError`` where it is damaged."""
    import pandas as pd

    path = file_of(folder, name)
    if path is None:
        return None
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            return pd.DataFrame([json.loads(line) for line in lines])[list(columns)]
    except (OSError, EOFError, zlib.error, ValueError, KeyError) as error:
        raise CorpusError(f"{path} is damaged; fetch it again, or remove it to go on without.") from error
