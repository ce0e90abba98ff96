"""Dagster's IO managers over ``asset_files``: one for each format, under the keys ``table_io``, ``array_io`` ….

``UPathIOManager`` finds the path of an asset and its partition; ``asset_files`` says what is in the file. An input
with ``metadata={"columns": [...]}`` reads only those columns of a table.
"""

from typing import Any

import dagster as dg
from upath import UPath

from jarvis_resources.asset_files import FORMATS, Format
from jarvis_resources.settings import load_settings


class AssetFiles(dg.UPathIOManager):
    """Keeps each asset in one file of the given format under ``base_path``."""

    def __init__(self, file_format: Format, base_path: UPath) -> None:
        self._format = file_format
        self.extension = file_format.extension
        super().__init__(base_path=base_path)

    def dump_to_path(self, context: dg.OutputContext, obj: Any, path: UPath) -> None:
        self._format.store(context.asset_key.path[-1], obj, path)

    def load_from_path(self, context: dg.InputContext, path: UPath) -> Any:
        columns = (context.definition_metadata or {}).get("columns")
        return self._format.read(context.asset_key.path[-1], path, columns)


class AssetStorage(dg.ConfigurableIOManagerFactory[AssetFiles]):
    """Makes the manager of one format on the assets root of the settings, unless ``root`` names another."""

    format: str
    root: str = ""

    def create_io_manager(self, context: dg.InitResourceContext) -> AssetFiles:
        return AssetFiles(FORMATS[self.format], UPath(self.root or load_settings().assets_root))


def asset_storages(root: str = "") -> dict[str, AssetStorage]:
    """The IO managers under the keys that assets name: ``table_io``, ``array_io``, ``json_io``, ``index_io``."""
    return {f"{name}_io": AssetStorage(format=name, root=root) for name in FORMATS}
