"""Which backends can run here: each stands on a package, and not every machine has all of them."""

from __future__ import annotations

import importlib.util

from jarvis_resources.encoders.registry import Backend

_PACKAGES: dict[Backend, str] = {
    "onnx": "onnxruntime",
    "sentence-transformers": "sentence_transformers",
    "mlx": "mlx",
    "fastembed": "fastembed",
    "static": "model2vec",
}
"""What a backend imports. fastembed is no dependency of ours: it runs where the owner installed it."""


def runs_here(backend: Backend) -> bool:
    """Whether the backend's package is installed; nothing is imported."""
    return importlib.util.find_spec(_PACKAGES[backend]) is not None


def how_to_install(backend: Backend) -> str:
    """What to run where it is not."""
    return f"pip install {_PACKAGES[backend].replace('_', '-')}"


def here() -> list[Backend]:
    """Every backend that can run here."""
    return [backend for backend in _PACKAGES if runs_here(backend)]
