"""Pairs to write down in a test, without the messages behind them."""

from __future__ import annotations

from typing import Any

import pandas as pd

from jarvis_resources import tables
from jarvis_serving.normalise import pair_id

START = pd.Timestamp("2024-01-01T00:00:00Z")
PEOPLE = pd.DataFrame({"person_id": ["ana", "bank"], "is_automated": [False, True]})


def pair(trigger: str, response: str, hour: float = 0.0, **rest: Any) -> dict[str, Any]:
    """One pair's row; ``hour`` is when I replied."""
    number = f"{trigger}{response}{hour}"
    return {
        "pair_id": pair_id(trigger, response), "source": "semantic", "confidence": 0.9,
        "trigger_guid": f"t{number}", "response_guid": f"r{number}", "trigger_guids": [f"t{number}"],
        "response_guids": [f"r{number}"], "trigger_text": trigger, "trigger_turn_text": trigger,
        "response_text": response, "context": [], "context_text": "", "conversation_id": "d1", "person_id": "ana",
        "is_group": False, "trigger_at": START + pd.Timedelta(hours=hour),
        "responded_at": START + pd.Timedelta(hours=hour), "reply_seconds": 0.0, "occurrences": 1, "coherence": 0.3,
        "occurrence_guids": [f"r{number}"], **rest,
    }  # fmt: skip


def found(*rows: dict[str, Any]) -> pd.DataFrame:
    """The rows as a pairing step hands them over."""
    return tables.SEMANTIC_PAIRS.conform(pd.DataFrame(rows)) if rows else tables.SEMANTIC_PAIRS.empty()


def table(*rows: dict[str, Any]) -> pd.DataFrame:
    """The rows as the table ``pairs``."""
    return tables.PAIRS.conform(pd.DataFrame(rows)) if rows else tables.PAIRS.empty()


def spelled(k: int) -> str:
    """A word of its own for each number."""
    return "".join("bcdfghjklm"[int(digit)] + "a" for digit in str(k))


def many(n: int) -> pd.DataFrame:
    """Pairs that have nothing in common, an hour apart, with forty people."""
    return table(
        *(
            pair(f"question number {spelled(k)}", f"answer number {spelled(k)}", k, person_id=f"p{k % 40}")
            for k in range(n)
        )
    )


def with_contexts(pairs: pd.DataFrame) -> pd.DataFrame:
    """Each pair's context: the pair before it."""
    if pairs.empty:
        return pairs
    contexts = [[]] + [
        [
            {"guid": row.trigger_guid, "speaker": "ana", "text": f"{row.trigger_text}\nreally?"},
            {"guid": row.response_guid, "speaker": "me", "text": row.response_text},
        ]
        for row in pairs.iloc[:-1].itertuples()
    ]
    return tables.PAIRS.conform(pairs.assign(context=contexts, context_text=[as_text(one) for one in contexts]))


def as_text(context: list[dict[str, str]]) -> str:
    """The text form of a context; the name of the other one looks like a speaker itself."""
    return "\n".join(f"{'Me' if one['speaker'] == 'me' else 'Them (A: b)'}: {one['text']}" for one in context)
