"""Chat spelling brought down to words: "heyyy", "u", "can't", "tmrw" as the words they stand for.

The classifiers and rules of this folder all read the same tokens, so that a rule written once holds for every
spelling. Keys of pairs and of the leak guard do not belong here (see ``jarvis_serving.normalise``), and nothing here
changes a text that a person sees.
"""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from importlib.resources import files

SPELLING_FILE = files("jarvis_serving.understanding").joinpath("spelling.toml")
_SPELLING: dict[str, dict[str, str]] = tomllib.loads(SPELLING_FILE.read_text(encoding="utf-8"))
_STANDS_FOR = _SPELLING["stands_for"]
_CONTRACTED = _SPELLING["contractions"]
_DOUBLED_INSIDE = frozenset(_SPELLING["doubled"]["inside"].split())
_DOUBLED_AT_END = frozenset(_SPELLING["doubled"]["at_end"].split())
_PICTURES = {emoji: name for name, signs in _SPELLING["pictures"].items() for emoji in signs} | {
    "…": "<dots>",
    "?": "?",
    "!": "!",
    "<3": "<heart>",
}
_TOKEN = re.compile(
    r"https?://\S+|www\.\S+|@\w+|[$€£]\s?\d[\d,.]*|\d{1,2}[:.]\d\d(?:\s?[ap]m)?|[^\W_]+(?:['’ʼ][^\W_]+)*|[?!]|\.{2,}|…|[:;][-']?[()dp/](?!\w)|<3|[^\w\s,.\"'’“”\-]"
)
_STRETCHED = re.compile(r"(\D)\1{2,}")
_TIME = re.compile(r"\d{1,2}[:.]\d\d(?:\s?[ap]m)?|\d{1,2}(?:ish|am|pm|a|p)|\d{1,2}(?:am|pm)ish|noon|midnight")
_NUMBER = re.compile(r"\d+(?:st|nd|rd|th|k|x|min|mins|hr|hrs|h|m)?")
_DOUBLED_ENDINGS = frozenset("yesxoukphnat")
"""Letters that chat doubles at the end of a word for emphasis."""
_MODIFIERS = dict.fromkeys([*range(0x1F3FB, 0x1F400), 0xFE0F, 0x200D, 0x2640, 0x2642])
"""Skin tones, joiners and the signs of gender: they do not change what an emoji does."""


@lru_cache(maxsize=131_072)
def _canonical(token: str) -> tuple[str, ...]:
    """The words or class that one raw token stands for; cached, since chat repeats its few thousand words."""
    if not token[0].isalnum():
        if token in _PICTURES:
            return (_PICTURES[token],)
        if len(token) > 1 and token[0] in "$€£":
            return ("<money>",)
        if len(token) > 1 and token[0] == "@":
            return ("<mention>",)
        if token[0] in ":;":
            return ("<sad>",) if token[-1] in "(/" else ("<smile>",)
        if token.startswith(".."):
            return ("<dots>",)
        return ("<sign>",)
    if token.startswith(("http", "www.")) and ("://" in token or token.startswith("www.")):
        return ("<link>",)
    if token[0].isdigit():
        if token in _STANDS_FOR:
            return tuple(_STANDS_FOR[token].split())
        if _TIME.fullmatch(token):
            return ("<time>",)
        return ("<number>",) if _NUMBER.fullmatch(token) else ("<mixed>",)
    word = token.replace("’", "'").replace("ʼ", "'")
    if word in _CONTRACTED:
        return tuple(_CONTRACTED[word].split())
    word = word.replace("'", "")
    word = _laughter(word)
    if word not in _STANDS_FOR:
        if _STRETCHED.search(word):
            twice, once = _STRETCHED.sub(r"\1\1", word), _STRETCHED.sub(r"\1", word)
            word = twice if twice in _DOUBLED_INSIDE or twice in _DOUBLED_AT_END else once
        if len(word) > 2 and word[-1] == word[-2] and word[-1] in _DOUBLED_ENDINGS and word not in _DOUBLED_AT_END:
            word = word[:-1]
    if word in {"noon", "midnight"}:
        return ("<time>",)
    return tuple(_STANDS_FOR.get(word, word).split())


_LAUGHTER = re.compile(r"(?:a*(?:ha){2,}h?|(?:he){2,}|b?a?haha\w*|lol[ol]*|lm+f?ao+|rofl|ja(?:ja)+|i?jbol)")


def _laughter(word: str) -> str:
    """Every spelling of laughter as "haha"."""
    return "haha" if _LAUGHTER.fullmatch(word) else word


def tokens(text: str) -> list[str]:
    """Words, marks and classes of a text in order.

    Lower case, chat spelling resolved ("u" → "you", "can't" → "can", "not"), elongation shortened, laughter as "haha",
    emoji as classes such as ``<sad>``, links, sums, numbers and clock times as ``<link>``, ``<money>``, ``<number>``, ``<time>``;
    "?" and "!" are tokens. An empty text has none.
    """
    found: list[str] = []
    for token in _TOKEN.findall(text.translate(_MODIFIERS).lower()):
        found.extend(_canonical(token))
    return found
