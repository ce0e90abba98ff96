"""Importing the package costs nothing, and serving needs neither torch nor dagster."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("torch", "dagster", "umap", "hdbscan", "sklearn", "pandas", "sentence_transformers", "matplotlib", "mlx")


def loaded_after(code: str) -> set[str]:
    script = f"{code}\nimport sys\nprint(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_the_package_imports_nothing_heavy() -> None:
    assert loaded_after("import jarvis_serving") == set()


def test_the_suggester_needs_no_training_library() -> None:
    assert loaded_after("from jarvis_serving import Suggester") <= {"pandas"}
