"""The page in a real browser, against the real server in a process of its own."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from browser import open_browser

from jarvis_serving import feedback

pytestmark = pytest.mark.slow


@pytest.fixture
def server(home: Path, tiny_model: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address that ``serve`` announces, and its process."""
    script = Path(__file__).with_name("scripted_server.py")
    process = subprocess.Popen(
        [sys.executable, str(script), str(tiny_model)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    yield process.stdout.readline().strip(), process
    with suppress(ProcessLookupError):
        process.terminate()
    process.communicate(timeout=20)


@pytest.fixture
def page(server):
    """A page of a fresh browser, not opened yet; fails the test on a script error or a request elsewhere."""
    with open_browser() as context:
        tab = context.new_page()
        trouble: list[str] = []
        origin = server[0].split("/#")[0]

        def watch(request) -> None:
            if not request.url.startswith((origin, "data:")):
                trouble.append(request.url)

        tab.on("pageerror", lambda error: trouble.append(str(error)))
        tab.on("request", watch)
        tab.on("console", lambda line: trouble.append(line.text) if "Content Security Policy" in line.text else None)
        yield tab
        assert trouble == []


def ask(page, text: str) -> None:
    page.fill("#message", text)
    page.press("#message", "Enter")
    page.wait_for_selector("#answer[aria-busy=false] .incoming")


def test_address_unlocks_the_page_and_the_token_leaves_the_address_bar(page, server):
    page.goto(server[0])
    page.wait_for_selector(".server.up")
    assert "token" not in page.url
    assert page.evaluate("document.activeElement.id") == "message"
    page.reload()
    page.wait_for_selector(".server.up")
    assert page.is_visible("#ask")


def test_page_without_the_token_asks_for_it_once(page, server):
    address, token = server[0].split("#token=")
    page.goto(address)
    page.wait_for_selector("#token")
    assert not page.is_visible("#ask")
    page.fill("#token", "wrong")
    page.press("#token", "Enter")
    page.wait_for_selector("#unlock-problem:visible")
    page.fill("#token", token)
    page.press("#token", "Enter")
    page.wait_for_selector("#ask:visible")
    assert page.evaluate("[sessionStorage.length, localStorage.length, document.cookie]") == [1, 0, ""]


def test_options_show_type_source_confidence_and_signals(page, server):
    page.goto(server[0])
    ask(page, "Want to grab lunch tomorrow?")
    assert page.locator(".option").count() == 3
    first = page.locator(".option").first.inner_text()
    for said in ("yes please!!", "agree", "a pattern of yours", "used 14 times with 6 people", "74 %"):
        assert said in first
    why = page.inner_text("#why")
    for said in ("invitation · 91 %", "lunch · food", "0.87", "214 of your replies", "ms"):
        assert said in why


def test_keyboard_alone_asks_copies_and_leaves_feedback(page, server, home):
    page.goto(server[0])
    page.wait_for_selector("#ask:visible")
    page.keyboard.type("Want to grab lunch tomorrow?")
    page.keyboard.press("Enter")
    page.wait_for_selector(".option")
    with page.expect_response(re.compile("/feedback$")) as answered:
        page.keyboard.press("Alt+Digit2")
    assert answered.value.status == 201
    assert page.evaluate("navigator.clipboard.readText()") == "ugh can't tomorrow, sorry"
    assert feedback.read(home)[["action", "option", "route"]].values.tolist() == [["sent", 1, "TEMPLATE"]]
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "message"


def test_edited_option_is_copied_as_edited(page, server, home):
    page.goto(server[0])
    ask(page, "lunch?")
    page.get_by_role("button", name="Edit: let me check").click()
    page.keyboard.type(" tonight")
    with page.expect_response(re.compile("/feedback$")):
        page.keyboard.press("Enter")
    assert page.evaluate("navigator.clipboard.readText()") == "let me check and get back to you tonight"
    assert feedback.read(home)[["action", "option"]].values.tolist() == [["edited", 2]]


def test_none_of_these_is_noted(page, server, home):
    page.goto(server[0])
    ask(page, "lunch?")
    with page.expect_response(re.compile("/feedback$")):
        page.get_by_role("button", name="None of these").click()
    assert feedback.read(home)[["action", "option"]].values.tolist() == [["dismissed", -1]]
    assert page.is_visible(".empty")


def test_draft_appears_when_it_is_written(page, server):
    page.goto(server[0])
    ask(page, "draft something nice")
    assert page.is_visible(".typing")
    page.wait_for_selector(".option.draft button.bubble", timeout=20_000)
    assert page.inner_text(".option.draft .bubble") == "sounds good to me"


def test_skip_and_cold_start_explain_themselves(page, server):
    page.goto(server[0])
    ask(page, "skip this one")
    assert "Nothing good enough" in page.inner_text("#answer")
    assert page.locator(".option").count() == 0
    page.fill("#contact", "Sam")
    ask(page, "hey")
    assert "4 of 10 messages" in page.inner_text("#answer")


def test_failures_are_told_and_the_page_recovers(page, server):
    page.goto(server[0])
    page.wait_for_selector("#ask:visible")
    page.fill("#message", "explode")
    page.press("#message", "Enter")
    page.wait_for_selector("[role=alert]:visible")
    ask(page, "lunch?")
    assert page.locator(".option").count() == 3
    server[1].terminate()
    server[1].wait(20)
    page.press("#message", "Enter")
    page.wait_for_selector(".server.down")
    assert "jarvis serve" in page.inner_text("[role=alert]:visible")


def test_markup_in_a_message_stays_text(page, server):
    page.goto(server[0])
    ask(page, "<img src=x onerror=alert(1)> <b>bold</b>")
    assert page.inner_text(".incoming") == "<img src=x onerror=alert(1)> <b>bold</b>"
    assert page.locator("#answer img, #answer b").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(page, server, scheme):
    """WCAG AA: contrast of at least 4.5 for every visible text, on its nearest painted ground."""
    page.emulate_media(color_scheme=scheme)
    page.goto(server[0])
    ask(page, "lunch?")
    weak = page.evaluate(
        """() => {
        const shade = (c) => { const [r, g, b] = c.match(/[\\d.]+/g).map(Number).map((v) => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
        const ground = (e) => { for (; e; e = e.parentElement) { const s = getComputedStyle(e);
            const stops = s.backgroundImage.match(/rgb\\([^)]*\\)/g); if (stops) return stops;
            if (!/rgba\\(.*, 0\\)|transparent/.test(s.backgroundColor)) return [s.backgroundColor]; } return ['rgb(255,255,255)']; };
        const found = [];
        for (const e of document.querySelectorAll('body *')) {
            if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || !e.checkVisibility() || e.closest('.unseen, .skip-link')) continue;
            const ink = shade(getComputedStyle(e).color);
            for (const g of ground(e)) { const [a, b] = [ink, shade(g)].sort((x, y) => y - x); const contrast = (a + .05) / (b + .05);
                if (contrast < 4.5) found.push(`${e.className || e.tagName} ${contrast.toFixed(2)}`); } }
        return found; }"""
    )
    assert weak == []


def test_page_fits_a_telephone(page, server):
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(server[0])
    ask(page, "lunch? " + "loooong" * 40)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_interrupt_ends_the_server_quietly_and_no_text_was_logged(server):
    address, process = server
    origin, token = address.split("/#token=")
    with httpx.Client(base_url=origin, headers={"Authorization": f"Bearer {token}"}) as client:
        for text in ("a-secret-lunch", "explode a-secret-lunch"):
            client.post("/drafts/smart-reply", json={"message": text})
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "a-secret-lunch" not in out + err
    assert "RuntimeError" in err
