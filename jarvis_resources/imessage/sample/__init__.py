"""A synthetic chat.db with its truth beside it, for a first run, for tests, and for learning default models.

Everything in it is invented here: people, numbers, texts. ``write_sample`` is the only entrance; the modules below it
go from words to rows: ``texts`` and ``grammar`` (phrases), ``voices`` and ``personas`` (who), ``situations`` and
``dialogue`` (what is said), ``clock`` and ``history`` (when), ``oddities`` and ``strangers`` (what is no message),
``bodies``, ``writer`` and ``truth`` (what is stored).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SampleReport:
    """What was written."""

    path: Path
    """The chat.db."""
    truth_path: Path
    """What its rows truly are: gzipped JSON lines."""
    contacts_path: Path
    """A folder with an address book that names the people, for ``contacts.read_contacts``."""
    messages: int
    """Rows of the message table."""
    distinct_texts: int
    """Different texts of ordinary messages."""
    conversations: int
    """People and groups written with, automated senders and junk among them."""


def write_sample(
    target: Path, *, messages: int = 20_000, seed: int = 0, progress: Callable[[int, int], None] | None = None
) -> SampleReport:
    """Writes a chat.db of ``messages`` rows to ``target``, its truth and its contacts beside it.

    The same arguments give the same rows. ``progress`` is called with rows done and rows in all. An earlier sample is
    replaced; any other file at ``target`` is not touched. Raises ``SettingsError`` when it cannot be written.
    """
    from jarvis_resources.imessage.sample.produce import produce

    return produce(target, messages, seed, progress or (lambda done, total: None))


__all__ = ["SampleReport", "write_sample"]
