"""The index's file: private, whole or refused with a sentence, whatever happened to it."""

from __future__ import annotations

import stat
from pathlib import Path

import numpy as np
import pytest

from jarvis_resources import vector_index
from jarvis_resources.errors import JarvisError
from jarvis_resources.vector_index import VectorIndex
from tests.encoders.test_vector_index import unit_rows

REFUSED = r"The index rows\.faiss .*; run `jarvis mine` to make it again\."
FLIPS = 200


@pytest.fixture(params=["flat", "clustered"])
def file(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(vector_index, "FLAT_BELOW", 500 if request.param == "clustered" else 30_000)
    VectorIndex.build(unit_rows(800), threads=1).save(tmp_path / "rows.faiss")
    return tmp_path / "rows.faiss"


def test_the_file_is_private_and_nothing_is_left_beside_it(file: Path) -> None:
    assert [beside.name for beside in file.parent.iterdir()] == ["rows.faiss"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_flipped_byte_is_found_wherever_it_is(file: Path) -> None:
    sound = file.read_bytes()
    random = np.random.default_rng(0)
    # The first and the last bytes are where FAISS's header and our trailer lie.
    places = {*range(40), *range(len(sound) - 80, len(sound)), *random.integers(0, len(sound), FLIPS).tolist()}
    for place in sorted(places):
        damaged = bytearray(sound)
        damaged[place] ^= 1 << int(random.integers(8))
        file.write_bytes(damaged)
        with pytest.raises(JarvisError, match=REFUSED):
            VectorIndex.load(file)


@pytest.mark.parametrize("mmap", [False, True])
def test_a_truncated_file_is_refused(file: Path, mmap: bool) -> None:
    sound = file.read_bytes()
    for length in (0, 1, 55, 56, 57, 1_000, len(sound) // 2, len(sound) - 57, len(sound) - 1):
        file.write_bytes(sound[:length])
        with pytest.raises(JarvisError, match=REFUSED):
            VectorIndex.load(file, mmap=mmap)


def test_a_longer_file_is_refused(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"\0")
    with pytest.raises(JarvisError, match=REFUSED):
        VectorIndex.load(file)


def test_an_index_without_our_checksum_is_refused(file: Path) -> None:
    import faiss

    faiss.write_index(faiss.IndexFlatIP(8), str(file))
    with pytest.raises(JarvisError, match="earlier version"):
        VectorIndex.load(file)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(JarvisError, match=r"The index rows\.faiss is missing; run `jarvis mine`"):
        VectorIndex.load(tmp_path / "rows.faiss")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.faiss").mkdir()
    with pytest.raises(JarvisError, match=REFUSED):
        VectorIndex.load(tmp_path / "rows.faiss")


def test_a_file_verified_elsewhere_is_not_read_twice(file: Path) -> None:
    index = VectorIndex.load(file, verify=False)
    assert index.search(unit_rows(800)[:3], 1)[1][:, 0].tolist() == [0, 1, 2]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where a folder should be")
    with pytest.raises(JarvisError, match="Cannot write"):
        VectorIndex.build(unit_rows(3)).save(tmp_path / "taken" / "rows.faiss")
