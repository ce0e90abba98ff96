"""The making of a sample from end to end: the cast, the history, the oddities, the files.

Here belongs the order of the steps and the care for files: a sample is written beside its place and moved there whole,
readable by its owner alone, and replaces nothing but an earlier sample.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random

from jarvis_resources.errors import SettingsError
from jarvis_resources.imessage.sample import SampleReport, personas, truth
from jarvis_resources.imessage.sample.history import converse
from jarvis_resources.imessage.sample.oddities import Oddities, share_out
from jarvis_resources.imessage.sample.personas import Person, Room
from jarvis_resources.imessage.sample.record import Message
from jarvis_resources.imessage.sample.strangers import strangers
from jarvis_resources.imessage.sample.writer import Writer, write_address_book

_ADDRESS_BOOK = "AddressBook-v22.abcddb"


def produce(target: Path, messages: int, seed: int, progress: Callable[[int, int], None]) -> SampleReport:
    """See ``write_sample``."""
    if messages < 0:
        raise SettingsError(f"A sample cannot have {messages} messages; ask for 0 or more.")
    target = target.expanduser().absolute()
    truth_path = target.with_name(target.name + ".truth.jsonl.gz")
    contacts_path = target.with_name(target.name + ".contacts")
    if target.exists() and not truth_path.exists():
        raise SettingsError(f"{target} exists and is not an earlier sample; give the sample another path.")
    random = Random(seed)
    cast, history = _history(messages, random, progress)
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".sample-", dir=target.parent) as folder:
            made = Path(folder) / "chat.db"
            with closing(sqlite3.connect(made)) as connection, connection:
                connection.execute("PRAGMA synchronous = OFF")
                records = Writer(connection, random).write(history, lambda done: progress(done, messages))
            book = Path(folder) / _ADDRESS_BOOK
            write_address_book(book, cast)
            lines = Path(folder) / "truth"
            lines.write_bytes(truth.packed(records))
            contacts_path.mkdir(mode=0o700, exist_ok=True)
            for file, place in ((lines, truth_path), (book, contacts_path / _ADDRESS_BOOK), (made, target)):
                file.chmod(0o600)
                os.replace(file, place)
    except (OSError, sqlite3.OperationalError) as error:
        raise SettingsError(f"Cannot write the sample to {target} ({error}); give it a folder of yours.") from error
    progress(messages, messages)
    return SampleReport(
        path=target,
        truth_path=truth_path,
        contacts_path=contacts_path,
        messages=len(records),
        distinct_texts=len({record["text"] for record in records if record["kind"] == "normal"}),
        conversations=len({record["conversation"] for record in records} - {None}),
    )


def _history(messages: int, random: Random, progress: Callable[[int, int], None]) -> tuple[list[Person], list[Message]]:
    """The cast, and ``messages`` rows of every kind."""
    cast = personas.people(random)
    rooms: list[Room] = personas.rooms(cast)
    counts = share_out(messages)
    _, foreign = strangers(counts, random)
    spoken = messages - len(foreign) - sum(count for name, count in counts.items() if name not in _FOREIGN)
    history = converse(rooms, spoken, random, lambda done: progress(done // 2, messages))
    oddities = Oddities(history, cast, rooms, random)
    added = oddities.add(counts)
    if (lacking := messages - len(history) - len(foreign) - len(added)) > 0:
        # Some oddities found nothing to be about; ordinary talk takes their place.
        known = {message.guid for message in history}
        added += [
            message for message in converse(rooms, lacking, random, lambda done: None) if message.guid not in known
        ]
    oddities.change(messages)
    return cast, [*history, *foreign, *added]


_FOREIGN = frozenset({"automated", "junk", "unknown", "self"})
