"""Which handles are the owner's own.

Accounts are the owner's beyond doubt. The handles that chats and messages say the owner was reached at are so only as a
rule: one wrong row must not make a correspondent the owner, and lose all that they said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from jarvis_resources.imessage.chats import Chat
from jarvis_resources.imessage.handles import account_handle, normalise_handle

_LEAST_CHATS = 2
_LEAST_SHARE = 100
"""A handle is believed when that many chats, and one of so many, claim it."""


def own_handles(chats: Sequence[Chat], handle_of_row: Mapping[int, str], country: str) -> frozenset[str]:
    """The owner's handles, normalised.

    A claim from a chat that the handle is itself a member of is also what a talk with oneself looks like, so it counts
    only beside one from another chat.
    """
    accounts = {account_handle(login, country) for chat in chats for login in chat.logins}
    claims: Counter[str] = Counter()
    elsewhere: set[str] = set()
    for chat in chats:
        claimed = {account_handle(handle, country) for handle in chat.addressed}
        claims.update(claimed)
        within = {handle_of_row.get(row) for row in chat.handle_rows} | {normalise_handle(chat.identifier, country)}
        elsewhere |= claimed - within
    claiming = sum(bool(chat.addressed) for chat in chats)
    enough = max(_LEAST_CHATS, claiming // _LEAST_SHARE)
    return frozenset(accounts | {handle for handle in elsewhere if claims[handle] >= enough}) - {""}
