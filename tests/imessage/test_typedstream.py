"""Bodies decode to exactly what was archived, or are refused; nothing else ever happens."""

from __future__ import annotations

import plistlib
from contextlib import suppress
from typing import Any

import pytest
import typedstream as oracle
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jarvis_resources.imessage.archive import unarchive
from jarvis_resources.imessage.sample.typedstream_writer import (
    BOLD,
    CODE,
    DETECTED,
    DIRECTION,
    FILENAME,
    LINK,
    MENTION,
    PART,
    TRANSFER,
    Code,
    Detected,
    Run,
    Url,
    Value,
    encode,
    utf16_length,
)
from jarvis_resources.imessage.typedstream import (
    BEGINNINGS,
    TRANSCRIPT,
    AttributedBody,
    TypedstreamError,
    decode,
    decode_text,
)

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


@pytest.mark.parametrize("number", [2**31, -(2**31) - 1, 2**40, 2**63 - 1, -(2**63)])
def test_a_number_of_eight_bytes_is_read(number: int) -> None:
    blob = encode([Run("hi", ((PART, 0), ("wide", number)))])
    assert number.to_bytes(8, "little", signed=True) in blob
    assert decode(blob).runs[0].attributes["wide"] == number
    with pytest.raises(oracle.InvalidTypedStreamError):  # the independent reader knows four bytes at most
        oracle_body(blob)


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
    with pytest.raises(TypedstreamError):
        unarchive(blob)


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


# A wrong length


def test_a_length_of_134_cut_to_nothing_does_not_end_at_its_own_second_byte() -> None:
    whole = encode([Run("a" * 134)])
    at = whole.index(b"\x81\x86\x00a")
    with pytest.raises(TypedstreamError, match="length"):
        decode_text(whole[:at] + b"\x00" + whole[at + 1 :])


@pytest.mark.parametrize("text", ["hi", "冄円 冄", "a" * 134, "é" * 323, "b" * 33_926, "c" * 34_438, "d" * 70_000])
@pytest.mark.parametrize("mutable", [False, True])
def test_no_other_length_gives_a_text(text: str, mutable: bool) -> None:
    whole = encode([Run(text)], mutable=mutable)
    at = next(len(beginning) for beginning in BEGINNINGS if whole.startswith(beginning))
    for place in range(at, at + {0x81: 3, 0x82: 5}.get(whole[at], 1)):
        for value in {*range(256)} - {whole[place]}:
            with pytest.raises(TypedstreamError):
                decode_text(whole[:place] + bytes([value]) + whole[place + 1 :])


def test_a_text_in_utf16_never_ends_at_a_byte_inside_it() -> None:
    raw = b"\xff\xfe" + "a\u8686\u0284\u4969 \u8686".encode("utf-16-le")
    whole = body(raw, bytes([len(raw)]))
    assert decode_text(whole) == decode(whole).text == "a\u8686\u0284\u4969 \u8686"
    for length in {*range(128)} - {len(raw)}:
        with pytest.raises(TypedstreamError):
            decode_text(body(raw, bytes([length])))


# Runs


def test_a_body_damaged_only_in_its_runs_keeps_its_text_and_has_no_runs() -> None:
    damaged = encode([Run("hello"), Run(" you", ((PART, 1),))])[:-20]
    assert decode_text(damaged) == "hello you"
    with pytest.raises(TypedstreamError, match="early"):
        decode(damaged)


def runs_of(text: str, *lengths: int) -> bytes:
    """A body whose runs all have a dictionary that is nil."""
    raw = text.encode()
    runs = [b"\x84\x02iI" if not place else b"\x97" for place in range(len(lengths))]
    numbers = [b"\x01", *[b"\x01"] * len(lengths)]
    written = b"".join(
        run + number + b"\x87" + length.to_bytes(8, "little") + (b"\x92\x85" if not place else b"")
        for place, (run, number, length) in enumerate(zip(runs, numbers, lengths, strict=False))
    )
    return HEAD + STRING + bytes([len(raw)]) + raw + b"\x86" + written + b"\x86"


@pytest.mark.parametrize("lengths", [(1,), (6,), (5, 1), (2**63,), (2**64 - 1, 6), (0, 0), (3, 1)])
def test_runs_that_do_not_add_up_to_the_text_are_refused(lengths: tuple[int, ...]) -> None:
    blob = runs_of("hello", *lengths)
    assert decode_text(blob) == "hello"
    with pytest.raises(TypedstreamError, match="than the text"):
        decode(blob)


def test_a_run_without_a_dictionary_has_no_attributes() -> None:
    decoded = decode(runs_of("hello", 2, 0, 3))
    assert [(run.text, run.attributes) for run in decoded.runs] == [("he", {}), ("", {}), ("llo", {})]
    assert decoded.parts == {0: "hello"}


def test_a_character_that_two_runs_share_belongs_to_the_first() -> None:
    assert [run.text for run in decode(runs_of("a😀b", 2, 2)).runs] == ["a😀", "b"]


def test_runs_of_one_part_are_put_together() -> None:
    runs = [Run("see "), Run("it", ((BOLD, 1), (PART, 0))), Run("\ufffc", ((PART, 1),)), Run(" there", ((PART, 0),))]
    assert decode(encode(runs)).parts == {0: "see it there", 1: "\ufffc"}


def test_a_one_time_code_is_read_without_its_separator() -> None:
    decoded = decode(encode([Run("code "), Run("123-456", ((CODE, Code("123456", "123-456")), (PART, 0)))]))
    assert decoded.one_time_codes == ("123456",)
    assert decoded.runs[1].attributes[CODE] == {"displayCode": "123-456", "code": "123456"}


def test_a_link_in_two_runs_is_one_link() -> None:
    link: tuple[str, Value] = (LINK, Url("https://example.net"))
    assert decode(encode([Run("exa", (link, (PART, 0))), Run("mple", (link, (BOLD, 1), (PART, 0)))])).links == (
        "https://example.net",
    )


def test_data_that_a_detector_left_is_bytes() -> None:
    decoded = decode(encode([Run("at six", ((DETECTED, Detected("at six")), (PART, 0)))]))
    found = decoded.runs[0].attributes[DETECTED]
    assert isinstance(found, bytes)
    assert plistlib.loads(found)["dd-result"] == "at six"


def test_half_a_surrogate_pair_is_shown_as_a_screen_shows_it() -> None:
    raw = b"\xff\xfe" + "a\ud83d".encode("utf-16-le", "surrogatepass")
    assert decode_text(body(raw, bytes([len(raw)]))) == "a\ufffd"


# Work without end

N = 1_000_000
OPEN = HEAD[: HEAD.index(b"\x85") + 1]
"""An attributed string, open; strings @ NSAttributedString NSObject, objects from 0x92 itself and these classes."""
LONG = b"\x92\x84\x84\x84\x08NSString\x01\x94\x84\x01+" + b"\x82" + (300_000).to_bytes(4, "little") + b"a" * 300_000
LONG += b"\x86\x84\x02iI\x01\x01\x92"
"""Its first value, a long text, and the first run, before its dictionary."""


def dictionary(pairs: int, text: bytes) -> bytes:
    """A dictionary that holds one long text many times."""
    key = b"\x84\x96\x96\x14" + TRANSCRIPT.encode() + b"\x86"
    value = b"\x84\x96\x96\x82" + len(text).to_bytes(4, "little") + text + b"\x86"
    head = b"\x84\x84\x84\x0cNSDictionary\x00\x94\x84\x01i\x82" + pairs.to_bytes(4, "little")
    return head + b"\x92" + key + b"\x92" + value + b"\x92\x99\x92\x9a" * (pairs - 1) + b"\x86"


ENDLESS = {
    "values of no size": OPEN + b"\x84\x3c" + b"[0c]" * 15 + b"\x95" * N,
    "structures of no size": OPEN + b"\x84\x82\x40\x0d\x03\x00" + b"{}" * 100_000 + b"\x95" * N,
    "long names of structures": OPEN + b"\x84\x40{" + b"a" * 62 + b"}" + b"\x95" * N,
    "nil objects": OPEN + b"\x92\x85" * (N // 2),
    "empty objects": OPEN + b"\x92\x84\x93\x86" * (N // 4),
    "nested objects": OPEN + (b"\x92\x84\x93" * 40 + b"\x86" * 40) * (N // 160),
    "a line of classes": OPEN + b"\x84\x01#" + b"\x84\x93\x00" * (N // 3),
    "a long name of many classes": OPEN + b"\x84\x01#\x84\x84\x82\x00\x00\x08\x00" + b"A" * 2**19 + b"\x00\x85"
    + b"\x95\x84\x96\x00\x85" * 80_000,
    "runs of nothing": OPEN + LONG + b"\x85" + b"\x97\x01\x00" * 200_000,
    "runs of one letter": OPEN + LONG + b"\x85" + b"\x97\x01\x01" * 200_000,
    "a dictionary of many numbers": OPEN + LONG + dictionary(5_000, b"v" * 300_000)
    + b"".join(b"\x97\x81" + number.to_bytes(2, "little") + b"\x01\x92\x97" for number in range(2, 25_000)) + b"\x86",
    "a value of many keys": OPEN + LONG.replace(b"iI\x01\x01", b"iI\x01\x82\xe0\x93\x04\x00") + dictionary(40_000, b"v" * 400_000) + b"\x86",
}  # fmt: skip


@pytest.mark.timeout(30)  # tenths of a second where the work is bounded, minutes and more where it is not
@pytest.mark.parametrize("name", ENDLESS)
def test_a_megabyte_that_asks_for_endless_work_is_soon_done_with(name: str) -> None:
    decodes_or_refuses(ENDLESS[name])


@pytest.mark.timeout(30)
def test_a_body_of_many_parts_is_put_together_in_no_time() -> None:
    text = "a" * 600_000
    decoded = decode(encode([Run(text[:20], ((PART, place % 3), (BOLD, place % 7))) for place in range(20_000)]))
    assert sum(map(len, decoded.parts.values())) == 400_000


# An independent reader


def oracle_value(value: Any) -> Any:
    """A value of the other reader as ours gives it."""
    match type(value).__name__:
        case "NSString" | "NSMutableString" | "NSNumber" | "NSURL":
            return value.value
        case "NSData" | "NSMutableData":
            return value.data
        case "NSDictionary" | "NSMutableDictionary":
            return {oracle_value(key): oracle_value(item) for key, item in value.contents.items()}
    return None


def oracle_body(blob: bytes) -> tuple[str, list[tuple[int, dict[str, Any]]]]:
    """Text, and each run's length in UTF-16 units with its attributes."""
    string, *groups = oracle.unarchive_from_data(blob).contents
    dictionaries: dict[int, dict[str, Any]] = {}
    runs = []
    rest = iter(groups)
    for group in rest:
        number, length = group.values
        if number not in dictionaries:
            dictionaries[number] = oracle_value(next(rest).value)
        runs.append((length, dictionaries[number]))
    return string.value.value, runs


def our_body(blob: bytes) -> tuple[str, list[tuple[int, dict[str, Any]]]]:
    decoded = decode(blob)
    assert decode_text(blob) == decoded.text
    return decoded.text, [(utf16_length(run.text), dict(run.attributes)) for run in decoded.runs]


PLAIN = ((PART, 0),)
HARD: dict[str, list[Run]] = {
    "an empty body": [],
    "127 bytes": [Run("a" * 127)],
    "128 bytes": [Run("a" * 128)],
    "146 bytes": [Run("a" * 146)],
    "32,767 bytes": [Run("a" * 32_767)],
    "32,768 bytes": [Run("a" * 32_768)],
    "65,535 bytes": [Run("é" * 32_767 + "a")],
    "65,536 bytes": [Run("a" * 65_536)],
    "a million bytes": [Run("ab" * 500_000)],
    "NSString": [Run("NSString\x01\x94\x84\x01+")],
    "NSDictionary and NSNumber": [Run("NSDictionary NSNumber"), Run("NSDictionary", ((PART, 1),))],
    "86 84 in a character": [Run("冄"), Run("円冄", ((PART, 1),))],
    "numbers of one byte": [Run("a", ((PART, 127), ("low", -110)))],
    "numbers of two bytes": [Run("a", ((PART, 128), ("high", 32_767), ("low", -111), ("lowest", -32_768)))],
    "numbers of four bytes": [Run("a", ((PART, 32_768), ("high", 2**31 - 1), ("low", -32_769), ("lowest", -(2**31))))],
    "a dictionary used again": [Run("a"), Run("b", ((PART, 1),)), Run("c"), Run("d", ((PART, 1),))],
    "many back-references": [Run("x", tuple((f"key {run} {n}", f"{n}") for n in range(9))) for run in range(40)],
    "emoji between runs": [Run("😀👩‍👩‍👧 "), Run("@Ana", ((MENTION, "+15555550123"), *PLAIN)), Run(" 🇪🇸")],
    "a link": [Run("https://example.net", ((LINK, Url("https://example.net")), *PLAIN))],
    "a detector's data": [Run("at six", ((DETECTED, Detected("at six")), *PLAIN))],
    "a one-time code": [Run("code "), Run("123-456", ((CODE, Code("123456", "123-456")), *PLAIN))],
    "attachments": [Run("\ufffc", ((TRANSFER, "at_0_A"), (FILENAME, "a.jpg"), (DIRECTION, -1), *PLAIN)), Run("hi", ((PART, 1),))],
    "a voice note": [Run("\ufffc", ((TRANSCRIPT, "running late"), *PLAIN))],
    "bold words": [Run("so "), Run("good", ((BOLD, 1), *PLAIN))],
    "an empty text with a run": [Run("")],
    "line breaks and controls": [Run("one\n\r\n\u2028\x00\x7f\ufffd")],
}  # fmt: skip


@pytest.mark.parametrize("mutable", [False, True])
@pytest.mark.parametrize("name", HARD)
def test_an_independent_reader_agrees_on_what_breaks_naive_ones(name: str, mutable: bool) -> None:
    blob = encode(HARD[name], mutable=mutable)
    assert our_body(blob) == oracle_body(blob)
    assert decode(blob).text == "".join(run.text for run in HARD[name])


@pytest.mark.parametrize("cut", range(0, 300, 7))
def test_what_an_independent_reader_refuses_as_cut_short_has_no_runs(cut: int) -> None:
    blob = encode(HARD["attachments"])[:cut]
    for reader in (oracle_body, decode):
        with pytest.raises((TypedstreamError, oracle.InvalidTypedStreamError, EOFError)):
            reader(blob)


def test_utf16_which_the_independent_reader_does_not_know_is_read() -> None:
    raw = b"\xff\xfe" + "día 冄😀".encode("utf-16-le")
    blob = body(raw, bytes([len(raw)]))
    with pytest.raises(UnicodeDecodeError):
        oracle_body(blob)
    assert decode_text(blob) == decode(blob).text == "día 冄😀"
    big = b"\xfe\xff" + "día".encode("utf-16-be")
    assert decode_text(body(big, bytes([len(big)]))) == "día"


VALUES = st.one_of(
    st.integers(-(2**31), 2**31 - 1), TEXTS, TEXTS.map(Url), TEXTS.map(Detected), st.builds(Code, TEXTS, TEXTS)
)
RUNS = st.lists(
    st.builds(
        Run,
        TEXTS,
        st.dictionaries(st.sampled_from([PART, LINK, BOLD, CODE, "a", "b"]), VALUES, max_size=4).map(
            lambda attributes: tuple(attributes.items())
        ),
    ),
    max_size=8,
)


@given(RUNS, st.booleans())
@settings(max_examples=150, deadline=None)
def test_an_independent_reader_agrees_on_text_and_runs(runs: list[Run], mutable: bool) -> None:
    blob = encode(runs, mutable=mutable)
    assert our_body(blob) == oracle_body(blob)
