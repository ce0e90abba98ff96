"""From a message to a suggestion, through a real release with the real encoder."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from jarvis_resources import releases, tables
from jarvis_resources.encoders import Encoder
from jarvis_resources.errors import ReleaseError, SettingsError
from jarvis_resources.settings import Settings
from jarvis_serving import Route, Suggester
from jarvis_serving.bank import Bank
from jarvis_serving.calibration import Calibration
from jarvis_serving.generation import Line

LUNCH = "Do you want to get lunch tomorrow?"


def published(bank: Bank, encoder: Encoder, settings: Settings, calibration: Calibration | None = None) -> Suggester:
    """The suggester of a release of ``bank``."""
    calibration = calibration or Calibration.untrained()

    def fill(folder: Path) -> None:
        bank.save(folder)
        calibration.save(folder)

    manifest = {
        "serving_encoder": encoder.slug, "fingerprint": encoder.fingerprint, "precision": encoder.precision,
        "backend": encoder.backend,
    }  # fmt: skip
    releases.publish(settings.releases, fill, manifest)
    return Suggester.load(settings)


@pytest.fixture(scope="module")
def settings(session_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home of this module's own whose encoders are already exported."""
    home = tmp_path_factory.mktemp("suggester")
    (home / "encoders").symlink_to(session_settings.encoder_cache)
    return replace(session_settings, home=home)


@pytest.fixture(scope="module")
def suggester(bank: Bank, encoder: Encoder, settings: Settings) -> Suggester:
    return published(bank, encoder, settings)


def test_a_known_person_gets_options_from_the_history(suggester: Suggester) -> None:
    suggestion = suggester.suggest(LUNCH, contact="p0")
    assert suggestion.route is Route.GENERATE
    assert suggestion.draft_id is None
    assert 1 <= len(suggestion.options) <= 3
    assert "sounds good to me!" in [option.text for option in suggestion.options]
    assert suggestion.signals["dialogue_act"]["type"] == "INVITATION"
    assert suggestion.signals["topic"] == "plans, food"


def test_a_calibration_that_believes_makes_it_a_template(
    bank: Bank, encoder: Encoder, session_settings: Settings, settings: Settings
) -> None:
    sure = replace(Calibration.untrained(), precisions=(0.9, 0.9), template_bar=0.8, generate_bar=0.1)
    suggester = Suggester(bank, sure, encoder, settings, release_name="r")
    suggestion = suggester.suggest(LUNCH, contact="p0")
    assert (suggestion.route, suggestion.route_confidence) == (Route.TEMPLATE, pytest.approx(0.9))


def test_a_calibration_that_doubts_everything_skips(bank: Bank, encoder: Encoder, settings: Settings) -> None:
    doubting = replace(Calibration.untrained(), precisions=(0.1, 0.1), template_bar=0.8, generate_bar=0.5)
    suggestion = Suggester(bank, doubting, encoder, settings, release_name="r").suggest(LUNCH, contact="p0")
    assert (suggestion.route, suggestion.reason, suggestion.options) == (Route.SKIP, "low confidence", [])


def test_a_closing_word_needs_no_response(suggester: Suggester) -> None:
    suggestion = suggester.suggest("lol ok", contact="p0")
    assert (suggestion.route, suggestion.options) == (Route.SKIP, [])
    assert suggestion.to_json()["status"] == "skip"


@pytest.mark.parametrize("contact", ["p4", "+15559999999", "nobody@example.org"])
def test_somebody_new_gets_the_count_and_only_what_everybody_hears(suggester: Suggester, contact: str) -> None:
    suggestion = suggester.suggest(LUNCH, contact=contact)
    assert suggestion.route is Route.COLD_START
    assert suggestion.message_count == (2 if contact == "p4" else 0)
    assert str(suggestion.message_count) in (suggestion.reason or "")
    assert suggestion.options
    for option in suggestion.options:
        assert option.evidence["people"] >= 3


def test_nobody_in_particular_is_no_cold_start_and_sees_only_what_anybody_may(suggester: Suggester) -> None:
    for text in (LUNCH, "where shall we meet?", "want pizza or sushi?", "how much was it?"):
        suggestion = suggester.suggest(text)
        assert suggestion.route is not Route.COLD_START
        assert suggestion.message_count is None
        assert all(option.evidence["people"] >= 3 for option in suggestion.options)


def test_what_was_said_to_one_person_is_offered_to_that_person_alone(suggester: Suggester) -> None:
    own = "sushi please, always sushi"
    assert own in [option.text for option in suggester.suggest("want pizza or sushi?", contact="p0").options]
    for other in ("p1", "p2", "p4", None):
        assert own not in [option.text for option in suggester.suggest("want pizza or sushi?", contact=other).options]


def test_a_secret_is_never_offered(suggester: Suggester) -> None:
    options = suggester.suggest("what's the gate code?", contact="p0", history=[Line("at the gate", False)]).options
    assert all("4711" not in option.text for option in options)


def test_a_message_that_leans_on_others_is_skipped_without_them(suggester: Suggester) -> None:
    leaning = "what about that one?"
    assert suggester.suggest(leaning, contact="p0").signals["needs_context"]["label"] == "NEEDS_CONTEXT"
    alone = suggester.suggest(leaning, contact="p0")
    assert (alone.route, alone.reason) == (Route.SKIP, "needs context")
    with_history = suggester.suggest(
        leaning, contact="p0", history=[{"text": "i like the green sofa", "is_from_me": True}]
    )
    assert with_history.reason != "needs context"


@pytest.mark.parametrize("contact", ["p1", "+15550100001", "(555) 010-0001", "Ben Okafor", "ben okafor", "ben"])
def test_a_contact_is_found_by_id_handle_or_name(suggester: Suggester, contact: str) -> None:
    assert suggester.contacts.find(contact).person_id == "p1"


def test_a_reply_that_is_a_template_says_so(
    make_bank: Callable[..., Bank], history: list, encoder: Encoder, settings: Settings
) -> None:  # type: ignore[type-arg]
    when = pd.Timestamp("2026-01-01", tz="UTC")
    templates = tables.REPLY_TEMPLATES.conform(pd.DataFrame([{
        "template_id": "t1", "trigger_act": "INVITATION", "response_type": "AGREE", "incoming_text": "lunch?",
        "reply_text": "sounds good to me!", "incoming_examples": ["lunch?"], "reply_wordings": ["Sounds good to me"],
        "uses": 4, "person_ids": ["p0", "p1", "p2"], "first_at": when, "last_at": when,
    }]))  # fmt: skip
    bank = make_bank(history, templates=templates)
    suggestion = Suggester(bank, Calibration.untrained(), encoder, settings, release_name="r").suggest(
        LUNCH, contact="p0"
    )
    found = {option.text: option for option in suggestion.options}
    assert found["sounds good to me!"].source == "template"
    assert found["sounds good to me!"].evidence["template_id"] == "t1"


@pytest.mark.parametrize("contact", [None, "p0", "+15550001111"])
@pytest.mark.parametrize("text", [LUNCH, "lol ok", "😀", "what about that one?"])
def test_an_empty_release_answers_cold_start_or_skip(
    make_bank: Callable[..., Bank], encoder: Encoder, settings: Settings, text: str, contact: str | None
) -> None:
    suggester = Suggester(make_bank([]), Calibration.untrained(), encoder, settings, release_name="empty")
    suggestion = suggester.suggest(text, contact=contact)
    assert suggestion.route in (Route.SKIP, Route.COLD_START)
    assert suggestion.options == []
    assert suggester.search("anything") == []
    assert suggester.conversations() == []


def test_an_empty_bank_can_be_published_and_loaded(
    make_bank: Callable[..., Bank], encoder: Encoder, settings: Settings, tmp_path: Path
) -> None:
    home = replace(settings, home=tmp_path)
    (tmp_path / "encoders").symlink_to(settings.encoder_cache)
    assert published(make_bank([]), encoder, home).suggest(LUNCH).route is Route.SKIP


def test_the_answer_is_json_with_the_designs_fields(suggester: Suggester) -> None:
    body = json.loads(json.dumps(suggester.suggest(LUNCH, contact="p0").to_json()))
    assert {"status", "route", "route_confidence", "options", "signals", "release"} <= set(body)
    assert (body["status"], body["route"]) == ("ready", "GENERATE")
    assert {"text", "response_type", "source", "confidence", "evidence"} == set(body["options"][0])


def test_search_finds_the_nearest_exchanges(suggester: Suggester) -> None:
    hits = suggester.search("shall we have pizza or sushi", k=3)
    assert len(hits) == 3
    assert hits[0].response == "sushi please, always sushi"
    assert hits[0].score >= hits[1].score >= hits[2].score
    assert json.dumps(hits[0].to_json())


def test_conversations_come_latest_first(suggester: Suggester) -> None:
    rows = suggester.conversations()
    assert [row.person_id for row in rows] == ["p0", "p1", "p2", "p3", "p4"]
    assert (rows[0].display_name, rows[0].message_count, rows[0].conversation_id) == ("Ana Ruiz", 200, "dp0")


@pytest.mark.parametrize("text", ["", "  \n "])
def test_a_message_without_text_is_refused(suggester: Suggester, text: str) -> None:
    with pytest.raises(SettingsError, match="no message"):
        suggester.suggest(text)


def test_a_malformed_history_is_refused_without_quoting_it(suggester: Suggester) -> None:
    with pytest.raises(SettingsError) as error:
        suggester.suggest("hi there", history=[{"words": "secret words"}])
    assert "secret words" not in str(error.value)


def test_a_damaged_release_gives_way_to_the_one_before(
    bank: Bank, encoder: Encoder, settings: Settings, tmp_path: Path
) -> None:
    home = replace(settings, home=tmp_path)
    (tmp_path / "encoders").symlink_to(settings.encoder_cache)
    first = published(bank, encoder, home).release_name
    second = published(bank, encoder, home).release_name
    (home.releases / second / "index.faiss").write_bytes(b"x")
    assert Suggester.load(home).release_name == first
    with pytest.raises(ReleaseError, match=second):
        Suggester.load(home, second)


def test_a_release_of_another_encoder_is_refused(
    bank: Bank, encoder: Encoder, settings: Settings, tmp_path: Path
) -> None:
    home = replace(settings, home=tmp_path)
    (tmp_path / "encoders").symlink_to(settings.encoder_cache)

    def fill(folder: Path) -> None:
        bank.save(folder)
        Calibration.untrained().save(folder)

    releases.publish(home.releases, fill, {"serving_encoder": encoder.slug, "fingerprint": "0" * 16})
    with pytest.raises(ReleaseError, match="not the one"):
        Suggester.load(home)


def test_a_bank_with_an_index_of_another_version_is_a_release_that_cannot_be_loaded(bank: Bank, tmp_path: Path) -> None:
    bank.save(tmp_path)
    (tmp_path / "index.faiss").write_bytes(b"IwFl, as FAISS alone wrote it" * 20)
    with pytest.raises(ReleaseError, match="cannot be loaded"):
        Bank.load(tmp_path)
