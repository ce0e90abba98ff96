"""Texts that no person said in answer to another: codes, notices of machines, what was forwarded.

Each test is narrow and reads a text once: an ordinary sentence that only shares a word with them ("the zip code is
94110", "bring 1500 copies to the code review") is none of them.
"""

from __future__ import annotations

import re

_NUMBER = (
    r"(?<![\w$€£.,:/-])(?:[a-z]{1,3}-)?(?!(?:19|20)\d\d\b)(?:\d{4,8}|\d{3}[ -]\d{3})(?![\w%-]|[.,:/]\d)"
    r"(?!\s{0,3}(?:am|pm|[ap]\.m|hours?|lines?|words?|pages?|people|guests|miles|km|feet|ft|meters?|dollars|bucks|"
    r"euros?|pounds|degrees|steps|calories|points|copies|times)\b)"
)
"""Four to eight digits, or three and three; no year, price, time of day, decimal or count of something."""
_CODE = r"(?:codes?|otp|passcode|pin(?:[ -]?(?:code|number))?|password|tan|passwort|mot de passe|c[oó]digo|clave|codice|kod|код)"
_NO_SECRET = frozenset({
    "area", "zip", "postal", "post", "country", "city", "dial", "dialing", "dialling", "dress", "error", "status",
    "exit", "source", "morse", "bar", "qr", "hs", "promo", "promotion", "discount", "coupon", "voucher", "product",
    "item", "model", "part", "color", "colour", "colorcode", "course", "class", "fare", "tax", "hex", "building",
    "fire",
})  # fmt: skip
"""Words that make the code after them no secret."""
_TOLD = re.compile(
    rf"(?:\b(?P<kind>\w{{1,20}})[ -])?\b{_CODE}\b"
    r"(?:[^.!?,;:\d\n]{0,40}\b(?:is|are|was|ist|lautet|es|est|è|é)\b\s{0,3}:?|[^.!?,;:\d\n]{0,40}:|)"
    rf"\s{{0,5}}#?{_NUMBER}",
    re.IGNORECASE,
)
"""The code, then its number: "your code for Chase is 482913", "Security code: 482 913"."""
_NAMED_AFTER = re.compile(
    rf"{_NUMBER}\s{{1,3}}(?:is|est|es|ist|è)\s{{1,3}}(?:your|my|votre|ton|tu|su|ihr|dein|il tuo)\b[^.!?\n]{{0,40}}\b{_CODE}\b",
    re.IGNORECASE,
)
"""The number, then what it is: "482913 is your Google verification code"."""
_TO_BE_USED = re.compile(
    rf"\b(?:use|enter|type)\b[^.!?\d\n]{{0,30}}{_NUMBER}[^.!?\n]{{0,20}}\bto\b[^.!?\n]{{0,20}}"
    r"\b(?:verify|log ?in|sign ?in|authenticate|confirm your)\b",
    re.IGNORECASE,
)
_FOR_AUTOFILL = re.compile(r"^@\S{1,80} #\w{4,10}\s*$", re.MULTILINE)
"""The last line of a code bound to a web site, as Apple's and Google's formats have it."""
_IN_CHINESE_JAPANESE_KOREAN = re.compile(
    r"(?:验证码|驗證碼|校验码|認証コード|確認コード|인증번호)\D{0,12}\d{4,8}|\d{4,8}\D{0,12}(?:验证码|驗證碼|校验码|認証コード|確認コード|인증번호)"
)

_NOTICE = re.compile(
    r"\b(?:reply|text|txt|send)\s{1,3}[\"'“]?(?:stop|end|quit|unsubscribe)[\"'”]?\s{1,3}(?:to|2)\s{0,3}"
    r"(?:opt|end|unsub|cancel|stop|quit|leave|be removed)"
    r"|\breply\s{1,3}[\"'“]?(?:c|y|yes|1|confirm)[\"'”]?\s{1,3}to\s{1,3}(?:confirm|accept)\b"
    r"|\bm(?:sg|essage)\s{0,3}(?:&|and)\s{0,3}data rates\b"
    r"|\bthis is an automated (?:message|text|reminder|response)\b",
    re.IGNORECASE,
)
_FORWARDED = re.compile(
    r"^[^\w\n]{0,20}(?:begin forwarded message|fwd?:|forwarded (?:as received|many times))|^[^\w\n]{2,40}forwarded message",
    re.IGNORECASE | re.MULTILINE,
)
_CHAIN = re.compile(
    r"\b(?:forward|send|share|pass)\s(?:this|it)\s(?:message\s|text\s)?(?:on\s)?to\s(?:\d{1,3}|ten|twelve|all|every)",
    re.IGNORECASE,
)
_CHAIN_CHARACTERS = 160
"""A shorter text that asks to be passed on is a friend's request, not a chain letter."""
WALL_LINES, WALL_CHARACTERS = 15, 250
"""A message of so many line breaks and characters was pasted, not said: a shopping list is shorter."""


def holds_code(text: str) -> bool:
    """Whether ``text`` tells a one-time code, a PIN or a password of digits."""
    return (
        any((told["kind"] or "").casefold() not in _NO_SECRET for told in _TOLD.finditer(text))
        or _NAMED_AFTER.search(text) is not None
        or _TO_BE_USED.search(text) is not None
        or _FOR_AUTOFILL.search(text) is not None
        or _IN_CHINESE_JAPANESE_KOREAN.search(text) is not None
    )


def is_notice(text: str) -> bool:
    """Whether ``text`` says of itself that a machine sent it, from whatever number: how to opt out, how to confirm."""
    return _NOTICE.search(text) is not None


def is_forwarded(text: str) -> bool:
    """Whether ``text`` was written by somebody else for somebody else: a forwarded mail, a chain letter, a wall."""
    return (
        _FORWARDED.search(text) is not None
        or (len(text) >= _CHAIN_CHARACTERS and _CHAIN.search(text) is not None)
        or (len(text) >= WALL_CHARACTERS and text.count("\n") >= WALL_LINES)
    )
