"""What must hold for any bytes taken as a record of edits, and the records that fuzzing starts from."""

from __future__ import annotations

import plistlib
from datetime import UTC, datetime

from jarvis_resources.imessage.edits import SummaryError, history, read_summary, text_at
from jarvis_resources.imessage.sample.typedstream_writer import PART, Run, encode
from jarvis_resources.imessage.typedstream import decode

_BODY = decode(encode([Run("a"), Run("b", ((PART, 1),)), Run("c", ((PART, 2),))]))
_PARTS = {str(part): {"lo": part, "le": 1} for part in range(3)}
_VERSIONS = [{"d": 7e8, "t": encode([Run("first")])}, {"d": 7e8 + 60.5, "t": encode([Run("second")])}]
_ROOTS = (
    {"amc": 0, "ust": True},
    {"otr": _PARTS, "ec": {"0": _VERSIONS}},
    {"otr": _PARTS, "ec": {"0": _VERSIONS, "2": _VERSIONS[:1]}, "rp": [1]},
    {"otr": {"0": {}}, "rp": [0], "ec": {"0": []}},
    {"ec": {"1": [{"d": 1, "t": b"broken"}, {"d": 2}]}},
)

SEEDS = tuple(plistlib.dumps(root, fmt=fmt) for root in _ROOTS for fmt in (plistlib.FMT_BINARY, plistlib.FMT_XML))
TOKENS = (
    b"bplist00",
    b"<?xml",
    b"<array>",
    b"<dict>",
    b"<key>ec</key>",
    b"\xdf\x11",
    b"\xaf\x12",
    b"\x23",
    b"\x4f\x10",
)


def check(blob: bytes) -> None:
    """A summary or a refusal; what it says can be asked for any moment."""
    try:
        summary = read_summary(blob)
    except SummaryError:
        return
    for body in (None, _BODY):
        versions = history(summary, body)
        assert summary.wholly_unsent in (True, False)
        if versions is not None:
            times = [version["sent_at"] for version in versions]
            assert times == sorted(set(times))
            assert text_at("now", versions, datetime.max.replace(tzinfo=UTC)) == versions[-1]["text"]
