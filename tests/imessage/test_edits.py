"""What a message said before it was edited, and what was taken back."""

from __future__ import annotations

import plistlib
import struct
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from handmade import APPLE_EPOCH, NOON, ChatDb, frame, nanoseconds
from hypothesis import given
from hypothesis import strategies as st

from jarvis_resources.imessage.edits import SummaryError, history, read_summary, text_at
from jarvis_resources.imessage.sample.typedstream_writer import PART, Run, encode
from jarvis_resources.imessage.typedstream import decode


def seconds(when: datetime) -> float:
    return (when - APPLE_EPOCH).total_seconds()


def summary(edits: dict[str, list[tuple[datetime, str]]], *, parts: int = 1, unsent: list[int] | None = None) -> bytes:
    root: dict[str, Any] = {"amc": 0, "otr": {str(part): {"lo": 0, "le": 1} for part in range(parts)}}
    if edits:
        root["ec"] = {
            part: [{"d": seconds(when), "t": encode([Run(text)])} for when, text in versions]
            for part, versions in edits.items()
        }
    if unsent is not None:
        root["rp"] = unsent
    return plistlib.dumps(root, fmt=plistlib.FMT_BINARY)


def minutes(count: int) -> datetime:
    return NOON + timedelta(minutes=count)


def test_an_edited_message_has_every_version_it_had(chat_db: ChatDb) -> None:
    info = summary({"0": [(minutes(0), "at fvie?"), (minutes(1), "at five?"), (minutes(2), "at six?")]})
    edited = chat_db.message("at six?", date_edited=nanoseconds(minutes(2)), message_summary_info=info)
    row = chat_db.messages().loc[edited]
    assert [(version["sent_at"], version["text"]) for version in row["edit_history"]] == [
        (minutes(0), "at fvie?"), (minutes(1), "at five?"), (minutes(2), "at six?"),
    ]  # fmt: skip
    assert row["edited_at"] == minutes(2)
    assert row["kind"] == "normal"


def test_an_edited_part_is_put_together_with_the_others(chat_db: ChatDb) -> None:
    body = encode([Run("look: ", ((PART, 0),)), Run("\ufffc", ((PART, 1),)), Run("the sea", ((PART, 2),))])
    info = summary({"2": [(minutes(0), "the see"), (minutes(1), "the sea")]}, parts=3)
    edited = chat_db.message(attributedBody=body, date_edited=1, message_summary_info=info)
    versions = chat_db.messages()["edit_history"][edited]
    assert [version["text"] for version in versions] == ["look: the see", "look: the sea"]


def test_a_text_kept_only_in_its_history_is_found_there(chat_db: ChatDb) -> None:
    info = summary({"0": [(minutes(0), "first"), (minutes(1), "second")]})
    edited = chat_db.message(None, date_edited=1, message_summary_info=info)
    row = chat_db.messages().loc[edited]
    assert (row["text"], row["kind"]) == ("second", "normal")


def test_a_version_that_is_damaged_has_no_text_and_the_others_stay(chat_db: ChatDb) -> None:
    root = plistlib.loads(summary({"0": [(minutes(0), "first"), (minutes(1), "second")]}))
    root["ec"]["0"][0]["t"] = b"broken"
    info = plistlib.dumps(root, fmt=plistlib.FMT_BINARY)
    edited = chat_db.message("second", date_edited=1, message_summary_info=info)
    assert [version["text"] for version in chat_db.messages()["edit_history"][edited]] == [None, "second"]


@pytest.mark.parametrize("values", [{"date_retracted": 9}, {"date_edited": 9}])
@pytest.mark.parametrize("body", [None, encode([])])
def test_a_message_whose_every_part_was_taken_back_is_unsent(
    chat_db: ChatDb, values: dict[str, int], body: bytes | None
) -> None:
    gone = chat_db.message(attributedBody=body, message_summary_info=summary({}, unsent=[0]), **values)
    row = chat_db.messages().loc[gone]
    assert row["kind"] == "unsent"
    assert row[["text"]].isna().all()


def test_a_message_with_a_part_left_is_a_message(chat_db: ChatDb) -> None:
    left = chat_db.message("the rest", date_edited=9, message_summary_info=summary({}, parts=2, unsent=[0]))
    assert chat_db.messages().loc[left, ["kind", "text"]].tolist() == ["normal", "the rest"]


def test_a_damaged_summary_is_counted_and_the_message_kept(chat_db: ChatDb) -> None:
    kept = chat_db.message("hello", date_edited=9, message_summary_info=b"bplist00 broken")
    read = chat_db.read()
    assert frame(read).set_index("guid").loc[kept, ["kind", "text"]].tolist() == ["normal", "hello"]
    assert read.report.damaged_edits == 1


@given(st.binary(max_size=200) | st.binary(max_size=100).map(lambda rest: b"bplist00" + rest))
def test_any_bytes_are_a_summary_or_are_refused(blob: bytes) -> None:
    with suppress(SummaryError):
        read_summary(blob)


@pytest.mark.parametrize(
    ("when", "text"),
    [(-5, "first"), (0, "first"), (1, "second"), (30, "second"), (59, "second"), (60, "third"), (99, "third")],
)
def test_the_text_at_a_moment_is_the_last_version_sent_by_then(when: int, text: str) -> None:
    versions = [
        {"sent_at": minutes(0), "text": "first"}, {"sent_at": minutes(1), "text": "second"},
        {"sent_at": minutes(60), "text": "third"},
    ]  # fmt: skip
    assert text_at("third", versions, minutes(when)) == text


def test_a_text_never_edited_is_what_it_is_at_every_moment() -> None:
    assert text_at("hello", None, NOON) == "hello"
    assert text_at(None, None, NOON) is None
    assert text_at(float("nan"), None, NOON) is None  # type: ignore[arg-type]


def test_a_version_that_cannot_be_read_has_no_text() -> None:
    assert text_at("now", [{"sent_at": NOON, "text": None}], NOON) is None


# Parts


def test_a_part_taken_back_is_in_no_version(chat_db: ChatDb) -> None:
    body = encode([Run("stays", ((PART, 1),))])
    versions = {
        "0": [(minutes(0), "gone"), (minutes(1), "gone too")],
        "1": [(minutes(0), "stay"), (minutes(2), "stays")],
    }
    edited = chat_db.message(
        attributedBody=body, date_edited=1, message_summary_info=summary(versions, parts=2, unsent=[0])
    )
    row = chat_db.messages().loc[edited]
    assert (row["text"], row["kind"]) == ("stays", "normal")
    assert [version["text"] for version in row["edit_history"]] == ["stay", "stays"]


def test_a_message_of_which_only_an_edited_part_was_taken_back_was_never_edited() -> None:
    read = read_summary(summary({"0": [(minutes(0), "gone"), (minutes(1), "gone too")]}, parts=2, unsent=[0]))
    assert not read.wholly_unsent
    assert history(read, decode(encode([Run("the rest", ((PART, 1),))]))) is None


def test_a_message_that_does_not_say_its_parts_has_at_least_the_edited_ones() -> None:
    root = plistlib.loads(summary({"1": [(minutes(0), "a"), (minutes(1), "b")]}, unsent=[0]))
    del root["otr"]
    assert not read_summary(plistlib.dumps(root)).wholly_unsent


def test_an_edit_and_then_an_unsent_message_is_unsent() -> None:
    assert read_summary(summary({"0": [(minutes(0), "a"), (minutes(1), "b")]}, unsent=[0])).wholly_unsent


def test_parts_edited_at_different_times_stand_together_as_they_stood() -> None:
    read = read_summary(
        summary({"0": [(minutes(0), "a"), (minutes(2), "A")], "2": [(minutes(0), "c"), (minutes(1), "C")]}, parts=3)
    )
    body = decode(encode([Run("A"), Run("b", ((PART, 1),)), Run("C", ((PART, 2),))]))
    assert [(version["sent_at"], version["text"]) for version in history(read, body) or []] == [
        (minutes(0), "abc"), (minutes(1), "abC"), (minutes(2), "AbC"),
    ]  # fmt: skip


def test_versions_out_of_order_are_put_in_order() -> None:
    read = read_summary(summary({"0": [(minutes(2), "third"), (minutes(0), "first"), (minutes(1), "second")]}))
    assert [version["text"] for version in history(read, None) or []] == ["first", "second", "third"]


def test_of_two_versions_of_one_moment_the_later_stood() -> None:
    read = read_summary(summary({"0": [(minutes(0), "typo"), (minutes(0), "fixed")]}))
    assert [version["text"] for version in history(read, None) or []] == ["fixed"]


def test_a_version_without_a_body_has_no_text() -> None:
    root = {"ec": {"0": [{"d": 1.0}, {"d": 2.0, "t": 2**50}, {"d": 3.0, "t": encode([Run("whole")])}]}}
    read = read_summary(plistlib.dumps(root, fmt=plistlib.FMT_BINARY))
    assert [version["text"] for version in history(read, None) or []] == [None, None, "whole"]


# Damage


@pytest.mark.parametrize("date", [float("nan"), float("inf"), -float("inf"), 1e300, -1e300, 2**63, "noon", None, True])
def test_a_date_that_is_none_is_damage_or_a_date(date: Any) -> None:
    entry = {"t": b""} if date is None else {"d": date, "t": b""}
    blob = plistlib.dumps({"ec": {"0": [entry]}}, fmt=plistlib.FMT_BINARY)
    if date is True:  # a number in Python
        assert read_summary(blob).versions[0][0].since == APPLE_EPOCH + timedelta(seconds=1)
    else:
        with pytest.raises(SummaryError):
            read_summary(blob)


@pytest.mark.parametrize(
    "root",
    [[], "text", 3, {"ec": []}, {"ec": {"x": []}}, {"ec": {"0": 3}}, {"ec": {"0": "ab"}}, {"rp": 3}, {"otr": {"x": 1}}],
)
def test_a_property_list_of_another_shape_is_refused_or_says_nothing(root: Any) -> None:
    for fmt in (plistlib.FMT_BINARY, plistlib.FMT_XML):
        blob = plistlib.dumps(root, fmt=fmt)
        if root == {"ec": []}:
            assert read_summary(blob).versions == {}
        else:
            with pytest.raises(SummaryError):
                read_summary(blob)


def binary_list(objects: list[bytes], offsets: list[int]) -> bytes:
    """A binary property list with any table of objects."""
    content = b"bplist00" + b"".join(objects)
    table = b"".join(offset.to_bytes(4, "big") for offset in offsets)
    return content + table + struct.pack(">6xBBQQQ", 4, 4, len(offsets), 0, len(content))


MANY = 40_000
COUNT = b"\x12" + MANY.to_bytes(4, "big")
ALL = b"\xaf" + COUNT + b"".join(number.to_bytes(4, "big") for number in range(1, MANY + 1))
ENDLESS = {
    "arrays in one place": binary_list(
        [ALL, b"\xaf" + COUNT + (MANY + 1).to_bytes(4, "big") * MANY, b"\x09"],
        [8, *[8 + len(ALL)] * MANY, 8 + len(ALL) + 6 + 4 * MANY],
    ),
    "texts in one place": binary_list([ALL, b"\x5f" + COUNT + b"a" * MANY], [8, *[8 + len(ALL)] * MANY]),
    "integers in one place": binary_list([ALL, b"\x1f" + b"a" * 2**15], [8, *[8 + len(ALL)] * MANY]),
    "nested arrays": binary_list(
        [*[b"\xa1" + (place + 1).to_bytes(4, "big") for place in range(MANY)], b"\x09"], [8 + 5 * place for place in range(MANY + 1)]
    ),
    "an array of itself": binary_list([b"\xa1\x00\x00\x00\x00"], [8]),
    "more objects than bytes": binary_list([b"\x09"], [8])[:-24] + struct.pack(">QQQ", 2**62, 0, 9),
    "nested XML": b"<plist>" + b"<array>" * MANY + b"</array>" * MANY + b"</plist>",
    "versions in one place": plistlib.dumps(
        {"ec": dict.fromkeys(map(str, range(300)), [{"d": 1.0, "t": b"a" * MANY}] * 300)}, fmt=plistlib.FMT_BINARY
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDLESS)
def test_a_property_list_that_asks_for_endless_work_is_soon_refused(name: str) -> None:
    with pytest.raises(SummaryError):
        read_summary(ENDLESS[name])


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=5), st.integers(0, 100))
def test_a_summary_with_flipped_bytes_is_a_summary_or_refused(flips: list[tuple[int, int]], cut: int) -> None:
    damaged = bytearray(summary({"0": [(minutes(0), "a"), (minutes(1), "b")], "1": [(minutes(0), "c")]}, unsent=[1]))
    for place, value in flips:
        damaged[place % len(damaged)] = value
    with suppress(SummaryError):
        history(read_summary(bytes(damaged[: len(damaged) - cut])), None)


# The text at a moment

TWICE = [{"sent_at": minutes(0), "text": "first"}, {"sent_at": minutes(1), "text": "second"}]


@pytest.mark.parametrize("nothing", [None, [], float("nan")])
def test_a_missing_history_is_a_text_never_edited(nothing: Any) -> None:
    assert text_at("hello", nothing, NOON) == "hello"


@pytest.mark.parametrize("when", [None, pd.NaT])
def test_at_an_unknown_moment_it_says_what_it_says_now(when: Any) -> None:
    assert text_at("second", TWICE, when) == "second"


@pytest.mark.parametrize(
    "when", [pd.Timestamp(minutes(0)), minutes(0).replace(tzinfo=None), pd.Timestamp("2024-05-01 12:00")]
)
def test_a_moment_of_pandas_or_without_a_zone_is_a_moment_in_utc(when: datetime) -> None:
    assert text_at("second", TWICE, when) == "first"


def test_a_history_as_a_file_gives_it_back_serves() -> None:
    table = pa.table({"history": pa.array([TWICE])})
    (read,) = table.to_pandas()["history"]
    assert text_at("second", read, minutes(0)) == "first"
    assert text_at("second", read[::-1], minutes(5)) == "second"
