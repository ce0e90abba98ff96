"""When two texts count as the same: the keys of pairs, of duplicates and of the leak guard.

Mining and serving share these, so that a pair's key never differs between them. Nothing here changes a text that a
person sees.
"""

from __future__ import annotations

import re
import unicodedata
from hashlib import blake2b

_ZERO_WIDTH = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))
_SPACE = re.compile(r"\s+")
_REPEATED_LETTER = re.compile(r"([^\W\d])\1+")


def key_text(text: str) -> str:
    """``text`` as the pair key sees it: NFKC, case-folded, no zero-width characters, spaces collapsed, no final ``.!``."""
    folded = unicodedata.normalize("NFKC", text.translate(_ZERO_WIDTH)).casefold()
    return _SPACE.sub(" ", folded).strip().rstrip(".! ")


def pair_id(trigger: str, response: str) -> str:
    """128-bit key of a (trigger, response) pair: 32 hex digits."""
    joined = f"{key_text(trigger)}\x1f{key_text(response)}"
    return blake2b(joined.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def wording_key(text: str) -> str:
    """``text`` as the leak guard sees it: texts that differ only in emoji, elongation, case or punctuation share a key.

    Every run of one letter counts as one of it: "goood" must meet "good", and nothing tells how many were meant. A text
    of nothing but emoji or punctuation keeps its own characters, so that "👍" and "😢" stay apart.
    """
    folded = key_text(text)
    letters = "".join(c if c.isalnum() else " " for c in folded if unicodedata.category(c) != "Mn")
    return _SPACE.sub(" ", _REPEATED_LETTER.sub(r"\1", letters)).strip() or folded
