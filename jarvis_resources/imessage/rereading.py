"""Reading again only what can have changed since the last time.

Next to the rows that were read stays a hard link to the snapshot that they were read from. SQLite compares it with the
new snapshot, row by row and in every column that is read, and only rows that differ, or were not there, are decoded
again. Nothing is taken on trust: rows of chat.db change without a new ROWID, and Apple's dates do not tell of every change.
Another version of this reader, another schema, or anything amiss with what was kept: everything is read anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pyarrow as pa

from jarvis_resources import tables
from jarvis_resources.files import replacing
from jarvis_resources.imessage.columns import Integers
from jarvis_resources.imessage.rows import ROWS, in_threads, read_rows, rowids, select_rows
from jarvis_resources.imessage.schema import Schema, open_readonly

_FINGERPRINT, _STAMP = b"read by", b"read from"
_SPAN = 262_144
"""Rows compared at a time by one thread."""


def rows_of(
    snapshot: Path, schema: Schema, folder: Path | None, progress: Callable[[int, int], None] | None = None
) -> tuple[pa.Table, int]:
    """``ROWS`` of a snapshot, in no order, and how many of them were read.

    ``folder`` is where the last reading is kept (None: nowhere). ``progress`` is called with rows read and rows to read.
    Raises ``ChatDatabaseError``.
    """
    present = rowids(snapshot)
    if folder is None:
        return read_rows(snapshot, schema, present, progress), len(present)
    kept = _kept(folder, schema)
    if kept is None:
        rows, read = read_rows(snapshot, schema, present, progress), len(present)
    else:
        known = kept["rowid"].to_numpy()
        wanted = _differing(folder / "chat.db", snapshot, schema, present)
        read = len(wanted)
        still = np.isin(known, present) & ~np.isin(known, wanted)
        standing = kept if still.all() else kept.filter(pa.array(still))
        rows = pa.concat_tables([standing, read_rows(snapshot, schema, wanted, progress)])
        if not read and len(rows) == len(kept) and snapshot.samefile(folder / "chat.db"):
            return rows, read
    _keep(folder, snapshot, schema, rows)
    return rows, read


def _kept(folder: Path, schema: Schema) -> pa.Table | None:
    """The rows as last read; None unless this reader read them from the file that lies beside them."""
    try:
        with pa.OSFile(str(folder / "rows.arrow")) as source:
            table = pa.ipc.open_file(source).read_all()
        said = table.schema.metadata or {}
        whole = said.get(_FINGERPRINT) == _fingerprint(schema) and said.get(_STAMP) == _stamp(folder / "chat.db")
        return table.replace_schema_metadata(None) if whole else None
    except (OSError, pa.ArrowException):
        return None


def _keep(folder: Path, snapshot: Path, schema: Schema, rows: pa.Table) -> None:
    """Keep the rows and the snapshot; at no moment do rows lie beside a snapshot that they were not read from."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    written, link = folder / "rows.arrow", folder / "chat.db"
    written.unlink(missing_ok=True)
    link.unlink(missing_ok=True)
    # A file system without hard links keeps nothing, and the next reading is whole.
    with contextlib.suppress(OSError):
        os.link(snapshot, link)
        said = {_FINGERPRINT: _fingerprint(schema), _STAMP: _stamp(link)}
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with replacing(written) as sink, pa.ipc.new_file(sink, ROWS.with_metadata(said), options=options) as writer:
            writer.write_table(rows.replace_schema_metadata(said))


def _differing(old: Path, new: Path, schema: Schema, present: Integers) -> Integers:
    """ROWIDs of the rows of ``new`` that ``old`` lacks or has otherwise, sorted."""
    if old.samefile(new) or not len(present):
        return np.empty(0, np.int64)
    columns = sorted(set(re.findall(r"\bmessage\.(\w+)", select_rows(schema, "").sql)) - {"ROWID"})
    differs = " OR ".join(f"message.{column} IS NOT before.{column} COLLATE BINARY" for column in columns)
    query = (
        "SELECT message.ROWID FROM main.message LEFT JOIN old.message AS before ON before.ROWID = message.ROWID "
        f"WHERE message.ROWID BETWEEN ? AND ? AND (before.ROWID IS NULL OR {differs})"
    )

    def compare(span: Integers) -> Integers:
        with closing(open_readonly(new)) as connection:
            connection.execute("ATTACH ? AS old", [f"file:{quote(str(old.absolute()))}?mode=ro"])
            return np.array([row for (row,) in connection.execute(query, [int(span[0]), int(span[-1])])], np.int64)

    spans = [present[start : start + _SPAN] for start in range(0, len(present), _SPAN)]
    return np.sort(np.concatenate(list(in_threads(compare, spans))))


def _stamp(path: Path) -> bytes:
    """What tells whether a file is the one that was read, untouched."""
    found = path.stat()
    return f"{found.st_ino} {found.st_size} {found.st_mtime_ns}".encode()


def _fingerprint(schema: Schema) -> bytes:
    """This reader's code, its declarations, the columns that it found: rows read by another may look different."""
    digest = hashlib.blake2b(repr(sorted(schema.columns["message"])).encode(), digest_size=16)
    for module in (Path(tables.__file__), *sorted(Path(__file__).parent.glob("*.py"))):
        digest.update(module.read_bytes())
    return digest.hexdigest().encode()
