"""Each row has the first kind that applies."""

from __future__ import annotations

from typing import Any

import pytest
from handmade import MY_NUMBER, ChatDb

from jarvis_resources.imessage.sample.typedstream_writer import Run, encode

PLUGIN = "com.apple.messages.MSMessageExtensionBalloonPlugin:0000000000:com.example.game"
LINKS = "com.apple.messages.URLBalloonProvider"


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("normal", {}),
        ("normal", {"associated_message_type": 2}),
        ("normal", {"associated_message_type": 3}),
        ("scheduled", {"schedule_type": 2, "is_from_me": 1}),
        ("normal", {"schedule_type": 2, "is_from_me": 1, "is_sent": 1}),
        ("failed", {"error": 22, "is_from_me": 1}),
        ("spam", {"is_spam": 1}),
        ("system", {"item_type": 1}),
        ("system", {"item_type": 6, "text": None}),
        ("tapback", {"associated_message_type": 2000}),
        ("tapback", {"associated_message_type": 2007}),
        ("tapback_removed", {"associated_message_type": 3006}),
        ("sticker", {"associated_message_type": 1000}),
        ("app", {"associated_message_type": 4000}),
        ("app", {"balloon_bundle_id": PLUGIN}),
        ("app", {"balloon_bundle_id": LINKS, "text": "https://example.net/a"}),
        ("normal", {"balloon_bundle_id": LINKS, "text": "look at this https://example.net/a"}),
        ("unsent", {"text": None, "date_retracted": 5}),
        ("corrupt", {"text": None, "attributedBody": b"\x04\x0bstreamtyped"}),
        ("corrupt", {"text": None}),
        ("attachment_only", {"text": None, "cache_has_attachments": 1}),
        ("attachment_only", {"text": "\ufffc"}),
        ("attachment_only", {"text": None, "attributedBody": encode([Run("\ufffc")])}),
        ("failed", {"error": 22, "is_spam": 1, "item_type": 1}),
        ("system", {"item_type": 1, "associated_message_type": 2000}),
    ],
)
def test_a_row_is_the_first_kind_that_applies(chat_db: ChatDb, kind: str, values: dict[str, Any]) -> None:
    ana = chat_db.handle("ana@example.org")
    chat_db.message(**{"text": "hi", "chats": chat_db.chat(ana), "handle_id": ana, **values})
    assert chat_db.messages()["kind"].tolist() == [kind]


def test_a_deleted_message_keeps_its_conversation(chat_db: ChatDb) -> None:
    ana = chat_db.handle("ana@example.org")
    chat = chat_db.chat(ana)
    kept, deleted = chat_db.message("a", chats=chat, handle_id=ana), chat_db.message("b", handle_id=ana)
    chat_db.insert("chat_recoverable_message_join", chat_id=chat, message_id=chat_db.row_of(deleted), delete_date=1)
    messages = chat_db.messages()
    assert messages["kind"].tolist() == ["normal", "deleted"]
    assert messages["conversation_id"][deleted] == messages["conversation_id"][kept]


def test_a_filtered_chat_is_spam_until_the_owner_answers(chat_db: ChatDb) -> None:
    stranger, known = chat_db.handle("+14155550111"), chat_db.handle("+14155550122")
    chat_db.message("win a prize", chats=chat_db.chat(stranger, is_filtered=1), handle_id=stranger)
    answered = chat_db.chat(known, is_filtered=1)
    chat_db.message("is this still for sale?", chats=answered, handle_id=known)
    chat_db.message("it is", chats=answered, is_from_me=1)
    assert chat_db.messages()["kind"].tolist() == ["spam", "normal", "normal"]


def test_both_directions_of_talk_with_oneself_are_set_apart(chat_db: ChatDb) -> None:
    me = chat_db.handle(MY_NUMBER)
    chat = chat_db.chat(me)
    chat_db.message("note", chats=chat, is_from_me=1)
    chat_db.message("note", chats=chat, handle_id=me)
    messages = chat_db.messages()
    assert messages["kind"].tolist() == ["self", "self"]
    assert messages["person_id"].isna().all()


def test_the_report_counts_kinds_and_why_rows_are_corrupt(chat_db: ChatDb) -> None:
    chat_db.message("fine")
    chat_db.message(attributedBody=b"\x04\x0bstreamtyped\x81")
    chat_db.message(attributedBody=b"nonsense that is no archive")
    chat_db.message("rescued", attributedBody=b"nonsense")
    chat_db.message()
    report = chat_db.read().report
    assert report.kinds == {"corrupt": 3, "normal": 2}
    assert report.corrupt_reasons == {"ends too early": 1, "not a typedstream": 1, "no text stored": 1}
    assert (report.rows, report.rescued) == (5, 1)
