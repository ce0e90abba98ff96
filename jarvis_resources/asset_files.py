"""How assets lie on disk: ``<assets root>/<asset>[/<partition>].<parquet|npy|faiss|json>``.

Four formats, each a pair of functions to write into an open file and to read from a path. The root may be any fsspec
URL; local files are replaced whole (written aside, renamed), and local arrays and indexes are mapped into memory.
Dagster's IO managers and whoever wants an asset without Dagster both come through here. Nothing is pickled.
"""

from __future__ import annotations

import json
import mmap
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from jarvis_resources import tables
from jarvis_resources.errors import SettingsError
from jarvis_resources.files import replacing, told_of

if TYPE_CHECKING:
    from upath import UPath

    from jarvis_resources.vector_index import VectorIndex


@dataclass(frozen=True)
class Format:
    """A file format: its extension, and how a value of an asset is written to and read from it."""

    extension: str
    write: Callable[[str, Any, IO[bytes]], None]
    read: Callable[[str, UPath, Sequence[str] | None], Any]

    def store(self, asset: str, value: Any, path: UPath) -> None:
        """Replace the file at ``path`` by ``value``; a local file appears whole or not at all."""
        if is_local(path):
            with told_of(Path(path.path)), replacing(Path(path.path)) as sink:
                self.write(asset, value, sink)
        else:
            # An object store shows an object only once it is whole.
            with path.open("wb") as sink:
                self.write(asset, value, sink)


def read_asset(
    root: str, asset: str, format_name: str, partition: str | None = None, columns: Sequence[str] | None = None
) -> Any:
    """The value of ``asset`` under the assets root; raises ``SettingsError`` when it has not been made yet.

    ``columns`` picks some of a table's.
    """
    chosen = FORMATS[format_name]
    path = asset_path(root, asset, format_name, partition)
    if not path.exists():
        named = f"{asset} for the encoder {partition}" if partition else asset
        hint = f" --encoder {partition}" if partition else ""
        raise SettingsError(f"There is no {named} under {root} yet; run `jarvis mine{hint}` first.")
    return chosen.read(asset, path, columns)


def asset_path(root: str, asset: str, format_name: str, partition: str | None = None) -> UPath:
    """Where ``asset`` lies under the assets root, made or not."""
    from upath import UPath

    extension = FORMATS[format_name].extension
    return UPath(root) / asset / f"{partition}{extension}" if partition else UPath(root) / f"{asset}{extension}"


def read_index_to_change(root: str, asset: str, partition: str) -> VectorIndex | None:
    """The index ``asset`` as it was last made, in memory and not mapped; None when it has not been made yet.

    Raises ``JarvisError`` when it is damaged.
    """
    path = asset_path(root, asset, "index", partition)
    return _load_index(path, mmap=False) if path.exists() else None


def made_partitions(root: str, asset: str, format_name: str) -> list[str]:
    """The partitions of ``asset`` that have been made, sorted."""
    from upath import UPath

    folder, extension = UPath(root) / asset, FORMATS[format_name].extension
    if not folder.is_dir():
        return []
    return sorted(
        path.name.removesuffix(extension)
        for path in folder.iterdir()
        if path.name.endswith(extension) and not path.name.startswith(".")
    )


def is_local(path: UPath) -> bool:
    """Whether ``path`` is on a disk of this machine, and no object in a store."""
    return path.protocol in ("", "file", "local")


def let_go(array: Any) -> None:
    """Hand the memory of an array that is mapped from a file back; what is read again is fetched again.

    The kernel takes it back by itself when memory is short; until then it counts as ours. Other arrays stay as they are.
    """
    mapped = getattr(array, "_mmap", None)
    if mapped is not None and getattr(array, "mode", None) == "r" and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


def _write_table(asset: str, value: Any, sink: IO[bytes]) -> None:
    tables.ALL[asset].write_to(value, sink)


def _read_table(asset: str, path: UPath, columns: Sequence[str] | None) -> Any:
    wanted = list(columns) if columns else None
    if is_local(path):
        return tables.ALL[asset].read(path.path, columns=wanted)
    with path.open("rb") as source:
        return tables.ALL[asset].read(source, columns=wanted)


def _write_array(_asset: str, value: Any, sink: IO[bytes]) -> None:
    import numpy as np

    np.save(sink, value, allow_pickle=False)


def _read_array(_asset: str, path: UPath, _columns: Sequence[str] | None) -> Any:
    import numpy as np

    if is_local(path):
        return np.load(path.path, mmap_mode="r", allow_pickle=False)
    with path.open("rb") as source:
        return np.load(source, allow_pickle=False)


def _write_json(_asset: str, value: Any, sink: IO[bytes]) -> None:
    sink.write(json.dumps(value, allow_nan=False, separators=(",", ":")).encode())


def _read_json(_asset: str, path: UPath, _columns: Sequence[str] | None) -> Any:
    with path.open("rb") as source:
        return json.load(source)


def _write_index(_asset: str, value: Any, sink: IO[bytes]) -> None:
    # FAISS reads and writes local files only.
    with tempfile.TemporaryDirectory() as folder:
        local = Path(folder) / "index.faiss"
        value.save(local)
        with local.open("rb") as source:
            shutil.copyfileobj(source, sink)


def _read_index(_asset: str, path: UPath, _columns: Sequence[str] | None) -> Any:
    return _load_index(path, mmap=True)


def _load_index(path: UPath, *, mmap: bool) -> VectorIndex:
    from jarvis_resources.vector_index import VectorIndex

    if is_local(path):
        return VectorIndex.load(Path(path.path), mmap)
    with tempfile.TemporaryDirectory() as folder:
        local = Path(folder) / path.name
        with path.open("rb") as source, local.open("wb") as sink:
            shutil.copyfileobj(source, sink)
        return VectorIndex.load(local, mmap=False)


FORMATS: dict[str, Format] = {
    "table": Format(".parquet", _write_table, _read_table),
    "array": Format(".npy", _write_array, _read_array),
    "json": Format(".json", _write_json, _read_json),
    "index": Format(".faiss", _write_index, _read_index),
}
"""The formats by the name that assets use: the IO manager of ``table`` has the key ``table_io``."""
