"""Tapbacks are known by their association, or by quoting what was said."""

from __future__ import annotations

import pytest
from handmade import ChatDb


@pytest.fixture
def chat(chat_db: ChatDb) -> int:
    return chat_db.chat(chat_db.handle("ana@example.org"))


@pytest.mark.parametrize("form", ["p:0/{}", "p:3/{}", "bp:{}", "{}"])
def test_a_target_is_found_in_every_form(chat_db: ChatDb, chat: int, form: str) -> None:
    said = chat_db.message("see you at six", chats=chat)
    tapback = chat_db.message(chats=chat, associated_message_type=2003, associated_message_guid=form.format(said))
    row = chat_db.messages().loc[tapback]
    assert (row["tapback_target_guid"], row["tapback_kind"]) == (said, "laughed")


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("Loved “see you at six”", "tapback", "loved"),
        ('Liked "see you at six"', "tapback", "liked"),
        ("Laughed at “see you at six”", "tapback", "laughed"),
        ("Emphasised “see you at six”", "tapback", "emphasized"),
        ("Questioned “see you at six”", "tapback", "questioned"),
        ("Reacted 🔥 to “see you at six”", "tapback", "emoji"),
        ("Removed a heart from “see you at six”", "tapback_removed", "loved"),
        ("Removed a question mark from “see you at six”", "tapback_removed", "questioned"),
        ("Removed 🔥 from “see you at six”", "tapback_removed", "emoji"),
    ],
)
def test_a_tapback_sent_as_text_quotes_what_was_said(
    chat_db: ChatDb, chat: int, text: str, kind: str, name: str
) -> None:
    said = chat_db.message("see you at six", chats=chat)
    tapback = chat_db.message(text, chats=chat)
    row = chat_db.messages().loc[tapback]
    assert (row["kind"], row["tapback_kind"], row["tapback_target_guid"]) == (kind, name, said)


@pytest.mark.parametrize(
    "text",
    [
        "Loved “Dune”", "Loved “see you at six” by the way", "Liked the place you sent", "Reacted badly to “see you at six”",
        "Questioned everything", "Loved “see you at six” and “more”", "I Loved “see you at six”",
    ],
)  # fmt: skip
def test_a_sentence_that_only_looks_like_one_is_a_message(chat_db: ChatDb, chat: int, text: str) -> None:
    chat_db.message("see you at six", chats=chat)
    sentence = chat_db.message(text, chats=chat)
    row = chat_db.messages().loc[sentence]
    assert row["kind"] == "normal"
    assert row[["tapback_kind", "tapback_target_guid"]].isna().all()


def test_the_latest_of_equal_texts_is_the_target(chat_db: ChatDb, chat: int) -> None:
    chat_db.message("ok", chats=chat)
    latest = chat_db.message("ok", chats=chat)
    tapback = chat_db.message("Liked “ok”", chats=chat)
    chat_db.message("ok", chats=chat)
    assert chat_db.messages()["tapback_target_guid"][tapback] == latest


def test_a_quote_from_another_conversation_does_not_count(chat_db: ChatDb, chat: int) -> None:
    other = chat_db.chat(chat_db.handle("bo@example.org"))
    chat_db.message("ok", chats=other)
    sentence = chat_db.message("Liked “ok”", chats=chat)
    assert chat_db.messages()["kind"][sentence] == "normal"


def test_a_tapback_on_a_picture_is_on_the_latest_attachment(chat_db: ChatDb, chat: int) -> None:
    picture = chat_db.message("\ufffc", chats=chat)
    chat_db.insert("message_attachment_join", message_id=chat_db.row_of(picture), attachment_id=1)
    tapback = chat_db.message("Loved an image", chats=chat)
    assert chat_db.messages().loc[tapback, ["kind", "tapback_target_guid"]].tolist() == ["tapback", picture]


def test_a_tapback_on_a_picture_that_is_gone_has_no_target(chat_db: ChatDb, chat: int) -> None:
    tapback = chat_db.message("Reacted 😂 to an image", chats=chat)
    row = chat_db.messages().loc[tapback]
    assert row["kind"] == "tapback"
    assert row[["tapback_target_guid"]].isna().all()
