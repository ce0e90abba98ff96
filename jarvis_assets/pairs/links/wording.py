"""What the words of a turn show by themselves: forms (a question, thanks, …), content words, people named.

Computed once for a turns table and looked up per candidate. Nothing here compares two turns.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

FORMS = {
    "question": r"\?\s*\S{0,4}\s*$|\?\n",
    "wh": r"(?i)^\W*(?:so |and |but |ok |hey )?(?:what|whats|what's|who|where|when|why|how|which|wat|wut)\b",
    "asks_yes_no": (
        r"(?i)\b(?:do|did|does|are|is|was|were|can|could|will|would|should|have|has|wanna|want to|you|u|r) "
        r"(?:you|u|we|i|it|they|he|she|the|that|this|there|ya|free|down|up|coming|going|ok)\b[^?]*\?"
    ),
    "says_yes_no": (
        r"(?i)^\W*(?:yes|yeah|yea|yep|yup|ya|ye|no|nope|nah|not|sure|ok|okay|k|kk|of course|definitely|absolutely|maybe|"
        r"probably|i think so|i don'?t think|sounds good|deal|fine|alright|right|true|exactly)\b"
    ),
    "thanks": r"(?i)\b(?:thanks|thank you|thx|ty|cheers|appreciate)\b",
    "greeting": r"(?i)^\W*(?:hi|hey|hello|heya|hiya|yo|sup|good (?:morning|evening|night|afternoon)|gm|gn|morning)\b",
    "reaction": r"(?i)^\W*(?:l+o+l+|lmao|haha\w*|hehe\w*|omg|wow|nice|cool|great|awesome|aw+|oh no|damn|congrats\w*|yay|ugh|sorry)\b",
    "says_you": r"(?i)\b(?:you|your|u|ur|yours|you're|youre)\b",
    "says_i": r"(?i)\b(?:i|my|me|i'm|im|i've|mine)\b",
    "goes_on": r"(?i)^\W*(?:and|but|or|so|then|also|because|cause|cuz|which|well)\b",
    "points_back": r"(?i)\b(?:it|that|this|those|these|they|them)\b",
    "advises": r"(?i)\b(?:try|use|check|run|type|go to|look at|see|you (?:can|should|need|could)|just)\b",
    "has_figures": r"\d|http|/",
}
"""Forms of a turn, each a pattern on its text."""
_CONTENT_WORD = r"(?u)\b\w[\w'’.-]*\w\b"
_TOKEN = re.compile(r"[^\s:,;<>!?()\"“”]+")
_NAMES_KEPT = 2
"""Most people whom a turn is taken to name."""
NOBODY = -1
COMMON = frozenset(
    [
        "will",
        "may",
        "mark",
        "bill",
        "rich",
        "art",
        "grace",
        "rose",
        "hope",
        "joy",
        "faith",
        "dawn",
        "june",
        "april",
        "august",
        "summer",
        "drew",
        "chase",
        "rob",
        "sue",
        "pat",
        "jack",
        "frank",
        "guy",
        "miles",
        "max",
        "ray",
        "sky",
        "star",
        "love",
        "angel",
        "king",
        "prince",
    ]
)
"""Names that are words as well: they name somebody only with a capital, and not as a text's first word."""


@dataclass(frozen=True)
class Wording:
    """The words of n turns. Everything is aligned with the turns table."""

    forms: dict[str, NDArray[np.bool_]]
    """Which turns have each of ``FORMS``."""
    log_length: NDArray[np.float32]
    """Log of 1 + characters."""
    words: Any
    """Sparse binary [n, 2^18]: content words, hashed."""
    counts: NDArray[np.float32]
    """How many of them; at least 1."""
    addressed: NDArray[np.int64]
    """The speaker whose name the turn begins with; −1: none."""
    named: NDArray[np.int64]
    """[n, 2]: speakers whom it names anywhere; −1: none."""

    @classmethod
    def of(cls, turns: pd.DataFrame, speakers: NDArray[np.int64], people: pd.DataFrame | None = None) -> Wording:
        """Wording of a turns table; ``speakers`` [n] numbers them, ``people`` lends their names."""
        import pandas as pd
        from sklearn.feature_extraction.text import HashingVectorizer

        texts = turns["text"]
        hashing = HashingVectorizer(
            n_features=2**18,
            alternate_sign=False,
            binary=True,
            norm=None,
            stop_words="english",
            token_pattern=_CONTENT_WORD,
            dtype=np.float32,
        )
        addressed, named = _names(turns, speakers, people)
        # People say the same things again and again: what is seen in a text is seen once.
        number, distinct = pd.factorize(texts)
        said = pd.Series(distinct, dtype="str")
        words = (hashing.transform(said) if len(said) else hashing.transform([""]))[number]
        return cls(
            forms={name: said.str.contains(form, regex=True).to_numpy(bool)[number] for name, form in FORMS.items()},
            log_length=np.log1p(said.str.len().to_numpy(dtype=np.float32))[number],
            words=words,
            counts=np.maximum(np.diff(words.indptr), 1).astype(np.float32),
            addressed=addressed,
            named=named,
        )


def _names(
    turns: pd.DataFrame, speakers: NDArray[np.int64], people: pd.DataFrame | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Whom each turn of a group addresses and names, among those who had spoken there before."""
    n = len(turns)
    addressed, named = np.full(n, NOBODY), np.full((n, _NAMES_KEPT), NOBODY)
    if people is None or people.empty:
        return addressed, named
    known = people[people["display_name"].notna()]
    first_names = known["display_name"].str.split().str[0].str.casefold().str.strip(".,:;")
    name_of = dict(zip(known["person_id"], first_names, strict=True))
    group = np.flatnonzero(turns["is_group"].to_numpy(dtype=bool))
    part = turns.iloc[group]
    of_name: dict[str, int] = {}
    conversation = None
    # A loop over the turns of groups: who is present grows with each, and most texts are a few words.
    for row, where, who, speaker, text in zip(
        group.tolist(), part["conversation_id"], part["person_id"], speakers[group].tolist(), part["text"], strict=True
    ):
        if where != conversation:
            conversation, of_name = where, {}
        if of_name:
            tokens = [_name(token, at) for at, token in enumerate(_TOKEN.findall(text))]
            found = [of_name[token] for token in tokens if token in of_name]
            others = [one for one in dict.fromkeys(found) if one != speaker][:_NAMES_KEPT]
            named[row, : len(others)] = others
            if others and of_name.get(tokens[0]) == others[0]:
                addressed[row] = others[0]
        if isinstance(who, str) and (name := name_of.get(who)):
            of_name[name] = speaker
    return addressed, named


def _name(token: str, at: int) -> str:
    """``token`` as names are looked up; none where "will" and "may" are but words."""
    name = token.casefold()
    return "" if name in COMMON and (at == 0 or token == name) else name
