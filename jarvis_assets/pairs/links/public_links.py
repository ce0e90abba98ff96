"""Public reply links as a turns table with known links: group talk in which people wrote down who answers whom.

One corpus, where ``JARVIS_CORPORA`` has it: #ubuntu chat (Kummerfeld et al., ACL 2019). It is read as a group chat in
which everybody's turns are responses. What is learned from it stays on this machine.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from jarvis_resources import tables


def messages_of(lines: pd.DataFrame) -> pd.DataFrame:
    """The table ``messages`` of ``corpora.irc_ubuntu``: every log a group, nobody in it me."""
    texts = lines["text"].str.strip()
    frame = pd.DataFrame(
        {
            "guid": guids_of(lines),
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


def guids_of(lines: pd.DataFrame) -> pd.Series[str]:
    """The guid of each line's message."""
    return lines["log"] + "#" + lines["line"].astype(str)


def people_of(lines: pd.DataFrame) -> pd.DataFrame:
    """person_id and display_name of everybody in ``corpora.irc_ubuntu``."""
    people = pd.DataFrame({"person_id": lines["log"] + "/" + lines["nick"], "display_name": lines["nick"]})
    return people.drop_duplicates("person_id").astype("str").reset_index(drop=True)


def links_among(turns: pd.DataFrame, lines: pd.DataFrame) -> pd.DataFrame:
    """The links of ``lines`` among the turns made of them (``response``, ``trigger``: rows of the turns; −1: none).

    Lines of one turn that answer each other say nothing; a turn answers none where that is known of its first line and
    no other line of it answers another turn.
    """
    guids = [guid for members in turns["message_guids"] for guid in members]
    turn_of = pd.Series(np.repeat(np.arange(len(turns)), turns["message_count"].to_numpy()), index=guids)
    said = guids_of(lines)
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
    return pd.concat([answers, none]).drop_duplicates().sort_values(["response", "trigger"], ignore_index=True)
