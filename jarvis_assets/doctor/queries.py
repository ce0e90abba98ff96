"""The SQL behind the counts: which rows are messages, in which chat and when, and which inline replies answer someone else.

``messages`` is what the temporary table ``said`` is made from, so that a million rows are judged once; the others count in
it. Of a row only its flags, its thread and its date are looked at, never its text.
"""

from __future__ import annotations

from jarvis_resources.imessage.kinds import BIT, LINK_CARD, SAID, evidence_sql
from jarvis_resources.imessage.schema import Schema

_SAID_BITS = LINK_CARD | sum(BIT[kind] for kind in SAID)
"""Evidence that leaves a row something that was said."""
_FIRST_NANOSECONDS = 10**12
"""Dates from here on are nanoseconds since 2001, below seconds."""
_SECONDS_A_DAY = 86_400
BY_DAY = "SELECT day, mine, COUNT(*) FROM said GROUP BY 1, 2"
"""(days since 2001, mine, messages)."""


def messages(found: Schema) -> str:
    """SELECT of the messages that somebody said: id, mine, the thread's root, when (as stored, and in days since 2001)."""
    mine = f"CAST({found.column('message', 'is_from_me', '0')} AS INTEGER) <> 0"
    root = f"NULLIF({found.column('message', 'thread_originator_guid')}, '')"
    sent = f"CAST({found.column('message', 'date', '0')} AS INTEGER)"
    seconds = f"CASE WHEN {sent} >= {_FIRST_NANOSECONDS} THEN {sent} / 1000000000 ELSE {sent} END"
    return (
        f"SELECT message.ROWID AS id, {mine} AS mine, {root} AS root, {sent} AS sent, "
        f"{seconds} / {_SECONDS_A_DAY} AS day FROM message WHERE {_said(found)}"
    )


def _said(found: Schema) -> str:
    """SQL condition on ``message``: somebody said it to somebody, and it was neither unsent nor deleted."""
    said = f"{evidence_sql(found)} & ~{_SAID_BITS} = 0 AND {found.column('message', 'date_retracted', '0')} = 0"
    if found.has("chat_recoverable_message_join", "message_id"):
        said += " AND message.ROWID NOT IN (SELECT message_id FROM chat_recoverable_message_join)"
    return said


def _first_chat(found: Schema) -> str:
    """SQL table (message_id, chat): a message in several chats is placed by the first of them, as the reader does."""
    if not found.has("chat_message_join", "message_id"):
        return "(SELECT NULL AS message_id, NULL AS chat WHERE 0)"
    return "(SELECT message_id, MIN(chat_id) AS chat FROM chat_message_join GROUP BY message_id)"


def by_chat(found: Schema) -> str:
    """(chat, mine, threaded, messages)."""
    return (
        "SELECT placed.chat, mine, root IS NOT NULL, COUNT(*) FROM said "
        f"LEFT JOIN {_first_chat(found)} AS placed ON placed.message_id = said.id GROUP BY 1, 2, 3"
    )


def candidates(found: Schema) -> str:
    """(chat, my inline replies that answer someone else); the same rule as gold pairs have, message by message."""
    answering = (
        "SELECT id, root, mine, SUM(mine = 0) OVER (PARTITION BY root ORDER BY sent, id "
        "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS others FROM said WHERE root IS NOT NULL"
    )
    return (
        f"WITH answering AS ({answering}) SELECT placed.chat, COUNT(*) FROM answering "
        "LEFT JOIN message AS begun ON begun.guid = answering.root "
        f"LEFT JOIN {_first_chat(found)} AS placed ON placed.message_id = answering.id "
        "WHERE answering.mine AND (answering.others > 0 OR begun.is_from_me = 0) GROUP BY 1"
    )
