"""One handle: a phone number, an address, a short code or a sender's name, in the one form that it is compared in.

Nothing here knows of people or chats; whose handles are one person's is found in ``people.py``.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import phonenumbers

from jarvis_resources.tables import SERVICES

_FILTER_SUFFIX = re.compile(r"\((?:sms|filtered)\w*\)$", re.IGNORECASE)
"""What recent systems append to the handles of filtered SMS: ``(smsft)``, ``(smsfp)``, ``(smsft_rm)``."""
_SCHEME = re.compile(r"^(?:tel|mailto|sips?|sms|im):(?://)?", re.IGNORECASE)
_PARAMETERS = re.compile(r";.*$", re.DOTALL)
"""What may follow the number of a ``tel:`` address: ``;ext=5``, ``;phone-context=…``."""
_ACCOUNT = re.compile(r"^[pe]:", re.IGNORECASE)
"""Accounts are written ``P:+15550100`` and ``E:me@example.com``."""
_NUMBER = re.compile(r"^\+?[\d\s().\-/ ]*\d[\d\s().\-/ ]*$")
_PLAIN_NANP = re.compile(r"^\+1[2-9]\d{9}$", re.ASCII)
"""A North American number that needs no parsing; most handles of an American history are."""
_OLD_MEXICAN_MOBILE = re.compile(r"^\+521(?=\d{10}$)")
"""Mexico dropped the 1 of mobile numbers in 2019; handles of before and after are one number."""
_SHORT_CODE = re.compile(r"^\d{3,8}$")
"""Short codes have three to eight digits worldwide; a subscriber's number is in E.164 here, with its "+"."""
_BARE_CODE_DIGITS = 6
"""So few digits without a leading 0 are a short code even where, as in Germany, numbers as short are possible."""
_LONGEST_NATIONAL_DIGITS = 10
"""Digits that are too many for a number of their country, and more than these, begin with a country's code."""
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−"), "-")
_NO_REPLY = re.compile(
    r"^(?:.*[._+-])?(?:no[._-]?reply|do[._-]?not[._-]?reply|donotreply|notifications?|notify|alerts?|mailer-daemon)"
    r"(?:[._+-].*)?@"
)


@lru_cache(maxsize=262_144)
def normalise_handle(raw: str, country: str = "US") -> str:
    """A handle in the one form it is compared in: E.164 for a phone number that parses, else folded to lower case.

    ``country`` (ISO 3166) is that of numbers written without an international prefix. Short codes stay as they are.
    """
    if _PLAIN_NANP.match(raw):
        return raw
    handle = _visible(raw)
    if handle[:4].casefold() == "tel:":
        handle = _PARAMETERS.sub("", handle)
    handle = _FILTER_SUFFIX.sub("", _SCHEME.sub("", handle)).strip()
    if not _NUMBER.match(handle):
        return handle.casefold()
    return _normalise_number(handle, country.upper())


def account_handle(account: str, country: str = "US") -> str:
    """The normalised handle of one of the owner's accounts, such as ``P:+15550100``."""
    return normalise_handle(_ACCOUNT.sub("", account.strip()), country)


def looks_like_handle(identifier: str) -> bool:
    """Whether an identifier names a person, as a number, an address or a business, rather than a chat."""
    return "@" in identifier or identifier[:4].casefold() == "urn:" or bool(_NUMBER.match(_visible(identifier)))


def is_automated(handle: str) -> bool:
    """Whether a normalised handle is a short code, a sender's name, a business or an address nobody reads."""
    if handle.startswith("urn:"):
        return True
    if "@" in handle:
        return bool(_NO_REPLY.match(handle))
    return bool(_SHORT_CODE.match(handle)) or not handle.removeprefix("+").isdigit()


def service_of(name: str | None) -> str:
    """Apple's name of a service as one of ``tables.SERVICES``; iMessageLite is iMessage over satellite."""
    if name in SERVICES:
        return str(name)
    return "iMessage" if name and name.startswith("iMessage") else "other"


def is_country(code: str) -> bool:
    """Whether a code is one of a country with phone numbers, in either case."""
    return code.upper() in phonenumbers.SUPPORTED_REGIONS


def _visible(raw: str) -> str:
    """``raw`` without the marks of writing direction that Contacts wraps numbers in, and with one kind of dash."""
    if raw.isascii() and raw.isprintable():
        return raw.strip()
    plain = unicodedata.normalize("NFKC", raw).translate(_DASHES)
    return "".join(letter for letter in plain if unicodedata.category(letter) not in ("Cf", "Cc")).strip()


def _normalise_number(written: str, country: str) -> str:
    if written.startswith("+"):
        number = _parse(written, country)
        return "+" + phonenumbers.normalize_digits_only(written) if number is None else _e164(number)
    digits = phonenumbers.normalize_digits_only(written)
    if len(digits) <= _BARE_CODE_DIGITS and not digits.startswith("0"):
        return digits
    # Numbers are also written with the prefix that most of the world dials, or with no sign of being international.
    for way in (written, "+" + digits.removeprefix("00")):
        number = _parse(way, country)
        if number is not None and _is_possible(number) and (way == written or len(digits) > _LONGEST_NATIONAL_DIGITS):
            return _e164(number)
    return digits  # a short code, or a local number whose area nobody knows


def _parse(written: str, country: str) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(written, country)
    except phonenumbers.NumberParseException:
        return None


def _is_possible(number: phonenumbers.PhoneNumber) -> bool:
    return phonenumbers.is_possible_number_with_reason(number) == phonenumbers.ValidationResult.IS_POSSIBLE


def _e164(number: phonenumbers.PhoneNumber) -> str:
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return _OLD_MEXICAN_MOBILE.sub("+52", written)
