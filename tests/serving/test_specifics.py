"""What in a text says something about one person."""

from __future__ import annotations

import pytest

from jarvis_serving import specifics

COMMON = frozenset(specifics.words(
    "sure sounds good to me can't tonight sorry let check and get back you i'll be there soon see it's at the for all "
    "may i will come ok lol that is so great one of us meet is my on send it here yes no call tomorrow"
))  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["Sounds good to me!", "can’t tonight sorry 😢", "Let me check and I'll get back to you", "OK lol", "SURE", "👍",
     "One of us will come. See you tomorrow", "Sure. I may come"],
)  # fmt: skip
def test_everyday_replies_carry_none(text: str) -> None:
    assert specifics.find(text, COMMON) is None


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("see you at 7", "a number"),
        ("see you at seven", "a number"),
        ("see you at ٧", "a number"),
        ("see you friday", "a date"),
        ("sure Oscar", "a name"),
        ("sure marta", "a name"),
        ("marta's here", "a name"),
        ("meet me at the old mill", "a rare word"),
        ("it's $40", "an amount"),
        ("it's forty bucks", "an amount"),
        ("see www.example.org", "a link"),
        ("see example.com/me", "a link"),
        ("get me at me@example.org", "an address"),
        ("send it to ana.b@mail", "an address"),
        ("it's AB-12X9", "a code"),
        ("the password is swordfish", "a secret"),
    ],
)
def test_specifics_are_found_and_named(text: str, kind: str) -> None:
    assert specifics.find(text, COMMON, frozenset({"marta"})) == kind


@pytest.mark.parametrize(
    "text",
    ["483920", "G-483920", "your code is 4711", "pin: 0042", "wifi is sunflower", "the password is swordfish",
     "123-45-6789", "4111 1111 1111 1111", "use one-time code 9921"],
)  # fmt: skip
def test_secrets_are_told_from_numbers(text: str) -> None:
    assert specifics.secret(text)


@pytest.mark.parametrize(
    "text", ["see you at 7", "it was 250 all in", "call me on 5", "i forgot my pin", "code red lol"]
)
def test_ordinary_numbers_are_no_secrets(text: str) -> None:
    assert not specifics.secret(text)


def test_everyday_words_among_contacts_names_stay_usable() -> None:
    names = specifics.name_words(["Will Grace", "Ana Ruiz", "Mom"])
    assert names == {"ana", "ruiz"}
    assert specifics.find("I will come", COMMON, names) is None
    assert specifics.find("see you there Will", COMMON, names) == "a name"
