"""What this machine has: Python, cores, memory, disk, SQLite, an accelerator. Nothing heavy is imported to find out."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sqlite3
import stat
from dataclasses import dataclass

from jarvis_resources.settings import Settings

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True)
class Machine:
    """This machine, and the home on it."""

    system: str
    python: str
    sqlite: str
    cores: int
    load: float
    """Processes that wanted a core over the last minute: more than a few make every measured speed too low."""
    memory_gb: float
    memory_free_gb: float
    disk_free_gb: float
    """On the disk of JARVIS_HOME."""
    accelerator: str | None
    """What torch could compute on; null: the processor alone."""
    libraries: dict[str, str | None]
    """Version of each library that a mining stands on; null: it is not installed."""
    home: str
    home_is_private: bool
    """Nobody but the owner may enter it."""

    @property
    def is_busy(self) -> bool:
        """Whether others use so much of it that a speed measured now is too low."""
        return self.load > self.cores / 2


_LIBRARIES = ("faiss-cpu", "onnxruntime", "torch", "sentence-transformers", "scikit-learn", "pyarrow", "dagster")


def look_around(settings: Settings) -> Machine:
    """What this machine has; ``settings.home`` must be there."""
    import psutil

    memory = psutil.virtual_memory()
    libraries = {name: _version(name) for name in _LIBRARIES}
    return Machine(
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=platform.python_version(),
        sqlite=sqlite3.sqlite_version,
        cores=os.cpu_count() or 1,
        load=round(os.getloadavg()[0], 1),
        memory_gb=round(memory.total / 1e9, 1),
        memory_free_gb=round(memory.available / 1e9, 1),
        disk_free_gb=round(shutil.disk_usage(settings.home).free / 1e9, 1),
        accelerator=_accelerator(libraries["torch"]),
        libraries=libraries,
        home=str(settings.home),
        home_is_private=not stat.S_IMODE(settings.home.stat().st_mode) & _OTHERS,
    )


def _accelerator(torch: str | None) -> str | None:
    """By system and driver, since importing torch takes seconds; a torch built for the processor cannot use a GPU."""
    if platform.system() == "Darwin":
        return "Apple GPU (MPS)" if platform.machine() == "arm64" else None
    if shutil.which("nvidia-smi") is None:
        return None
    return "NVIDIA GPU (CUDA)" if torch and "+cpu" not in torch else "NVIDIA GPU, which this torch cannot use"


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
