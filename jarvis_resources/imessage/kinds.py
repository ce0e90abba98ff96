"""What a row of ``message`` is: each kind's evidence as one bit, the kinds as the first bit set.

The conditions that the row itself answers are SQL, so a million rows are judged inside SQLite. Evidence from
elsewhere (the body, the conversation, the deleted rows, a tapback sent as text) is or-ed in as it is found. The order of
precedence is that of ``tables.KINDS``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from jarvis_resources.imessage.schema import Schema
from jarvis_resources.tables import KINDS, TAPBACKS

BIT = {kind: 1 << place for place, kind in enumerate(KINDS)}
"""Evidence that a row is of a kind."""

LINK_CARD = 1 << len(KINDS)
"""The row carries a link's preview. It is an app's card where the link is all it says, else a message with a link."""

SAID = ("spam", "self", "app", "corrupt", "attachment_only", "normal")
"""Kinds that somebody said to somebody: what ``message_count`` counts."""

_STICKER, _TAPBACK, _REMOVED, _POLL_VOTE = 1000, 2000, 3000, 4000
"""First ``associated_message_type`` of each family; 0, 2 and 3 are ordinary messages."""

_SEND_LATER = 2
"""``schedule_type`` of a message that waits to be sent."""

_JUNK = 2
"""First ``filter_action`` that hides a message: 2 junk, 3 promotion, 4 transaction."""

Evidence = npt.NDArray[np.int64]


def evidence_sql(schema: Schema) -> str:
    """An SQL expression over ``message`` whose bits are the evidence that the row itself gives."""

    def column(name: str) -> str:
        return schema.column("message", name, "0")

    association = column("associated_message_type")
    balloon = schema.column("message", "balloon_bundle_id", "''")
    conditions = {
        BIT["scheduled"]: f"{column('schedule_type')} = {_SEND_LATER} AND {column('is_sent')} = 0",
        BIT["failed"]: f"{column('error')} <> 0",
        BIT["spam"]: f"{column('is_spam')} <> 0 OR {column('filter_action')} >= {_JUNK}",
        BIT["system"]: f"{column('item_type')} <> 0",
        BIT["tapback_removed"]: f"{association} BETWEEN {_REMOVED} AND {_POLL_VOTE - 1}",
        BIT["tapback"]: f"{association} BETWEEN {_TAPBACK} AND {_REMOVED - 1}",
        BIT["sticker"]: f"{association} BETWEEN {_STICKER} AND {_TAPBACK - 1}",
        BIT["app"]: f"{balloon} <> '' AND {balloon} NOT LIKE '%URLBalloonProvider' OR {association} >= {_POLL_VOTE}",
        LINK_CARD: f"{balloon} LIKE '%URLBalloonProvider'",
    }
    bits = " | ".join(f"(({condition}) * {bit})" for bit, condition in conditions.items())
    return f"({bits} | {BIT['normal']})"


def kinds_of(evidence: Evidence) -> npt.NDArray[np.int8]:
    """Place in ``tables.KINDS`` of each row's first evidence; every row has at least the bit of ``normal``."""
    lowest = evidence & -evidence
    return np.log2(lowest.astype(np.float64)).astype(np.int8)


def tapback_kinds(association: npt.NDArray[np.int64]) -> npt.NDArray[np.int8]:
    """Place in ``tables.TAPBACKS`` of each ``associated_message_type``; −1 for what is no tapback we know."""
    place = association % 1000
    known = (association >= _TAPBACK) & (association < _POLL_VOTE) & (place < len(TAPBACKS))
    return np.where(known, place, -1).astype(np.int8)
