"""Which text a row has: its rich body if that decodes, else its plain text, as a person saw it.

A row's text never comes from another row and is never guessed: a body that does not decode is counted under its
reason. ``row_text`` says what holds for one row; ``read_bodies`` says the same of a batch, reading the usual bodies
where they lie in Arrow's buffers and leaving to ``row_text`` whatever is not usual. Decoding is ``typedstream.py``'s.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from jarvis_resources.imessage.typedstream import (
    BEFORE_RUNS,
    BEGINNINGS,
    TRANSCRIPT,
    TypedstreamError,
    decode,
    decode_text,
)

NOTHING_STORED = "no text stored"
"""Reason of a row with neither a body nor a text, such as one not yet fetched from iCloud."""

_ATTACHMENT, _APP = "\ufffc", "\ufffd"
"""Characters that stand in a body for an attachment and for an app's balloon."""
_TRANSCRIPT = TRANSCRIPT.encode()
_LONG = 0x81
"""Tag of a length of two bytes."""

Places = npt.NDArray[np.int64]


@dataclass
class Bodies:
    """Texts of a batch of rows, aligned with it."""

    texts: pa.StringArray
    """Visible text; null where there is none."""
    damaged: dict[int, str] = field(default_factory=dict)
    """Row of the batch → why it has no text although it should."""
    rescued: list[int] = field(default_factory=list)
    """Rows whose body is damaged but whose plain text is there."""


def visible_text(raw: str) -> str | None:
    """A text as a person saw it: without the characters that stand for attachments and apps, stripped; None if empty.

    Line breaks inside are kept.
    """
    return raw.replace(_ATTACHMENT, "").replace(_APP, "").strip() or None


def row_text(blob: bytes | None, plain: bytes | None) -> str | None:
    """Text of one row from ``attributedBody`` and from ``text`` (as UTF-8), the body first.

    Raises ``TypedstreamError`` when neither can be read.
    """
    if blob:
        return visible_text(decode_text(blob)) or _spoken(blob)
    return _plain_text(plain)


def read_bodies(blobs: pa.BinaryArray, plain: pa.BinaryArray) -> Bodies:
    """``row_text`` of every row of two columns of one length; a damaged body gives way to a plain text."""
    usual, texts = _usual_texts(blobs, plain)
    texts = _visible(texts)
    bodies = Bodies(texts)
    found: dict[int, str | None] = {}
    stored = ~_is_null(plain) | (pc.fill_null(pc.binary_length(blobs), 0).to_numpy(zero_copy_only=False) > 0)
    bodies.damaged = dict.fromkeys(np.flatnonzero(~stored).tolist(), NOTHING_STORED)
    for row in np.flatnonzero(~usual & stored).tolist():
        blob, text = blobs[row].as_py(), plain[row].as_py()
        try:
            found[row] = row_text(blob, text)
        except TypedstreamError as error:
            try:
                found[row] = _plain_text(text if blob else None)
                bodies.rescued.append(row)
            except TypedstreamError:
                bodies.damaged[row] = error.reason
    silent = usual & _is_null(texts) & ~_is_null(blobs)
    found.update({row: spoken for row in np.flatnonzero(silent).tolist() if (spoken := _spoken(blobs[row].as_py()))})
    bodies.texts = with_values(texts, found)
    return bodies


def _usual_texts(blobs: pa.BinaryArray, plain: pa.BinaryArray) -> tuple[npt.NDArray[np.bool_], pa.StringArray]:
    """Which rows hold a text in a usual place, and these texts as archived (null elsewhere).

    A text that is no UTF-8 is not usual: it may be UTF-16, or damaged.
    """
    body_bytes, body_starts, body_ends = _spans(blobs)
    plain_bytes, plain_starts, plain_ends = _spans(plain)
    source = np.concatenate(
        [body_bytes, plain_bytes, np.zeros(len(BEFORE_RUNS), np.uint8)]
    )  # so that looking ahead stays inside
    starts, ends, usual = _texts_in(source, blobs, body_starts, body_ends)
    bare = (body_starts == body_ends) & ~_is_null(plain)
    starts = np.where(bare, plain_starts + len(body_bytes), starts)
    ends = np.where(bare, plain_ends + len(body_bytes), ends)
    usual |= bare
    texts = _gather(source, starts, ends, usual)
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:
        usual &= _is_utf8(texts)
        texts = _gather(source, starts, ends, usual)
    return usual, texts


def _texts_in(
    source: npt.NDArray[np.uint8], blobs: pa.BinaryArray, starts: Places, ends: Places
) -> tuple[Places, Places, npt.NDArray[np.bool_]]:
    """Start and end of the text in each body that begins as Messages writes them and goes on to its first run."""
    at = np.full(len(starts), -1, np.int64)
    for beginning in BEGINNINGS:
        begins = pc.fill_null(pc.starts_with(blobs, pattern=beginning), False).to_numpy(zero_copy_only=False)
        at = np.where(begins, starts + len(beginning), at)
    known = (at >= 0) & (at < ends)
    at = np.where(known, at, 0)
    head = source[at].astype(np.int64)
    long = head == _LONG
    first = np.where(long, at + 3, at + 1)
    length = np.where(long, source[at + 1] + (source[at + 2].astype(np.int64) << 8), head)
    last = first + length
    known &= (long | (head < 0x80)) & (last + len(BEFORE_RUNS) <= ends)
    last = np.where(known, last, 0)
    for ahead, byte in enumerate(BEFORE_RUNS):
        known &= source[last + ahead] == byte
    return np.where(known, first, 0), last, known


def _gather(
    source: npt.NDArray[np.uint8], starts: Places, ends: Places, valid: npt.NDArray[np.bool_]
) -> pa.StringArray:
    """The stretches of ``source`` that are ``valid``, null elsewhere; not yet known to be UTF-8."""
    lengths = np.where(valid, ends - starts, 0)
    offsets = np.zeros(len(starts) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    taken = source[np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], lengths)]
    mask = pa.array(valid).buffers()[1]
    return pa.StringArray.from_buffers(len(starts), pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(taken), mask)


def _is_utf8(texts: pa.StringArray) -> npt.NDArray[np.bool_]:
    def decodes(raw: bytes | None) -> bool:
        try:
            (raw or b"").decode()
        except UnicodeDecodeError:
            return False
        return True

    return np.fromiter(map(decodes, texts.view(pa.binary()).to_pylist()), bool, len(texts))


def _visible(texts: pa.StringArray) -> pa.StringArray:
    """``visible_text`` of a column."""
    for character in (_ATTACHMENT, _APP):
        if pc.any(pc.match_substring(texts, character)).as_py():
            texts = pc.replace_substring(texts, character, "")
    texts = pc.utf8_trim_whitespace(texts)
    return pc.if_else(pc.equal(pc.binary_length(texts), 0), None, texts)


def _spans(column: pa.BinaryArray) -> tuple[npt.NDArray[np.uint8], Places, Places]:
    """The bytes of a column, and where each row's begin and end; a null is empty."""
    _, offsets, values = column.buffers()
    if offsets is None or not len(column):
        offsets_array = np.zeros(len(column) + 1, np.int64)
    else:
        every = np.frombuffer(offsets, np.int32, len(column) + 1, 4 * column.offset)
        offsets_array = every.astype(np.int64)
    data = np.frombuffer(values, np.uint8) if values is not None else np.empty(0, np.uint8)
    data = data[offsets_array[0] : offsets_array[-1]]
    offsets_array -= offsets_array[0]
    return data, offsets_array[:-1], offsets_array[1:]


def with_values(texts: pa.StringArray, found: dict[int, str | None]) -> pa.StringArray:
    """``texts`` with other values in a few rows."""
    if not found:
        return texts
    mask = np.zeros(len(texts), bool)
    mask[list(found)] = True
    return pc.replace_with_mask(texts, pa.array(mask), pa.array([found[row] for row in sorted(found)], pa.string()))


def _is_null(column: pa.Array) -> npt.NDArray[np.bool_]:
    nulls: npt.NDArray[np.bool_] = pc.is_null(column).to_numpy(zero_copy_only=False)
    return nulls


def _plain_text(text: bytes | None) -> str | None:
    """The text of a row's plain column; raises ``TypedstreamError`` where it has none that can be read."""
    if text is None:
        raise TypedstreamError(NOTHING_STORED)
    try:
        return visible_text(text.decode())
    except UnicodeDecodeError as error:
        raise TypedstreamError("the text is not UTF-8") from error


def _spoken(blob: bytes) -> str | None:
    """The transcript of a voice note, which a person reads below it."""
    if _TRANSCRIPT not in blob:
        return None
    try:
        transcript = decode(blob).transcript
    except TypedstreamError:
        return None  # the body's text was whole, and empty; only what describes it is damaged
    return visible_text(transcript) if transcript else None
