"""Whether a message can be answered as it stands.

STANDALONE: it can. NEEDS_CONTEXT: it asks, but about something said before ("which one?", "is that ok?"). REFERENCE:
it comments on something said before ("that's hilarious", "sounds good"). From the wording alone; whether the context
is known is the router's question.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from jarvis_serving.understanding.wording import tokens

STANDALONE, NEEDS_CONTEXT, REFERENCE = "STANDALONE", "NEEDS_CONTEXT", "REFERENCE"
LABELS = (STANDALONE, NEEDS_CONTEXT, REFERENCE)

_SURE, _LIKELY, _DOUBTFUL = 0.95, 0.8, 0.6
"""Confidence of a bare question word, of a clear pointing word, and of a guess."""

_LEAD = r"(?:(?:and|so|but|ok|oh|wait|hey|yeah|well|haha|also|then) )*"
_BARE_QUESTION = re.compile(
    _LEAD
    + r"(?:what|when|where|who|why|how|which|whose|what time|what day|which one|which ones|how much|how many|how long|how far|"
    r"how come|why not|what for|what kind|where at|since when|until when|says who|who else|what else|how so|like what|like who|"
    r"at what time|for how long|with who|what about|what happened|what do you mean|what size|what color|how old|how soon|what is it|"
    r"really|for real|seriously|you sure|are you sure|right|and|or|(?:at the )?same time(?: as \w+(?: \w+)?)?|same place(?: as \w+(?: \w+)?)?|(?:what|how) about (?:\w+|the \w+ one|this \w+|next \w+)|yes or no|is that a yes|huh|tomorrow|today|tonight|"
    r"did (?:you|it|he|she|they)|do you|are you|is (?:it|he|she)|does (?:it|he|she)|can (?:you|i|we)|will (?:you|it)|"
    r"how (?:about|is) (?:it|that|this|them)|how did it go|how was (?:it|that)|where is (?:it|that|he|she)|when is (?:it|that)|who is (?:it|that|he|she)|"
    r"when was (?:it|that)|who was (?:it|that)|what was (?:it|that)|what did (?:he|she|they) say|is (?:she|he|it) (?:ok|coming|there|mad|good|open|far))"
    r"(?: (?:though|man|bro|then|exactly|again|now|works|works for you|is good|haha))*(?: [?!<]\S*)*| ?(?:[?!]+ ?)+"
)
_POINTS = frozenset(
    {
        "that",
        "this",
        "those",
        "these",
        "it",
        "one",
        "ones",
        "them",
        "him",
        "her",
        "he",
        "she",
        "they",
        "there",
        "either",
        "both",
        "instead",
        "same",
        "other",
        "another",
    }
)
_COMMENT = re.compile(
    _LEAD
    + r"(?:(?:that|this|it|those|these) (?:is|was|sounds|looks|works|sucks|makes|makes sense|would be|will|did|does|are|were|can|could|should)\b.*|"
    r"sounds (?:good|great|fun|like|perfect|awesome|amazing|fine)\b.*|same(?: here)?|me (?:too|neither)|i (?:agree|know|know right|see|thought so|did not know that|love (?:it|that)|like (?:it|that))|"
    r"(?:so )?true|exactly|agreed|right|of course|for sure|definitely|yes|yeah|yep|no|ok|cool|nice|great|perfect|haha|got it|makes sense|good (?:point|idea|call)|"
    r"not (?:yet|really|sure|anymore)|will do|works for me|maybe|probably|i do not know|no (?:way|idea|clue)|deal|done|fair enough|"
    r"in that case\b.*|which is\b.*|because\b.*|the (?:first|second|last|other|red|blue|black|white|small|big\w*|same) (?:one|two)?\b.*|<(?:laugh|thumb|heart|sad|party|time|number)>)"
    r"(?: (?:haha|<\w+>|!|though|man|bro|yeah|yes|thanks|then))*"
)
_POINTED_CHOICE = re.compile(
    r"\bthe (?:other|first|second|last|same|red|blue|black|white|green|big\w*|small\w*|cheap\w*|new|old) ones?\b"
)
_ANSWERABLE = frozenset({"you", "your"})
_OPENERS = re.compile(r"(?:hey|hi|hello|good morning|happy|merry|congratulations|guess)\b")
_DUMMY = re.compile(
    r"\b(?:it|there) (?:is|was|will|going to) ?(?:\w+ )?(?:raining|snowing|hot|cold|late|snow|rain|going|been|time|a|no)\b|"
    r"\bis (?:it|there) (?:still |going to )?(?:be )?(?:raining|snowing|snow|rain|hot|cold|a|any|parking|far from|ok if)\b(?: there| here| out)?|\bhow is it going\b"
)
_SHORT = 6
"""Words below which a pointing word has nothing in the message itself to point at."""


@dataclass(frozen=True)
class NeedsContext:
    """The verdict (one of ``LABELS``) and how sure it is (0–1)."""

    label: str
    confidence: float


def classify(text: str) -> NeedsContext:
    """Whether ``text`` can be answered without what was said before."""
    words = tokens(text)
    joined = " ".join(words)
    spoken = [word for word in words if not word.startswith("<") and word not in {"!", "?"}]
    if not words or _OPENERS.match(joined):
        return NeedsContext(STANDALONE, _LIKELY)
    asks = "?" in words
    if _POINTED_CHOICE.search(joined):
        return NeedsContext(NEEDS_CONTEXT if asks else REFERENCE, _LIKELY)
    if _BARE_QUESTION.fullmatch(joined):
        return NeedsContext(NEEDS_CONTEXT, _SURE)
    if not asks and _COMMENT.fullmatch(joined):
        return NeedsContext(REFERENCE, _SURE if len(spoken) <= _SHORT else _LIKELY)
    points = bool(_POINTS & set(_without_own(joined).split()))
    if asks and points:
        # "what do you think of it?" points back; "did you see that movie with the dog?" names what it means.
        return NeedsContext(NEEDS_CONTEXT, _LIKELY) if len(spoken) < _SHORT else NeedsContext(STANDALONE, _DOUBTFUL)
    if points and len(spoken) < _SHORT and not _ANSWERABLE & set(words):
        return NeedsContext(REFERENCE, _DOUBTFUL)
    return NeedsContext(STANDALONE, _LIKELY if len(spoken) >= 3 else _DOUBTFUL)


def _without_own(joined: str) -> str:
    """The text without pointing words that point at nothing: "it's raining", and a "that" or "this" that its noun follows."""
    plain = _DUMMY.sub(" ", joined)
    return re.sub(
        r"\b(?:this|that|these|those|the other|another|the same) (?=(?:weekend|week|morning|afternoon|evening|month|year|summer|friday|"
        r"saturday|sunday|monday|tuesday|wednesday|thursday|way|guy|girl|place|song|movie|show|book|picture|recipe|thing)\b)",
        " ",
        plain,
    )
