"""How long work tells that it goes on: to the terminal when a command runs it, to Dagster's log otherwise.

The command line sets one listener for its process; assets ask for a tracker and need not know who listens.
"""

import time
from collections.abc import Callable

import dagster as dg

Tracker = Callable[[int, int], None]
"""Called with (done, total) in whatever unit the work has."""

LOG_SECONDS = 10.0
"""Shortest time between two lines in Dagster's log: often enough to see it lives, rare enough to read."""

_listener: Callable[[str, int, int], None] | None = None


def listen(listener: Callable[[str, int, int], None] | None) -> None:
    """Send all progress of this process to ``listener(label, done, total)``; ``None``: back to the log."""
    global _listener
    _listener = listener


def tracker(context: dg.AssetExecutionContext | dg.OpExecutionContext, label: str) -> Tracker:
    """A callback for work called ``label``; the log says how much is done and how long the rest will take."""
    if _listener is not None:
        heard = _listener
        return lambda done, total: heard(label, done, total)
    started = time.monotonic()
    said = started
    before: int | None = None

    def log(done: int, total: int) -> None:
        nonlocal said, before
        now = time.monotonic()
        if before is None:
            before = done  # A shard counts on from the ones before it.
        if now - said < LOG_SECONDS or done == before:
            return
        said = now
        speed = (done - before) / (now - started)
        context.log.info(f"{label}: {done:,} of {total:,}, {speed:,.0f}/s, {(total - done) / speed:.0f} s left")

    return log
