"""A text is embedded once in its life, whatever happens to the runs around it."""

from __future__ import annotations

import os
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from jarvis_resources.encoders import Encoder
from jarvis_resources.encoders.vector_store import VectorStore, hash_texts
from jarvis_resources.errors import EncoderError, JarvisError

FINGERPRINT = "00c0ffee00c0ffee"


class CountingEncoder:
    """A real, if simple, encoder (hashed letter pairs), which counts the texts it was given."""

    slug = "letter-pairs"
    backend = "static"
    precision = "fp32"
    dimension = 64
    fingerprint = FINGERPRINT

    def __init__(self) -> None:
        self.seen: list[str] = []

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> npt.NDArray[np.float32]:
        self.seen += texts
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for row, text in enumerate(texts):
            for a, b in zip("^" + text, text + "$", strict=True):
                vectors[row, (31 * ord(a) + ord(b)) % self.dimension] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def encoder() -> CountingEncoder:
    return CountingEncoder()


@pytest.fixture
def store(tmp_path: Path) -> VectorStore:
    return VectorStore(tmp_path / "vectors", FINGERPRINT, CountingEncoder.dimension)


def parts(store: VectorStore) -> list[Path]:
    return sorted(store.folder.glob("*.parquet"))


def forbidden() -> Encoder:
    raise AssertionError("the encoder was loaded though nothing is new")


def test_rows_are_aligned_with_the_texts_and_a_repeated_text_is_embedded_once(
    store: VectorStore, encoder: CountingEncoder
) -> None:
    texts = ["see you", "ok", "see you", "", "ok", "later"]
    found = store.embed(texts, lambda: encoder)
    assert sorted(encoder.seen) == ["", "later", "ok", "see you"]
    assert (found.new_texts, found.reused_texts) == (4, 0)
    assert found.vectors.dtype == np.float16
    assert np.array_equal(found.vectors, encoder.encode(texts).astype(np.float16))


def test_a_second_run_embeds_nothing_and_never_loads_the_encoder(store: VectorStore, encoder: CountingEncoder) -> None:
    texts = [f"message {i}" for i in range(100)]
    first = store.embed(texts, lambda: encoder, shard_texts=16)
    second = store.embed(texts[::-1], forbidden)
    assert (second.new_texts, second.reused_texts) == (0, 100)
    assert np.array_equal(second.vectors[::-1], first.vectors)


def test_only_what_is_new_is_embedded_in_the_order_of_the_texts(store: VectorStore, encoder: CountingEncoder) -> None:
    store.embed(["a", "b"], lambda: encoder)
    encoder.seen.clear()
    found = store.embed(["z", "a", "y", "b", "x"], lambda: encoder)
    assert encoder.seen == ["z", "y", "x"]
    assert (found.new_texts, found.reused_texts) == (3, 2)


def test_no_texts_need_no_encoder(store: VectorStore) -> None:
    assert store.embed([], forbidden).vectors.shape == (0, 64)


def test_progress_counts_what_is_new_shard_by_shard(store: VectorStore, encoder: CountingEncoder) -> None:
    store.embed(["known"], lambda: encoder)
    told: list[tuple[int, int]] = []
    store.embed(["known", *map(str, range(5))], lambda: encoder, shard_texts=2, progress=lambda *p: told.append(p))
    assert told == [(2, 5), (4, 5), (5, 5)]


def test_what_was_embedded_before_a_failure_is_kept(store: VectorStore, encoder: CountingEncoder) -> None:
    texts = [f"message {i}" for i in range(40)]

    def interrupt(done: int, _total: int) -> None:
        if done == 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.embed(texts, lambda: encoder, shard_texts=10, progress=interrupt)
    resumed = store.embed(texts, lambda: encoder, shard_texts=10)
    assert (resumed.new_texts, resumed.reused_texts) == (10, 30)


@pytest.mark.parametrize("damage", ["truncated", "a flipped bit", "empty"])
def test_a_damaged_part_is_deleted_and_embedded_again_with_a_warning(
    store: VectorStore, encoder: CountingEncoder, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    texts = [f"message {i}" for i in range(30)]
    first = store.embed(texts, lambda: encoder, shard_texts=10)
    victim = parts(store)[1]
    content = bytearray(victim.read_bytes())
    if damage == "a flipped bit":
        content[len(content) // 2] ^= 1
    victim.write_bytes({"truncated": content[:-7], "empty": b""}.get(damage, content))
    second = store.embed(texts, lambda: encoder, shard_texts=10)
    assert (second.new_texts, second.reused_texts, second.damaged_parts) == (10, 20, 1)
    assert np.array_equal(second.vectors, first.vectors)
    assert not victim.exists()
    assert "damaged" in caplog.text
    assert "message" not in caplog.text


def test_where_two_runs_embedded_one_text_the_first_part_has_the_say(
    store: VectorStore, encoder: CountingEncoder
) -> None:
    first = store.embed(["same"], lambda: encoder).vectors
    store._write(hash_texts(["same"]), -first)
    assert np.array_equal(store.embed(["same"], forbidden).vectors, first)


def test_an_encoder_with_another_fingerprint_is_refused(tmp_path: Path, encoder: CountingEncoder) -> None:
    with pytest.raises(EncoderError, match="is not the one of this store"):
        VectorStore(tmp_path, "f" * 16, 64).embed(["hi"], lambda: encoder)


def test_a_store_of_another_dimension_is_not_deleted(store: VectorStore, encoder: CountingEncoder) -> None:
    store.embed(["hi"], lambda: encoder)
    with pytest.raises(EncoderError, match="are not 32 numbers long"):
        VectorStore(store.folder.parent, FINGERPRINT, 32).embed(["hi"], lambda: encoder)
    assert len(parts(store)) == 1


def test_vectors_that_are_not_numbers_are_never_stored(store: VectorStore, encoder: CountingEncoder) -> None:
    encoder.encode = lambda texts, progress=None: np.full((len(texts), 64), np.nan, np.float32)  # type: ignore[method-assign]
    with pytest.raises(EncoderError, match="not numbers"):
        store.embed(["hi"], lambda: encoder)
    assert parts(store) == []


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path, encoder: CountingEncoder) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(JarvisError, match="what is embedded so far is kept"):
        VectorStore(blocked, FINGERPRINT, 64).embed(["hi"], lambda: encoder)


def test_a_part_that_cannot_be_written_whole_is_not_written_at_all(
    store: VectorStore, encoder: CountingEncoder
) -> None:
    texts = [f"message {i}" for i in range(200)]
    store.embed(texts[:100], lambda: encoder)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))  # as a disk that is full after one page
    try:
        with pytest.raises(JarvisError, match="what is embedded so far is kept"):
            store.embed(texts, lambda: encoder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in store.folder.iterdir()] == [path.name for path in parts(store)]
    assert store.embed(texts, lambda: encoder).reused_texts == 100


def test_parts_are_private_and_hold_no_text(store: VectorStore, encoder: CountingEncoder) -> None:
    store.embed(["the secret is forty two"], lambda: encoder)
    (part,) = parts(store)
    assert b"secret" not in part.read_bytes()
    assert stat.S_IMODE(part.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700


def test_what_killed_runs_left_behind_goes_away(store: VectorStore, encoder: CountingEncoder) -> None:
    store.embed(["hi"], lambda: encoder)
    old, young = store.folder / ".old.aside", store.folder / ".young.aside"
    for aside in (old, young):
        aside.write_bytes(b"half")
    os.utime(old, (0, 0))
    store.embed(["hi"], forbidden)
    assert not old.exists()
    assert young.exists()


def test_odd_texts_have_keys_of_their_own() -> None:
    keys = hash_texts(["", " ", "\ud83d", "?", "a\0", "a"])
    assert len(set(keys.tolist())) == len(keys)


CHILD = """
import sys, time
from pathlib import Path
import numpy as np
from jarvis_resources.encoders import encoder_fingerprint, load_encoder
from jarvis_resources.encoders.vector_store import VectorStore
root, out, count, pause = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
texts = [f"{i} {'very ' * (i % 7)}ordinary message" for i in range(count)]
def told(done, total):
    print(done, flush=True)
    time.sleep(pause)
store = VectorStore(root, encoder_fingerprint("all-minilm-l6-v2"), 384)
found = store.embed(texts, lambda: load_encoder("all-minilm-l6-v2"), shard_texts=32, progress=told)
np.save(out, found.vectors)
print("end", found.new_texts, found.reused_texts, flush=True)
"""


def start(root: Path, out: Path, *, pause: float = 0.0, count: int = 320) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CHILD, str(root), str(out), str(count), str(pause)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_a_run_killed_midway_goes_on_where_it_was_and_ends_bit_equal(tmp_path: Path, home: Path) -> None:
    whole = start(tmp_path / "whole", tmp_path / "whole.npy")
    whole.communicate(timeout=120)
    child = start(tmp_path / "killed", tmp_path / "killed.npy", pause=0.2)
    assert child.stdout is not None
    for line in child.stdout:
        if int(line) >= 128:
            break
    os.kill(child.pid, signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    assert not (tmp_path / "killed.npy").exists()
    resumed = start(tmp_path / "killed", tmp_path / "killed.npy")
    last = resumed.communicate(timeout=120)[0].split("\n")[-2].split()
    assert last[0] == "end"
    assert int(last[2]) >= 128
    assert int(last[1]) + int(last[2]) == 320
    assert np.array_equal(np.load(tmp_path / "killed.npy"), np.load(tmp_path / "whole.npy"))


@pytest.mark.slow
def test_two_runs_at_once_both_end_right(tmp_path: Path, home: Path) -> None:
    both = [start(tmp_path / "shared", tmp_path / f"{i}.npy", pause=0.05) for i in range(2)]
    assert [child.communicate(timeout=120)[0].split("\n")[-2].split()[0] for child in both] == ["end", "end"]
    assert np.array_equal(np.load(tmp_path / "0.npy"), np.load(tmp_path / "1.npy"))
    third = start(tmp_path / "shared", tmp_path / "2.npy")
    assert third.communicate(timeout=120)[0].split() == ["end", "0", "320"]
    assert np.array_equal(np.load(tmp_path / "0.npy"), np.load(tmp_path / "2.npy"))
