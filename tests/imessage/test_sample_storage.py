"""The synthetic chat.db: stored as Messages stores, written with care, the same for the same seed."""

from __future__ import annotations

import gzip
import sqlite3
import stat
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from written_sample import ROWS, Sample, default_sample, opened, unarchived

from jarvis_resources.errors import SettingsError
from jarvis_resources.imessage.sample import typedstream_writer, write_sample
from jarvis_resources.imessage.sample.strangers import strangers
from jarvis_resources.imessage.sample.typedstream_writer import BOLD, CODE, LINK, MENTION, PART, TRANSFER, Run, Url


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return default_sample(tmp_path_factory)


@pytest.fixture(scope="module")
def database(sample: Sample) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(sample.report.path)) as connection:
        yield connection


# Storage


def test_the_schema_is_that_of_a_recent_mac(database: sqlite3.Connection, test_data: Path, tmp_path: Path) -> None:
    packed = test_data / "chatdb" / "sample.chat.db.gz"
    if not packed.is_file():
        pytest.skip("no public chat.db here (JARVIS_TEST_DATA)")
    public = tmp_path / "public.db"
    public.write_bytes(gzip.decompress(packed.read_bytes()))
    query = "SELECT type, name, sql FROM sqlite_master"
    with closing(sqlite3.connect(public)) as connection:
        assert set(database.execute(query)) == set(connection.execute(query))


def test_the_database_is_whole_and_its_references_lead_somewhere(database: sqlite3.Connection) -> None:
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert database.execute("PRAGMA foreign_key_check").fetchall() == []
    assert database.execute("SELECT count(*) FROM message").fetchone() == (ROWS,)


def test_every_body_decodes_with_an_independent_reader_to_the_true_text(sample: Sample) -> None:
    checked = 0
    for guid, row in sorted(sample.rows.items())[::9]:
        record = sample.truth[guid]
        if row["attributedBody"] is None or record["kind"] in ("corrupt", "unsent", "app", "sticker"):
            continue
        text, runs = unarchived(row["attributedBody"])
        assert (text.replace("\ufffc", "").strip() or None) == record["text"]
        assert sum(length for _, length in runs) == typedstream_writer.utf16_length(text)
        assert row["text"] in (None, text)
        checked += 1
    assert checked > 1000


@pytest.mark.parametrize(
    ("attribute", "where"),
    [
        (LINK, "text LIKE '%https://%' OR text IS NULL"),
        (MENTION, "1"),
        (TRANSFER, "cache_has_attachments = 1"),
        (BOLD, "1"),
        (CODE, "service = 'SMS'"),
    ],
)
def test_bodies_carry_links_mentions_attachments_bold_words_and_codes(
    database: sqlite3.Connection, attribute: str, where: str
) -> None:
    query = f"SELECT attributedBody FROM message WHERE ({where}) AND instr(attributedBody, ?) LIMIT 20"
    bodies = [body for (body,) in database.execute(query, (attribute.encode(),))]
    assert bodies
    for body in bodies:
        assert any(attribute in attributes for attributes, _ in unarchived(body)[1])


def test_attachments_are_named_in_the_body_by_their_guid(database: sqlite3.Connection) -> None:
    query = (
        "SELECT m.attributedBody, a.guid FROM attachment a JOIN message_attachment_join j ON j.attachment_id = a.ROWID "
        "JOIN message m ON m.ROWID = j.message_id WHERE m.associated_message_type = 0"
    )
    found = database.execute(query).fetchall()
    assert len(found) > 100
    assert all(guid.encode() in body for body, guid in found)


def test_dates_are_in_seconds_before_the_change_and_in_nanoseconds_after(sample: Sample) -> None:
    units = Counter()
    for guid, record in sample.truth.items():
        date = sample.rows[guid]["date"]
        if record["date_utc"] is None:
            assert date == 0
            continue
        unit = "seconds" if date < 10**12 else "nanoseconds"
        units[unit] += 1
        assert (unit == "seconds") == (record["date_utc"] < "2017-09-20")
    assert min(units["seconds"], units["nanoseconds"]) > 50


def test_texts_are_stored_as_body_as_text_and_as_both(sample: Sample) -> None:
    stored = Counter(
        (sample.rows[record["guid"]]["text"] is None, sample.rows[record["guid"]]["attributedBody"] is None)
        for record in sample.said()
    )
    assert set(stored) == {(True, False), (False, True), (False, False)}
    assert min(stored.values()) > 0.1 * ROWS


def test_long_bodies_and_texts_that_look_like_typedstreams_are_among_them(sample: Sample) -> None:
    assert sum(len(record["text"].encode()) > 127 for record in sample.said()) > 50
    assert any("NSString" in record["text"] for record in sample.said())
    assert any("\u5184" in record["text"] for record in sample.said())


def test_an_archived_text_is_byte_for_byte_as_messages_stores_it() -> None:
    body = typedstream_writer.encode(
        [Run("hi "), Run("https://a.example", ((PART, 0), (LINK, Url("https://a.example"))))]
    )
    assert body == (
        b"\x04\x0bstreamtyped\x81\xe8\x03\x84\x01@\x84\x84\x84\x12NSAttributedString\x00\x84\x84\x08NSObject\x00\x85\x92"
        b"\x84\x84\x84\x08NSString\x01\x94\x84\x01+\x14hi https://a.example\x86\x84\x02iI\x01\x03\x92\x84\x84\x84\x0cNSDictionary"
        b"\x00\x94\x84\x01i\x01\x92\x84\x96\x96\x1d__kIMMessagePartAttributeName\x86\x92\x84\x84\x84\x08NSNumber\x00\x84\x84"
        b"\x07NSValue\x00\x94\x84\x01*\x84\x99\x99\x00\x86\x86\x97\x02\x11\x92\x84\x98\x99\x02\x92\x99\x92\x84\x9b\x9c\x9d\x99"
        b"\x00\x86\x92\x84\x96\x96\x16__kIMLinkAttributeName\x86\x92\x84\x84\x84\x05NSURL\x00\x94\x84\x01c\x00\x92\x84\x96\x96"
        b"\x11https://a.example\x86\x86\x86\x86"
    )


def test_many_runs_and_long_texts_need_longer_references_and_lengths() -> None:
    runs = [Run(f"{number} ", ((PART, number), (MENTION, f"+1555{number}"))) for number in range(300)]
    runs += [Run("é" * 40_000, ((PART, 300),)), Run("0 ", runs[0].attributes)]
    text, read = unarchived(typedstream_writer.encode(runs, mutable=True))
    assert text == "".join(run.text for run in runs)
    assert [length for _, length in read] == [len(run.text) for run in runs]


# Writing


def test_no_two_strangers_have_one_address() -> None:
    rooms, rows = strangers({"junk": 700, "unknown": 300, "automated": 40, "self": 5}, Random(0))
    assert len(rows) == 1045
    assert len({room.members[0].handles[0].address for room in rooms}) == len(rooms)


def test_the_same_seed_gives_the_same_rows_and_another_seed_others(tmp_path: Path) -> None:
    one, same, other = (
        opened(write_sample(tmp_path / name / "chat.db", messages=400, seed=seed)).truth
        for name, seed in (("one", 1), ("same", 1), ("other", 2))
    )
    assert one == same
    assert not set(one) & set(other)


@pytest.mark.parametrize("count", [0, 1, 7, 150, 1001])
def test_as_many_rows_as_asked_for_even_none(tmp_path: Path, count: int) -> None:
    sample = opened(write_sample(tmp_path / "chat.db", messages=count))
    assert len(sample.rows) == len(sample.truth) == sample.report.messages == count


def test_the_files_are_the_owners_alone_and_nothing_else_is_left(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    report = write_sample(folder / "chat.db", messages=30)
    assert {path.name for path in folder.iterdir()} == {"chat.db", "chat.db.truth.jsonl.gz", "chat.db.contacts"}
    for path in (report.path, report.truth_path, *report.contacts_path.iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_earlier_sample_is_replaced_but_no_other_file(tmp_path: Path) -> None:
    write_sample(tmp_path / "chat.db", messages=30)
    assert write_sample(tmp_path / "chat.db", messages=20).messages == 20
    real = tmp_path / "real.db"
    real.write_bytes(b"somebody's messages")
    with pytest.raises(SettingsError, match="not an earlier sample"):
        write_sample(real, messages=10)
    assert real.read_bytes() == b"somebody's messages"


def test_a_place_that_cannot_be_written_to_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(SettingsError, match="Cannot write the sample"):
        write_sample(tmp_path / "file" / "chat.db", messages=5)
    with pytest.raises(SettingsError, match="0 or more"):
        write_sample(tmp_path / "chat.db", messages=-1)


def test_progress_rises_to_the_end(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    write_sample(tmp_path / "chat.db", messages=300, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (300, 300)
    assert all(0 <= done <= total == 300 for done, total in seen)
