"""When two texts say the same: the key under which near duplicates become one pair.

Only what cannot change a meaning is left out of the key: case, punctuation, drawn-out letters, laughter's length and,
in a text that says enough without them, articles, greetings and hesitation. Numbers, negations, names, question marks
and emoji all stay. A measure of likeness would not do: "at 5" is as near to "at 6", and "Friday night" to "Saturday
night", as any two wordings of one thing. Equality is also transitive, so that no chain of small steps joins two
meanings, and nothing depends on the order in which texts come.
"""

from __future__ import annotations

import re
from functools import lru_cache

from jarvis_serving.normalise import key_text

LONG_WORDS = 5
"""Words beside the fillers from which on fillers are left out; a shorter text is compared word for word."""
FILLERS = frozenset({
    "a", "an", "the", "hey", "heya", "hi", "hello", "yo", "oh", "ah", "uh", "um", "uhm", "er", "hm", "hmm", "mm",
    "just", "so", "please", "pls", "plz", "btw",
})  # fmt: skip
"""Words without which a longer English text says the same. None of them agrees, denies, counts or names."""

_LONGEST_WORD = 40
"""Characters; what is longer was not drawn out but pasted, and stays as it is."""
_SAID_ALIKE = str.maketrans({"’": "'", "‘": "'", "`": "'", "\ufe0e": None, "\ufe0f": None} | {
    chr(tone): None for tone in range(0x1F3FB, 0x1F400)
})  # fmt: skip
"""One apostrophe, and emoji without their style and skin tone."""
_TOKEN = re.compile(
    r"""[:;=8xb][-'"o^,]?[)(\]\[dp/\\|3*]+(?!\w)|[)(][-'"o^,]?[:;=](?!\w)|</?3"""  # an emoticon, either way round
    r"|-[._]+-|(?<!\w)[t>][._]+[t<](?!\w)"  # -.- and T_T, after case folding
    r"|[-+]?\d+(?:[.,:/–-]\d+)*(?!\w)"  # a number with its sign, a time, a date, a range
    r"|\w+(?:'\w+)*"  # a word with its apostrophes
    r"""|[^\s\w.,;:!"“”„'()\[\]*~–—-]"""  # whatever else says something: ? $ % and emoji
)
_DRAWN_OUT_END = re.compile(r"([^\W\d_])\1{2,}$")
_DRAWN_OUT = re.compile(r"([^\W\d_])\1{2,}")
_LAUGHTER = re.compile(r"^(h[aeiou]|j[aei]|lo|х[аие])\1+[hjlх]?$")


def meaning_key(text: str) -> str:
    """What ``text`` says, in tokens; texts that share a ``key_text`` share this too."""
    folded = key_text(text)
    tokens: list[str] = []
    for found in _TOKEN.findall(folded.translate(_SAID_ALIKE)):
        token = _plain(found) if 1 < len(found) <= _LONGEST_WORD else found
        if not tokens or token != tokens[-1] or token[0].isalnum():
            tokens.append(token)  # "???" and "😂😂" count once
    content = [token for token in tokens if token not in FILLERS]
    if sum(token[0].isalnum() for token in content) >= LONG_WORDS:
        tokens = content
    return " ".join(tokens) or folded


@lru_cache(maxsize=1 << 16)
def _plain(word: str) -> str:
    """A word as it is usually spelled: "sooo" is "so", "goood" is "good", "hahahah" is "haha", "don't" is "dont"."""
    if len(set(word)) > 1:
        word = _DRAWN_OUT.sub(r"\1\1", _DRAWN_OUT_END.sub(r"\1", word))
    word = _LAUGHTER.sub(r"\1\1", word)
    return word[:-3] + "nt" if word.endswith("n't") else word
