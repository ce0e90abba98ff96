"""Names come from every address book, by normalised handle."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from jarvis_resources.errors import ChatDatabaseError
from jarvis_resources.imessage.contacts import Contact, read_contacts


def write_book(path: Path, cards: list[tuple[str, str, str, list[str]]]) -> None:
    """An address book of (first name, last name, company, handles)."""
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as book:
        book.executescript(
            "CREATE TABLE ZABCDRECORD (Z_PK INTEGER PRIMARY KEY, ZFIRSTNAME, ZLASTNAME, ZNICKNAME, ZORGANIZATION);"
            "CREATE TABLE ZABCDPHONENUMBER (Z_PK INTEGER PRIMARY KEY, ZOWNER, ZFULLNUMBER);"
            "CREATE TABLE ZABCDEMAILADDRESS (Z_PK INTEGER PRIMARY KEY, ZOWNER, ZADDRESS);"
        )
        for first, last, company, handles in cards:
            card = book.execute(
                "INSERT INTO ZABCDRECORD (ZFIRSTNAME, ZLASTNAME, ZORGANIZATION) VALUES (?, ?, ?)",
                (first, last, company),
            ).lastrowid
            for handle in handles:
                table, column = (
                    ("ZABCDEMAILADDRESS", "ZADDRESS") if "@" in handle else ("ZABCDPHONENUMBER", "ZFULLNUMBER")
                )
                book.execute(f"INSERT INTO {table} (ZOWNER, {column}) VALUES (?, ?)", (card, handle))
        book.commit()


def test_every_account_s_book_is_read_and_numbers_are_normalised(tmp_path: Path) -> None:
    write_book(
        tmp_path / "Sources" / "A" / "AddressBook-v22.abcddb",
        [("Ana", "Ruiz", "", ["(415) 555-0123", "Ana@example.org"])],
    )
    write_book(
        tmp_path / "Sources" / "B" / "AddressBook-v22.abcddb",
        [("", "", "Plumber", ["+14155550177"]), ("Nobody", "", "", [])],
    )
    assert read_contacts(tmp_path) == (
        Contact("Ana Ruiz", ("+14155550123", "ana@example.org")),
        Contact("Plumber", ("+14155550177",)),
    )


def test_no_address_book_means_no_names(tmp_path: Path) -> None:
    assert read_contacts(tmp_path / "nowhere") == ()


def test_a_damaged_book_has_its_sentence(tmp_path: Path) -> None:
    (tmp_path / "AddressBook-v22.abcddb").write_bytes(b"not a book" * 100)
    with pytest.raises(ChatDatabaseError):
        read_contacts(tmp_path)


def test_a_card_without_a_name_is_kept_for_its_handles(tmp_path: Path) -> None:
    write_book(tmp_path / "A" / "AddressBook-v22.abcddb", [("", "", "", ["+14155550123", "ana@example.org"])])
    assert read_contacts(tmp_path / "A") == (Contact("", ("+14155550123", "ana@example.org")),)


def test_numbers_are_read_by_their_own_country_or_the_owner_s(tmp_path: Path) -> None:
    book = tmp_path / "A" / "AddressBook-v22.abcddb"
    write_book(book, [("Ana", "", "", ["07700 900123"]), ("Bo", "", "", ["030 901820", " "])])
    with closing(sqlite3.connect(book)) as connection:
        connection.execute("ALTER TABLE ZABCDPHONENUMBER ADD COLUMN ZCOUNTRYCODE")
        connection.execute("UPDATE ZABCDPHONENUMBER SET ZCOUNTRYCODE = 'gb' WHERE ZOWNER = 1")
        connection.commit()
    cards = read_contacts(tmp_path / "A", country="DE")
    assert [card.handles for card in cards] == [("+447700900123",), ("+4930901820",)]


def test_a_book_of_another_shape_gives_what_it_has(tmp_path: Path) -> None:
    for name, ddl in (
        ("A", "CREATE TABLE ZABCDRECORD (Z_PK, ZFIRSTNAME); CREATE TABLE ZABCDEMAILADDRESS (ZOWNER, ZADDRESS);"),
        ("B", "CREATE TABLE OTHER (Z_PK);"),
    ):
        (tmp_path / "Sources" / name).mkdir(parents=True)
        with closing(sqlite3.connect(tmp_path / "Sources" / name / "AddressBook-v22.abcddb")) as book:
            book.executescript(ddl)
            if name == "A":
                book.execute("INSERT INTO ZABCDRECORD VALUES (1, X'416E61'), (2, NULL)")
                book.execute("INSERT INTO ZABCDEMAILADDRESS VALUES (1, 'Ana@example.org'), (7, 'gone@example.org')")
            book.commit()
    assert read_contacts(tmp_path) == (Contact("Ana", ("ana@example.org",)),)
