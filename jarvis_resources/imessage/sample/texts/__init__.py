"""The sample's phrases: TOML files, all written for this project, none taken from anybody's messages.

Here belongs reading them, once; what they mean is for ``grammar`` (slots and choices) and ``situations`` (who says
what, and what may be answered). ``lexicon.toml`` holds the slots, ``owner.toml`` the owner's habits,
``automated.toml`` what no person wrote, every other file situations.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import Any

SITUATION_FILES = (
    "plans", "logistics", "questions", "requests", "greetings", "banter", "news", "family", "work", "life",
)  # fmt: skip
"""The files of situations; their order is part of what a seed means."""


@cache
def read(name: str) -> dict[str, Any]:
    """The file ``<name>.toml`` of this folder."""
    return tomllib.loads((resources.files(__name__) / f"{name}.toml").read_text(encoding="utf-8"))
