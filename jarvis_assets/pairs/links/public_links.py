"""Public reply links as a turns table with known links: group talk in which people wrote down who answers whom.

One corpus, where ``JARVIS_CORPORA`` has it: #ubuntu chat (Kummerfeld et al., ACL 2019). It is read as a group chat in
which everybody's turns are responses. What is learned from it stays on this machine.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from jarvis_assets.pairs.turns import build_turns
from jarvis_resources import tables


def messages_of(lines: pd.DataFrame) -> pd.DataFrame:
    """The table ``messages`` of ``corpora.irc_ubuntu``: every log a group, nobody in it me."""
    texts = lines["text"].str.strip()
    frame = pd.DataFrame(
        {
            "guid": lines["log"] + "#" + lines["line"].astype(str),
            "rowid": np.arange(len(lines)),
            "conversation_id": lines["log"],
            "person_id": lines["log"] + "/" + lines["nick"],
            "is_from_me": False,
            "is_group": True,
            "sent_at": (pd.Timestamp("2000-01-01", tz="UTC") + pd.to_timedelta(lines["minute"], unit="min")).astype(
                "datetime64[us, UTC]"
            ),
            "kind": "normal",
            "text": texts.where(texts != "", "…"),
            "service": "IRC",
            "thread_root_guid": None,
            "edited_at": pd.Series(pd.NaT, index=lines.index, dtype="datetime64[us, UTC]"),
            "edit_history": None,
            "tapback_kind": None,
            "tapback_target_guid": None,
            "attachment_count": 0,
        }
    )
    return tables.MESSAGES.conform(frame)


def people_of(lines: pd.DataFrame) -> pd.DataFrame:
    """person_id and display_name of everybody in ``corpora.irc_ubuntu``."""
    people = pd.DataFrame({"person_id": lines["log"] + "/" + lines["nick"], "display_name": lines["nick"]})
    return people.drop_duplicates("person_id").astype("str").reset_index(drop=True)


def turns_and_links(lines: pd.DataFrame, *, gap_seconds: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Turns of ``lines``, and the links among them (``response``, ``trigger``: rows of the turns; −1: answers none).

    Lines of one turn that answer each other say nothing; a turn answers none where that is known of its first line and
    no other line of it answers another turn.
    """
    messages = messages_of(lines)
    # With no time to join over, every line is a turn of its own; with it, bursts are joined as in anybody's history.
    turns = build_turns(messages, gap_seconds) if gap_seconds >= 0 else _line_by_line(messages)
    guids = [guid for members in turns["message_guids"] for guid in members]
    turn_of = pd.Series(np.repeat(np.arange(len(turns)), turns["message_count"].to_numpy()), index=guids)
    said = messages["guid"]
    told = lines["annotated"].to_numpy()
    exploded = pd.DataFrame(
        {
            "guid": said[told].to_numpy(),
            "log": lines["log"][told].to_numpy(),
            "target": lines["targets"][told].to_numpy(),
            "starts": lines["starts"][told].to_numpy(),
        }
    ).explode("target")
    response = turn_of.reindex(exploded["guid"]).to_numpy(dtype=np.int64)
    target = exploded["log"] + "#" + exploded["target"].astype("Int64").astype(str)
    trigger = turn_of.reindex(target).fillna(-1).to_numpy(dtype=np.int64)
    inside = trigger == response
    silent = exploded["starts"].to_numpy(dtype=bool) | ((trigger < 0) & ~inside)
    links = pd.DataFrame({"response": response, "trigger": trigger})
    answers = links[(trigger >= 0) & ~inside]
    none = links[silent & ~links["response"].isin(answers["response"]).to_numpy()].assign(trigger=-1)
    both = pd.concat([answers, none]).drop_duplicates().sort_values(["response", "trigger"], ignore_index=True)
    return turns, both


def _line_by_line(messages: pd.DataFrame) -> pd.DataFrame:
    """Every message a turn of its own."""
    alone = messages.assign(thread_root_guid=messages["guid"])
    turns = build_turns(alone, 0)
    return turns.assign(thread_root_guid=None)
