"""What was learned and measured stands until the history has outgrown it, and no longer."""

from __future__ import annotations

import errno
import hashlib
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from jarvis_assets import standing
from jarvis_assets.standing import PairSketch
from jarvis_resources.errors import JarvisError
from jarvis_resources.settings import Settings


def ids(start: int, end: int) -> np.ndarray:
    """Numbers of distinct pairs, the same for the same range."""
    return standing.pair_numbers(
        [hashlib.blake2b(str(number).encode(), digest_size=16).hexdigest() for number in range(start, end)]
    )


class Work:
    """Something that takes long: counts how often it is done."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.done = settings, 0

    def made(self) -> dict[str, float]:
        self.done += 1
        return {"value": float(self.done), "unmeasured": float("nan")}

    def __call__(self, pairs: np.ndarray, key: str = "a" * 24, name: str = "work") -> standing.Standing:
        return standing.once(
            self.settings,
            name,
            key,
            pairs,
            self.made,
            pack=lambda value: (value, {"array": np.arange(3.0)}),
            unpack=lambda facts, arrays: facts if arrays["array"].tolist() == [0, 1, 2] else {},
        )


@pytest.fixture
def work(settings: Settings) -> Work:
    return Work(settings)


def test_it_is_made_once_and_says_since_when_it_stands(work: Work) -> None:
    first = work(ids(0, 1000))
    assert first.changed is None
    assert first.as_metadata() == {"stands": "made in this run"}
    again = work(ids(0, 1020))
    assert work.done == 1
    assert again.value["value"] == 1.0
    assert np.isnan(again.value["unmeasured"])
    assert again.made_at == first.made_at
    assert again.sentence.endswith("of 1,000 pairs; 2.0% have come or gone since")


@pytest.mark.parametrize(
    ("start", "end", "stands"), [(0, 1100, True), (0, 1101, False), (101, 1000, False), (60, 1060, False)]
)
def test_it_is_made_anew_when_more_than_a_tenth_came_or_went(work: Work, start: int, end: int, stands: bool) -> None:
    work(ids(0, 1000))
    assert (work(ids(start, end)).changed is not None) is stands


def test_small_changes_add_up(work: Work) -> None:
    for end in range(1000, 1140, 20):
        work(ids(0, end))
    assert work.done == 2  # at 1,000 and 1,120


def test_another_key_or_a_damaged_file_makes_it_anew(work: Work) -> None:
    work(ids(0, 100))
    work(ids(0, 100), key="b" * 24)
    assert work.done == 2
    (kept,) = (work.settings.home / standing.FOLDER).iterdir()
    assert kept.name == "work-" + "b" * 24
    kept.write_bytes(kept.read_bytes()[:-9])
    work(ids(0, 100), key="b" * 24)
    assert work.done == 3


@pytest.mark.parametrize("place", [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999])
def test_a_flipped_bit_anywhere_makes_it_anew(work: Work, place: float) -> None:
    work(ids(0, 100))
    (kept,) = (work.settings.home / standing.FOLDER).iterdir()
    content = bytearray(kept.read_bytes())
    content[int(place * len(content))] ^= 1
    kept.write_bytes(content)
    assert work(ids(0, 100)).changed is None
    assert work.done == 2


def test_a_full_disk_is_said_in_a_sentence(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("jarvis_assets.kept.write_private", full)
    with pytest.raises(JarvisError, match=r"Cannot write .*work-a+ \(No space left on device\); free some space"):
        work(ids(0, 100))


def test_a_row_that_changes_is_one_gone_and_one_come() -> None:
    rows = pd.DataFrame({"pair_id": [f"{n:032x}" for n in range(100)], "person_id": ["a", None] * 50})
    sketch = PairSketch.of(standing.row_numbers(rows))
    merged = rows.assign(person_id=["b", *rows["person_id"][1:]])
    assert sketch.changed(standing.row_numbers(rows.iloc[::-1])) == 0
    assert sketch.changed(standing.row_numbers(merged)) == pytest.approx(0.02)


def test_a_name_that_begins_like_another_does_not_remove_it(work: Work) -> None:
    work(ids(0, 100), name="work-of-two")
    work(ids(0, 100), name="work")
    work(ids(0, 100), name="work-of-two")
    assert work.done == 2


def test_nothing_stands_where_the_owner_wants_it_so(settings: Settings) -> None:
    work = Work(replace(settings, renew_at=0.0))
    work(ids(0, 100))
    work(ids(0, 100))
    assert work.done == 2


def test_what_is_refused_when_read_is_made_anew(settings: Settings) -> None:
    def refuse(*_: object) -> None:
        raise ValueError

    made = []
    for _ in range(2):
        standing.once(
            settings, "work", "a" * 24, ids(0, 0), lambda: made.append(1), pack=lambda _: ({}, {}), unpack=refuse
        )
    assert len(made) == 2


def test_an_empty_history_stands_until_there_is_a_pair(work: Work) -> None:
    work(ids(0, 0))
    assert work(ids(0, 0)).changed == 0
    assert work(ids(0, 1)).changed is None


@pytest.mark.parametrize("share", [0.05, 0.1, 0.2])
def test_a_sketch_of_many_pairs_tells_their_change(share: float) -> None:
    count = 100_000
    sketch = PairSketch.of(ids(0, count))
    assert len(sketch.numbers) == 8_192
    assert sketch.changed(ids(0, count)) == 0
    assert sketch.changed(ids(0, int(count * (1 + share)))) == pytest.approx(share, abs=0.015)
    assert sketch.changed(ids(int(count * share), count)) == pytest.approx(share, abs=0.015)


def test_the_key_knows_the_code_and_the_parts() -> None:
    assert standing.key_of_all_code(1, "a") == standing.key_of_all_code(1, "a")
    assert standing.key_of_all_code(1, "a") != standing.key_of_all_code(2, "a")
