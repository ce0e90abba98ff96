"""Many small parts become few large ones; nobody who reads, writes or is killed meanwhile loses a vector."""

from __future__ import annotations

import fcntl
import os
import resource
import shutil
import signal
import sys
import threading
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from jarvis_resources.encoders import Encoder, compaction, vector_parts
from jarvis_resources.encoders.vector_store import VectorStore, hash_texts
from tests.encoders.letter_pairs import LetterPairs

MANY = compaction.MOST_SMALL + 1
PART_TEXTS = 20
TEXTS = [f"message {i}" for i in range(MANY * PART_TEXTS)]


def forbidden() -> Encoder:
    raise AssertionError("a text that was embedded is embedded again")


def parts(store: VectorStore) -> list[Path]:
    return vector_parts.listed(store.folder)


@pytest.fixture
def store(tmp_path: Path) -> VectorStore:
    """A store with one small part too many."""
    store = VectorStore(tmp_path / "vectors", LetterPairs.fingerprint, LetterPairs.dimension)
    store.embed(TEXTS, LetterPairs, shard_texts=PART_TEXTS)
    assert len(parts(store)) == MANY
    return store


@pytest.fixture
def vectors(store: VectorStore) -> np.ndarray:
    return store.embed(TEXTS, forbidden).vectors


def test_one_small_part_too_many_and_they_become_one(store: VectorStore, vectors: np.ndarray) -> None:
    oldest = vector_parts.written_at(parts(store)[0])
    assert store.compact() == MANY
    (merged,) = parts(store)
    assert vector_parts.written_at(merged) == oldest
    assert merged.stat().st_mode & 0o777 == 0o600
    assert np.array_equal(store.embed(TEXTS, forbidden).vectors, vectors)


def test_a_few_small_parts_are_left_alone(store: VectorStore, vectors: np.ndarray) -> None:
    parts(store)[0].unlink()
    before = parts(store)
    assert store.compact() == 0
    assert parts(store) == before


def test_an_empty_folder_needs_nothing(tmp_path: Path) -> None:
    assert VectorStore(tmp_path, "f" * 16, 64).compact() == 0
    assert not list(tmp_path.iterdir())


def test_merged_parts_stay_below_the_largest_size_and_large_ones_are_not_written_again(
    store: VectorStore, vectors: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    largest = 3 * parts(store)[0].stat().st_size + 100
    monkeypatch.setattr(compaction, "FULL_BYTES", largest)
    assert store.compact() == MANY
    merged = parts(store)
    assert len(merged) == MANY // 3
    assert max(path.stat().st_size for path in merged) <= largest
    more = [f"more {i}" for i in range(MANY * PART_TEXTS)]
    store.embed(more, LetterPairs, shard_texts=PART_TEXTS)
    assert store.compact() == MANY
    assert parts(store)[: MANY // 3] == merged
    assert np.array_equal(store.embed(TEXTS, forbidden).vectors, vectors)


def test_small_minings_rewrite_small_parts_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parts of a store stay few, and what is written again stays in proportion to what is new."""
    store = VectorStore(tmp_path, LetterPairs.fingerprint, LetterPairs.dimension)
    monkeypatch.setattr(compaction, "FULL_BYTES", 10_000)
    rewritten = 0
    for mining in range(200):
        store.embed([f"mining {mining} text {i}" for i in range(3)], LetterPairs)
        before = set(parts(store))
        store.compact()
        rewritten += sum(path.stat().st_size for path in set(parts(store)) - before)
        held = sum(path.stat().st_size for path in parts(store))
        assert len(parts(store)) <= compaction.MOST_SMALL + held // 5_000
    assert len(parts(store)) > compaction.MOST_SMALL, "too few to tell"
    assert rewritten <= 4 * held


def test_of_two_vectors_of_one_text_the_oldest_stays(store: VectorStore, vectors: np.ndarray) -> None:
    vector_parts.write(store.folder, hash_texts(TEXTS[:5]), -vectors[:5])
    assert np.array_equal(store.embed(TEXTS, forbidden).vectors, vectors)
    assert store.compact() == MANY + 1
    (merged,) = parts(store)
    assert pq.read_metadata(merged).num_rows == len(TEXTS)
    assert np.array_equal(store.embed(TEXTS, forbidden).vectors, vectors)


def test_a_damaged_part_is_left_to_be_told_and_healed(store: VectorStore, vectors: np.ndarray) -> None:
    victim = parts(store)[4]
    content = bytearray(victim.read_bytes())
    content[100] ^= 1
    victim.write_bytes(content)
    assert store.compact() == 0
    healed = store.embed(TEXTS, LetterPairs)
    assert healed.damaged_parts == (victim.name,)
    assert np.array_equal(healed.vectors, vectors)
    assert store.compact() == MANY


def test_while_another_process_compacts_nothing_is_done(store: VectorStore) -> None:
    with (store.folder / ".compaction.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        assert store.compact() == 0
    assert store.compact() == MANY


def test_a_disk_without_room_leaves_everything_as_it_was(
    store: VectorStore, vectors: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    before = parts(store)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (before[0].stat().st_size, hard))
    try:
        assert store.compact() == 0
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert parts(store) == before
    assert not list(store.folder.glob("*.aside"))
    assert "were not merged" in caplog.text


def test_readers_and_writers_beside_it_miss_nothing(store: VectorStore, vectors: np.ndarray) -> None:
    done = threading.Event()
    wrong: list[str] = []

    def read() -> None:
        mine = VectorStore(store.folder.parent, store.fingerprint, store.dimension)
        while not done.is_set():
            try:
                if not np.array_equal(mine.embed(TEXTS, forbidden).vectors, vectors):
                    wrong.append("other vectors")
            except AssertionError as error:
                wrong.append(str(error))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    written: list[str] = []
    for turn in range(12):
        new = [f"turn {turn} text {i}" for i in range(MANY)]
        store.embed(new, LetterPairs, shard_texts=1)
        written += new
        assert store.compact()
    done.set()
    for reader in readers:
        reader.join()
    assert wrong == []
    assert not len(store.missing(written).rows)


def compact_and_die(store: VectorStore, event_number: int) -> bool:
    """Compact in a process that is killed at its ``event_number``-th step on files; whether it lived that long."""
    child = os.fork()
    if child == 0:
        left = event_number

        def hook(event: str, _arguments: tuple[object, ...]) -> None:
            nonlocal left
            if event in ("open", "os.rename", "os.remove", "os.chmod", "os.listdir", "os.scandir"):
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        store.compact()
        os._exit(0)
    return os.waitpid(child, 0)[1] == signal.SIGKILL


def test_killed_at_any_point_it_loses_nothing_and_the_next_one_ends_it(
    store: VectorStore, vectors: np.ndarray, tmp_path: Path
) -> None:
    event, states = 0, set()
    killed = True
    while killed:
        event += 1
        copy = VectorStore(tmp_path / str(event), store.fingerprint, store.dimension)
        shutil.copytree(store.folder, copy.folder)
        killed = compact_and_die(copy, event)
        states.add(len(parts(copy)))
        for _ in range(2):
            found = copy.embed(TEXTS, forbidden)
            assert np.array_equal(found.vectors, vectors), f"killed at step {event}"
            assert found.damaged_parts == ()
            copy.compact()
        assert len(parts(copy)) <= compaction.MOST_SMALL
    assert states >= {MANY, MANY + 1, MANY - 1, 1}, "no kill fell between the new part and the last old one"
