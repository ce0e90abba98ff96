"""The leak guard, one rule."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from jarvis_serving.bank import Bank


def offered(bank: Bank, person_id: str | None) -> set[str]:
    return {bank.replies.texts[reply] for reply in bank.guard.eligible(person_id)}


def test_a_reply_used_with_a_person_may_reach_that_person_again(bank: Bank) -> None:
    decision = bank.guard.may_offer("at the old mill by the river", "p0")
    assert decision.allowed
    assert "at the old mill by the river" in offered(bank, "p0")


@pytest.mark.parametrize("person", ["p1", "p4", "p99", None])
def test_it_reaches_nobody_else(bank: Bank, person: str | None) -> None:
    assert not bank.guard.may_offer("at the old mill by the river", person).allowed
    assert "at the old mill by the river" not in offered(bank, person)


@pytest.mark.parametrize("person", ["p0", "p4", "p99", None])
def test_what_is_said_to_many_and_holds_no_specifics_may_reach_anybody(bank: Bank, person: str | None) -> None:
    assert bank.guard.may_offer("Sounds good to me 😀", person).allowed
    assert "sounds good to me!" in offered(bank, person)


@pytest.mark.parametrize("reply", ["see you at 7", "ask Marta", "it was 40 bucks", "meet me on friday"])
def test_specifics_reach_no_fifth_person_however_many_heard_them(make_bank: Callable[..., Bank], reply: str) -> None:
    bank = make_bank([(f"p{person}", "and now?", reply) for person in range(4)])
    assert not bank.guard.may_offer(reply, "p4").allowed
    assert bank.guard.may_offer(reply, "p0").allowed
    assert offered(bank, None) == set()


def test_a_contacts_name_is_a_specific_even_in_lower_case(make_bank: Callable[..., Bank]) -> None:
    bank = make_bank([(f"p{person}", "who knows?", "ask cleo") for person in range(4)])
    assert bank.guard.may_offer("ask cleo", "p4").reason == "it carries a name"


@pytest.mark.parametrize("person", ["p0", "p1", None])
def test_a_secret_reaches_nobody_not_even_whom_it_was_sent_to(bank: Bank, person: str | None) -> None:
    assert not bank.guard.may_offer("the code is 4711", person).allowed
    assert "the code is 4711" not in offered(bank, person)


@pytest.mark.parametrize(("people", "allowed"), [(2, False), (3, True)])
def test_min_people_different_people_must_have_heard_it(
    make_bank: Callable[..., Bank], people: int, allowed: bool
) -> None:
    rows = [(f"p{number % people}", f"question {number}", "let me check") for number in range(6)]
    rows += [(f"p{number}", f"other {number}", "let me see, check me") for number in range(3)]
    assert make_bank(rows).guard.may_offer("let me check", "p4").allowed is allowed


def test_a_text_that_the_owner_never_wrote_may_reach_nobody(bank: Bank) -> None:
    assert not bank.guard.may_offer("something nobody ever said", "p0").allowed


def test_the_rule_over_all_replies_is_the_rule_for_each(bank: Bank) -> None:
    for person in ("p0", "p1", "p4", None):
        eligible = set(bank.guard.eligible(person).tolist())
        for reply in range(len(bank.replies)):
            assert bank.guard.may_offer(reply, person).allowed == (reply in eligible)


def test_no_reason_quotes_the_reply(bank: Bank) -> None:
    for reply, text in enumerate(bank.replies.texts):
        for person in ("p0", None):
            assert text not in bank.guard.may_offer(reply, person).reason
