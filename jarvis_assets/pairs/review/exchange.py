"""What a reviewer sees of a pair: what was said before, the message answered, what came between, and my reply.

What came between belongs to the judgement: in a group the reply may answer any of it. Text is made safe for a terminal
here, since other people wrote it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jarvis_assets.pairs.context import speaker_labels
from jarvis_resources.asset_files import read_asset

if TYPE_CHECKING:
    from datetime import datetime

    import pandas as pd

    from jarvis_resources.settings import Settings

LINES_BEFORE = 6
"""Lines of context shown: enough to see what the talk is about, few enough to read sixty times."""
LINES_BETWEEN = 10
"""Messages shown between trigger and reply, the last ones."""
_UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters could move the cursor or colour the terminal, direction marks could reorder the line."""


@dataclass(frozen=True)
class Exchange:
    """One pair as it is shown; every line is text by somebody, safe to print."""

    pair_id: str
    source: str
    confidence: float
    before: tuple[str, ...]
    speaker: str
    trigger: str
    between: tuple[str, ...]
    response: str
    responded_at: datetime
    seconds: float
    """From trigger to reply."""


def exchanges(settings: Settings, pair_ids: pd.Series[str]) -> dict[str, Exchange]:
    """The exchanges of ``pair_ids``, by id, from the last mining; raises ``SettingsError`` where there was none."""
    root = settings.assets_root
    columns = [
        "pair_id", "source", "confidence", "trigger_guid", "trigger_guids", "response_guids", "trigger_text", "response_text",
        "context_text", "conversation_id", "person_id", "trigger_at", "responded_at", "reply_seconds",
    ]  # fmt: skip
    pairs = read_asset(root, "pairs", "table", columns=columns)
    pairs = pairs[pairs["pair_id"].isin(pair_ids)]
    people = read_asset(root, "people", "table", columns=["person_id", "display_name"])
    columns = ["guid", "conversation_id", "person_id", "is_from_me", "kind", "text", "sent_at"]
    messages = read_asset(root, "messages", "table", columns=columns)
    spoken = messages["conversation_id"].isin(pairs["conversation_id"]) & (messages["kind"] == "normal")
    by_conversation = dict(list(messages[spoken].sort_values("sent_at", kind="stable").groupby("conversation_id")))
    labels = speaker_labels(pairs["person_id"].unique().tolist(), people)
    found: dict[str, Exchange] = {}
    # A loop over the pairs of one review: tens of them.
    for row in pairs.itertuples():
        rows = by_conversation.get(row.conversation_id, messages.iloc[:0])
        here = rows[(rows["sent_at"] >= row.trigger_at) & (rows["sent_at"] < row.responded_at)]
        here = here[~here["guid"].isin([row.trigger_guid, *row.response_guids])]
        names = {**labels, **speaker_labels(here["person_id"].dropna().unique().tolist(), people)}
        # A context ends where the trigger's turn begins.
        turn = list(row.trigger_guids)
        same_breath = rows.loc[rows["guid"].isin(turn[: turn.index(row.trigger_guid)]), "text"]
        before = [*row.context_text.splitlines(), *(f"{names[row.person_id]}: {text}" for text in same_breath)]
        between = [
            f"{'Me' if said.is_from_me else names.get(said.person_id, 'Them')}: {said.text}"
            for said in here.tail(LINES_BETWEEN).itertuples()
        ]
        if len(here) > LINES_BETWEEN:
            between.insert(0, f"… {len(here) - LINES_BETWEEN} more")
        found[row.pair_id] = Exchange(
            pair_id=row.pair_id,
            source=row.source,
            confidence=row.confidence,
            before=tuple(_safe(line) for line in before[-LINES_BEFORE:]),
            speaker=_safe(names[row.person_id]),
            trigger=_safe(row.trigger_text),
            between=tuple(_safe(line) for line in between),
            response=_safe(row.response_text),
            responded_at=row.responded_at.to_pydatetime(),
            seconds=row.reply_seconds,
        )
    return found


def _safe(text: str) -> str:
    return _UNSAFE.sub("�", text)
