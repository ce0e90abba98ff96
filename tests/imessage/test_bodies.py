"""A row's text is its body's, else its plain text; a damaged body is counted and never guessed."""

from __future__ import annotations

from jarvis_resources.imessage.bodies import NOTHING_STORED, read_bodies, visible_text
from jarvis_resources.imessage.sample.typedstream_writer import PART, Run, encode


def test_the_body_comes_before_the_plain_text() -> None:
    assert read_bodies([encode([Run("body")])], [b"plain"]).texts == ["body"]


def test_plain_text_serves_where_there_is_no_body() -> None:
    assert read_bodies([None, b""], [b"plain", "schön".encode()]).texts == ["plain", "schön"]


def test_a_damaged_body_without_plain_text_has_no_text_and_a_reason() -> None:
    bodies = read_bodies([encode([Run("hello there")], mutable=True)[:125], encode([Run("next")])], [None, None])
    assert bodies.texts[0] is None
    assert list(bodies.damaged) == [0]
    assert bodies.texts[1] == "next"


def test_a_damaged_body_with_plain_text_is_rescued_by_its_own_row() -> None:
    bodies = read_bodies([b"\x04\x0bstreamtyped", encode([Run("other")])], [b"mine", None])
    assert bodies.texts == ["mine", "other"]
    assert (bodies.rescued, bodies.damaged) == (1, {})


def test_a_row_with_neither_says_so() -> None:
    assert read_bodies([None], [None]).damaged == {0: NOTHING_STORED}


def test_plain_text_that_is_not_utf8_is_damaged_not_mended() -> None:
    bodies = read_bodies([None], [b"caf\xe9"])
    assert bodies.texts == [None]
    assert bodies.damaged == {0: "the text is not UTF-8"}


def test_an_empty_body_is_valid_and_has_no_text() -> None:
    bodies = read_bodies([encode([])], [None])
    assert (bodies.texts, bodies.damaged) == ([None], {})


def test_a_voice_note_says_its_transcript() -> None:
    note = encode([Run("\ufffc", ((PART, 0), ("IMAudioTranscription", "running late")))])
    assert read_bodies([note], [None]).texts == ["running late"]


def test_visible_text_drops_object_characters_and_keeps_inner_line_breaks() -> None:
    assert visible_text(" \ufffcone\n\ntwo\ufffd \n") == "one\n\ntwo"
    assert visible_text("\ufffc\n") is None
