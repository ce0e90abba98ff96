"""A whole mining, as an owner runs it: a history becomes a release that answers; again, broken, empty, killed."""

from __future__ import annotations

import fcntl
import json
import sqlite3
from pathlib import Path

import pytest

from jarvis_assets.release.contents import require_same_pairs
from jarvis_resources import releases, tables
from jarvis_resources.asset_files import read_asset
from jarvis_resources.errors import ReleaseError
from jarvis_resources.imessage.sample import write_sample
from jarvis_serving.suggester import Suggester
from tests.system.conftest import BOUND_BY_MODES, ENCODER, MESSAGES, MinedHome, is_one_sentence, jarvis


def test_a_history_becomes_a_release(mined: MinedHome) -> None:
    settings, printed = mined.settings, mined.printed
    release = releases.verify(releases.latest(settings.releases))
    assert printed["release"] == str(release.path)
    assert release.manifest["counts"]["messages"] == MESSAGES
    assert Path(printed["report"]).read_text(encoding="utf-8").startswith("<!doctype html>")


def test_every_asset_of_the_three_jobs_was_made(mined: MinedHome) -> None:
    from jarvis_assets.definitions import defs

    keys = {key.path[-1] for key in defs.resolve_asset_graph().get_all_asset_keys()} - {"tuned_encoder"}
    assert {row["asset"] for row in mined.printed["assets"]} == keys


@pytest.mark.parametrize("table", sorted(set(tables.ALL) - {"tuned_encoder"}))
def test_every_table_on_disk_obeys_its_declaration(mined: MinedHome, table: str) -> None:
    settings = mined.settings
    folder = Path(settings.assets_root) / table
    partition = ENCODER if folder.is_dir() else None
    assert tables.violations(tables.ALL[table], read_asset(settings.assets_root, table, "table", partition)) == []


def test_the_home_is_readable_by_its_owner_alone(mined: MinedHome) -> None:
    settings = mined.settings
    open_to_others = [
        path
        for root in (
            settings.home / "assets",
            settings.releases,
            settings.snapshots,
            settings.vectors,
            settings.reports,
        )
        for path in root.rglob("*")
        if path.is_file() and path.stat().st_mode & 0o077
    ]
    assert open_to_others == []


def test_what_people_wrote_is_not_in_the_event_log(mined: MinedHome) -> None:
    settings = mined.settings
    messages = read_asset(settings.assets_root, "messages", "table")
    texts = messages.loc[messages["text"].str.len() > 25, "text"].head(300)
    logs = b"".join(path.read_bytes() for path in settings.dagster_home.rglob("*") if path.is_file())
    assert [text for text in texts if text.encode() in logs] == []


def test_a_message_gets_options_that_can_be_sent(mined: MinedHome) -> None:
    settings = mined.settings
    done = jarvis(settings.home, "suggest", "want to grab lunch tomorrow?", "--json")
    assert done.returncode == 0, done.stderr
    body = json.loads(done.stdout)
    assert body["route"] in ("TEMPLATE", "GENERATE")
    assert 1 <= len(body["options"]) <= 3
    types = [option["response_type"] for option in body["options"]]
    assert len(set(types)) == len(types), "a commitment gets one option of a type"


def test_mining_again_reads_and_embeds_nothing_new(mined: MinedHome, sample_chat_db: Path) -> None:
    settings, first = mined.settings, mined.printed
    assert first["new_texts"] > 0
    assert first["rows_read"] > 0
    before = releases.latest(settings.releases).name
    again = jarvis(settings.home, "mine", "--chat-db", str(sample_chat_db), "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["new_texts"] == 0
    assert json.loads(again.stdout)["rows_read"] == 0
    assert releases.latest(settings.releases).name != before


def test_two_minings_of_one_home_do_not_run_at_once(mined: MinedHome, sample_chat_db: Path) -> None:
    settings = mined.settings
    with (settings.home / "mining.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = jarvis(settings.home, "mine", "--chat-db", str(sample_chat_db))
    assert refused.returncode == 7
    assert is_one_sentence(refused.stderr, "Another mining")


@pytest.mark.parametrize(
    ("make", "part"),
    [
        ("missing", "There is no file"),
        ("folder", "is a folder"),
        ("text", "text file"),
        ("truncated", "truncated or damaged"),
        ("no message table", "message"),
        ("empty file", "empty"),
    ],
)
def test_bad_input_gets_its_one_sentence(
    mined: MinedHome, sample_chat_db: Path, tmp_path: Path, make: str, part: str
) -> None:
    settings = mined.settings
    before = releases.latest(settings.releases).name
    bad = tmp_path / "bad.db"
    if make == "folder":
        bad.mkdir()
    elif make == "text":
        bad.write_text("Dear diary, today nothing happened. " * 200)
    elif make == "truncated":
        whole = sample_chat_db.read_bytes()
        bad.write_bytes(whole[: len(whole) // 2])
    elif make == "no message table":
        with sqlite3.connect(bad) as connection:
            connection.execute("CREATE TABLE note (x)")
    elif make == "empty file":
        bad.touch()
    done = jarvis(settings.home, "mine", "--chat-db", str(bad))
    assert done.returncode == 3
    assert is_one_sentence(done.stderr, part), done.stderr
    assert releases.latest(settings.releases).name == before, "the previous release serves on"


def test_a_database_without_permission_says_how_to_grant_it(
    mined: MinedHome, sample_chat_db: Path, tmp_path: Path
) -> None:
    locked = tmp_path / "chat.db"
    locked.write_bytes(sample_chat_db.read_bytes())
    locked.chmod(0)
    done = jarvis(mined.settings.home, "mine", "--chat-db", str(locked), wrapper=BOUND_BY_MODES)
    assert done.returncode == 3
    assert is_one_sentence(done.stderr, "Full Disk Access")


@pytest.mark.parametrize(
    ("slug", "part"), [("minilm-l99", "minilm-l99"), ("bge-small-en-v1.5", "are not on this machine")]
)
def test_an_encoder_that_cannot_run_says_how_to_get_it(
    mined: MinedHome, sample_chat_db: Path, slug: str, part: str
) -> None:
    done = jarvis(mined.settings.home, "mine", "--chat-db", str(sample_chat_db), "--encoder", slug)
    assert done.returncode == 4
    assert is_one_sentence(done.stderr, part), done.stderr


def test_a_history_without_a_message_makes_an_empty_release_that_never_crashes(tmp_path: Path) -> None:
    empty = tmp_path / "chat.db"
    write_sample(empty, messages=0, seed=0)
    home = tmp_path / "home"
    done = jarvis(home, "mine", "--chat-db", str(empty))
    assert done.returncode == 0, done.stderr
    for arguments in (["want to grab lunch?"], ["ok"], ["hey", "--contact", "+15555550123"]):
        answer = jarvis(home, "suggest", *arguments, "--json")
        assert answer.returncode == 0, answer.stderr
        body = json.loads(answer.stdout)
        assert body["route"] in ("COLD_START", "SKIP")
        assert body["options"] == []


def test_the_last_release_answers_while_nothing_is_mined_yet(tmp_path: Path) -> None:
    done = jarvis(tmp_path / "home", "suggest", "hello?")
    assert done.returncode == 5
    assert is_one_sentence(done.stderr, "jarvis mine")


def test_a_partition_of_other_pairs_is_not_published(mined: MinedHome) -> None:
    pairs = read_asset(mined.settings.assets_root, "pairs", "table")
    labels = read_asset(mined.settings.assets_root, "dialogue_acts", "table", ENCODER)
    require_same_pairs(pairs, labels, ENCODER)
    with pytest.raises(ReleaseError, match="jarvis mine --encoder"):
        require_same_pairs(pairs.iloc[::-1], labels, ENCODER)


def test_a_group_is_never_offered_what_only_one_of_it_has_read(mined: MinedHome) -> None:
    suggester = Suggester.load(mined.settings)
    pairs = read_asset(mined.settings.assets_root, "pairs", "table")
    person = pairs["person_id"].value_counts().index[0]
    private = 0
    for text in pairs.loc[pairs["person_id"] == person, "trigger_text"].head(15):
        alone = suggester.suggest(text, contact=person)
        together = suggester.suggest(text, contact=person, is_group=True)
        private += sum(option.evidence["people"] < mined.settings.min_people for option in alone.options)
        assert all(option.evidence["people"] >= mined.settings.min_people for option in together.options)
    assert private > 0, "alone with the person, their own history is offered"
