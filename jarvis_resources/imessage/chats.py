"""Chats as chat.db stores them, one for each service and each handle or group, with their members' handles.

Nothing is merged or judged here beyond telling a group from a direct chat. Who the handles are is found in
``people.py``, which chats are one conversation in ``conversations.py``.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from jarvis_resources.imessage.schema import Schema

_GROUP_STYLE = 43
"""``chat.style`` of a group; 45 is a direct chat."""


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
    """``original_group_id`` and ``group_id``, where there are any."""
    is_filtered: bool
    own_accounts: tuple[str, ...]
    """Handles and accounts of the owner that it was used with."""
    handle_rows: tuple[int, ...]


def read_chats(connection: sqlite3.Connection, schema: Schema) -> list[Chat]:
    """Every chat of an open database, by ROWID; none where there is no table of chats."""
    if not schema.has("chat", "guid"):
        return []
    members: dict[int, list[int]] = {}
    if schema.has("chat_handle_join"):
        query = "SELECT chat_id, handle_id FROM chat_handle_join ORDER BY chat_id, handle_id"
        for chat_row, handle_row in connection.execute(query):
            members.setdefault(chat_row, []).append(handle_row)
    names = (
        "chat_identifier", "style", "service_name", "display_name", "original_group_id", "group_id", "is_filtered",
        "account_login", "last_addressed_handle",
    )  # fmt: skip
    columns = ", ".join(schema.column("chat", name) for name in names)
    return [
        _chat(row, members.get(row[0], []))
        for row in connection.execute(f"SELECT ROWID, guid, {columns} FROM chat ORDER BY ROWID")
    ]


def _chat(row: tuple[object, ...], handle_rows: list[int]) -> Chat:
    number, guid, identifier, style, service, name, original, group, filtered, login, addressed = row
    assert isinstance(number, int)
    guid = str(guid)
    # A chat without a style is told by its guid, ``iMessage;+;chat123`` for a group, or by how many are in it.
    is_group = style == _GROUP_STYLE if style else ";+;" in guid or len(handle_rows) > 1
    return Chat(
        row=number,
        guid=guid,
        identifier=str(identifier or guid.rpartition(";")[2]),
        is_group=is_group,
        service=str(service or ""),
        display_name=str(name).strip() or None if name else None,
        identities=tuple(str(identity) for identity in (original, group) if identity) if is_group else (),
        is_filtered=bool(filtered),
        own_accounts=tuple(str(account) for account in (login, addressed) if account),
        handle_rows=tuple(handle_rows),
    )
