"""The first floor: answers a message. Never imports dagster.

``from jarvis_serving import Suggester`` is all that a program needs. What it stands on is imported when it is first
asked for, so that importing this package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jarvis_serving.options import Option
    from jarvis_serving.router import Route
    from jarvis_serving.suggester import Suggester
    from jarvis_serving.suggestion import Hit, Suggestion

__all__ = ["Hit", "Option", "Route", "Suggester", "Suggestion"]

_HOMES = {
    "Option": "options",
    "Route": "router",
    "Hit": "suggestion",
    "Suggester": "suggester",
    "Suggestion": "suggestion",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"jarvis_serving.{_HOMES[name]}"), name)
