"""What the words around a quote say, where they are a tapback's and nothing else.

Here belongs reading ``tapback_wordings.toml`` and comparing with it. Words are compared as a set, without those that carry no
meaning of their own (the file's ``frame``), so that an article or an order which we did not foresee makes no
difference, while one word more makes a person's own sentence. Where a language writes no spaces, the frame is cut out of the string.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Any

MOST_AROUND = 60
"""Characters outside the quote: the longest wording of the file has 51."""

_EMOJI = re.compile(
    "(?:[\U0001f000-\U0001faff\u2190-\u21ff\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\u203c\u2049\u2122\u2139\u3030\u303d\u3297\u3299©®]"
    "|[0-9#*]\ufe0f?\u20e3)[\ufe0f\u200d\u20e3\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]*"
)
_MARKED_BY_MACHINE = re.compile("(?P<mark>[\u200b\u200c])(?P<emoji>[^\u200b\u200c]{1,40})(?P=mark)")
"""Google Messages sets a reaction's emoji between zero-width spaces, a removed one's between zero-width non-joiners."""

_ENDS_A_SENTENCE = frozenset(".!?,;…。？，、।")
"""A tapback's wording has none of these outside the name of a mark; a person's sentence often does."""
_NAME = re.compile('[“„«‘「『"][^“”«»’」』"]{1,20}[“”»’」』"]')
"""The name of a mark, in quotation marks of its own: 「いいね!」."""
_SUFFIX = re.compile(r"(?<=\w)(?:/\w+|\([-\w]{1,5}\))")
"""Of another gender or case: «אהב/ה», “Polubił(a)”."""
_UNSPACED = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_THING = "\ufffc"

Essence = frozenset[str]


@dataclass(frozen=True)
class Wording:
    """What a tapback says."""

    kind: str | None
    """One of ``tables.TAPBACKS``; None where only its form gives it away."""
    removed: bool


@dataclass(frozen=True)
class _Language:
    frame: tuple[str, ...]
    spaces: bool
    said: dict[Essence, Wording]
    """By the essence of the words around a quote."""
    with_emoji: dict[Essence, Wording]
    """The same, beside an emoji."""

    def essence(self, plain: str) -> Essence:
        if self.spaces:
            return frozenset(plain.split()).difference(self.frame)
        joined = "".join(plain.split())
        for piece in self.frame:
            joined = joined.replace(piece, "")
        return frozenset([joined] if joined else [])


@dataclass(frozen=True)
class _Table:
    languages: tuple[_Language, ...]
    words: frozenset[str]
    """Every word of the languages that write spaces: a wording with any other is none."""
    about_things: dict[str, tuple[Wording, bool]]
    """A whole text about a thing → what it says, and whether a person might say it as well."""
    things: str
    """Pattern of a thing that is reacted to."""
    speech: frozenset[str]


@lru_cache(maxsize=4096)
def read_wording(around: str) -> Wording | None:
    """What ``around``, a text without its quote, says in any of the languages; None where it is no tapback's."""
    if (marked := _MARKED_BY_MACHINE.search(around)) and _EMOJI.search(marked["emoji"]):
        return Wording("emoji", marked["mark"] == "\u200c")
    if not _ENDS_A_SENTENCE.isdisjoint(_NAME.sub("", around)):
        return None
    plain, emoji = _plain(around)
    spaced = not _UNSPACED.search(plain)
    if spaced and not _table().words.issuperset(plain.split()):
        return None
    for language in _table().languages:
        if language.spaces is spaced:
            known = language.with_emoji if emoji else language.said
            if wording := known.get(language.essence(plain)):
                return wording
    return Wording("emoji", False) if emoji and not plain.strip() else None


def read_about_thing(text: str) -> tuple[Wording, bool] | None:
    """What a text without a quote (“Loved an image”) says, and whether it might be a person's own sentence."""
    plain, emoji = _plain(text)
    return _table().about_things.get(_whole(plain, emoji))


def things() -> str:
    """Pattern (RE2) of the things that a tapback names where there is no text to quote."""
    return _table().things


def may_be_tapback(around: str) -> bool:
    """Whether an unknown wording is not visibly a person's own sentence."""
    if not _ENDS_A_SENTENCE.union(":").isdisjoint(around):
        return False
    words = _plain(around)[0].split()
    return bool(words) and _table().speech.isdisjoint(words)


def without_emoji(around: str) -> str:
    """The words with one sign for any emoji."""
    return around if around.isascii() else _EMOJI.sub("☺", around)


def templates() -> Iterator[tuple[str, str, str, bool]]:
    """Every (language, template, kind, removed) of the file; {} is the quote, 🔥 stands for any emoji."""
    for name, language in _file().items():
        if name != "speech":
            yield from ((name, *template) for template in _templates_of(language))


def _templates_of(language: dict[str, Any]) -> Iterator[tuple[str, str, bool]]:
    nouns: dict[str, list[str]] = language["nouns"]
    for kind in ("loved", "liked", "disliked", "laughed", "emphasized", "questioned"):
        yield from ((template, kind, False) for template in language[kind])
        yield from ((template, kind, True) for template in language.get("removed", {}).get(kind, []))
    for key, removed in (("add", False), ("remove", True)):
        for template in language[key]:
            yield template.replace("{what}", "🔥"), "emoji", removed
            for kind, of_kind in nouns.items():
                yield from ((template.replace("{what}", noun), kind, removed) for noun in of_kind)


@cache
def _file() -> dict[str, dict[str, Any]]:
    file = resources.files(__package__) / "tapback_wordings.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


@cache
def _table() -> _Table:
    languages, words, about_things, named = [], set[str](), dict[str, tuple[Wording, bool]](), set[str]()
    for name, entry in _file().items():
        if name == "speech":
            continue
        spaces = entry.get("spaces", True)
        frame = entry["frame"].split() if spaces else sorted(entry["frame"], key=len, reverse=True)
        language = _Language(tuple(frame), spaces, {}, {})
        words.update(frame)
        for template, kind, removed in _templates_of(entry):
            plain, emoji = _plain(template.replace("{}", " "))
            words.update(plain.split())
            essence = language.essence(plain)
            if essence or emoji:
                (language.with_emoji if emoji else language.said).setdefault(essence, Wording(kind, removed))
            for thing in entry.get("things", []):
                whole = _whole(*_plain(template.replace("{}", thing)))
                about_things.setdefault(whole, (Wording(kind, removed), entry.get("drops_subject", False)))
        named.update(entry.get("things", []))
        languages.append(language)
    pattern = "(?i:" + "|".join(thing.replace("’", "['’]") for thing in sorted(named)) + ")"
    speech = frozenset(_file()["speech"]["words"].split())
    return _Table(tuple(languages), frozenset(words), about_things, pattern, speech)


class _Blank(dict[int, str | int]):
    """Blanks punctuation, symbols and invisible characters, by code point, as they are met."""

    def __missing__(self, code: int) -> str | int:
        blank = chr(code) != "'" and unicodedata.category(chr(code))[0] in "PSZC"
        self[code] = " " if blank else code
        return self[code]


_BLANK = _Blank({ord("’"): "'", ord("ʼ"): "'", ord("\u2032"): "'"})


def _plain(text: str) -> tuple[str, bool]:
    """Only the words, case folded, and whether an emoji was among them."""
    if text.replace(" ", "").isalpha():
        return " ".join(text.casefold().split()), False
    without, emoji = _EMOJI.subn(" ", unicodedata.normalize("NFC", text))
    words = _SUFFIX.sub("", without).casefold().translate(_BLANK).split()
    return " ".join(word for word in (word.strip("'") for word in words) if word), emoji > 0


def _whole(plain: str, emoji: bool) -> str:
    return f"☺ {plain}" if emoji else plain
