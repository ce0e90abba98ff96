"""Optional public corpora, read from the folder that ``JARVIS_CORPORA`` names.

A corpus is a file of JSON lines, ``<name>/<name>.jsonl.gz``; one that is not there is simply not used, one that is
damaged is an error. Their licences forbid shipping them: what is read here is used on this machine and never becomes
part of the repository. What a corpus' labels mean to JARVIS is decided where it is trained on.
"""

from __future__ import annotations

import gzip
import json
import zlib
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

    if folder is None:
        return None
    if not folder.is_dir():
        raise CorpusError(f"JARVIS_CORPORA names {folder}, which is not a folder; correct it or unset it.")
    path = folder / "swda" / "swda.jsonl.gz"
    if not path.is_file():
        return None
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            frame = pd.DataFrame([json.loads(line) for line in lines])
        frame = frame[["conv_id", "idx", "caller", "text", "act", "split"]]
    except (OSError, EOFError, zlib.error, ValueError, KeyError) as error:
        raise CorpusError(f"{path} is damaged; fetch it again, or remove it to go on without.") from error
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
