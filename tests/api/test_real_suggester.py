"""The whole way: a published release and a language model, asked over HTTP and from the page."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from browser import open_browser
from fastapi.testclient import TestClient
from scripted import TOKEN
from small_release import OWN, publish_small_release

from jarvis_resources.settings import Settings, load_settings
from jarvis_serving import api, feedback
from jarvis_serving.suggester import Suggester

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def mined(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Settings:
    """Settings of a JARVIS_HOME with a release and a language model, and without a chat.db."""
    folder = tmp_path_factory.mktemp("real")
    settings = load_settings(home=str(folder / "home"), chat_db=str(folder / "none.db"), port=0).prepare()
    publish_small_release(settings)
    (settings.home / "settings.toml").write_text(
        f'language_model = "{tiny_model}"\nchat_db = "{settings.chat_db}"\nport = 0\n', encoding="utf-8"
    )
    return replace(settings, language_model=str(tiny_model))


@pytest.fixture(scope="module")
def suggester(mined: Settings) -> Suggester:
    return Suggester.load(mined)


@pytest.fixture
def client(suggester: Suggester, mined: Settings) -> TestClient:
    return TestClient(
        api.create_app(suggester, token=TOKEN, settings=mined),
        base_url="http://127.0.0.1:8377",
        headers={"Authorization": f"Bearer {TOKEN}"},
        client=("127.0.0.1", 50000),
    )


def test_people_of_the_release_are_listed(client):
    names = {row["display_name"] for row in client.get("/conversations").json()["conversations"]}
    assert names == {"Ana Ruiz", "Bo Lind", "Cy Okafor"}


def test_options_come_at_once_and_the_draft_follows(client, suggester):
    answer = client.post(
        "/drafts/smart-reply", json={"message": "want to grab lunch tomorrow?", "contact": "Ana"}
    ).json()
    assert answer["status"] == "generating"
    assert "sounds good to me" in [option["text"] for option in answer["options"]]
    assert len({option["response_type"] for option in answer["options"]}) == 3
    suggester.drafts.wait(answer["id"], 30)
    draft = client.get(f"/drafts/{answer['id']}").json()
    assert (draft["status"], draft["suggestion"]) == ("complete", "sounds good to me")


@pytest.mark.parametrize("person", [None, "+15550100", "Bo Lind", "p3", "+15550199"])
def test_what_was_said_to_one_friend_reaches_no_other(client, person):
    said = {owner: reply for owner, (_, reply) in OWN.items()}
    allowed = {"+15550100": "p1", "Bo Lind": "p2", "p3": "p3"}.get(person)
    for question, _ in OWN.values():
        answer = client.post("/drafts/smart-reply", json={"message": question, "contact": person}).json()
        offered = {option["text"] for option in answer["options"]}
        assert offered.isdisjoint({reply for owner, reply in said.items() if owner != allowed})


def test_stranger_is_a_cold_start_with_the_count(client):
    answer = client.post("/drafts/smart-reply", json={"message": "dinner tonight?", "contact": "+15550199"}).json()
    assert (answer["status"], answer["route"], answer["message_count"]) == ("cold_start", "COLD_START", 0)


def test_feedback_by_the_draft_and_by_the_suggestion_names_the_same_suggestion(client, mined):
    answer = client.post("/drafts/smart-reply", json={"message": "dinner tonight?", "contact": "Ana"}).json()
    for given in (answer["id"], answer["suggestion_id"]):
        assert client.post(f"/drafts/{given}/feedback", json={"action": "sent", "option": 0}).status_code == 201
    assert feedback.read(mined.home)["suggestion_id"].tolist()[-2:] == [answer["suggestion_id"]] * 2


@pytest.fixture
def address(mined: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a server of its own process, from nothing but JARVIS_HOME."""
    monkeypatch.setenv("JARVIS_HOME", str(mined.home))
    code = "from jarvis_serving import api; from jarvis_resources.settings import load_settings; api.serve(load_settings())"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield process.stdout.readline().split()[-1]
    process.terminate()
    process.communicate(timeout=20)


def test_page_shows_options_and_draft_of_the_real_release(address):
    with open_browser() as context:
        page = context.new_page()
        page.goto(address)
        page.wait_for_selector("#ask:visible")
        page.fill("#contact", "Ana Ruiz")
        page.fill("#message", "want to grab lunch tomorrow?")
        page.press("#message", "Enter")
        page.wait_for_selector(".option.draft button.bubble", timeout=30_000)
        assert page.locator(".option:not(.draft)").count() == 3
        assert page.inner_text(".option.draft .bubble") == "sounds good to me"
        assert "invitation" in page.inner_text("#why")
