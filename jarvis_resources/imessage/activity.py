"""The tables of people and of conversations: who and where, with how much was said and when.

Counts are of what somebody said to somebody (``kinds.SAID``): system rows, tapbacks, and what was unsent, deleted or
never sent do not count. One pass over the messages' columns, no loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from jarvis_resources.imessage.columns import Integers
from jarvis_resources.imessage.conversations import Conversations
from jarvis_resources.imessage.kinds import SAID
from jarvis_resources.imessage.people import People
from jarvis_resources.imessage.rows import UNKNOWN_TIME
from jarvis_resources.tables import CONVERSATIONS, KINDS, PEOPLE

if TYPE_CHECKING:
    import pandas as pd

_SAID = np.array([kind in SAID for kind in KINDS])


def people_table(people: People, person: Integers, kind: npt.NDArray[np.int8], sent_at: Integers) -> pd.DataFrame:
    """``tables.PEOPLE`` of everybody, from the senders, kinds and times of all messages."""
    import pandas as pd

    said = _SAID[kind] & (person >= 0)
    first, last = _span(person[said], sent_at[said], len(people.persons))
    return PEOPLE.conform(
        pd.DataFrame(
            {
                "person_id": pd.Series([one.person_id for one in people.persons], dtype="str"),
                "handles": pd.Series([list(one.handles) for one in people.persons], dtype="object"),
                "services": pd.Series([list(one.services) for one in people.persons], dtype="object"),
                "display_name": pd.Series([one.name for one in people.persons], dtype="str"),
                "is_automated": np.array([one.is_automated for one in people.persons], bool),
                "message_count": np.bincount(person[said], minlength=len(people.persons)).astype(np.int64),
                "first_at": first,
                "last_at": last,
            }
        )
    )


def conversations_table(
    conversations: Conversations,
    people: People,
    conversation: Integers,
    from_me: npt.NDArray[np.bool_],
    kind: npt.NDArray[np.int8],
    sent_at: Integers,
) -> pd.DataFrame:
    """``tables.CONVERSATIONS`` of every conversation, from the columns of all messages."""
    import pandas as pd

    everything = conversations.all
    said = _SAID[kind] & (conversation >= 0)
    first, last = _span(conversation[said], sent_at[said], len(everything))
    members = [sorted(people.persons[place].person_id for place in one.members) for one in everything]
    return CONVERSATIONS.conform(
        pd.DataFrame(
            {
                "conversation_id": pd.Series([one.conversation_id for one in everything], dtype="str"),
                "is_group": np.array([one.is_group for one in everything], bool),
                "person_ids": pd.Series(members, dtype="object"),
                "chat_guids": pd.Series([list(one.chat_guids) for one in everything], dtype="object"),
                "display_name": pd.Series([one.display_name for one in everything], dtype="str"),
                "is_filtered": np.array([one.is_filtered for one in everything], bool),
                "is_self": np.array([one.is_self for one in everything], bool),
                "message_count": np.bincount(conversation[said], minlength=len(everything)).astype(np.int64),
                "my_message_count": np.bincount(conversation[said & from_me], minlength=len(everything)).astype(
                    np.int64
                ),
                "first_at": first,
                "last_at": last,
            }
        )
    )


def _span(places: Integers, sent_at: Integers, count: int) -> tuple[pd.DatetimeIndex, pd.DatetimeIndex]:
    """First and last known time at each place; NaT where there is none."""
    import pandas as pd

    dated = sent_at != UNKNOWN_TIME
    first = np.full(count, np.iinfo(np.int64).max, np.int64)
    last = np.full(count, UNKNOWN_TIME, np.int64)
    np.minimum.at(first, places[dated], sent_at[dated])
    np.maximum.at(last, places[dated], sent_at[dated])
    first[last == UNKNOWN_TIME] = UNKNOWN_TIME
    return pd.DatetimeIndex(first.view("M8[us]"), tz="UTC"), pd.DatetimeIndex(last.view("M8[us]"), tz="UTC")
