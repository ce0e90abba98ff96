"""A conversation is what a person would call one."""

from __future__ import annotations

from handmade import MY_NUMBER, ChatDb


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
    assert history.messages["kind"].tolist() == ["self"]


def test_ids_do_not_depend_on_the_order_of_rows(chat_db: ChatDb) -> None:
    ana, bo = chat_db.handle("ana@example.org"), chat_db.handle("bo@example.org")
    chat_db.chat(ana)
    chat_db.chat(ana, bo, group=True, group_id="G")
    before = sorted(chat_db.read().conversations["conversation_id"])
    chat_db.connection.execute("UPDATE chat_handle_join SET chat_id = 100 - chat_id, handle_id = 100 - handle_id")
    chat_db.connection.execute("UPDATE chat SET ROWID = 100 - ROWID")
    chat_db.connection.execute("UPDATE handle SET ROWID = 100 - ROWID")
    assert sorted(chat_db.read().conversations["conversation_id"]) == before
