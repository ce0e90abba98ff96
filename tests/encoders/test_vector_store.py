"""A text is embedded once in its life, whatever happens to the runs around it."""

from __future__ import annotations

import hashlib
import os
import random
import resource
import signal
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from jarvis_resources.encoders import Encoder, vector_parts
from jarvis_resources.encoders.vector_store import VectorStore, hash_texts
from jarvis_resources.errors import EncoderError, JarvisError
from tests.encoders.letter_pairs import LetterPairs


@pytest.fixture
def encoder() -> LetterPairs:
    return LetterPairs()


@pytest.fixture
def store(tmp_path: Path) -> VectorStore:
    return VectorStore(tmp_path / "vectors", LetterPairs.fingerprint, LetterPairs.dimension)


def parts(store: VectorStore) -> list[Path]:
    return sorted(store.folder.glob("*.parquet"))


def forbidden() -> Encoder:
    raise AssertionError("the encoder was loaded though nothing is new")


def test_rows_are_aligned_with_the_texts_and_a_repeated_text_is_embedded_once(
    store: VectorStore, encoder: LetterPairs
) -> None:
    texts = ["see you", "ok", "see you", "", "ok", "later"]
    found = store.embed(texts, lambda: encoder)
    assert sorted(encoder.seen) == ["", "later", "ok", "see you"]
    assert (found.new_texts, found.reused_texts) == (4, 0)
    assert found.vectors.dtype == np.float16
    assert np.array_equal(found.vectors, encoder.encode(texts).astype(np.float16))


def test_a_second_run_embeds_nothing_and_never_loads_the_encoder(store: VectorStore, encoder: LetterPairs) -> None:
    texts = [f"message {i}" for i in range(100)]
    first = store.embed(texts, lambda: encoder, shard_texts=16)
    second = store.embed(texts[::-1], forbidden)
    assert (second.new_texts, second.reused_texts) == (0, 100)
    assert np.array_equal(second.vectors[::-1], first.vectors)


def test_only_what_is_new_is_embedded_in_the_order_of_the_texts(store: VectorStore, encoder: LetterPairs) -> None:
    store.embed(["a", "b"], lambda: encoder)
    encoder.seen.clear()
    found = store.embed(["z", "a", "y", "b", "x"], lambda: encoder)
    assert encoder.seen == ["z", "y", "x"]
    assert (found.new_texts, found.reused_texts) == (3, 2)


def test_no_texts_need_no_encoder(store: VectorStore) -> None:
    assert store.embed([], forbidden).vectors.shape == (0, 64)


def test_progress_counts_what_is_new_part_by_part(store: VectorStore, encoder: LetterPairs) -> None:
    store.embed(["known"], lambda: encoder)
    told: list[tuple[int, int]] = []
    store.embed(["known", *map(str, range(5))], lambda: encoder, shard_texts=2, progress=lambda *p: told.append(p))
    assert told == [(0, 5), (2, 5), (4, 5), (5, 5)]


def test_what_was_embedded_before_a_failure_is_kept(store: VectorStore, encoder: LetterPairs) -> None:
    texts = [f"message {i}" for i in range(40)]

    def interrupt(done: int, _total: int) -> None:
        if done == 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.embed(texts, lambda: encoder, shard_texts=10, progress=interrupt)
    resumed = store.embed(texts, lambda: encoder, shard_texts=10)
    assert (resumed.new_texts, resumed.reused_texts) == (10, 30)


@pytest.mark.parametrize("damage", ["truncated", "a flipped bit", "empty"])
def test_a_damaged_part_is_named_deleted_and_embedded_again(
    store: VectorStore, encoder: LetterPairs, damage: str
) -> None:
    texts = [f"message {i}" for i in range(30)]
    first = store.embed(texts, lambda: encoder, shard_texts=10)
    victim = parts(store)[1]
    content = bytearray(victim.read_bytes())
    if damage == "a flipped bit":
        content[len(content) // 2] ^= 1
    victim.write_bytes({"truncated": content[:-7], "empty": b""}.get(damage, content))
    second = store.embed(texts, lambda: encoder, shard_texts=10)
    assert (second.new_texts, second.reused_texts, second.damaged_parts) == (10, 20, (victim.name,))
    assert np.array_equal(second.vectors, first.vectors)
    assert not victim.exists()


def test_a_flip_of_any_byte_of_a_part_is_noticed(store: VectorStore, encoder: LetterPairs) -> None:
    store.embed(["a", "b", "c"], lambda: encoder)
    (part,) = parts(store)
    content = part.read_bytes()
    for place in {*range(0, len(content), 11), *range(len(content) - 12, len(content))}:
        part.write_bytes(content[:place] + bytes([content[place] ^ 0x10]) + content[place + 1 :])
        missing = store.missing(["a", "b", "c"])
        assert (len(missing.rows), missing.damaged_parts) == (3, (part.name,)), f"byte {place}"


def test_a_part_that_was_there_before_is_read_as_it_was_written(store: VectorStore, encoder: LetterPairs) -> None:
    """Parts of the first version were not sorted by hash."""
    texts = [f"message {i}" for i in range(20)]
    vectors = store.embed(texts, lambda: encoder).vectors
    (part,) = parts(store)
    table = pq.read_table(part)
    part.unlink()
    shuffled = table.take(np.random.default_rng(0).permutation(20))
    written = vector_parts.write(store.folder, hash_texts(["x"]), vectors[:1])
    pq.write_table(shuffled.replace_schema_metadata(None), written, compression="none", use_dictionary=False)
    written.rename(
        written.with_name(f"{1:020d}-{hashlib.blake2b(written.read_bytes(), digest_size=16).hexdigest()}.parquet")
    )
    assert np.array_equal(store.embed(texts, forbidden).vectors, vectors)


def test_a_part_is_read_with_pyarrow_alone(store: VectorStore, encoder: LetterPairs) -> None:
    texts = [f"message {i}" for i in range(20)]
    vectors = store.embed(texts, lambda: encoder).vectors
    (part,) = parts(store)
    table = pq.read_table(part).to_pydict()
    found = {
        bytes(key): np.frombuffer(vector, "<f2") for key, vector in zip(table["hash"], table["vector"], strict=True)
    }
    for text, vector in zip(texts, vectors, strict=True):
        assert np.array_equal(found[hashlib.blake2b(text.encode(), digest_size=16).digest()], vector)
    assert table["hash"] == sorted(table["hash"])
    assert pq.read_schema(part).metadata == {
        b"encoder": LetterPairs.fingerprint.encode(), b"vector": b"64 numbers, float16, little-endian",
    }  # fmt: skip


def test_what_is_missing_is_told_by_the_first_row_of_each_text(store: VectorStore, encoder: LetterPairs) -> None:
    store.embed(["a", "b"], lambda: encoder)
    missing = store.missing(["z", "a", "y", "z", "b", "x"])
    assert missing.rows.tolist() == [0, 2, 5]
    assert missing.distinct == 5
    assert store.missing([]).rows.tolist() == []


def test_where_two_runs_embedded_one_text_the_first_part_has_the_say(store: VectorStore, encoder: LetterPairs) -> None:
    first = store.embed(["same"], lambda: encoder).vectors
    vector_parts.write(store.folder, hash_texts(["same"]), -first)
    assert np.array_equal(store.embed(["same"], forbidden).vectors, first)


def test_an_older_part_that_shows_while_reading_has_the_say_too(
    store: VectorStore, encoder: LetterPairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the younger one is read first, because the older one takes the place of one that was just merged."""
    first = store.embed(["same"], lambda: encoder).vectors
    younger = vector_parts.write(store.folder, hash_texts(["same"]), -first)
    listings = iter([[younger], parts(store), parts(store)])
    monkeypatch.setattr(vector_parts, "listed", lambda _folder: next(listings))
    assert np.array_equal(store.embed(["same"], forbidden).vectors, first)


def test_an_encoder_with_another_fingerprint_is_refused(tmp_path: Path, encoder: LetterPairs) -> None:
    with pytest.raises(EncoderError, match="is not the one of this store"):
        VectorStore(tmp_path, "f" * 16, 64).embed(["hi"], lambda: encoder)


def test_a_store_of_another_dimension_is_not_deleted(store: VectorStore, encoder: LetterPairs) -> None:
    store.embed(["hi"], lambda: encoder)
    with pytest.raises(EncoderError, match="are not 32 numbers long"):
        VectorStore(store.folder.parent, LetterPairs.fingerprint, 32).embed(["hi"], lambda: encoder)
    assert len(parts(store)) == 1


def test_vectors_that_are_not_numbers_are_never_stored(store: VectorStore, encoder: LetterPairs) -> None:
    encoder.encode = lambda texts, progress=None: np.full((len(texts), 64), np.nan, np.float32)  # type: ignore[method-assign]
    with pytest.raises(EncoderError, match="not numbers"):
        store.embed(["hi"], lambda: encoder)
    assert parts(store) == []


def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path, encoder: LetterPairs) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(JarvisError, match="what is embedded so far is kept"):
        VectorStore(blocked, LetterPairs.fingerprint, 64).embed(["hi"], lambda: encoder)


def test_a_part_that_cannot_be_written_whole_is_not_written_at_all(store: VectorStore, encoder: LetterPairs) -> None:
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


def test_parts_are_private_and_hold_no_text(store: VectorStore, encoder: LetterPairs) -> None:
    store.embed(["the secret is forty two"], lambda: encoder)
    (part,) = parts(store)
    assert b"secret" not in part.read_bytes()
    assert stat.S_IMODE(part.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700


def test_what_killed_runs_left_behind_goes_away(store: VectorStore, encoder: LetterPairs) -> None:
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
store.compact()
np.save(out, found.vectors)
print("end", found.new_texts, found.reused_texts, flush=True)
"""
TEXTS = 320


def start(root: Path, out: Path, *, pause: float = 0.0) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CHILD, str(root), str(out), str(TEXTS), str(pause)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def end(child: subprocess.Popen[str]) -> tuple[int, int]:
    """New and reused texts of a run that goes to its end."""
    last = child.communicate(timeout=120)[0].split("\n")[-2].split()
    assert (child.returncode, last[0]) == (0, "end")
    return int(last[1]), int(last[2])


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "precision"), [(1, "fp32"), (2, "fp32"), (3, "int8")])
def test_a_run_killed_at_three_random_points_ends_bit_equal(
    tmp_path: Path, home: Path, seed: int, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JARVIS_ENCODER_PRECISION", precision)
    assert end(start(tmp_path / "whole", tmp_path / "whole.npy")) == (TEXTS, 0)
    out = tmp_path / "killed.npy"
    saved = 0
    for share in sorted(random.Random(seed).sample(range(5, 95), 3)):
        child = start(tmp_path / "killed", out, pause=0.05)
        assert child.stdout is not None
        for line in child.stdout:
            if saved + int(line) >= share * TEXTS / 100:
                break
        os.kill(child.pid, signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
        assert not out.exists()
        saved = sum(pq.read_metadata(part).num_rows for part in (tmp_path / "killed").rglob("*.parquet"))
        assert saved >= share * TEXTS / 100 - 32, "more than one part was lost"
    assert end(start(tmp_path / "killed", out)) == (TEXTS - saved, saved)
    assert out.read_bytes() == (tmp_path / "whole.npy").read_bytes()


@pytest.mark.slow
def test_two_runs_at_once_end_bit_equal_to_a_single_one(tmp_path: Path, home: Path) -> None:
    end(start(tmp_path / "whole", tmp_path / "whole.npy"))
    both = [start(tmp_path / "shared", tmp_path / f"{i}.npy", pause=0.01) for i in range(2)]
    for child in both:
        end(child)
    assert end(start(tmp_path / "shared", tmp_path / "2.npy")) == (0, TEXTS)
    whole = (tmp_path / "whole.npy").read_bytes()
    assert all((tmp_path / f"{i}.npy").read_bytes() == whole for i in range(3))
