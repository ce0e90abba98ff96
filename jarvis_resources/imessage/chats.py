"""Chats as chat.db stores them, one for each service and each handle or group, with their members' handles.

Nothing is merged or judged here beyond telling a group from a direct chat. Who the handles are is found in
``people.py``, which chats are one conversation in ``conversations.py``.
"""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass

from jarvis_resources.imessage.handles import looks_like_handle
from jarvis_resources.imessage.schema import Schema

_GROUP_STYLE, _DIRECT_STYLE = 43, 45
"""``chat.style``."""
_NONE = re.compile(r"[0-]*|-1|\(?null\)?|none|nil|unknown")
"""Identities that stand for having none."""
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_EARLIEST_NANOSECONDS = 10**12
"""A date of at least this counts nanoseconds since 2001, a smaller one seconds."""


@dataclass(frozen=True)
class Chat:
    """One row of ``chat`` with its members."""

    row: int
    guid: str
    identifier: str
    is_group: bool
    service: str
    display_name: str | None
    identities: tuple[str, ...]
    """Names that chats of one group, or with one person, share: group ids and what ``chat_lookup`` says of it."""
    is_filtered: bool
    logins: tuple[str, ...]
    """Accounts of the owner that it was used with."""
    addressed: tuple[str, ...]
    """Handles that others reached the owner at, as far as its last message and ``chat`` say; they may be wrong."""
    handle_rows: tuple[int, ...]
    aliases: tuple[str, ...]
    """Handles other than the members' that lead to a direct chat."""
    first_at: int | None
    """Nanoseconds since 2001 of its first message; None where that is not known."""


def read_chats(connection: sqlite3.Connection, schema: Schema) -> list[Chat]:
    """Every chat of an open database, by ROWID; none where there is no table of chats."""
    if not schema.has("chat", "guid"):
        return []
    members = _pairs(connection, "chat_handle_join", "chat_id", "handle_id")
    lookups = _pairs(connection, "chat_lookup", "chat", "identifier")
    accounts = _last_accounts(connection, schema)
    names = (
        "chat_identifier", "style", "service_name", "display_name", "original_group_id", "group_id", "is_filtered",
        "is_blackholed", "account_login", "last_addressed_handle",
    )  # fmt: skip
    columns = ", ".join(schema.column("chat", name) for name in names)
    query = f"SELECT ROWID, {_first_date(schema)}, guid, {columns} FROM chat ORDER BY ROWID"
    chats = []
    for row, first, *values in connection.execute(query):
        handle_rows = tuple(handle for handle in members.get(row, ()) if isinstance(handle, int))
        ways_in = tuple(_text(identifier) for identifier in lookups.get(row, ()))
        chats.append(_chat(row, first, values, handle_rows, ways_in, accounts.get(row, ())))
    return chats


def identity(value: object) -> str:
    """A group's or a person's id in the one form it is compared in; empty where it stands for having none."""
    plain = _text(value).casefold()
    if _NONE.fullmatch(plain):
        return ""
    return plain.replace("-", "") if _UUID.fullmatch(plain) else plain  # Apple writes one id with and without hyphens


def _chat(
    row: int,
    first: object,
    values: list[object],
    handle_rows: tuple[int, ...],
    ways_in: tuple[str, ...],
    accounts: tuple[str, ...],
) -> Chat:
    raw_guid, raw_identifier, style, service, name, original, group, filtered, blackholed, login, addressed = values
    guid = _text(raw_guid)
    identifier = _text(raw_identifier) or guid.rpartition(";")[2].strip()
    is_group = _is_group(style, guid, len(handle_rows))
    # Of a group's names the first that is there stays with it; that of a direct chat is the person.
    names = (original, identifier, group, *ways_in) if is_group else (group, *ways_in)
    ids = (identity(one) for one in names if not looks_like_handle(_text(one)))
    return Chat(
        row=row,
        guid=guid,
        identifier=identifier,
        is_group=is_group,
        service=_text(service),
        display_name=_text(name) or None,
        identities=tuple(dict.fromkeys(one for one in ids if one)),
        is_filtered=_is_set(filtered) or _is_set(blackholed),
        logins=tuple(account for account in (_text(login),) if account),
        addressed=tuple(dict.fromkeys(handle for handle in (_text(addressed), *accounts) if handle)),
        handle_rows=handle_rows,
        aliases=() if is_group else tuple(one for one in ways_in if looks_like_handle(one)),
        first_at=_nanoseconds(first),
    )


def _is_group(style: object, guid: str, members: int) -> bool:
    """By its style; without one by its guid, ``iMessage;+;chat123`` for a group; at last by how many are in it."""
    if style in (_GROUP_STYLE, _DIRECT_STYLE):
        return style == _GROUP_STYLE
    if ";+;" in guid or ";-;" in guid:
        return ";+;" in guid
    return members > 1


def _pairs(connection: sqlite3.Connection, table: str, chat: str, other: str) -> dict[int, list[object]]:
    """What a table says of each chat, in order; nothing where there is no such table."""
    if not {chat, other} <= {column[1] for column in connection.execute(f"PRAGMA table_info({table})")}:
        return {}
    found: dict[int, list[object]] = {}
    for row, value in connection.execute(f"SELECT {chat}, {other} FROM {table} ORDER BY {chat}, {other}"):
        found.setdefault(row, []).append(value)
    return found


def _first_date(schema: Schema) -> str:
    if not schema.has("chat_message_join", "message_date"):
        return "NULL"
    return "(SELECT MIN(message_date) FROM chat_message_join WHERE chat_id = chat.ROWID AND message_date > 0)"


def _last_accounts(connection: sqlite3.Connection, schema: Schema) -> dict[int, tuple[str, ...]]:
    """The owner's account and handle that the last message of each chat names; one row is looked up for each chat."""
    present = [name for name in ("account", "destination_caller_id") if schema.has("message", name)]
    if not present or not schema.has("chat_message_join", "message_id"):
        return {}
    columns = ", ".join(f"message.{name}" for name in present)
    query = (
        f"SELECT last.chat, {columns} FROM (SELECT ROWID AS chat, (SELECT MAX(message_id) FROM chat_message_join "
        "WHERE chat_id = chat.ROWID) AS message_id FROM chat) AS last JOIN message ON message.ROWID = last.message_id"
    )
    return {chat: tuple(_text(name) for name in names) for chat, *names in connection.execute(query)}


def _nanoseconds(date: object) -> int | None:
    if not isinstance(date, int):
        return None
    return date if date >= _EARLIEST_NANOSECONDS else date * 10**9


def _text(value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return "" if value is None else str(value).strip()


def _is_set(flag: object) -> bool:
    return isinstance(flag, int) and flag > 0
