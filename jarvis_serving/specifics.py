"""What in a text says something about one person: names, numbers, dates, places, links, addresses, money, codes.

Pure rules over one text, deliberately strict: a reply kept back costs one suggestion, a reply let out may cost a
friendship. Who may see which reply is decided in ``privacy``; here is only what a text holds.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_FOLD = str.maketrans("’‘`´", "''''")
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_SENTENCE_START = re.compile(r"(?:\A|[.!?…:;\n\"“”()*~—–-]|[^\w\s',])\s*\Z")

_LINK = re.compile(
    r"(?:https?|ftp|file|tel|sms|webcal|facetime)://?\S|www\.\S|\b[\w-]+\.(?:com|org|net|edu|gov|io|co|me|ly|app|dev|us|uk"
    r"|de|fr|ca|au|info|link|page|gle|be|tv)\b(?:/|\b)",
    re.IGNORECASE,
)
_ADDRESS = re.compile(
    r"\w@\w|(?:^|\s)@\w{2,}"
    r"|\b(?:street|avenue|ave|boulevard|blvd|lane|apartment|apt|zip|postcode|po box|suite|highway|hwy)\b",
    re.IGNORECASE,
)
_MONEY = re.compile(r"[$€£¥₹]|\b(?:bucks?|dollars?|euros?|quid|pounds?|cents?|usd|eur|gbp|venmo|iban)\b", re.IGNORECASE)
_SECRET = re.compile(
    r"\b(?:password|passwd|passcode|passphrase|pwd|cvv|cvc|ssn|social security|seed phrase|private key|api key"
    r"|one[- ]time|otp|2fa|mfa|verification code|security code|login code|access code|routing number|account number"
    r"|sort code)\b"
    r"|\b(?:pin|code)\b\s*(?:number|no\.?|is|was|:|=|#|-)?\s*#?\w*\d"
    r"|\b\d{3}[- ]\d{2}[- ]\d{4}\b|\b(?:\d[ -]?){13,19}\b"
    r"|\b(?:wi-?fi|login|user(?:name)?)\b.{0,12}\b(?:is|:|=)\s*\S",
    re.IGNORECASE,
)
"""Secrets: they are never offered to anybody, not even to the person they were once sent to."""
_BARE_CODE = re.compile(r"\s*(?:G-)?\d[\d -]{2,10}\d\s*")
"""A message that is nothing but four to twelve digits: a code somebody was waiting for."""
_CODE = re.compile(r"\b(?=\w*\d)(?=\w*[^\W\d_])\w{4,}\b|\b[A-Z0-9]{2,}-[A-Z0-9]{2,}\b")

_NUMBER_WORDS = frozenset(
    _WORD.findall(
        "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen "
        "nineteen twenty thirty forty fourty fifty sixty seventy eighty ninety hundred thousand million dozen noon "
        "midnight oclock o'clock"
    )
)
"""Numbers in words. "one" is left out: it is nearly always a pronoun."""
_DATE_WORDS = frozenset(
    _WORD.findall(
        "monday tuesday wednesday thursday friday saturday sunday mon tues thurs fri mondays tuesdays wednesdays thursdays "
        "fridays saturdays sundays january february april june july august september october november december jan feb aug "
        "sept oct nov dec christmas xmas thanksgiving easter hanukkah ramadan eid diwali halloween passover"
    )
)
"""Named days. Relative ones (today, tonight, tomorrow) name no date, so they may stay."""
_WORDLIKE_NAMES = frozenset(
    _WORD.findall(
        "will may mark grace hope joy art bill rich dawn summer rose sunny angel baby mom mum dad mama papa bro sis boss "
        "honey love dear buddy man work home office group family friends team the my me a an of and to for from in on at "
        "i you he she it we they be can so no yes ok up out"
    )
)
"""Names of contacts that are everyday words: they count as names only with a capital inside a sentence."""
_CAPITALS = frozenset(
    _WORD.findall(
        "I I'm I'll I'd I've Im Ill Ive Id OK Ok LOL Lol OMG Omg TV PS BTW Btw IDK Idk TBH Tbh ASAP FYI Fyi HAHA Haha "
        "YES NO SO NOT VERY AND BUT ALL YAY AWW WOW THE"
    )
)
"""Words written with a capital anywhere that name nobody."""


def words(text: str) -> list[str]:
    """The words of ``text``, case-folded, apostrophes made straight; digits and emoji are none."""
    return _WORD.findall(_plain(text).casefold())


def name_words(names: Iterable[str]) -> frozenset[str]:
    """Every word of ``names`` (contacts, groups), as ``words`` gives them, everyday words left out."""
    found = {word for name in names for word in words(name) if len(word) > 1}
    return frozenset(found - _WORDLIKE_NAMES)


def secret(text: str) -> bool:
    """Whether ``text`` carries a one-time code, a password, a card or another secret."""
    plain = _plain(text)
    return bool(_SECRET.search(plain) or _BARE_CODE.fullmatch(plain))


def find(text: str, shared_words: frozenset[str], names: frozenset[str] = frozenset()) -> str | None:
    """The first kind of specific in ``text``, as a noun phrase that never quotes; None when it carries none.

    ``shared_words``: words this owner uses with many people (``words`` of their texts); any other word is rare.
    ``names``: words of the contacts' names.
    """
    plain = _plain(text)
    for pattern, kind in ((_SECRET, "a secret"), (_ADDRESS, "an address"), (_LINK, "a link"), (_MONEY, "an amount")):
        if pattern.search(plain):
            return kind
    if _CODE.search(plain):
        return "a code"
    # unicodedata.category N*: digits of every script, fractions and circled numbers alike.
    if any(unicodedata.category(character)[0] == "N" for character in plain):
        return "a number"
    shouted = plain.isupper()
    for found in _WORD.finditer(plain):
        word, folded = found.group(), found.group().casefold()
        if folded in names or folded.removesuffix("'s") in names:
            return "a name"
        if folded in _DATE_WORDS:
            return "a date"
        if folded in _NUMBER_WORDS:
            return "a number"
        inside = not _SENTENCE_START.search(plain[: found.start()])
        if inside and word[0].isupper() and not shouted and word not in _CAPITALS:
            return "a name"
        if folded not in shared_words:
            return "a rare word"
    return None


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).translate(_FOLD)
