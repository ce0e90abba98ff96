"""Settings: where each value comes from, and what a wrong one gets."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from jarvis_resources.errors import SettingsError
from jarvis_resources.settings import load_settings


def test_the_home_is_private_to_its_owner(home: Path) -> None:
    load_settings().prepare()
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_the_caller_beats_the_environment_which_beats_the_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.mkdir()
    (home / "settings.toml").write_text("min_people = 4\nkeep_releases = 9\nport = 1\n")
    monkeypatch.setenv("JARVIS_KEEP_RELEASES", "8")
    monkeypatch.setenv("JARVIS_PORT", "2")
    settings = load_settings(port=3)
    assert (settings.min_people, settings.keep_releases, settings.port) == (4, 8, 3)


def test_encoders_may_be_a_list_or_words_with_commas(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JARVIS_ENCODERS", "a, b")
    assert load_settings().encoders == ("a", "b")
    assert load_settings(encoders=["c"]).encoders == ("c",)


@pytest.mark.parametrize(("name", "value"), [("JARVIS_PORT", "many"), ("JARVIS_SHOW_TEXT", "perhaps")])
def test_a_value_of_the_wrong_type_names_the_setting(
    home: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name.removeprefix("JARVIS_").lower()):
        load_settings()


def test_an_unknown_setting_in_the_file_is_refused(home: Path) -> None:
    home.mkdir()
    (home / "settings.toml").write_text("tempersture = 1\n")
    with pytest.raises(SettingsError, match="tempersture"):
        load_settings()


def test_a_home_that_cannot_be_made_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("JARVIS_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(SettingsError, match="JARVIS_HOME"):
        load_settings().prepare()


@pytest.mark.parametrize("share", ["nan", "inf", "-1", "5", "a tenth"])
def test_a_share_is_between_nothing_and_all(home: Path, monkeypatch: pytest.MonkeyPatch, share: str) -> None:
    monkeypatch.setenv("JARVIS_RENEW_AT", share)
    with pytest.raises(SettingsError, match="renew_at"):
        load_settings()
