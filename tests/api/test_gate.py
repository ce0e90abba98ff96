"""Who gets through to the API, and what the others are told."""

from __future__ import annotations

import asyncio
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from scripted import TOKEN

from jarvis_resources.errors import SettingsError
from jarvis_resources.settings import Settings
from jarvis_serving import api, gate

BEARER = ("Authorization", f"Bearer {TOKEN}")


def test_request_with_the_token_from_this_machine_gets_through(send):
    assert send("GET", "/health").status_code == 200


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", TOKEN])
def test_wrong_or_missing_token_is_refused_on_every_endpoint(send, value):
    headers = [("Authorization", value)] if value else []
    for method, path in (
        ("GET", "/health"),
        ("GET", "/conversations"),
        ("POST", "/drafts/smart-reply"),
        ("GET", "/drafts/x"),
        ("POST", "/drafts/x/feedback"),
        ("GET", "/openapi.json"),
        ("POST", "/"),
    ):
        answer = send(method, path, headers=headers)
        assert answer.status_code == 401, path
        assert answer.headers["www-authenticate"] == "Bearer"
        assert list(answer.json()) == ["error"]


def test_page_and_its_files_need_no_token_and_hold_none(send):
    for path in api._PAGE:
        answer = send("GET", path, headers=[])
        assert answer.status_code == 200
        assert TOKEN not in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8377", "localhost:8377", "[::1]:8377", "LOCALHOST"])
def test_loopback_names_are_answered(send, host):
    assert send("GET", "/health", headers=[("Host", host), BEARER]).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "192.168.1.5", "localhost@evil.example:1", "0.0.0.0", "", "[::1"],
)
def test_name_rebound_to_this_machine_is_refused(send, host):
    answer = send("GET", "/", headers=[("Host", host), BEARER])
    assert answer.status_code == 421


def test_two_host_headers_are_refused(send):
    answer = send("GET", "/health", headers=[("Host", "127.0.0.1"), ("Host", "evil.example"), BEARER])
    assert answer.status_code == 400


@pytest.mark.parametrize("client", ["10.0.0.7", "192.168.1.20", "2001:db8::1"])
def test_other_machines_are_refused_even_with_the_token(send, client):
    assert send("GET", "/health", client=client).status_code == 403


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:9999", "https://127.0.0.1:8377"])
def test_pages_of_other_sites_are_refused(send, origin):
    assert send("GET", "/health", headers=[("Origin", origin), BEARER]).status_code == 403


def test_own_page_is_answered_and_no_other_site_is_ever_allowed_in(send):
    answer = send("GET", "/health", headers=[("Origin", "http://127.0.0.1:8377"), BEARER])
    assert answer.status_code == 200
    preflight = send("OPTIONS", "/drafts/smart-reply", headers=[("Access-Control-Request-Method", "POST"), BEARER])
    assert not [name for each in (answer, preflight) for name in each.headers if name.startswith("access-control")]


def test_large_bodies_are_refused_before_they_are_read_whole(send, suggester):
    large = b'{"message": "' + b"a" * gate.MAX_BODY_BYTES + b'"}'
    assert send("POST", "/drafts/smart-reply", content=large).status_code == 413

    sent = 0

    async def endless() -> Any:
        nonlocal sent
        for _ in range(10_000):
            sent += 1
            yield b"a" * 1024

    assert send("POST", "/drafts/smart-reply", content=endless()).status_code == 413
    assert sent < 100
    assert suggester.calls == []


@pytest.mark.parametrize("length", ["-1", "1e3", "abc", "99999999999999999999"])
def test_senseless_lengths_are_refused(send, length):
    answer = send("POST", "/drafts/smart-reply", headers=[BEARER, ("Content-Length", length)], content=b"{}")
    assert answer.status_code == 413


def test_body_that_never_comes_is_given_up(monkeypatch):
    monkeypatch.setattr(gate, "BODY_SECONDS", 0.05)
    answers: list[dict[str, Any]] = []

    async def never() -> Any:
        await asyncio.sleep(60)

    async def keep(message: Any) -> None:
        answers.append(message)

    async def unreachable(*_: Any) -> None:
        raise AssertionError("the app was reached")

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/x",
        "client": ("127.0.0.1", 1),
        "scheme": "http",
        "headers": [(b"host", b"localhost"), (b"authorization", b"Bearer t")],
    }
    asyncio.run(gate.Gate(unreachable, token="t", open_paths=frozenset())(scope, never, keep))
    assert answers[0]["status"] == 408


def test_every_answer_forbids_framing_storing_and_foreign_content(send):
    for answer in (
        send("GET", "/", headers=[]),
        send("GET", "/health"),
        send("GET", "/health", headers=[]),
        send("GET", "/nothing"),
        send("POST", "/drafts/smart-reply", json={"message": "explode"}),
    ):
        assert answer.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-frame-options"] == "DENY"


def test_gate_without_a_token_cannot_be_built():
    with pytest.raises(SettingsError):
        gate.Gate(None, token="", open_paths=frozenset())  # type: ignore[arg-type]


def test_token_is_made_once_and_readable_by_the_owner_alone(settings: Settings):
    token = gate.access_token(settings)
    assert gate.access_token(settings) == token
    assert len(token) >= 43
    assert stat.S_IMODE((settings.home / "token").stat().st_mode) == 0o600


def test_token_that_others_could_read_is_replaced(settings: Settings):
    token = gate.access_token(settings)
    (settings.home / "token").chmod(0o644)
    assert gate.access_token(settings) != token


def test_servers_starting_at_once_agree_on_the_token(settings: Settings):
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: gate.access_token(settings), range(32)))) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_token_that_cannot_be_written_says_so(settings: Settings):
    settings.home.chmod(0o500)
    with pytest.raises(SettingsError, match="token"):
        gate.access_token(settings)
