"""`jarvis doctor` as its user runs it: what it prints, what it writes, how it ends."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jarvis_assets.doctor import day_one
from jarvis_assets.doctor.encoders import costs
from jarvis_assets.doctor.examination import examine
from jarvis_resources.encoders import CARDS
from jarvis_resources.errors import SettingsError
from jarvis_resources.imessage.sample import write_sample
from jarvis_resources.settings import Settings, load_settings
from tests.imessage.handmade import ChatDb
from tests.system.conftest import BOUND_BY_MODES, jarvis

MESSAGES = 3_000
ALL_MEASURED = frozenset({"all-minilm-l6-v2"})
"""Encoders whose speed is measured in a fresh home: the weights of no other are here."""


@dataclass(frozen=True)
class Examined:
    home: Path
    chat_db: Path
    returncode: int
    printed: dict[str, Any]


@pytest.fixture(scope="module")
def examined(tmp_path_factory: pytest.TempPathFactory) -> Examined:
    folder = tmp_path_factory.mktemp("doctor")
    write_sample(folder / "chat.db", messages=MESSAGES, seed=7)
    done = jarvis(folder / "home", "doctor", "--chat-db", str(folder / "chat.db"), "--json")
    return Examined(folder / "home", folder / "chat.db", done.returncode, json.loads(done.stdout))


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """No process is started to measure an encoder: these tests are about something else."""
    monkeypatch.setattr("jarvis_assets.doctor.encoders._measured", lambda _card, _settings: None)


def test_a_good_history_is_a_go_and_the_next_command_is_exact(examined: Examined) -> None:
    assert examined.returncode == 0
    assert examined.printed["go"] is True
    command = f"jarvis mine --chat-db {examined.chat_db} --encoder all-minilm-l6-v2"
    assert examined.printed["command"] == command
    assert command in examined.printed["decision"]["next_step"]


def test_the_volume_is_that_of_the_sample(examined: Examined) -> None:
    volume = examined.printed["volume"]
    assert volume["rows"] == MESSAGES
    assert (
        volume["mine"] + volume["theirs"]
        == sum(volume["months"]["mine"] + volume["months"]["theirs"]) + volume["undated"]
    )
    assert sum(person["messages"] for person in volume["people"]) + volume["automated"] == pytest.approx(
        volume["direct"], abs=0
    )


def test_speed_is_measured_where_weights_are_and_guessed_elsewhere(examined: Examined) -> None:
    found = {cost["slug"]: cost for cost in examined.printed["encoders"]}
    assert found.keys() == CARDS.keys()
    assert {slug for slug, cost in found.items() if cost["measured"]} == ALL_MEASURED
    assert found["all-minilm-l6-v2"]["memory_mb"] > 50
    assert found["bge-large-en-v1.5"]["texts_per_second"] < found["all-minilm-l6-v2"]["texts_per_second"]


def test_before_a_mining_baselines_and_quality_are_not_measured(examined: Examined) -> None:
    verdicts = {finding["subject"]: finding["verdict"] for finding in examined.printed["findings"]}
    assert verdicts["baselines"] == verdicts["gold pair quality"] == "NOT MEASURED"
    assert examined.printed["mined"]["systems"] == []


def test_the_report_and_its_json_are_private_and_say_the_same(examined: Examined) -> None:
    report = Path(examined.printed["report"])
    assert report == examined.home / "reports" / "day-one.html"
    assert report.stat().st_mode & 0o777 == report.with_suffix(".json").stat().st_mode & 0o777 == 0o600
    kept = json.loads(report.with_suffix(".json").read_text(encoding="utf-8"))
    assert kept["volume"] == examined.printed["volume"]


def test_the_report_opens_from_disk_and_asks_the_network_for_nothing(examined: Examined) -> None:
    page = Path(examined.printed["report"]).read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert page.count("data:image/png;base64,") == 2
    assert "http://" not in page
    assert "https://" not in page
    assert "--: nothing was mined" in page


def test_no_handle_and_no_name_is_in_the_report(examined: Examined) -> None:
    import sqlite3

    connection = sqlite3.connect(examined.chat_db)
    handles = [row[0] for row in connection.execute("SELECT id FROM handle")]
    connection.close()
    reports = examined.home / "reports"
    written = "".join((reports / name).read_text(encoding="utf-8") for name in ("day-one.html", "day-one.json"))
    assert len(handles) > 10
    assert [handle for handle in handles if len(handle) > 6 and handle in written] == []


@pytest.mark.usefixtures("unmeasured")
def test_names_are_in_the_report_where_the_owner_shows_them(examined: Examined, home: Path) -> None:
    settings = load_settings(show_text=True).prepare()
    found = examine(examined.chat_db, settings)
    assert found.volume is not None
    assert found.volume.people[0].name
    assert found.volume.people[0].name in day_one.render(found)


@pytest.mark.usefixtures("unmeasured")
def test_an_unreadable_database_is_a_no_go_with_a_report_of_dashes(settings: Settings, tmp_path: Path) -> None:
    found = examine(tmp_path / "missing.db", settings)
    page = day_one.write(found, settings).read_text(encoding="utf-8")
    assert not found.decision.go
    assert "Full Disk Access" in found.decision.next_step
    assert (found.volume, found.expected, found.recommended) == (None, None, None)
    assert "<b>--</b>" in page
    verdicts = {finding.subject: finding.verdict for finding in found.findings}
    assert verdicts["memory"] == verdicts["time"] == verdicts["gold candidates"] == "NOT MEASURED"


@pytest.mark.usefixtures("unmeasured")
def test_an_empty_database_is_a_no_go_with_a_report(chat_db: ChatDb, settings: Settings) -> None:
    found = examine(chat_db.path, settings)
    assert not found.decision.go
    assert "no messages" in found.decision.next_step
    assert day_one.write(found, settings).is_file()


@pytest.mark.usefixtures("unmeasured")
def test_missing_weights_are_a_no_go_that_says_where_to_put_them(
    examined: Examined, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(pairing_encoder="bge-small-en-v1.5").prepare()
    found = examine(examined.chat_db, settings)
    assert not found.decision.go
    assert "bge-small-en-v1.5" in found.decision.next_step


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize("damaged", ["assets/pairs.parquet", "reviews.jsonl"])
def test_what_is_damaged_of_an_earlier_mining_is_told_and_does_not_stop_the_doctor(
    examined: Examined, settings: Settings, damaged: str
) -> None:
    path = settings.home / damaged
    path.parent.mkdir(exist_ok=True)
    path.write_text("neither a table\nnor a verdict\n")
    found = examine(examined.chat_db, settings)
    assert found.decision.go
    assert [finding.verdict for finding in found.findings if finding.subject == "earlier mining"] == ["WARN"]


@pytest.mark.usefixtures("unmeasured")
def test_a_report_that_cannot_be_written_is_one_sentence(examined: Examined, settings: Settings) -> None:
    found = examine(examined.chat_db, settings)
    settings.reports.rmdir()
    settings.reports.write_text("a file where the folder should be")
    with pytest.raises(SettingsError, match="Cannot write"):
        day_one.write(found, settings)


@pytest.mark.parametrize("kind", ["denied", "folder", "text"])
def test_what_cannot_be_read_ends_with_1_and_no_traceback(examined: Examined, tmp_path: Path, kind: str) -> None:
    bad, part = tmp_path / "bad.db", {"denied": "Full Disk Access", "folder": "folder", "text": "text file"}[kind]
    if kind == "folder":
        bad.mkdir()
    elif kind == "text":
        bad.write_text("Dear diary, today nothing happened.")
    else:
        shutil.copyfile(examined.chat_db, bad)
        bad.chmod(0)
    done = jarvis(
        tmp_path / "home", "doctor", "--chat-db", str(bad), wrapper=BOUND_BY_MODES if kind == "denied" else ()
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "NO-GO" in done.stdout
    assert part in done.stdout


def test_an_encoder_is_not_distilled_to_be_measured(settings: Settings) -> None:
    found = {cost.slug: cost for cost in costs(settings)}
    assert found["minilm-static"].here
    assert not found["minilm-static"].measured
    assert list(settings.encoder_cache.iterdir()) == []
