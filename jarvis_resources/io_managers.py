"""Dagster's IO managers over ``asset_files``: one for each format, under the keys ``table_io``, ``array_io`` ….

``UPathIOManager`` finds the path of an asset and its partition; ``asset_files`` says what is in the file. An input
with ``metadata={"columns": [...]}`` reads only those columns of a table. What the steps of one asset hand each other
(JSON, without texts) lies under ``<assets root>/.handoff/<run>`` until the last of them is done.

An asset whose metadata name an encoder's ``fingerprint`` has it kept beside its file, and is not loaded by a later step
once the encoder is another: vectors of two encoders, or of two precisions of one, never meet.
"""

import time
from typing import Any

import dagster as dg
from upath import UPath

from jarvis_resources import made_by
from jarvis_resources.asset_files import FORMATS, Format, is_local
from jarvis_resources.settings import load_settings

HANDOFF_IO = "handoff_io"
_HANDOFFS = ".handoff"
_STALE_SECONDS = 86_400
"""Age after which handoffs belong to a run that was killed: a shard takes minutes, and a run a night."""


class AssetFiles(dg.UPathIOManager):
    """Keeps each asset in one file of the given format under ``base_path``."""

    def __init__(self, file_format: Format, base_path: UPath) -> None:
        self._format = file_format
        self.extension = file_format.extension
        super().__init__(base_path=base_path)

    def dump_to_path(self, context: dg.OutputContext, obj: Any, path: UPath) -> None:
        facts = {name: value.value for name, value in (context.output_metadata or {}).items()}
        with made_by.recorded(path, facts):
            self._format.store(context.asset_key.path[-1], obj, path)

    def load_from_path(self, context: dg.InputContext, path: UPath) -> Any:
        made_by.require_current(context.asset_key.path[-1], path)
        columns = (context.definition_metadata or {}).get("columns")
        return self._format.read(context.asset_key.path[-1], path, columns)


class AssetStorage(dg.ConfigurableIOManagerFactory[AssetFiles]):
    """Makes the manager of one format on the assets root of the settings, unless ``root`` names another."""

    format: str
    root: str = ""

    def create_io_manager(self, context: dg.InitResourceContext) -> AssetFiles:
        return AssetFiles(FORMATS[self.format], UPath(self.root or load_settings().assets_root))


class Handoffs(dg.UPathIOManager):
    """Keeps what one step of an asset hands the next, as JSON."""

    extension = ".json"

    def get_op_output_relative_path(self, context: dg.InputContext | dg.OutputContext) -> UPath:
        # Steps of shards have their number in brackets, which fsspec takes for a pattern.
        return UPath(*(part.replace("[", "-").replace("]", "") for part in context.get_identifier()))

    def dump_to_path(self, context: dg.OutputContext, obj: Any, path: UPath) -> None:
        FORMATS["json"].store(context.name, obj, path)

    def load_from_path(self, context: dg.InputContext, path: UPath) -> Any:
        return FORMATS["json"].read(context.name, path, None)


class HandoffStorage(dg.ConfigurableIOManagerFactory[Handoffs]):
    """Makes the manager of handoffs on the assets root of the settings, unless ``root`` names another."""

    root: str = ""

    def create_io_manager(self, context: dg.InitResourceContext) -> Handoffs:
        return Handoffs(UPath(self.root or load_settings().assets_root) / _HANDOFFS)


def asset_storages(root: str = "") -> dict[str, AssetStorage | HandoffStorage]:
    """The IO managers under the keys that assets name: ``table_io``, ``array_io``, ``json_io``, ``index_io``; and
    ``handoff_io`` for what is between their steps."""
    files = {f"{name}_io": AssetStorage(format=name, root=root) for name in FORMATS}
    return {**files, HANDOFF_IO: HandoffStorage(root=root)}


def clear_handoffs(root: str, run_id: str, asset: str) -> None:
    """Delete what the steps of ``asset`` handed each other in a run."""
    run = UPath(root) / _HANDOFFS / run_id
    for step in list(run.iterdir()) if run.is_dir() else ():
        if step.name.startswith(f"{asset}."):
            _remove(step)
    if run.is_dir() and not any(run.iterdir()):
        run.rmdir()


def sweep_handoffs(root: str) -> None:
    """Delete what runs that were killed left behind; not in an object store, whose folders have no age."""
    folder = UPath(root) / _HANDOFFS
    for run in folder.iterdir() if is_local(folder) and folder.is_dir() else ():
        if time.time() - run.stat().st_mtime > _STALE_SECONDS:
            _remove(run)


def _remove(folder: UPath) -> None:
    folder.fs.rm(folder.path, recursive=True)
