"""What a message said before it was edited, and what was taken back."""

from __future__ import annotations

import plistlib
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from handmade import APPLE_EPOCH, NOON, ChatDb, nanoseconds
from hypothesis import given
from hypothesis import strategies as st

from jarvis_resources.imessage.edits import SummaryError, read_summary, text_at
from jarvis_resources.imessage.sample.typedstream_writer import PART, Run, encode


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
    history = chat_db.messages()["edit_history"][edited]
    assert [version["text"] for version in history] == ["look: the see", "look: the sea"]


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
    history = chat_db.read()
    assert history.messages.set_index("guid").loc[kept, ["kind", "text"]].tolist() == ["normal", "hello"]
    assert history.report.damaged_edits == 1


@given(st.binary(max_size=200) | st.binary(max_size=100).map(lambda rest: b"bplist00" + rest))
def test_any_bytes_are_a_summary_or_are_refused(blob: bytes) -> None:
    with suppress(SummaryError):
        read_summary(blob)


@pytest.mark.parametrize(
    ("when", "text"),
    [(-5, "first"), (0, "first"), (1, "second"), (30, "second"), (59, "second"), (60, "third"), (99, "third")],
)
def test_the_text_at_a_moment_is_the_last_version_sent_by_then(when: int, text: str) -> None:
    history = [
        {"sent_at": minutes(0), "text": "first"}, {"sent_at": minutes(1), "text": "second"},
        {"sent_at": minutes(60), "text": "third"},
    ]  # fmt: skip
    assert text_at("third", history, minutes(when)) == text


def test_a_text_never_edited_is_what_it_is_at_every_moment() -> None:
    assert text_at("hello", None, NOON) == "hello"
    assert text_at(None, None, NOON) is None
    assert text_at(float("nan"), None, NOON) is None  # type: ignore[arg-type]


def test_a_version_that_cannot_be_read_has_no_text() -> None:
    assert text_at("now", [{"sent_at": NOON, "text": None}], NOON) is None
