"""What must hold for any bytes taken as a message body, and the bodies that fuzzing starts from."""

from __future__ import annotations

import pyarrow as pa

from jarvis_resources.imessage.archive import TypedstreamError
from jarvis_resources.imessage.bodies import read_bodies, row_text
from jarvis_resources.imessage.sample.typedstream_writer import (
    CODE,
    DETECTED,
    LINK,
    MENTION,
    PART,
    TRANSFER,
    Code,
    Detected,
    Run,
    Url,
    encode,
)
from jarvis_resources.imessage.typedstream import AttributedBody, decode, decode_text

_RUNS = (
    [],
    [Run("hi")],
    [Run("see you at six 😀 冄 円")],
    [Run("NSString NSDictionary " * 8)],
    [Run("a" * 300), Run("b", ((PART, 1),)), Run("c")],
    [Run("😀 hi "), Run("@Ana", ((MENTION, "+15555550123"), (PART, 0)))],
    [Run("\ufffc", ((TRANSFER, "at_0_A"), (PART, 0), ("IMAudioTranscription", "running late")))],
    [Run("example.net", ((DETECTED, Detected("https://example.net")), (LINK, Url("https://example.net")), (PART, 0)))],
    [Run("code "), Run("123-456", ((CODE, Code("123456", "123-456")), (PART, 0)))],
    [Run("wide", ((PART, 2**40), ("negative", -2)))],
)
_UTF16 = b"\xff\xfe" + "día 😀".encode("utf-16-le")

SEEDS = (
    *(encode(runs, mutable=mutable) for runs in _RUNS for mutable in (False, True)),
    encode([Run("0123456789")]).replace(b"\x0a0123456789", bytes([len(_UTF16)]) + _UTF16),
)
TOKENS = (
    b"\x84\x02iI", b"\x84\x01@", b"\x84\x01*", b"\x84\x01i", b"\x84\x01{", b"[12c]", b"{a=ii}", b"\x84\x84\x84", b"\x86\x86",
    b"\x81\x00\x80", b"\x82\x00\x00\x01\x00", b"\x87", b"\x85", b"\x92", b"\xff\xfe", b"\xfe\xff", b"\xe5\x86\x84",
    b"NSMutableString", b"NSMutableDictionary", b"NSNumber", b"NSURL", b"NSData", b"__kIMMessagePartAttributeName",
)  # fmt: skip

_BATCH = 256
_seen: list[bytes] = []


def check(blob: bytes) -> None:
    """Decodes or refuses, never anything else; and all readers agree."""
    text, body = _text(blob), _body(blob)
    if text is not None:
        assert len(text) <= len(blob)
        assert text.encode().decode() == text
    if body is not None:
        assert text is None or text == body.text
        assert "".join(run.text for run in body.runs) == body.text
        assert sum(map(len, body.parts.values())) == len(body.text)
        for said in (*body.mentions, *body.links, *body.one_time_codes, *body.transfer_guids, body.transcript or ""):
            assert len(said) <= len(blob)
        assert _body(blob + b"\x86") is None
    _seen.append(blob)
    if len(_seen) == _BATCH:
        check_batch(_seen)
        _seen.clear()


def check_batch(blobs: list[bytes]) -> None:
    """Read as the rows of a table, every body gives what it gives alone, or is counted as damaged."""
    bodies = read_bodies(pa.array(blobs, pa.binary()), pa.nulls(len(blobs), pa.binary()))
    bodies.texts.validate(full=True)
    for row, (blob, text) in enumerate(zip(blobs, bodies.texts.to_pylist(), strict=True)):
        try:
            alone = row_text(blob, None)
        except TypedstreamError:
            assert text is None, blob
            assert row in bodies.damaged, blob
        else:
            assert text == alone, blob
            assert row not in bodies.damaged, blob


def _text(blob: bytes) -> str | None:
    try:
        return decode_text(blob)
    except TypedstreamError:
        return None


def _body(blob: bytes) -> AttributedBody | None:
    try:
        return decode(blob)
    except TypedstreamError:
        return None
