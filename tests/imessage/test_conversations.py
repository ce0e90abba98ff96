"""A conversation is what a person would call one."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from handmade import MY_NUMBER, ChatDb

LOOKUP = "CREATE TABLE chat_lookup (identifier TEXT NOT NULL, domain TEXT NOT NULL, chat INTEGER, priority INTEGER)"


def test_two_services_with_one_person_are_one_conversation(chat_db: ChatDb) -> None:
    a, b = chat_db.handle("+14155550123"), chat_db.handle("+14155550123", "SMS")
    chat_db.message("a", chats=chat_db.chat(a), handle_id=a)
    chat_db.message("b", chats=chat_db.chat(b, service="SMS"), is_from_me=1)
    conversations = chat_db.read().conversations
    assert conversations[["is_group", "message_count", "my_message_count"]].values.tolist() == [[False, 2, 1]]
    assert len(conversations["chat_guids"][0]) == 2


def test_a_group_made_anew_with_the_same_people_is_the_same_conversation(chat_db: ChatDb) -> None:
    people = [chat_db.handle("+14155550123"), chat_db.handle("bo@example.org")]
    chat_db.chat(*people, group=True, group_id="G1")
    chat_db.chat(*people, group=True, group_id="G2", display_name="Trip")
    conversations = chat_db.read().conversations
    assert conversations["display_name"].tolist() == ["Trip"]
    assert len(conversations["person_ids"][0]) == 2


def test_a_group_that_somebody_joined_is_the_same_conversation(chat_db: ChatDb) -> None:
    ana, bo, cy = (chat_db.handle(f"{name}@example.org") for name in ("ana", "bo", "cy"))
    chat_db.chat(ana, bo, group=True, original_group_id="G", group_id="G")
    chat_db.chat(ana, bo, cy, group=True, original_group_id="G", group_id="H")
    conversations = chat_db.read().conversations
    assert [len(people) for people in conversations["person_ids"]] == [3]


def test_groups_of_different_people_stay_apart(chat_db: ChatDb) -> None:
    ana, bo, cy = (chat_db.handle(f"{name}@example.org") for name in ("ana", "bo", "cy"))
    chat_db.chat(ana, bo, group=True)
    chat_db.chat(ana, cy, group=True)
    chat_db.chat(ana)
    assert sorted(chat_db.read().conversations["conversation_id"].str[0]) == ["d", "g", "g"]


def test_groups_whose_members_are_gone_stay_apart(chat_db: ChatDb) -> None:
    chat_db.chat(group=True)
    chat_db.chat(group=True)
    assert len(chat_db.read().conversations) == 2


def test_a_chat_without_a_style_is_a_group_by_its_guid(chat_db: ChatDb) -> None:
    ana = chat_db.handle("ana@example.org")
    chat_db.chat(ana, style=None, guid="iMessage;+;chat1")
    chat_db.chat(ana, style=None, guid="iMessage;-;ana@example.org")
    assert sorted(chat_db.read().conversations["is_group"]) == [False, True]


def test_talk_with_oneself_is_a_conversation_of_its_own_kind(chat_db: ChatDb) -> None:
    chat_db.message("buy milk", chats=chat_db.chat(chat_db.handle(MY_NUMBER)), is_from_me=1)
    history = chat_db.read()
    assert history.conversations[["is_self", "is_group"]].values.tolist() == [[True, False]]
    assert history.conversations["conversation_id"][0].startswith("s")
    assert chat_db.messages()["kind"].tolist() == ["self"]


def test_ids_do_not_depend_on_the_order_of_rows(chat_db: ChatDb) -> None:
    ana, bo = chat_db.handle("ana@example.org"), chat_db.handle("bo@example.org")
    chat_db.chat(ana)
    chat_db.chat(ana, bo, group=True, group_id="G")
    before = sorted(chat_db.read().conversations["conversation_id"])
    chat_db.connection.execute("UPDATE chat_handle_join SET chat_id = 100 - chat_id, handle_id = 100 - handle_id")
    chat_db.connection.execute("UPDATE chat SET ROWID = 100 - ROWID")
    chat_db.connection.execute("UPDATE handle SET ROWID = 100 - ROWID")
    assert sorted(chat_db.read().conversations["conversation_id"]) == before


def test_a_service_and_a_rewritten_id_leave_a_group_what_it_was(chat_db: ChatDb) -> None:
    ana, bo, cy = (chat_db.handle(f"{name}@example.org") for name in ("ana", "bo", "cy"))
    chat_db.chat(ana, bo, group=True, identifier="chat77", group_id="AB50F3F5-B1B1-42E8-8FC4-39E194755E41")
    chat_db.chat(ana, bo, cy, group=True, service="SMS", identifier="chat77")
    chat_db.chat(ana, cy, group=True, service="RCS", group_id="ab50f3f5b1b142e88fc439e194755e41")
    assert len(chat_db.read().conversations) == 1


@pytest.mark.parametrize("nothing", [None, "", "0", "00000000-0000-0000-0000-000000000000", "(null)"])
def test_what_stands_for_no_group_id_merges_no_groups(chat_db: ChatDb, nothing: str | None) -> None:
    ana, bo, cy = (chat_db.handle(f"{name}@example.org") for name in ("ana", "bo", "cy"))
    chat_db.chat(ana, bo, group=True, group_id=nothing, original_group_id=nothing)
    chat_db.chat(bo, cy, group=True, group_id=nothing, original_group_id=nothing)
    assert len(chat_db.read().conversations) == 2


def test_groups_that_lost_all_but_one_other_are_neither_one_group_nor_talk_with_that_one(chat_db: ChatDb) -> None:
    ana = chat_db.handle("ana@example.org")
    chat_db.chat(ana)
    chat_db.chat(ana, group=True, group_id="TRIP", display_name="Trip")
    chat_db.chat(ana, group=True, group_id="FAMILY", display_name="Family")
    assert sorted(chat_db.read().conversations["conversation_id"].str[0]) == ["d", "g", "g"]


def test_a_group_in_which_the_owner_is_listed_has_the_same_members(chat_db: ChatDb) -> None:
    me, ana, bo = chat_db.handle(MY_NUMBER), chat_db.handle("ana@example.org"), chat_db.handle("bo@example.org")
    chat_db.chat(ana, bo, group=True, group_id="A")
    chat_db.chat(me, ana, bo, group=True, service="SMS", group_id="B")
    conversations = chat_db.read().conversations
    assert [len(people) for people in conversations["person_ids"]] == [2]


def test_the_lookup_of_macos_27_joins_chats_that_share_an_identifier(chat_db: ChatDb) -> None:
    ana, bo, cy = (chat_db.handle(f"{name}@example.org") for name in ("ana", "bo", "cy"))
    chat_db.connection.execute(LOOKUP)
    both = [chat_db.chat(ana, bo, group=True), chat_db.chat(ana, bo, cy, group=True, service="RCS")]
    direct = [chat_db.chat(ana), chat_db.chat(cy, service="SMS")]
    for chat, domain in zip(both, ("iMessage", "RCS"), strict=True):
        chat_db.insert("chat_lookup", identifier="76377A76-A8B0-49BE-B7CC-EC9A287E948F", domain=domain, chat=chat)
    for chat, domain in zip(direct, ("iMessage", "SMS"), strict=True):
        chat_db.insert("chat_lookup", identifier="linked", domain=domain, chat=chat)
    history = chat_db.read()
    assert len(history.conversations) == 2
    assert history.people["handles"].tolist() == [["ana@example.org", "cy@example.org"], ["bo@example.org"]]


def test_a_handle_in_the_lookup_joins_a_direct_chat_and_no_group(chat_db: ChatDb) -> None:
    number, address, bo = (chat_db.handle(name) for name in ("+14155550123", "ana@example.org", "bo@example.org"))
    chat_db.connection.execute(LOOKUP)
    direct = chat_db.chat(number)
    chat_db.chat(address)
    groups = [chat_db.chat(number, bo, group=True), chat_db.chat(address, bo, group=True, service="SMS")]
    chat_db.insert("chat_lookup", identifier="ana@example.org", domain="iMessage", chat=direct)
    chat_db.insert("chat_lookup", identifier="bo@example.org", domain="iMessage", chat=groups[0])
    other = chat_db.chat(bo, chat_db.handle("cy@example.org"), group=True)
    chat_db.insert("chat_lookup", identifier="bo@example.org", domain="SMS", chat=other)
    chat_db.insert("chat_lookup", identifier="x", domain="iMessage", chat=999)
    history = chat_db.read()
    assert history.people["handles"].str[0].tolist() == ["+14155550123", "bo@example.org", "cy@example.org"]
    assert sorted(history.conversations["conversation_id"].str[0]) == ["d", "g", "g"]


def test_a_lookup_of_another_shape_is_left_alone(chat_db: ChatDb) -> None:
    chat_db.connection.execute("CREATE TABLE chat_lookup (key TEXT, value BLOB)")
    chat_db.chat(chat_db.handle("ana@example.org"))
    assert len(chat_db.read().conversations) == 1


def test_direct_chats_of_one_group_id_are_with_one_person(chat_db: ChatDb) -> None:
    chat_db.chat(chat_db.handle("+14155550123"), group_id="531E435C-B41F-4494-B08A-9B4F935A52DB")
    chat_db.chat(chat_db.handle("ana@example.org"), group_id="531E435C-B41F-4494-B08A-9B4F935A52DB")
    chat_db.chat(chat_db.handle("bo@example.org"), group_id="0")
    chat_db.chat(chat_db.handle("cy@example.org"), group_id="0")
    assert len(chat_db.read().conversations) == 3


def test_a_chat_with_nobody_known_is_not_talk_with_oneself(chat_db: ChatDb) -> None:
    for number in (1, 2):
        chat = chat_db.chat(guid=f"iMessage;-;#{number}", chat_identifier="")
        chat_db.connection.execute("UPDATE chat SET guid = ? WHERE ROWID = ?", [f"{number};-;", chat])
        chat_db.message("hi", chats=chat)
    conversations = chat_db.read().conversations
    assert conversations["is_self"].tolist() == [False, False]
    assert chat_db.messages()["kind"].tolist() == ["normal", "normal"]


def test_a_member_without_a_handle_row_is_known_by_the_chat_s_identifier(chat_db: ChatDb) -> None:
    chat = chat_db.chat(identifier="+14155550123")
    chat_db.insert("chat_handle_join", chat_id=chat, handle_id=999)
    chat_db.message("hi", chats=chat, handle_id=999)
    history = chat_db.read()
    assert history.conversations["is_self"].tolist() == [False]
    assert history.people[["message_count"]].values.tolist() == [[1]]


def test_talk_with_oneself_on_two_handles_is_one_conversation(chat_db: ChatDb) -> None:
    chat_db.chat(chat_db.handle("ana@example.org"), last_addressed_handle="Me@example.org")
    for handle in (MY_NUMBER, "me@example.org"):
        row = chat_db.handle(handle)
        chat_db.message("note", chats=chat_db.chat(row, last_addressed_handle="me@example.org"), handle_id=row)
    conversations = chat_db.read().conversations
    assert conversations[["is_self", "message_count"]].values.tolist() == [[False, 0], [True, 2]]


def test_the_account_of_messages_tells_talk_with_oneself(chat_db: ChatDb) -> None:
    chat_db.connection.execute("ALTER TABLE message ADD COLUMN account TEXT")
    me = chat_db.handle("me@example.org")
    for chat in (chat_db.chat(chat_db.handle("ana@example.org")), chat_db.chat(me)):
        chat_db.message("hi", chats=chat, account="E:me@example.org", is_from_me=1)
    history = chat_db.read()
    assert history.conversations["is_self"].tolist() == [False, True]
    assert history.people["handles"].tolist() == [["ana@example.org"]]


def test_one_wrong_row_makes_nobody_the_owner(chat_db: ChatDb) -> None:
    chat_db.connection.execute("ALTER TABLE message ADD COLUMN destination_caller_id TEXT")
    ana, bo = chat_db.handle("ana@example.org"), chat_db.handle("bo@example.org")
    with_ana = chat_db.chat(ana, last_addressed_handle="ana@example.org")
    chat_db.message("hi", chats=with_ana, handle_id=ana, destination_caller_id="ana@example.org")
    with_bo = chat_db.chat(bo, last_addressed_handle="bo@example.org")
    chat_db.message("hi", chats=with_bo, is_from_me=1, destination_caller_id="bo@example.org")
    chat_db.chat(ana, bo, group=True, last_addressed_handle="bo@example.org")
    chat_db.chat(chat_db.handle("cy@example.org"))
    chat_db.chat(chat_db.handle("di@example.org"), last_addressed_handle="cy@example.org")
    history = chat_db.read()
    assert history.people["handles"].str[0].str[:2].tolist() == ["an", "bo", "cy", "di"]
    assert not history.conversations["is_self"].any()


@pytest.mark.parametrize(
    ("guid", "style", "is_group"),
    [
        ("any;+;ce5a593a", None, True), ("any;-;ana@example.org", None, False), ("ce5a593a", 0, True),
        ("SMS;-;ana@example.org", 43, True), ("SMS;+;chat1", 45, False),
    ],
)  # fmt: skip
def test_a_group_is_told_by_style_then_guid_then_members(
    chat_db: ChatDb, guid: str, style: int | None, is_group: bool
) -> None:
    chat_db.chat(chat_db.handle("ana@example.org"), chat_db.handle("bo@example.org"), style=style, guid=guid)
    assert chat_db.read().conversations["is_group"].tolist() == [is_group]


@pytest.mark.parametrize(("column", "value"), [("is_filtered", 1), ("is_filtered", 2), ("is_blackholed", 1)])
def test_a_filtered_chat_is_flagged_and_its_person_s_other_chat_is_not(
    chat_db: ChatDb, column: str, value: int
) -> None:
    chat_db.connection.execute("ALTER TABLE chat ADD COLUMN is_blackholed INTEGER DEFAULT 0")
    ana, ana_by_sms, spammer = (
        chat_db.handle("+14155550123"), chat_db.handle("+14155550123(smsft)", "SMS"), chat_db.handle("+14155550177"),
    )  # fmt: skip
    chat_db.chat(ana)
    chat_db.chat(ana_by_sms, service="SMS", **{column: value})
    chat_db.chat(spammer, **{column: value})
    conversations = chat_db.read().conversations
    assert sorted(conversations["is_filtered"]) == [False, True]
    assert sorted(len(guids) for guids in conversations["chat_guids"]) == [1, 2]


def begin(chat_db: ChatDb, chat: int, date: int) -> None:
    """A message in ``chat`` at ``date``, in seconds since 2001."""
    chat_db.message("hi", chats=chat, date=date * 10**9)
    chat_db.connection.execute(
        "UPDATE chat_message_join SET message_date = ? WHERE chat_id = ? AND message_date = 0", [date * 10**9, chat]
    )


def test_a_group_keeps_its_id_when_it_gets_a_chat_on_another_service(chat_db: ChatDb) -> None:
    ana, bo = chat_db.handle("ana@example.org"), chat_db.handle("bo@example.org")
    begin(chat_db, chat_db.chat(ana, bo, group=True, group_id="B", identifier="chat2"), 100)
    before = chat_db.read().conversations["conversation_id"].tolist()
    begin(chat_db, chat_db.chat(ana, bo, group=True, group_id="A", identifier="chat1", service="SMS"), 200)
    assert chat_db.read().conversations["conversation_id"].tolist() == before


def test_a_conversation_keeps_its_id_when_its_person_gets_a_handle(chat_db: ChatDb) -> None:
    begin(chat_db, chat_db.chat(chat_db.handle("bo@example.org", person="A")), 100)
    before = chat_db.read()
    begin(chat_db, chat_db.chat(chat_db.handle("+14155550123", person="A")), 200)
    after = chat_db.read()
    assert after.people["handles"].tolist() == [["+14155550123", "bo@example.org"]]
    assert after.people["person_id"].tolist() == before.people["person_id"].tolist()
    assert after.conversations["conversation_id"].tolist() == before.conversations["conversation_id"].tolist()


def test_ids_are_the_same_in_whatever_order_rows_were_written(tmp_path: Path) -> None:
    handles = [
        ("+14155550123", "iMessage", "A"), ("(415) 555-0123", "SMS", None), ("ana@example.org", "iMessage", "A"),
        ("bo@example.org", "iMessage", None), ("cy@example.org", "RCS", "C"), ("BO@example.org", "SMS", None),
    ]  # fmt: skip
    chats = [
        ("d1", [0], None), ("d2", [1], None), ("d3", [1, 2], None), ("d4", [4], "X"), ("d5", [5], None),
        ("g1", [0, 3], "G"), ("g2", [2, 5], None), ("g3", [0, 3, 4], "G"), ("g4", [3, 4], None), ("g5", [], None),
    ]  # fmt: skip
    found = []
    for seed in range(6):
        shuffle = random.Random(seed)
        chat_db = ChatDb(tmp_path / f"{seed}.db")
        row_of = {}
        for number in shuffle.sample(range(len(handles)), len(handles)):
            row_of[number] = chat_db.handle(*handles[number])
        for guid, members, group_id in shuffle.sample(chats, len(chats)):
            rows = [row_of[number] for number in shuffle.sample(members, len(members))]
            chat_db.chat(*rows, group=guid[0] == "g", guid=guid, identifier=f"chat-{guid}", group_id=group_id)
        history = chat_db.read()
        ids = zip(history.conversations["conversation_id"], history.conversations["chat_guids"], strict=True)
        people = zip(history.people["person_id"], history.people["handles"], strict=True)
        found.append((sorted((one, tuple(guids)) for one, guids in ids), sorted((one, *held) for one, held in people)))
    assert all(one == found[0] for one in found)
    assert sorted(len(guids) for _, guids in found[0][0]) == [1, 1, 1, 1, 3, 3]
