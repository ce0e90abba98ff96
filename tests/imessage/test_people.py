"""One human, all of their handles; the owner is nobody."""

from __future__ import annotations

import time

import pytest
from handmade import MY_NUMBER, ChatDb

from jarvis_resources.imessage.contacts import Contact
from jarvis_resources.imessage.handles import is_automated, normalise_handle, service_of


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
        ("\u202a+1 (415) 555\u20110123\u202c", "US", "+14155550123"),
        ("tel:+1-415-555-0123;ext=5", "US", "+14155550123"),
        ("tel:(415) 555-0123;phone-context=+1", "US", "+14155550123"),
        ("00 44 7700 900123", "US", "+447700900123"),
        ("011 44 7700 900123", "US", "+447700900123"),
        ("447700900123", "US", "+447700900123"),
        ("07700 900123", "gb", "+447700900123"),
        ("+44 (0)7700 900123", "US", "+447700900123"),
        ("+5215512345678", "US", "+525512345678"),
        ("62966", "DE", "62966"),
        ("AD-HDFCBK", "IN", "ad-hdfcbk"),
        ("-", "US", "-"),
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


def test_handles_that_apple_files_under_two_people_are_two_whatever_chat_they_share(chat_db: ChatDb) -> None:
    ana, bo = chat_db.handle("ana@example.org", person="A"), chat_db.handle("bo@example.org", person="B")
    chat_db.message("hi", chats=chat_db.chat(bo, ana), handle_id=bo)
    history = chat_db.read()
    assert len(history.people) == 2
    bo_s = history.people["person_id"][history.people["handles"].str[0] == "bo@example.org"].tolist()
    assert history.conversations["person_ids"].tolist() == [bo_s]


@pytest.mark.parametrize("nobody", [None, "", " ", "0", "-1", "00000000-0000-0000-0000-000000000000", "(null)"])
def test_what_stands_for_no_person_of_apple_s_merges_nobody(chat_db: ChatDb, nobody: str | None) -> None:
    chat_db.handle("ana@example.org", person=nobody)
    chat_db.handle("bo@example.org", person=nobody)
    assert len(chat_db.read().people) == 2


def test_an_id_that_a_crowd_shares_is_no_person_s(chat_db: ChatDb) -> None:
    for number in range(30):
        chat_db.handle(f"+1415555{number:04}", person="MIGRATED")
    assert len(chat_db.read().people) == 30


def test_handles_that_are_none_belong_to_nobody(chat_db: ChatDb) -> None:
    chat_db.connection.execute("ALTER TABLE handle RENAME TO strict_handle")
    chat_db.connection.execute(
        "CREATE TABLE handle (ROWID INTEGER PRIMARY KEY, id, country, service, person_centric_id)"
    )
    for raw in (None, "", "  ", b"ana@example.org", b"\xff\xfe", 5551234567):
        chat_db.insert("handle", id=raw, country=b"us", service=None, person_centric_id=None)
    chat_db.message("hi", handle_id=1)
    assert chat_db.read().people["handles"].tolist() == [["+15551234567"], ["ana@example.org"], ["\ufffd\ufffd"]]


def test_a_country_that_there_is_not_leaves_the_owner_s(chat_db: ChatDb) -> None:
    chat_db.handle("(415) 555-0123", country="zz")
    chat_db.handle("+14155550123", "SMS", country="us")
    assert len(chat_db.read().people) == 1


def test_an_identifier_is_read_as_the_handle_that_is_written_so(chat_db: ChatDb) -> None:
    chat_db.handle("07700 900123", country="gb")
    chat_db.chat(identifier="07700 900123")
    history = chat_db.read()
    assert history.people["handles"].tolist() == [["+447700900123"]]
    assert history.conversations["person_ids"].tolist() == [history.people["person_id"].tolist()]


def test_senders_that_are_names_stay_apart(chat_db: ChatDb) -> None:
    for sender in ("AMAZON", "GOOGLE", "urn:biz:1", "urn:biz:2", "262966", "22000"):
        chat_db.chat(chat_db.handle(sender, "SMS"), service="SMS")
    people = chat_db.read().people
    assert len(people) == 6
    assert people["is_automated"].all()


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


def test_a_card_in_two_accounts_is_one_card(chat_db: ChatDb) -> None:
    for handle in ("+14155550123", "ana@example.org", "ana@example.com"):
        chat_db.handle(handle)
    cards = [
        Contact("Ana Ruiz", ("+14155550123", "ana@example.org")),
        Contact("ana  ruiz", ("+14155550123", "ana@example.com")),
    ]
    people = chat_db.read(contacts=cards).people
    assert [len(handles) for handles in people["handles"]] == [3]


def test_cards_of_two_names_with_the_same_handles_are_one_card(chat_db: ChatDb) -> None:
    chat_db.handle("+14155550123")
    chat_db.handle("ana@example.org")
    both = ("+14155550123", "ana@example.org")
    people = chat_db.read(contacts=[Contact("Mum", both), Contact("Ana Ruiz", both)]).people
    assert people["display_name"].tolist() == ["Ana Ruiz"]


def test_two_people_of_one_name_are_two(chat_db: ChatDb) -> None:
    chat_db.handle("+14155550123")
    chat_db.handle("ana@example.org")
    cards = [Contact("Ana Ruiz", ("+14155550123",)), Contact("Ana Ruiz", ("ana@example.org",))]
    assert chat_db.read(contacts=cards).people["display_name"].tolist() == ["Ana Ruiz", "Ana Ruiz"]


def test_a_card_without_a_name_merges_and_names_nobody(chat_db: ChatDb) -> None:
    chat_db.handle("+14155550123")
    chat_db.handle("ana@example.org")
    cards = [Contact("", ("+14155550123", "ana@example.org")), Contact("", ("bo@example.org",))]
    people = chat_db.read(contacts=cards).people
    assert len(people) == 1
    assert people["display_name"].isna().all()


def test_the_owner_s_card_makes_nobody_the_owner(chat_db: ChatDb) -> None:
    chat_db.chat(chat_db.handle(MY_NUMBER))
    chat_db.chat(chat_db.handle("ana@example.org"))
    people = chat_db.read(contacts=[Contact("Me", (MY_NUMBER, "ana@example.org"))]).people
    assert people["handles"].tolist() == [["ana@example.org"]]


@pytest.mark.slow
def test_a_hundred_thousand_handles_take_seconds(chat_db: ChatDb) -> None:
    rows = [(f"+4477{number:08}", "iMessage", f"P{number // 2}") for number in range(100_000)]
    chat_db.connection.execute("BEGIN")
    chat_db.connection.executemany("INSERT INTO handle (id, service, person_centric_id) VALUES (?, ?, ?)", rows)
    chat_db.connection.execute("COMMIT")
    began = time.perf_counter()
    assert len(chat_db.read().people) == 50_000
    assert time.perf_counter() - began < 20
