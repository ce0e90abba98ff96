"""A row's text is its body's, else its plain text; a damaged body is counted and never guessed."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jarvis_resources.imessage.bodies import NOTHING_STORED, Bodies, read_bodies, row_text, visible_text
from jarvis_resources.imessage.sample.typedstream_writer import PART, Run, encode
from jarvis_resources.imessage.typedstream import TypedstreamError


def read(blobs: Sequence[bytes | None], plain: Sequence[bytes | None]) -> Bodies:
    return read_bodies(pa.array(blobs, pa.binary()), pa.array(plain, pa.binary()))


def texts(blobs: Sequence[bytes | None], plain: Sequence[bytes | None]) -> list[str | None]:
    found: list[str | None] = read(blobs, plain).texts.to_pylist()
    return found


def test_the_body_comes_before_the_plain_text() -> None:
    assert texts([encode([Run("body")])], [b"plain"]) == ["body"]


def test_plain_text_serves_where_there_is_no_body() -> None:
    assert texts([None, b"", None], [b"plain", "schön".encode(), b""]) == ["plain", "schön", None]


def test_a_damaged_body_without_plain_text_has_no_text_and_a_reason() -> None:
    bodies = read([encode([Run("hello there")], mutable=True)[:125], encode([Run("next")])], [None, None])
    assert bodies.texts.to_pylist() == [None, "next"]
    assert bodies.damaged == {0: "ends too early"}


def test_a_damaged_body_with_plain_text_is_rescued_by_its_own_row() -> None:
    bodies = read([b"\x04\x0bstreamtyped", encode([Run("other")])], [b"mine", None])
    assert bodies.texts.to_pylist() == ["mine", "other"]
    assert (bodies.rescued, bodies.damaged) == ([0], {})


def test_a_row_with_neither_says_so() -> None:
    assert read([None, b""], [None, None]).damaged == dict.fromkeys([0, 1], NOTHING_STORED)


def test_plain_text_that_is_not_utf8_is_damaged_not_mended() -> None:
    bodies = read([None, None], [b"caf\xe9", "café".encode()])
    assert bodies.texts.to_pylist() == [None, "café"]
    assert bodies.damaged == {0: "the text is not UTF-8"}


def test_an_empty_body_is_valid_and_has_no_text() -> None:
    bodies = read([encode([])], [None])
    assert (bodies.texts.to_pylist(), bodies.damaged) == ([None], {})


def test_a_voice_note_says_its_transcript() -> None:
    note = encode([Run("\ufffc", ((PART, 0), ("IMAudioTranscription", "running late")))])
    assert texts([note, note], [None, b"other"]) == ["running late"] * 2


def test_visible_text_drops_object_characters_and_keeps_inner_line_breaks() -> None:
    assert visible_text(" \ufffcone\n\ntwo\ufffd \n") == "one\n\ntwo"
    assert visible_text("\ufffc\n") is None


@pytest.mark.parametrize("length", [0, 1, 127, 128, 129, 255, 256, 32_767, 32_768, 65_535, 65_536, 70_000])
@pytest.mark.parametrize("mutable", [False, True])
def test_a_text_of_any_length_is_read_whole(length: int, mutable: bool) -> None:
    said = ("冄né " * length)[:length].strip() or None
    assert texts([encode([Run(said or "")], mutable=mutable)], [None]) == [said]


def test_a_slice_of_a_column_is_read_as_its_own_rows() -> None:
    blobs = pa.array([encode([Run(f"body {row}")]) for row in range(9)], pa.binary())
    plain = pa.array([None] * 9, pa.binary())
    assert read_bodies(blobs[3:6], plain[3:6]).texts.to_pylist() == ["body 3", "body 4", "body 5"]


def test_no_rows_are_no_texts() -> None:
    assert texts([], []) == []


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=300) | st.sampled_from(
    ["\ufffc", " \u2028x\x1f", "\x86"]
)


@st.composite
def bodies(draw: st.DrawFn) -> bytes | None:
    """A whole body, one with bytes changed, cut or added, any bytes at all, or none."""
    kind = draw(st.sampled_from(["none", "empty", "bytes", "whole", "mutant", "cut"]))
    if kind in ("none", "empty"):
        return None if kind == "none" else b""
    if kind == "bytes":
        return draw(st.binary(max_size=200))
    blob = bytearray(encode([Run(draw(_TEXT)) for _ in range(draw(st.integers(0, 2)))], mutable=draw(st.booleans())))
    if kind == "mutant":
        for _ in range(draw(st.integers(1, 3))):
            blob[draw(st.integers(60, len(blob) - 1))] = draw(st.integers(0, 255))
    return bytes(blob[: draw(st.integers(60, len(blob)))] if kind == "cut" else blob)


def one_by_one(blob: bytes | None, plain: bytes | None) -> tuple[str | None, str | None]:
    """The text of a row and why it has none, by the rule for one row."""
    try:
        return row_text(blob, plain), None
    except TypedstreamError as error:
        try:
            return (row_text(None, plain) if blob else None), None if blob else error.reason
        except TypedstreamError:
            return None, error.reason


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(bodies(), st.none() | _TEXT.map(str.encode) | st.binary(max_size=20)), max_size=12))
def test_a_batch_is_read_as_its_rows_are_one_by_one(rows: list[tuple[bytes | None, bytes | None]]) -> None:
    batch = read([blob for blob, _ in rows], [plain for _, plain in rows])
    expected = [one_by_one(*row) for row in rows]
    assert batch.texts.to_pylist() == [text for text, _ in expected]
    assert batch.damaged == {row: why for row, (_, why) in enumerate(expected) if why}
