"""A release is whole or it is not there, and the one before goes on serving."""

from __future__ import annotations

import fcntl
import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from jarvis_resources import releases
from jarvis_resources.errors import BusyError, ReleaseError
from jarvis_resources.releases import Release


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "releases"


@pytest.fixture
def publish(root: Path) -> Callable[..., Release]:
    """Publishes a release whose one file says ``word``."""

    def publish(word: str, keep: int = 3) -> Release:
        def fill(folder: Path) -> None:
            (folder / "deep").mkdir()
            (folder / "deep" / "word.txt").write_text(word)

        return releases.publish(root, fill, {"word": word}, keep=keep)

    return publish


def word(release: Release) -> str:
    return (release.path / "deep" / "word.txt").read_text()


def test_a_published_release_is_the_latest_and_verifies(root: Path, publish: Callable[..., Release]) -> None:
    made = publish("one")
    found = releases.verify(releases.latest(root))
    assert (found.name, found.manifest["word"], word(found)) == (made.name, "one", "one")


def test_nothing_published_says_what_to_run(root: Path) -> None:
    with pytest.raises(ReleaseError, match="jarvis mine"):
        releases.latest(root)


def test_a_failure_while_filling_leaves_the_previous_release_and_no_litter(
    root: Path, publish: Callable[..., Release]
) -> None:
    publish("one")

    def broken(folder: Path) -> None:
        (folder / "half.txt").write_text("half")
        raise ReleaseError("no")

    with pytest.raises(ReleaseError):
        releases.publish(root, broken, {})
    assert word(releases.latest(root)) == "one"
    assert len([path for path in root.iterdir() if path.is_dir()]) == 1


def test_what_a_killed_publisher_left_is_swept_by_the_next(root: Path, publish: Callable[..., Release]) -> None:
    publish("one")
    litter = root / ".aside-r20260101T000000000000-abcdef"
    litter.mkdir()
    publish("two")
    assert not litter.exists()


@pytest.mark.parametrize("damage", ["change", "shorten", "remove", "add"])
def test_any_damage_to_a_file_is_found_and_named(root: Path, publish: Callable[..., Release], damage: str) -> None:
    release = publish("one two three")
    file = release.path / "deep" / "word.txt"
    if damage == "change":
        file.write_text("one two threE")
    elif damage == "shorten":
        file.write_text("one")
    elif damage == "remove":
        file.unlink()
    else:
        (release.path / "more.txt").write_text("x")
    with pytest.raises(ReleaseError, match="more.txt" if damage == "add" else "word.txt"):
        releases.verify(releases.latest(root))


def test_a_damaged_latest_release_gives_way_to_the_one_before_visibly(
    root: Path, publish: Callable[..., Release]
) -> None:
    publish("one")
    damaged = publish("two")
    (damaged.path / "deep" / "word.txt").write_text("???")
    found, passed = releases.newest_sound(root)
    assert word(found) == "one"
    assert len(passed) == 1
    assert damaged.name in passed[0]


def test_when_every_release_is_damaged_the_error_is_of_the_latest(root: Path, publish: Callable[..., Release]) -> None:
    release = publish("one")
    (release.path / "manifest.json").write_text("{")
    with pytest.raises(ReleaseError, match=release.name):
        releases.newest_sound(root)


def test_a_release_of_another_layout_is_refused(root: Path, publish: Callable[..., Release]) -> None:
    file = publish("one").path / "manifest.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "schema_version": 99}))
    with pytest.raises(ReleaseError, match="layout 99"):
        releases.latest(root)


def test_only_the_newest_releases_are_kept(root: Path, publish: Callable[..., Release]) -> None:
    for number in range(5):
        publish(str(number), keep=3)
    assert [row.release.manifest["word"] for row in releases.listing(root) if row.release] == ["4", "3", "2"]


def test_rollback_goes_one_back_and_the_next_publication_forward(root: Path, publish: Callable[..., Release]) -> None:
    publish("one")
    publish("two")
    assert word(releases.rollback(root)) == "one"
    assert word(releases.latest(root)) == "one"
    assert [row.is_latest for row in releases.listing(root)] == [False, True]
    publish("three")
    assert word(releases.latest(root)) == "three"


def test_rollback_passes_over_a_damaged_release(root: Path, publish: Callable[..., Release]) -> None:
    publish("one")
    (publish("two").path / "deep" / "word.txt").unlink()
    publish("three")
    assert word(releases.rollback(root)) == "one"


def test_rollback_from_the_only_release_says_so_and_changes_nothing(
    root: Path, publish: Callable[..., Release]
) -> None:
    publish("one")
    with pytest.raises(ReleaseError, match="no sound release before"):
        releases.rollback(root)
    assert word(releases.latest(root)) == "one"


def test_a_second_publisher_is_told_to_wait(root: Path, publish: Callable[..., Release]) -> None:
    publish("one")
    with (root / ".lock").open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(BusyError):
            publish("two")
    assert word(releases.latest(root)) == "one"


def test_only_the_owner_can_read_a_release(root: Path, publish: Callable[..., Release]) -> None:
    release = publish("one")
    modes = {stat.S_IMODE(path.stat().st_mode) for path in release.path.rglob("*") if path.is_file()}
    assert modes == {0o600}
    assert stat.S_IMODE(release.path.stat().st_mode) == 0o700
    assert stat.S_IMODE((release.path / "deep").stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["../../etc", "r1", "", "LATEST"])
def test_only_names_of_releases_are_looked_up(root: Path, publish: Callable[..., Release], name: str) -> None:
    publish("one")
    with pytest.raises(ReleaseError, match="not the name of a release"):
        releases.load(root, name)
