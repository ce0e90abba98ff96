"""A folder leads to the database in it; an iOS backup that cannot be read says why."""

from __future__ import annotations

import plistlib
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from handmade import ChatDb

from jarvis_resources.errors import ChatDatabaseError
from jarvis_resources.imessage.contacts import Contact
from jarvis_resources.imessage.ios_backup import database_in, is_ios_backup, read_backup_contacts
from jarvis_resources.imessage.snapshot import take_snapshot

SMS = "3d0d7e5fb2ce288813306e4d4636395e047a3d28"
BOOK = "31bb7ba8914766d4ba40d6dfb6113c8b614be442"


def backup(folder: Path, *, encrypted: bool | None = False) -> Path:
    """An empty backup; without a manifest if ``encrypted`` is None."""
    folder.mkdir(parents=True)
    if encrypted is not None:
        (folder / "Manifest.plist").write_bytes(
            plistlib.dumps({"IsEncrypted": encrypted, "Version": "10.0"}, fmt=plistlib.FMT_BINARY)
        )
    return folder


@pytest.fixture
def sms(chat_db: ChatDb) -> Path:
    chat_db.message("from the phone")
    return chat_db.path


def put(source: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    return target


def refusal(path: Path) -> str:
    with pytest.raises(ChatDatabaseError) as caught:
        database_in(path)
    said = str(caught.value)
    assert said.endswith(".")
    assert "\n" not in said
    return said


def test_a_file_is_itself_and_a_missing_one_is_left_to_whoever_opens_it(sms: Path, tmp_path: Path) -> None:
    assert database_in(sms) == sms
    assert database_in(tmp_path / "missing.db") == tmp_path / "missing.db"


def test_a_folder_of_messages_leads_to_its_chat_db(sms: Path) -> None:
    assert database_in(sms.parent) == sms


@pytest.mark.parametrize("place", [f"3d/{SMS}", SMS, "sms.db"])
@pytest.mark.parametrize("encrypted", [False, None])
def test_a_backup_leads_to_its_sms_db(sms: Path, tmp_path: Path, place: str, encrypted: bool | None) -> None:
    folder = backup(tmp_path / "backup", encrypted=encrypted)
    put(sms, folder / place)
    assert database_in(folder) == folder / place


def test_a_snapshot_is_taken_of_a_backup_and_leaves_it_as_it_was(sms: Path, tmp_path: Path) -> None:
    folder = backup(tmp_path / "backup")
    put(sms, folder / "3d" / SMS)
    before = sorted(path.relative_to(folder) for path in folder.rglob("*"))
    taken = take_snapshot(folder, tmp_path / "out")
    with closing(sqlite3.connect(taken.path)) as copy:
        assert copy.execute("SELECT text FROM message").fetchall() == [("from the phone",)]
    assert sorted(path.relative_to(folder) for path in folder.rglob("*")) == before


def test_an_encrypted_backup_is_named_whether_or_not_its_files_are_there(sms: Path, tmp_path: Path) -> None:
    folder = backup(tmp_path / "backup", encrypted=True)
    assert "encrypted iOS backup" in refusal(folder)
    put(sms, folder / "3d" / SMS)
    assert "encrypted iOS backup" in refusal(folder)


def test_a_backup_without_messages_is_suspected_of_encryption(tmp_path: Path) -> None:
    folder = backup(tmp_path / "backup")
    assert "encrypted or not complete" in refusal(folder)
    (folder / "Manifest.plist").write_bytes(b"no property list")
    assert "encrypted or not complete" in refusal(folder)


def test_the_folder_of_all_backups_names_the_newest(sms: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        put(sms, backup(tmp_path / "all" / name) / "3d" / SMS)
    said = refusal(tmp_path / "all")
    assert "holds 2 iOS backups" in said
    assert str(tmp_path / "all") in said


def test_any_other_folder_says_what_to_give(tmp_path: Path) -> None:
    assert "no Messages database in it" in refusal(tmp_path)
    assert not is_ios_backup(tmp_path)


def write_book(path: Path, *, nicknames: bool = True) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = "First TEXT, Last TEXT, Organization TEXT" + (", Nickname TEXT" if nicknames else "")
    with closing(sqlite3.connect(path)) as book:
        book.executescript(
            f"CREATE TABLE ABPerson (ROWID INTEGER PRIMARY KEY AUTOINCREMENT, {columns});"
            "CREATE TABLE ABMultiValue (UID INTEGER PRIMARY KEY, record_id INTEGER, property INTEGER, value TEXT);"
            "INSERT INTO ABPerson (First, Last, Organization) VALUES ('Ana', 'Ruiz', 'Ruiz & Co'), (NULL, NULL, 'Plumber'),"
            "('Nobody', NULL, NULL);"
            "INSERT INTO ABMultiValue (record_id, property, value) VALUES (1, 3, '(415) 555-0123'),"
            "(1, 4, 'Ana@Example.org'), (1, 22, 'https://example.org'), (2, 3, '+1 415 555 0177'), (2, 3, NULL);"
        )


@pytest.mark.parametrize("place", [f"31/{BOOK}", BOOK])
@pytest.mark.parametrize("nicknames", [True, False])
def test_a_backup_s_contacts_are_its_cards_with_handles(tmp_path: Path, place: str, nicknames: bool) -> None:
    write_book(tmp_path / place, nicknames=nicknames)
    assert read_backup_contacts(tmp_path) == (
        Contact("Ana Ruiz", ("+14155550123", "ana@example.org")),
        Contact("Plumber", ("+14155550177",)),
    )


def test_a_nickname_stands_in_for_a_name(tmp_path: Path) -> None:
    write_book(tmp_path / "31" / BOOK)
    with closing(sqlite3.connect(tmp_path / "31" / BOOK)) as book:
        book.execute("UPDATE ABPerson SET Nickname = 'Pipes' WHERE Organization = 'Plumber'")
        book.commit()
    assert {contact.name for contact in read_backup_contacts(tmp_path)} == {"Ana Ruiz", "Pipes"}


def test_a_backup_without_an_address_book_has_no_contacts(tmp_path: Path) -> None:
    assert read_backup_contacts(tmp_path) == ()


def test_a_damaged_address_book_has_its_sentence(tmp_path: Path) -> None:
    (tmp_path / BOOK).write_bytes(b"no book" * 100)
    with pytest.raises(ChatDatabaseError):
        read_backup_contacts(tmp_path)
