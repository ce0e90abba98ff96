"""Bodies decode to exactly what was archived, or are refused; nothing else ever happens."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
import typedstream as oracle
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jarvis_resources.imessage.archive import unarchive
from jarvis_resources.imessage.sample.typedstream_writer import LINK, MENTION, PART, TRANSFER, Run, Url, encode
from jarvis_resources.imessage.typedstream import AttributedBody, TypedstreamError, decode, decode_text

HEAD = b"\x04\x0bstreamtyped\x81\xe8\x03\x84\x01@\x84\x84\x84\x12NSAttributedString\x00\x84\x84\x08NSObject\x00\x85\x92\x84\x84\x84"
STRING = b"\x08NSString\x01\x94\x84\x01+"

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=400)


def body(text: bytes, length: bytes) -> bytes:
    """The smallest body: a string, no runs."""
    return HEAD + STRING + length + text + b"\x86\x86"


@pytest.mark.parametrize(
    ("size", "length"),
    [
        (0, b"\x00"),
        (1, b"\x01"),
        (127, b"\x7f"),
        (128, b"\x81\x80\x00"),
        (145, b"\x81\x91\x00"),
        (146, b"\x81\x92\x00"),
        (255, b"\x81\xff\x00"),
        (256, b"\x81\x00\x01"),
        (65_535, b"\x81\xff\xff"),
        (65_536, b"\x82\x00\x00\x01\x00"),
        (300_000, b"\x82\xe0\x93\x04\x00"),
    ],
)
def test_every_width_of_length_is_read(size: int, length: bytes) -> None:
    assert decode_text(body(b"a" * size, length)) == "a" * size


@pytest.mark.parametrize(
    "text",
    [
        "NSString", "NSDictionary and NSNumber", "\x84\x01+", "冄", "\x86\x86", "one\ntwo\r\nthree", "\u2028", "👩‍👩‍👧‍👦 😀",
        " padded ", "\ufffc", "\x00", "streamtyped",
    ],
)  # fmt: skip
@pytest.mark.parametrize("mutable", [False, True])
def test_texts_that_look_like_the_format_come_back_unchanged(text: str, mutable: bool) -> None:
    blob = encode([Run(text)], mutable=mutable)
    assert decode_text(blob) == text
    assert decode(blob).text == text


def test_a_beginning_never_seen_is_read_by_the_full_reader() -> None:
    unknown = HEAD + b"\x0fCustomStringXYZ\x01\x84\x84\x08NSString\x01\x94\x84\x01+\x02hi\x86\x86"
    assert decode_text(unknown) == "hi"


def test_a_body_in_utf16_with_a_byte_order_mark_is_text() -> None:
    raw = b"\xff\xfe" + "día".encode("utf-16-le")
    assert decode_text(body(raw, bytes([len(raw)]))) == "día"


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(TypedstreamError, match="not UTF-8"):
        decode_text(body(b"\xc3\x28", b"\x02"))


def test_a_body_cut_anywhere_before_the_end_of_its_text_is_refused() -> None:
    whole = encode([Run("see you at six")])
    text_ends = whole.index(b"six") + 3
    for cut in range(text_ends + 1):
        with pytest.raises(TypedstreamError):
            decode_text(whole[:cut])
    assert decode_text(whole[: text_ends + 1]) == "see you at six"


def test_a_length_that_is_too_short_is_refused_not_guessed() -> None:
    with pytest.raises(TypedstreamError, match="length"):
        decode_text(body(b"abcdef", b"\x03"))


def test_runs_are_counted_in_utf16_units() -> None:
    runs = [Run("😀 "), Run("@Ana", ((MENTION, "+15555550123"), (PART, 0))), Run(" 👋", ((PART, 0),))]
    decoded = decode(encode(runs))
    assert [run.text for run in decoded.runs] == ["😀 ", "@Ana", " 👋"]
    assert decoded.mentions == ("+15555550123",)


def test_a_repeated_run_carries_the_attributes_of_its_first_use() -> None:
    decoded = decode(encode([Run("a"), Run("b", ((PART, 1),)), Run("c")]))
    assert [run.part for run in decoded.runs] == [0, 1, 0]
    assert decoded.parts == {0: "ac", 1: "b"}


def test_links_and_attachments_are_read() -> None:
    runs = [
        Run("\ufffc", ((TRANSFER, "at_0_ABC"), (PART, 0))),
        Run("see example.net", ((PART, 1), (LINK, Url("https://example.net")))),
    ]
    decoded = decode(encode(runs))
    assert decoded.transfer_guids == ("at_0_ABC",)
    assert decoded.runs[1].attributes[LINK] == "https://example.net"


def test_a_voice_note_has_its_transcript() -> None:
    runs = [Run("\ufffc", ((PART, 0), ("IMAudioTranscription", "call me back"))), Run("x", ((PART, 1),))]
    assert decode(encode(runs)).transcript == "call me back"


def test_a_number_of_eight_bytes_is_read() -> None:
    blob = encode([Run("hi", ((PART, 300),))])
    wide = blob.replace(b"\x81\x2c\x01", b"\x87" + (2**40).to_bytes(8, "little"))
    assert decode(wide).runs[0].attributes[PART] == 2**40


def test_many_attributes_need_wide_references() -> None:
    runs = [Run("x", tuple((f"key {run} {n}", f"{run}.{n}") for n in range(9))) for run in range(30)]
    decoded = decode(encode(runs))
    assert [run.attributes for run in decoded.runs] == [dict(run.attributes) for run in runs]


def test_an_object_that_contains_itself_ends() -> None:
    loop = b"\x04\x0bstreamtyped\x81\xe8\x03\x84\x01@\x84\x84\x84\x12NSAttributedString\x00\x85\x92\x92\x86"
    with pytest.raises(TypedstreamError):
        decode(loop)


@pytest.mark.parametrize("encoding", [b"[999999999c]", b"[9999999{}]", b"[9[9[9i]]]", b"{a={b={c=", b"]", b"?"])
def test_types_that_ask_for_endless_work_are_refused(encoding: bytes) -> None:
    blob = b"\x04\x0bstreamtyped\x81\xe8\x03\x84" + bytes([len(encoding)]) + encoding + b"\x00" * 64
    began = time.perf_counter()
    with pytest.raises(TypedstreamError):
        unarchive(blob)
    assert time.perf_counter() - began < 0.1


def test_nesting_without_end_is_refused() -> None:
    nested = b"\x04\x0bstreamtyped\x81\xe8\x03\x84\x01@" + b"\x84\x84\x84\x01A\x00\x85\x92" + b"\x84\x93\x92" * 5_000
    with pytest.raises(TypedstreamError, match="deeply"):
        unarchive(nested)


def decodes_or_refuses(blob: bytes) -> None:
    for reader in (decode_text, decode):
        with suppress(TypedstreamError):
            assert isinstance(reader(blob), str | AttributedBody)


@given(st.binary(max_size=300))
@example(b"")
@example(b"\x04\x0bstreamtyped")
def test_any_bytes_decode_or_are_refused(blob: bytes) -> None:
    decodes_or_refuses(blob)


@given(st.binary(max_size=200), st.sampled_from([HEAD, HEAD + STRING, HEAD[:17], encode([Run("a")])[:-1]]))
def test_any_bytes_behind_a_true_beginning_decode_or_are_refused(rest: bytes, beginning: bytes) -> None:
    decodes_or_refuses(beginning + rest)


WHOLE = encode(
    [Run("😀 hi "), Run("@Ana", ((MENTION, "+15555550123"), (PART, 0))), Run("\ufffc", ((PART, 1), (LINK, Url("x"))))]
)


@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_a_body_with_flipped_bytes_decodes_or_is_refused(flips: list[tuple[int, int]]) -> None:
    damaged = bytearray(WHOLE)
    for place, value in flips:
        damaged[place] = value
    decodes_or_refuses(bytes(damaged))


@given(st.lists(st.tuples(TEXTS, st.integers(0, 200)), max_size=6), st.booleans())
@settings(max_examples=200)
def test_what_is_written_is_read_back(parts: list[tuple[str, int]], mutable: bool) -> None:
    runs = [Run(text, ((PART, part),)) for text, part in parts]
    decoded = decode(encode(runs, mutable=mutable))
    assert decoded.text == "".join(text for text, _ in parts)
    assert [(run.text, run.part) for run in decoded.runs] == parts


def oracle_text(blob: bytes) -> str:
    archived = oracle.unarchive_from_data(blob)
    text: str = archived.contents[0].value.value
    return text


@given(st.lists(st.tuples(TEXTS, st.integers(0, 127)), min_size=1, max_size=4), st.booleans())
@settings(max_examples=60, deadline=None)
def test_an_independent_reader_agrees(parts: list[tuple[str, int]], mutable: bool) -> None:
    blob = encode([Run(text, ((PART, part),)) for text, part in parts], mutable=mutable)
    assert decode_text(blob) == decode(blob).text == oracle_text(blob)
