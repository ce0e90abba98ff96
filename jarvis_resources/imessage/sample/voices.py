"""How a person types: case, apostrophes, laughs, elongation, emoji, slips of the thumb.

Here belongs turning a plain phrase into one person's spelling of it; what is said is ``grammar``'s and ``dialogue``'s.
Each rate is the share of messages that show the habit. The owner has one voice per kind of relation and keeps to it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from random import Random


@dataclass(frozen=True)
class Voice:
    """Habits of one person's typing; every number is a share of messages (0 to 1)."""

    lower: float = 0.3
    """All in lower case, but for words in capitals."""
    no_apostrophes: float = 0.1
    period: float = 0.1
    """A full stop after a message that has none."""
    bare: float = 0.4
    """Closing exclamation marks and full stops left out."""
    elongate: float = 0.05
    slang: float = 0.1
    """u, tmrw, rn and the like."""
    emoji: float = 0.1
    typo: float = 0.02
    split: float = 0.3
    """Two sentences sent as two messages."""
    laugh: str = "haha"
    taste: str = "classic"
    """Which emoji: ``classic``, ``young`` or ``warm``."""
    vocatives: tuple[str, ...] = ()
    """What they call the owner."""
    vocative: float = 0.0
    filler: float = 0.0
    """omg, ngl, tbh, honestly, before or after."""


_SLANG = {
    "you": "u", "your": "ur", "you're": "ur", "are": "r", "tomorrow": "tmrw", "tonight": "tn", "because": "bc",
    "probably": "prob", "though": "tho", "people": "ppl", "please": "pls", "okay": "ok", "ok": "k", "right now": "rn",
    "going to": "gonna", "want to": "wanna", "got to": "gotta", "kind of": "kinda", "don't know": "dunno",
    "to be honest": "tbh", "i don't know": "idk", "with": "w", "about": "abt", "minutes": "mins", "something": "smth",
    "birthday": "bday", "definitely": "def", "seriously": "srsly", "thanks": "thx", "favorite": "fave", "them": "em",
    "and": "n", "see you": "cya", "what are you": "whatre you", "let me know": "lmk", "obviously": "obv",
}  # fmt: skip
_SLANG_PATTERN = re.compile(r"\b(" + "|".join(sorted(map(re.escape, _SLANG), key=len, reverse=True)) + r")\b", re.I)
_RARE_SLANG = frozenset({"are", "ok", "and", "with", "them", "about", "you", "your", "you're"})
"""Slang that few use, and not in every message."""

_LONG = re.compile(
    r"\b(so|yes|yay|no|hey|hi|please|love|wow|nice|thank you|omg|yesss|ugh|noo|haha|ok|what|stop|cute|same|aw|sorry"
    r"|amazing|really|good|finally|yum|boo|night)\b", re.I,
)  # fmt: skip
_SENTENCE = re.compile(r"(?<=[.?!])\s+(?=\S)")
_WORD = re.compile(r"[A-Za-z][A-Za-z']*")
_FILLERS = (
    "omg ",
    "ngl ",
    "honestly ",
    "ok so ",
    "wait ",
    "lol ",
    "tbh ",
    "well ",
    "btw ",
    "oh ",
    "um ",
    "ooh ",
    "hmm ",
    "ahh ",
)
_TAILS = (
    " lol",
    " haha",
    " tbh",
    " ngl",
    " though",
    " fr",
    " i guess",
    " hahaha",
    " honestly",
    " for real",
    " xx",
    " :)",
    "...",
    " lmao",
    " smh",
)

_EMOJI: dict[str, dict[str, str]] = {
    "classic": {"good": "🎉👏😊👍", "bad": "😢🙏😔", "yes": "👍😊🙂", "no": "😕😢", "fun": "😂😄😜", "hello": "👋☀️😊", "any": "🙂😊😅🙃"},
    "young": {"good": "😭🔥✨🥹🎉", "bad": "😭💔🫠", "yes": "🫡🙌💅🔥", "no": "😭🥲😩", "fun": "💀😭🤣", "hello": "👀✨🫶", "any": "😭💀✨👀🤔😌"},
    "warm": {"good": "🎉❤️🥰👏", "bad": "❤️😢🤗", "yes": "❤️😘👍", "no": "😢❤️", "fun": "😂🤣", "hello": "☀️❤️😘", "any": "❤️😊🌷😘🌸"},
}  # fmt: skip
_MOODS = {
    "GOOD_NEWS": "good", "REACT_POSITIVE": "good", "BAD_NEWS": "bad", "REACT_SYMPATHY": "bad", "AGREE": "yes",
    "INVITATION": "yes", "DECLINE": "no", "GREETING": "hello", "STATEMENT": "fun", "INFO_STATEMENT": "fun",
}  # fmt: skip
_KEYS = {
    "a": "sq", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo", "j": "hk",
    "k": "jl", "l": "k", "m": "n", "n": "bm", "o": "ip", "p": "o", "q": "w", "r": "et", "s": "ad", "t": "ry", "u": "yi",
    "v": "cb", "w": "qe", "x": "zc", "y": "tu", "z": "x",
}  # fmt: skip


def speak(text: str, voice: Voice, mood: str, random: Random) -> list[str]:
    """The messages in which ``voice`` sends ``text`` (cut at ``//`` and, by habit, between sentences).

    ``mood``: the dialogue act or response type, which chooses the emoji.
    """
    if mood in ("REACT_SYMPATHY", "BAD_NEWS"):
        voice = replace(voice, elongate=0.0, filler=0.0)
    parts: list[str] = []
    for part in text.split(" // "):
        pieces = _SENTENCE.split(part) if "://" not in part and random.random() < voice.split else [part]
        parts += [piece for piece in pieces if piece]
    lower = random.random() < voice.lower
    slang = random.random() < voice.slang
    messages = [_spell(part, voice, lower=lower, slang=slang, random=random) for part in parts]
    if "://" not in messages[-1]:
        messages[-1] = _end(messages[-1], voice, random)
        if random.random() < voice.emoji:
            emoji = _graphemes(_EMOJI[voice.taste][_MOODS.get(mood, "any")])
            messages[-1] += ("" if random.random() < 0.15 else " ") + random.choice(emoji) * random.choice(
                (1, 1, 1, 2, 3)
            )
    last = messages[-1]
    if random.random() < voice.typo and "://" not in last:
        wrong, word = slip(last, random)
        if wrong != last:
            messages[-1] = wrong
            if random.random() < 0.25:
                messages.append(f"*{word}" if random.random() < 0.8 else f"{word}*")
    return messages


def slip(text: str, random: Random) -> tuple[str, str]:
    """``text`` with one word mistyped, and that word as it was meant."""
    words = [match for match in _WORD.finditer(text) if len(match.group()) >= 4 and match.group().isalpha()]
    if not words:
        return text, text
    word = random.choice(words)
    letters = list(word.group())
    place = random.randrange(1, len(letters) - 1)
    kind = random.randrange(4)
    if kind == 0:
        letters[place], letters[place + 1] = letters[place + 1], letters[place]
    elif kind == 1:
        del letters[place]
    elif kind == 2:
        letters.insert(place, letters[place])
    else:
        letters[place] = random.choice(_KEYS.get(letters[place].lower(), letters[place]))
    return text[: word.start()] + "".join(letters) + text[word.end() :], word.group()


def vary(voice: Voice, random: Random) -> Voice:
    """``voice`` with its rates shaken, so that two people of one kind do not type alike."""
    rates = ("lower", "no_apostrophes", "period", "bare", "elongate", "slang", "emoji", "typo", "split", "filler")
    return replace(voice, **{name: min(0.97, getattr(voice, name) * random.uniform(0.5, 1.5)) for name in rates})


def _spell(text: str, voice: Voice, *, lower: bool, slang: bool, random: Random) -> str:
    head, link, tail = text.partition("https://")
    if link:
        # A page's address is pasted, not typed.
        return (
            (_spell(head, voice, lower=lower, slang=slang, random=random) + " " if head.strip() else "") + link + tail
        )
    text = text.strip()
    if voice.laugh != "haha":
        text = re.sub(r"\b(haha(ha)*)\b", voice.laugh, text)
    if voice.filler and random.random() < voice.filler:
        if text.endswith("?") or random.random() < 0.55:
            text = random.choice(_FILLERS) + text
        else:
            text = re.sub(r"[.!]+$", "", text) + random.choice(_TAILS)
    if voice.vocatives and random.random() < voice.vocative:
        name = random.choice(voice.vocatives)
        body, mark = (text[:-1], text[-1]) if text[-1:] in "?!." else (text, "")
        text = f"{name} {text}" if random.random() < 0.3 else f"{body} {name}{mark}"
    if slang:
        text = _SLANG_PATTERN.sub(lambda match: _short(match.group(), random), text)
    if random.random() < voice.elongate:
        text = _elongate(text, random)
    if random.random() < voice.no_apostrophes:
        text = text.replace("'", "")
    return _lower(text) if lower else _capitals(text)


def _short(word: str, random: Random) -> str:
    key = word.lower()
    if key in _RARE_SLANG and random.random() < 0.6:
        return word
    return _SLANG[key]


def _elongate(text: str, random: Random) -> str:
    found = list(_LONG.finditer(text))
    if not found:
        return text
    word = random.choice(found)
    return text[: word.end()] + word.group()[-1] * random.randint(1, 4) + text[word.end() :]


def _lower(text: str) -> str:
    return re.sub(
        r"[A-Za-z']+",
        lambda m: m.group() if m.group().isupper() and len(m.group()) > 1 and m.group() != "I'M" else m.group().lower(),
        text,
    )


def _capitals(text: str) -> str:
    return re.sub(r"(^|[.?!]\s+)([a-z])", lambda m: m.group(1) + m.group(2).upper(), text)


def _end(text: str, voice: Voice, random: Random) -> str:
    if text.endswith("?"):
        return text + "?" * (random.random() < voice.elongate)
    if random.random() < voice.bare:
        return re.sub(r"(?<=\w)[.!]$", "", text) or text
    if re.search(r"\w$", text) and random.random() < voice.period:
        return text + "."
    if text.endswith("!") and random.random() < voice.elongate:
        return text + "!" * random.randint(1, 2)
    return text


def _graphemes(emoji: str) -> list[str]:
    """Each emoji with its variation selector."""
    return re.findall(r".\ufe0f?", emoji)
