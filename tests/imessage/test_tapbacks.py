"""Tapbacks are known by their association, or by quoting what was said."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from handmade import ChatDb
from hypothesis import given
from hypothesis import strategies as st

from jarvis_resources.imessage.tapback_wordings import MOST_AROUND, templates
from jarvis_resources.imessage.tapbacks import TextTapback, find_text_tapbacks
from jarvis_resources.tables import TAPBACKS

TEMPLATES = list(templates())
LANGUAGES = sorted({language for language, *_ in TEMPLATES})
MARKS = ["“”", "„“", "„”", "«»", "»«", "””", '""', "‘’", "''", "「」", "『』", "《》"]


def found(
    *texts: str | None, rooms: list[int] | None = None, attachments: list[int] | None = None
) -> list[TextTapback]:
    """The tapbacks among texts said one after another, in one conversation unless ``rooms`` says otherwise."""
    return find_text_tapbacks(
        pa.chunked_array([pa.array(texts, pa.string())]),
        np.array(rooms or [0] * len(texts), np.int64),
        np.array(attachments or [0] * len(texts), np.int64),
        np.ones(len(texts), bool),
    )


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


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_wording_of_a_language_is_known(language: str) -> None:
    wordings = [(template, kind, removed) for name, template, kind, removed in TEMPLATES if name == language]
    texts = [template.replace("{}", "“see you at six”") for template, *_ in wordings]
    expected = [TextTapback(place, 0, kind, removed) for place, (_, kind, removed) in enumerate(wordings, 1)]
    assert found("see you at six", *texts) == expected


def test_the_languages_and_kinds_are_many() -> None:
    assert len(LANGUAGES) >= 35
    for language in LANGUAGES:
        said = {(kind, removed) for name, _, kind, removed in TEMPLATES if name == language}
        assert said == {(kind, removed) for kind in TAPBACKS for removed in (False, True)}


def test_no_wording_is_longer_than_what_is_looked_at() -> None:
    assert max(len(template) for _, template, *_ in TEMPLATES) <= MOST_AROUND


@pytest.mark.parametrize("marks", MARKS)
@pytest.mark.parametrize("space", ["", " ", "\u00a0", "\u202f", "\u2068", "\u200a"])
def test_every_style_of_quotation_is_known(marks: str, space: str) -> None:
    assert found("don't go", f"Liked {marks[0]}{space}don't go{space}{marks[1]}") == [TextTapback(1, 0, "liked", False)]


@pytest.mark.parametrize(
    ("text", "kind", "removed"),
    [
        ("a attribué la mention « Adore » à « ok »", "loved", False),
        ("A attribué la mention « Je n'aime pas » à « ok »", "disliked", False),
        ("a attribué la mention « 😂 » à « ok »", "emoji", False),
        ("A retiré la mention « Adore » de « ok »", "loved", True),
        ("Gefällt „ok“ nicht", "disliked", False),
        ("Hat „ok“ mit „Gefällt mir“ markiert", "liked", False),
        ("Polubił(a) „ok”", "liked", False),
        ("אהב/ה את ”ok“", "liked", False),
        ("「ok」に“いいね”しました", "liked", False),
        ("「ok」に「いいね!」しました", "liked", False),
        ("Посмеялся(-ась) над «ok»", "laughed", False),
        ("给“ok”点了个赞", "liked", False),
        ("Reacted 👍🏽 to “ok”", "emoji", False),
        ("Reacted 👩‍❤️‍💋‍👨 to “ok”", "emoji", False),
        ("Reacted 1️⃣ to “ok”", "emoji", False),
        ("Reacted with a sticker to “ok”", "sticker", False),
        ("Removed a 🔥 from “ok”", "emoji", True),
        ("❤️ to “ok”", "emoji", False),
        ("👍 “ok”", "emoji", False),
        ("\u200a\u200b👍\u200b to “\u200aok\u200a”\u200a", "emoji", False),
        ("\u200aQualunque cosa \u200c👍\u200c da “\u200aok\u200a”\u200a", "emoji", True),
    ],
)
def test_a_wording_is_read_as_it_was_seen_or_may_vary(text: str, kind: str, removed: bool) -> None:
    assert found("ok", text) == [TextTapback(1, 0, kind, removed)]


@pytest.mark.parametrize(
    "text",
    [
        "She said “see you at six”", "I loved “see you at six”", "you said “see you at six”", "“see you at six”",
        "“see you at six” lol", "like “see you at six”", "Loved “see you at six”!", "Loved “see you at six” too",
        "why “see you at six”?", "Reacted badly to “see you at six”", "heart “see you at six”", "to “see you at six”",
        "Loved “see you”", "Liked “see you at six", "Liked see you at six", "re: “see you at six”", "'see you at six'",
        "Du hast „see you at six“ geschrieben", "Mir gefällt „see you at six“", "Was heißt „see you at six“",
        "J’ai adoré « see you at six »", "Tu as dit « see you at six »", "A adoré « Dune »",
        "Me encantó “see you at six”", "Dijiste “see you at six”", "Le gustó “Dune”", "Mi è piaciuto “see you at six”",
        "Eu amei “see you at six”", "Мне понравилось «see you at six»", "Ты написал «see you at six»",
        "私は「see you at six」が好きです", "我喜欢“see you at six”", "나는 “see you at six”을(를) 좋아함",
    ],
)  # fmt: skip
def test_a_sentence_that_quotes_is_a_message_in_any_language(text: str) -> None:
    assert found("see you at six", text) == []


def test_a_tapback_quotes_what_was_said_before_not_after() -> None:
    assert found("Loved “ok”", "ok") == []


def test_only_the_conversation_itself_is_quoted() -> None:
    assert found("ok", "ok", "Gefällt „ok“", "Gefällt „ok“", rooms=[0, 1, 2, 1]) == [TextTapback(3, 1, "liked", False)]


def test_the_latest_of_equal_texts_is_meant_in_any_language() -> None:
    assert found("ok", "ok", "A adoré « ok »", "ok") == [TextTapback(2, 1, "loved", False)]


@pytest.mark.parametrize("said", ["first line\nsecond line", "they call it “fun”", "“fun”", "it's 'fine'", "a « b » c"])
def test_a_quote_may_have_lines_and_quotes_of_its_own(said: str) -> None:
    assert found(said, f"Laughed at “{said}”") == [TextTapback(1, 0, "laughed", False)]


def test_a_tapback_on_a_tapback_quotes_it_whole() -> None:
    tapbacks = found("ok", "Liked “ok”", "Loved “Liked “ok””")
    assert tapbacks == [TextTapback(1, 0, "liked", False), TextTapback(2, 1, "loved", False)]


def test_white_space_may_change_on_the_way() -> None:
    assert found("two  spaces\nand lines", "Liked “two spaces and lines”") == [TextTapback(1, 0, "liked", False)]


@pytest.mark.parametrize("ellipsis", ["…", "...", " …"])
def test_a_long_quote_may_be_cut_short(ellipsis: str) -> None:
    said = "this is a long message about nothing in particular"
    assert found(said, f"Loved “{said[:20]}{ellipsis}”") == [TextTapback(1, 0, "loved", False)]
    assert found(said, f"Loved “{said[:4]}{ellipsis}”") == []


def test_unknown_words_count_where_they_quote_whole_messages_again_and_again() -> None:
    said = ["ok", "see you at six", "where are you"]
    tapbacks = found(*said, *(f"Zblorgte “{quote}” wum" for quote in said))
    assert tapbacks == [TextTapback(place + 3, place, None, False) for place in range(3)]


def test_unknown_words_around_any_emoji_are_one_wording() -> None:
    said = ["ok", "see you at six", "where are you"]
    texts = [f"Zblorgte {emoji} wum “{quote}”" for emoji, quote in zip("🔥🎉👀", said, strict=True)]
    assert found(*said, *texts) == [TextTapback(place + 3, place, "emoji", False) for place in range(3)]


@pytest.mark.parametrize("words", ["You said “{}”", "Du sagst „{}“", "Zblorgte: “{}”", "Zblorgte “{}”!", "“{}”"])
def test_a_persons_words_are_no_tapback_however_often(words: str) -> None:
    said = ["ok", "see you at six", "where are you"]
    assert found(*said, *(words.replace("{}", quote) for quote in said)) == []


def test_unknown_words_that_also_quote_what_nobody_said_are_a_persons() -> None:
    said = ["ok", "see you at six", "where are you"]
    quoted = [*said, "Dune", "Emma"]
    assert found(*said, *(f"Zblorgte “{quote}”" for quote in quoted)) == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Loved an image", "loved"), ("A réagi avec 🔥 à une image", "emoji"), ("Le encantó una imagen", "loved"),
        ("Gefällt ein Bild", "liked"), ("Removed a like from a movie", "liked"),
    ],
)  # fmt: skip
def test_a_picture_is_named_in_the_language_too(text: str, kind: str) -> None:
    (tapback,) = found(None, text, attachments=[1, 0])
    assert (tapback.target, tapback.kind) == (0, kind)


def test_where_a_person_could_say_it_of_a_picture_there_must_be_one() -> None:
    assert found("ok", "Le encantó una imagen", "Loved an image") == [TextTapback(2, None, "loved", False)]


@given(
    st.lists(st.text(st.sampled_from("abLoved :’'\"“”„«»「」…🔥\u200b\n") | st.characters(codec="utf-8"), max_size=80))
)
def test_no_text_breaks_the_search(texts: list[str]) -> None:
    for tapback in found(*texts):
        assert tapback.target is None or tapback.target < tapback.place
        assert tapback.kind is None or tapback.kind in TAPBACKS


@given(st.text(min_size=1).filter(lambda text: text.strip() == text and text[0].isalnum() and text[-1].isalnum()))
def test_any_message_can_be_loved(said: str) -> None:
    assert TextTapback(1, 0, "loved", False) in found(said, f"Loved “{said}”")
