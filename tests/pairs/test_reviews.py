"""The store of verdicts: nothing given is lost, whatever happens to the file."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import pytest

from jarvis_assets.pairs.review import verdicts as reviews
from jarvis_resources import tables
from jarvis_resources.errors import SettingsError


def give(home: Path, showing: str = "s1", pair_id: str = "p1", verdict: str | None = "GOOD", **rest) -> None:
    given = {"source": "gold", "confidence": 0.95, "reviewer": reviews.OWNER, **rest}
    reviews.record(home, showing=showing, pair_id=pair_id, verdict=verdict, **given)


def test_nobody_has_reviewed_in_a_fresh_home(tmp_path):
    assert tables.violations(tables.GOLD_PAIR_REVIEW, reviews.read(tmp_path)) == []
    assert reviews.read(tmp_path).empty


def test_a_verdict_is_read_as_it_was_given(tmp_path):
    give(tmp_path, verdict="BAD", reason="sarcasm", note="  she was\njoking\x1b[31m 🙃 ")
    found = reviews.read(tmp_path)
    assert tables.violations(tables.GOLD_PAIR_REVIEW, found) == []
    row = found.iloc[0]
    assert (row["verdict"], row["reason"], row["note"]) == ("BAD", "sarcasm", "she was joking [31m 🙃")


def test_the_file_is_the_owners_alone(tmp_path):
    give(tmp_path)
    assert stat.S_IMODE((tmp_path / reviews.FILE).stat().st_mode) == 0o600


def test_a_verdict_taken_back_is_gone_and_may_be_given_anew(tmp_path):
    give(tmp_path, verdict="BAD")
    give(tmp_path, "s2", "p2")
    give(tmp_path, verdict=None)
    assert reviews.read(tmp_path)["showing"].tolist() == ["s2"]
    give(tmp_path, verdict="AMBIGUOUS")
    assert reviews.read(tmp_path).set_index("showing")["verdict"].to_dict() == {"s1": "AMBIGUOUS", "s2": "GOOD"}


def test_a_run_sees_the_verdicts_of_its_start(tmp_path):
    give(tmp_path)
    start = datetime.now(UTC)
    give(tmp_path, "s2", "p2")
    give(tmp_path, verdict=None)
    assert reviews.read(tmp_path, until=start)["showing"].tolist() == ["s1"]


@pytest.mark.parametrize("kept", [1, 40, -1])
def test_a_line_torn_by_a_crash_is_left_out_and_mended_by_the_next(tmp_path, kept):
    give(tmp_path, "s1")
    give(tmp_path, "s2", "p2")
    file = tmp_path / reviews.FILE
    first, second = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(first + second[:kept])
    whole = ["s1", "s2"] if kept == -1 else ["s1"]
    assert reviews.read(tmp_path)["showing"].tolist() == whole
    give(tmp_path, "s3", "p3")
    assert reviews.read(tmp_path)["showing"].tolist() == [*whole, "s3"]
    assert file.read_bytes().startswith(first)


@pytest.mark.parametrize(
    "damage",
    [
        b"not json",
        b"{}",
        b"[1]",
        b"\xff\xfe",
        b'{"showing": "x"}',
        b'{"showing":"s","pair_id":"p","source":"gold","confidence":NaN,"reviewer":"o","verdict":"GOOD","reason":null,'
        b'"note":null,"reviewed_at":"2026-01-01T00:00:00+00:00"}',
        b'{"showing":"s","pair_id":"p","source":"gold","confidence":0.9,"reviewer":"o","verdict":"MAYBE","reason":null,'
        b'"note":null,"reviewed_at":"2026-01-01T00:00:00+00:00"}',
        b'{"showing":"s","pair_id":"p","source":"gold","confidence":0.9,"reviewer":"o","verdict":"BAD","reason":null,'
        b'"note":"\\ud800","reviewed_at":"2026-01-01T00:00:00+00:00"}',
    ],
)
def test_a_damaged_line_in_the_middle_is_named_and_never_passed_over(tmp_path, damage):
    give(tmp_path)
    file = tmp_path / reviews.FILE
    file.write_bytes(file.read_bytes() + damage + b"\n")
    give(tmp_path, "s2", "p2")
    with pytest.raises(SettingsError, match="Line 2 of"):
        reviews.read(tmp_path)


def test_an_unknown_verdict_or_reason_is_refused_and_nothing_is_written(tmp_path):
    for wrong in ({"verdict": "MAYBE"}, {"reason": "tired"}):
        with pytest.raises(SettingsError):
            give(tmp_path, **wrong)
    assert not (tmp_path / reviews.FILE).exists()


def test_a_full_disk_says_so_and_keeps_what_was_there(tmp_path):
    (tmp_path / reviews.FILE).symlink_to("/dev/full")
    with pytest.raises(SettingsError, match="No space left"):
        give(tmp_path)


def _give_twenty(home: Path, who: int) -> None:
    for number in range(20):
        give(home, f"{who}-{number}", f"p{number}")


def test_two_reviews_at_once_lose_nothing(tmp_path):
    context = get_context("spawn")
    both = [context.Process(target=_give_twenty, args=(tmp_path, who)) for who in (1, 2)]
    for process in both:
        process.start()
    for process in both:
        process.join(60)
    assert len(reviews.read(tmp_path)) == 40


@pytest.mark.parametrize(
    ("given", "stored"), [("Ana", "ana"), ("  Ana  María ", "ana maría"), ("Zoe\u0301", "zoé"), ("小明 🙂", "小明 🙂")]
)
def test_a_reviewer_has_one_spelling(given, stored):
    assert reviews.reviewer_name(given) == stored


@pytest.mark.parametrize("given", ["", "   ", "a\x1b[2Jb", "a\u202eb", "\ud800", "x" * 41, "a\x00"])
def test_a_name_that_cannot_be_shown_is_refused(given):
    with pytest.raises(SettingsError, match="--reviewer"):
        reviews.reviewer_name(given)


def test_a_pair_judged_twice_counts_once_by_its_last_verdict(tmp_path):
    give(tmp_path, "s1", verdict="BAD")
    give(tmp_path, "s2", verdict="GOOD")
    give(tmp_path, "s3", verdict="BAD", reviewer="ana")
    assert reviews.settled(reviews.read(tmp_path))["verdict"].tolist() == ["GOOD"]
