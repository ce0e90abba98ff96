"""One human, all of their handles; the owner is nobody."""

from __future__ import annotations

import pytest
from handmade import MY_NUMBER, ChatDb

from jarvis_resources.imessage.contacts import Contact
from jarvis_resources.imessage.people import is_automated, normalise_handle, service_of


@pytest.mark.parametrize(
    ("raw", "country", "handle"),
    [
        ("+1 (415) 555-0123", "US", "+14155550123"),
        ("(415) 555-0123", "US", "+14155550123"),
        ("415.555.0123", "us", "+14155550123"),
        ("030 901820", "DE", "+4930901820"),
        ("tel:+14155550123", "US", "+14155550123"),
        ("+14155550123(smsft_rm)", "US", "+14155550123"),
        ("262966", "US", "262966"),
        ("262966(smsft)", "US", "262966"),
        ("555-0123", "US", "5550123"),
        ("Ana@Example.ORG ", "US", "ana@example.org"),
        ("mailto:ana@example.org", "US", "ana@example.org"),
        ("URN:biz:1234-ab", "US", "urn:biz:1234-ab"),
        ("AXISBK", "US", "axisbk"),
        ("+999", "US", "+999"),
        ("", "US", ""),
    ],
)
def test_handles_are_compared_in_one_form(raw: str, country: str, handle: str) -> None:
    assert normalise_handle(raw, country) == handle


@pytest.mark.parametrize(
    ("handle", "automated"),
    [
        ("262966", True), ("axisbk", True), ("urn:biz:1234", True), ("noreply@shop.example", True),
        ("no-reply@shop.example", True), ("orders.do_not_reply@shop.example", True), ("alerts@bank.example", True),
        ("+14155550123", False), ("ana@example.org", False), ("noreen@example.org", False), ("albert@example.org", False),
    ],
)  # fmt: skip
def test_short_codes_and_senders_nobody_reads_are_automated(handle: str, automated: bool) -> None:
    assert is_automated(handle) is automated


def test_services_have_four_names() -> None:
    assert [service_of(name) for name in ("iMessage", "iMessageLite", "SMS", "RCS", "FaceTime", None)] == [
        "iMessage", "iMessage", "SMS", "RCS", "other", "other",
    ]  # fmt: skip


def test_one_number_on_two_services_is_one_person(chat_db: ChatDb) -> None:
    imessage, sms = chat_db.handle("+14155550123"), chat_db.handle("(415) 555-0123", "SMS", country="us")
    chat_db.message("a", chats=chat_db.chat(imessage), handle_id=imessage)
    chat_db.message("b", chats=chat_db.chat(sms, service="SMS"), handle_id=sms, service="SMS")
    people = chat_db.read().people
    assert people["handles"].tolist() == [["+14155550123"]]
    assert people["services"].tolist() == [["SMS", "iMessage"]]
    assert people["message_count"].tolist() == [2]


def test_apple_s_person_merges_a_number_and_an_address(chat_db: ChatDb) -> None:
    chat_db.handle("+14155550123", person="A")
    chat_db.handle("ana@example.org", person="A")
    chat_db.handle("bo@example.org", person="B")
    assert chat_db.read().people["handles"].tolist() == [["+14155550123", "ana@example.org"], ["bo@example.org"]]


def test_handles_that_share_a_direct_chat_are_one_person(chat_db: ChatDb) -> None:
    chat_db.chat(chat_db.handle("+14155550123"), chat_db.handle("ana@example.org"))
    assert len(chat_db.read().people) == 1


def test_handles_that_share_a_group_are_not(chat_db: ChatDb) -> None:
    chat_db.chat(chat_db.handle("+14155550123"), chat_db.handle("ana@example.org"), group=True)
    assert len(chat_db.read().people) == 2


def test_the_owner_is_no_person_even_where_apple_files_them_under_a_card(chat_db: ChatDb) -> None:
    me, other = chat_db.handle(MY_NUMBER, person="A"), chat_db.handle("ana@example.org", person="A")
    chat_db.chat(me)
    chat_db.chat(other)
    assert chat_db.read().people["handles"].tolist() == [["ana@example.org"]]


def test_a_chat_without_members_is_known_by_its_identifier(chat_db: ChatDb) -> None:
    chat_db.message("hi", chats=chat_db.chat(identifier="+14155550123"), is_from_me=1)
    history = chat_db.read()
    assert history.people["handles"].tolist() == [["+14155550123"]]
    assert history.conversations["person_ids"].tolist() == [history.people["person_id"].tolist()]


def test_a_person_keeps_their_id_when_rows_are_renumbered(chat_db: ChatDb) -> None:
    chat_db.handle("+14155550123", person="A")
    chat_db.handle("ana@example.org", person="A")
    before = chat_db.read().people["person_id"].tolist()
    chat_db.connection.execute("UPDATE handle SET ROWID = 100 - ROWID")
    assert chat_db.read().people["person_id"].tolist() == before


def test_a_card_names_a_person_and_merges_their_handles(chat_db: ChatDb) -> None:
    chat_db.handle("+14155550123")
    chat_db.handle("ana@example.org")
    card = Contact("Ana Ruiz", ("+14155550123", "ana@example.org"))
    people = chat_db.read(contacts=[card]).people
    assert people["display_name"].tolist() == ["Ana Ruiz"]


def test_a_number_on_two_cards_merges_nobody(chat_db: ChatDb) -> None:
    for handle in ("+14155550100", "ana@example.org", "bo@example.org"):
        chat_db.handle(handle)
    cards = [Contact("Ana", ("+14155550100", "ana@example.org")), Contact("Bo", ("+14155550100", "bo@example.org"))]
    people = chat_db.read(contacts=cards).people
    assert people["display_name"].fillna("?").tolist() == ["?", "Ana", "Bo"]
