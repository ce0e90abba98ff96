"""Who a person probably is to the owner, from how the two write.

CLOSE_FRIEND, FAMILY, ACQUAINTANCE or PROFESSIONAL, with how sure the guess is, from the direct conversations alone:
what they call each other, slang, formality, warmth, how much and how fast they write. It is a guess until the owner
confirms it. What the relationship changes in a suggestion is decided elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jarvis_resources.tables import CONTACT_PROFILES

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

GUESSED = ("CLOSE_FRIEND", "FAMILY", "ACQUAINTANCE", "PROFESSIONAL")
MIN_MESSAGES = 20
"""Messages both ways below which nothing is guessed: fewer say more about chance than about people."""
_LONGEST_REPLY_SECONDS = 24 * 3600.0
"""A reply after more than a day is taken for a new conversation and left out of the median."""

_KIN = r"mom|mum|mommy|mama|mami|dad|daddy|papa|papi|grandma|grandpa|granny|nana|nonna|abuela|abuelo|auntie|aunt|uncle|sis|cousin"
_ADDRESSED = rf"(?i)(?:^(?:hi|hey|hello|thanks|thank you|ok|okay|yes|no|love you|love u|good morning|morning|night|good night|happy birthday),? (?:{_KIN})\b|\b(?:love you|love u|thanks|ok|bye|night),? (?:{_KIN})\b|^(?:{_KIN})[,!?]? )"
_FAMILY_TALK = rf"(?i)\b(?:your (?:father|mother|sister|brother|dad|mom)|(?:your |the )?(?:{_KIN}) (?:says|said|is|wants|called|and i|made)|sweetie|honey|kiddo|grandkids|family dinner|come home|home for (?:dinner|christmas|thanksgiving|easter))\b"
_SLANG = r"(?i)\b(?:lol|lmao|lmfao|bro|dude|bruh|haha\w*|omg|wtf|tbh|ngl|wanna|gonna|u|ur|idk|bet|fr|rn|lowkey|yo|girl|bestie|babe|shit|fuck\w*|damn)\b"
_FORMAL = r"(?i)\b(?:regards|sincerely|meeting|invoice|report|client|deadline|schedule|appointment|please (?:find|confirm|review|let me know|advise)|attached|contract|project|deck|team|office|kindly|availability|follow(?:ing)? up|proposal|per my|thank you for|looking forward|standup|sprint|deploy\w*|shift)\b"
_WARM = r"(?i)\b(?:love (?:you|u|ya)|miss (?:you|u)|proud of (?:you|u)|xo+|babe|hugs|ily|bestie)\b|[❤💕😍🥰😘💖💗]"
_EMOJI = r"[\x{1F300}-\x{1FAFF}\x{2600}-\x{27BF}]"
_KIN_NAME = rf"(?i)\b(?:{_KIN}|brother|sister|bro|tia|tio|oma|opa)\b"
_WORK_NAME = (
    r"(?i)\b(?:dr|mr|mrs|ms|prof|boss|hr|office|inc|llc|clinic|dentist|realtor|landlord|work|plumber|manager)\b\.?"
)

_FEATURES = (
    "kin_name",
    "work_name",
    "addressed",
    "family_talk",
    "slang",
    "formal",
    "warm",
    "emoji",
    "volume",
    "office_hours",
    "quick",
    "length",
)
_WEIGHTS: dict[str, tuple[float, ...]] = {
    #                kin   work  addr   talk  slang formal warm emoji volume office quick length
    "CLOSE_FRIEND": (-2.0, -2.0, -20.0, -8.0, 8.0, -10.0, 5.0, 2.0, 1.2, -0.5, 0.8, -0.5),
    "FAMILY": (5.0, -1.5, 60.0, 25.0, -2.0, -6.0, 12.0, 1.0, 0.5, -0.3, 0.0, 0.2),
    "ACQUAINTANCE": (-1.0, 0.0, -10.0, -4.0, 0.0, -4.0, -6.0, 0.0, -1.2, 0.0, -0.4, 0.0),
    "PROFESSIONAL": (-2.0, 4.0, -20.0, -6.0, -6.0, 22.0, -6.0, -1.0, -0.6, 1.5, -0.2, 0.8),
}
"""Log-odds per unit of each feature, set by hand: shares of messages run 0–1, and 0.1 of slang already tells. Learned
weights replace them once owners have confirmed relationships."""
_BIAS = {"CLOSE_FRIEND": 0.0, "FAMILY": -1.0, "ACQUAINTANCE": 1.0, "PROFESSIONAL": -0.5}


def profile(messages: pd.DataFrame, people: pd.DataFrame, conversations: pd.DataFrame) -> pd.DataFrame:
    """CONTACT_PROFILES of ``people`` from MESSAGES and CONVERSATIONS, one row per person in the order of ``people``."""
    import numpy as np
    import pandas as pd

    said = _direct(messages, conversations)
    by_person = said.groupby("person")
    mine, theirs = said[said["is_from_me"]], said[~said["is_from_me"]]
    facts = pd.DataFrame(index=pd.Index(people["person_id"], name="person"))
    facts["message_count"] = by_person.size()
    facts["my_share"] = by_person["is_from_me"].mean()
    facts["my_mean_characters"] = mine.groupby("person")["characters"].mean()
    facts["their_mean_characters"] = theirs.groupby("person")["characters"].mean()
    facts["my_emoji_rate"] = mine.groupby("person")["emoji"].mean()
    facts = facts.fillna(0.0)
    facts["median_reply_seconds"] = _reply_seconds(said)
    names = people.set_index("person_id")["display_name"]
    probabilities = _guess(said, facts, names)
    relationship = np.array(GUESSED, dtype=object)[probabilities.argmax(axis=1)]
    known = facts["message_count"].to_numpy() >= MIN_MESSAGES
    frame = facts.reset_index(drop=True).assign(
        person_id=people["person_id"].to_numpy(),
        display_name=people["display_name"].to_numpy(),
        message_count=facts["message_count"].to_numpy().astype("int64"),
        relationship=np.where(known, relationship, "UNKNOWN"),
        relationship_conf=np.where(known, probabilities.max(axis=1), 0.0),
    )
    return CONTACT_PROFILES.conform(frame)


def _direct(messages: pd.DataFrame, conversations: pd.DataFrame) -> pd.DataFrame:
    """Normal messages of direct conversations with the other person's id and flags of their wording, in time order."""
    direct = conversations[
        ~conversations["is_group"] & ~conversations["is_self"] & conversations["person_ids"].str.len().eq(1)
    ]
    person = direct["person_ids"].str[0].set_axis(direct["conversation_id"])
    chosen = messages[
        messages["kind"].eq("normal") & messages["text"].notna() & messages["conversation_id"].isin(person.index)
    ]
    said = chosen[["conversation_id", "is_from_me", "sent_at", "text"]].reset_index(drop=True)
    said["person"] = said["conversation_id"].map(person).astype("object")
    text = said["text"]
    said["characters"] = text.str.len()
    said["emoji"] = _matches(text, _EMOJI)
    for name, pattern in (
        ("addressed", _ADDRESSED),
        ("family_talk", _FAMILY_TALK),
        ("slang", _SLANG),
        ("formal", _FORMAL),
        ("warm", _WARM),
    ):
        said[name] = _matches(text, pattern)
    hour = said["sent_at"].dt.hour
    said["office_hours"] = hour.between(13, 22) & said["sent_at"].dt.dayofweek.lt(5)
    return said.sort_values(["conversation_id", "sent_at"], kind="stable", ignore_index=True)


def _matches(text: pd.Series[str], pattern: str) -> np.ndarray:
    """Where a regular expression occurs: bool [n], by Arrow's RE2, since a million texts are read."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pc.match_substring_regex(pa.array(text, pa.string()), pattern)
    return np.asarray(found.to_numpy(zero_copy_only=False), bool)


def _reply_seconds(said: pd.DataFrame) -> pd.Series[float]:
    """Median seconds from their last message to my next one, by person."""
    dated = said[said["sent_at"].notna()]
    conversation = dated["conversation_id"]
    gap = dated["sent_at"].diff().dt.total_seconds()
    theirs_before = (conversation == conversation.shift(1)) & dated["is_from_me"].shift(1).eq(False)
    answers = dated["is_from_me"] & theirs_before & gap.le(_LONGEST_REPLY_SECONDS)
    return gap[answers].groupby(dated["person"][answers]).median()


def _guess(said: pd.DataFrame, facts: pd.DataFrame, names: pd.Series[str]) -> np.ndarray:
    """Probabilities of ``GUESSED`` for each person of ``facts``: float64 [n, 4]."""
    import numpy as np

    shares = said.groupby("person")[
        ["addressed", "family_talk", "slang", "formal", "warm", "emoji", "office_hours"]
    ].mean()
    shares = shares.reindex(facts.index).fillna(0.0)
    called = names.reindex(facts.index).fillna("")
    quick = facts["median_reply_seconds"].fillna(_LONGEST_REPLY_SECONDS)
    columns = {
        **{name: shares[name].to_numpy() for name in shares},
        "kin_name": _matches(called, _KIN_NAME).astype(float),
        "work_name": _matches(called, _WORK_NAME).astype(float),
        # Thousands of messages are a friend's or a relative's; the scale is logarithmic: 0 at 20, 1 at 2,000.
        "volume": np.clip(np.log10(np.maximum(facts["message_count"], 1.0) / MIN_MESSAGES) / 2.0, 0.0, 1.5),
        "quick": np.clip(1.0 - np.log10(np.maximum(quick, 1.0)) / 5.0, 0.0, 1.0),
        "length": np.clip(facts["their_mean_characters"] / 100.0, 0.0, 2.0),
    }
    table = np.column_stack([np.asarray(columns[name], float) for name in _FEATURES])
    scores = table @ np.array([_WEIGHTS[name] for name in GUESSED]).T + np.array([_BIAS[name] for name in GUESSED])
    powers = np.exp(scores - scores.max(axis=1, keepdims=True, initial=-np.inf))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
