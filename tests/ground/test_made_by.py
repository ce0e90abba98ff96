"""Whatever is not a whole note holds its file back, in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from upath import UPath

from jarvis_resources import made_by
from jarvis_resources.errors import EncoderError


@pytest.mark.parametrize(
    "note", [b"", b"{}", b"{", b"3", b"[1]", b'"text"', b"\xff\xfe", b'{"encoder": "all-minilm-l6-v2"}', b"null"]
)
def test_a_damaged_note_is_a_file_that_was_not_finished(tmp_path: Path, note: bytes) -> None:
    path = UPath(tmp_path / "vectors.npy")
    (tmp_path / "vectors.npy.made-by").write_bytes(note)
    with pytest.raises(EncoderError, match="vectors was not finished by the run that made it; run `jarvis mine` again"):
        made_by.require_current("vectors", path)


def test_a_file_without_a_note_is_taken(tmp_path: Path) -> None:
    made_by.require_current("vectors", UPath(tmp_path / "vectors.npy"))
