"""What the tags of the Switchboard corpus mean to JARVIS, and a fair sample of its rows.

Tags that have no counterpart among our acts are left out. Frequent wordings are collapsed first (thousands of
"yeah" are one row), and each class gives the same number of rows, chosen by hash. How much these rows may weigh is
decided in ``training``.
"""

from __future__ import annotations

from hashlib import blake2b
from types import MappingProxyType
from typing import TYPE_CHECKING

from jarvis_serving.normalise import wording_key

if TYPE_CHECKING:
    import pandas as pd

ROWS_PER_CLASS = 120
"""Training rows per class: a thousand rows a head encode in seconds; what more would bring is not measured."""
TEST_ROWS = 600
"""Most test rows per class."""

_QUESTIONS = ("qy", "qy^d", "^g", "qrr", "qw", "qw^d", "qo", "br")
TRIGGER_TAGS: MappingProxyType[str, str] = MappingProxyType(
    {
        "qy": "YN_QUESTION",
        "qy^d": "YN_QUESTION",
        "^g": "YN_QUESTION",
        "qrr": "YN_QUESTION",
        "qw": "WH_QUESTION",
        "qw^d": "WH_QUESTION",
        "sd": "INFO_STATEMENT",
        "sv": "INFO_STATEMENT",
        "ad": "REQUEST",
        "fp": "GREETING",
        "b": "ACKNOWLEDGE",
        "bk": "ACKNOWLEDGE",
        "aa": "ACKNOWLEDGE",
        "ft": "ACKNOWLEDGE",
    }
)
"""SwDA tag → trigger act. It knows no invitations and no news."""
RESPONSE_TAGS: MappingProxyType[str, str] = MappingProxyType(
    {
        "aa": "AGREE",
        "ny": "AGREE",
        "na": "AGREE",
        "nn": "DECLINE",
        "ng": "DECLINE",
        "ar": "DECLINE",
        "arp_nd": "DECLINE",
        "h": "DEFER",
        "^h": "DEFER",
        "no": "DEFER",
        "aap_am": "DEFER",
        "b": "ACKNOWLEDGE",
        "bk": "ACKNOWLEDGE",
        "bh": "ACKNOWLEDGE",
        "bd": "ACKNOWLEDGE",
        "sv": "STATEMENT",
        "ba": "REACT_POSITIVE",
        "fp": "GREETING",
        **dict.fromkeys(_QUESTIONS, "QUESTION"),
    }
)
"""SwDA tag → response type. A plain statement (``sd``) is an ANSWER after a question and a STATEMENT otherwise."""


def trigger_rows(spoken: pd.DataFrame, split: str, per_class: int) -> pd.DataFrame:
    """Rows (row_id, text, previous_text, label) with trigger acts."""
    chosen = spoken[spoken["split"] == split]
    return _sample(chosen.assign(label=chosen["act"].map(TRIGGER_TAGS)), per_class)


def response_rows(spoken: pd.DataFrame, split: str, per_class: int) -> pd.DataFrame:
    """Rows (row_id, text, previous_text, label) with response types; rows that answer nothing are left out."""
    label = spoken["act"].map(RESPONSE_TAGS)
    asked = spoken["act"].shift(1).isin(_QUESTIONS)
    plain = spoken["act"].eq("sd")
    label = label.where(~plain, asked.map({True: "ANSWER", False: "STATEMENT"}))
    chosen = spoken.assign(label=label)
    return _sample(chosen[(chosen["split"] == split) & chosen["previous_text"].ne("")], per_class)


def _sample(rows: pd.DataFrame, per_class: int) -> pd.DataFrame:
    """At most ``per_class`` rows of each label, wordings collapsed, chosen by hash of the row's id."""
    rows = rows[rows["label"].notna() & rows["text"].str.len().gt(0)]
    rows = rows.assign(order=[blake2b(row.encode(), digest_size=8).hexdigest() for row in rows["row_id"]])
    rows = rows.sort_values("order")
    # Wording keys cost a little each: only as many rows as could be needed are looked at.
    rows = rows.groupby("label").head(per_class * 10)
    rows = rows.assign(wording=[wording_key(text) for text in rows["text"]]).drop_duplicates(["label", "wording"])
    return rows.groupby("label").head(per_class)[["row_id", "text", "previous_text", "label"]].reset_index(drop=True)
