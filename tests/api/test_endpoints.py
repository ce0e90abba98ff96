"""What each endpoint takes and answers, and what it says to a malformed request."""

from __future__ import annotations

import logging
import socket
import sys

import pytest

from jarvis_resources.errors import BusyError, SettingsError
from jarvis_resources.settings import load_settings
from jarvis_serving import api, feedback
from jarvis_serving.generation import Line


def test_health_names_the_release(send):
    assert send("GET", "/health").json() == {
        "status": "ok",
        "release": "20260101-000000",
        "drafts": False,
        "cold_start_messages": 10,
    }


def test_conversations_are_listed(send):
    assert [row["display_name"] for row in send("GET", "/conversations").json()["conversations"]] == [
        "Ana Ruiz",
        "Sam",
        "Sam",
    ]


def test_smart_reply_answers_what_the_suggester_says_and_how_long_it_took(send):
    answer = send("POST", "/drafts/smart-reply", json={"message": "Want to grab lunch?"})
    assert answer.status_code == 200
    assert {"status", "route", "route_confidence", "options", "signals", "release"} <= set(answer.json())
    assert answer.headers["server-timing"].startswith("suggest;dur=")


def test_smart_reply_hands_on_contact_history_and_group(send, suggester):
    body = {
        "message": " lunch? ",
        "contact": "+15550100",
        "is_group": True,
        "history": [{"text": "hey", "is_from_me": False}, {"text": "hi!", "is_from_me": True}],
    }
    assert send("POST", "/drafts/smart-reply", json=body).status_code == 200
    assert suggester.calls == [
        {"text": "lunch?", "contact": "+15550100", "is_group": True, "history": [Line("hey", False), Line("hi!", True)]}
    ]


def test_history_left_out_and_empty_history_differ(send, suggester):
    send("POST", "/drafts/smart-reply", json={"message": "a", "contact": ""})
    send("POST", "/drafts/smart-reply", json={"message": "a", "history": []})
    assert [(call["history"], call["contact"]) for call in suggester.calls] == [(None, None), ([], None)]


MALFORMED = {
    "not json": b"{message",
    "a list": b"[]",
    "nothing": b"",
    "no message": b"{}",
    "empty message": b'{"message": "  "}',
    "message of a wrong type": b'{"message": 7}',
    "message too long": b'{"message": "' + b"a" * 4001 + b'"}',
    "unknown field": b'{"message": "hi", "colour": "secret-words"}',
    "history of strings": b'{"message": "hi", "history": ["secret-words"]}',
    "history too long": b'{"message": "hi", "history": [' + b",".join([b'{"text":"a","is_from_me":true}'] * 51) + b"]}",
    "history speaker missing": b'{"message": "hi", "history": [{"text": "secret-words"}]}',
    "half a surrogate": b'{"message": "\\ud800"}',
    "not utf-8": b'{"message": "\xff\xfe"}',
    "deeply nested": b"[" * 30_000,
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_malformed_request_gets_one_sentence_that_quotes_nothing(send, suggester, body):
    headers = [("Authorization", "Bearer a-token-of-the-tests"), ("Content-Type", "application/json")]
    answer = send("POST", "/drafts/smart-reply", content=body, headers=headers)
    assert answer.status_code in (400, 422)
    sentence = answer.json()["error"]
    assert sentence.endswith(".")
    assert "secret-words" not in sentence
    assert "\n" not in sentence
    assert suggester.calls == []


def test_wrong_method_and_wrong_path_answer_json(send):
    assert (send("GET", "/drafts/smart-reply/x").status_code, send("DELETE", "/health").status_code) == (404, 405)
    assert set(send("GET", "/nowhere").json()) == {"error"}


def test_failure_inside_answers_500_and_the_message_reaches_neither_answer_nor_log(send, caplog):
    with caplog.at_level(logging.DEBUG):
        answer = send("POST", "/drafts/smart-reply", json={"message": "explode my-secret"})
    assert answer.status_code == 500
    assert list(answer.json()) == ["error"]
    assert "my-secret" not in answer.text
    assert "my-secret" not in caplog.text


def test_log_of_a_failure_keeps_the_place_and_drops_the_words():
    try:
        raise RuntimeError("no rule for my-secret")
    except RuntimeError:
        record = logging.LogRecord(
            "uvicorn.error", logging.ERROR, __file__, 1, "Exception in ASGI application", (), sys.exc_info()
        )
    line = api.PlaceOnly("%(message)s").format(record)
    assert "RuntimeError" in line
    assert "test_endpoints.py" in line
    assert "my-secret" not in line


def test_unknown_draft_is_404(send):
    assert send("GET", "/drafts/never").status_code == 404


def test_feedback_on_a_suggestion_is_recorded_with_its_route(send, settings):
    given = send("POST", "/drafts/smart-reply", json={"message": "lunch?"}).json()["id"]
    assert send("POST", f"/drafts/{given}/feedback", json={"action": "sent", "option": 2}).status_code == 201
    assert send("POST", f"/drafts/{given}/feedback", json={"action": "dismissed"}).status_code == 201
    rows = feedback.read(settings.home)
    assert rows[["suggestion_id", "action", "option", "route"]].values.tolist() == [
        [given, "sent", 2, "TEMPLATE"],
        [given, "dismissed", -1, "TEMPLATE"],
    ]


@pytest.mark.parametrize(
    "body",
    [
        {"action": "burnt"},
        {"action": "sent", "option": 3},
        {"action": "sent", "option": -2},
        {"option": 0},
        {"action": "sent", "text": "hi"},
    ],
)
def test_senseless_feedback_is_refused(send, settings, body):
    given = send("POST", "/drafts/smart-reply", json={"message": "lunch?"}).json()["id"]
    assert send("POST", f"/drafts/{given}/feedback", json=body).status_code == 422
    assert feedback.read(settings.home).empty


def test_feedback_on_an_option_that_was_not_offered_is_refused(send):
    given = send("POST", "/drafts/smart-reply", json={"message": "skip this"}).json()["id"]
    assert send("POST", f"/drafts/{given}/feedback", json={"action": "sent", "option": 0}).status_code == 422


def test_feedback_on_an_unknown_suggestion_is_404(send):
    assert send("POST", "/drafts/never/feedback", json={"action": "sent", "option": 0}).status_code == 404


def test_page_names_no_other_origin(send):
    for path in api._PAGE:
        text = send("GET", path, headers=[]).text
        for foreign in ("https://", "//cdn", "@import"):
            assert foreign not in text
        assert {line for line in text.split("http://")[1:] if not line.startswith("www.w3.org/2000/svg")} == set()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.1", "example.com", "::"])
def test_server_listens_on_loopback_only(host):
    with pytest.raises(SettingsError, match="this machine only"):
        api._listen(host, 0)


def test_taken_port_says_so():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(BusyError, match="taken"):
            api._listen("127.0.0.1", taken.getsockname()[1])


def test_impossible_port_says_so(home):
    with pytest.raises(SettingsError, match="another port"):
        api._listen("127.0.0.1", load_settings(port=70_000).port)
