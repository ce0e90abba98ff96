"""Optional corpora: absent is fine, damaged is an error, and what was said before is what the other one said."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from jarvis_resources import corpora
from jarvis_resources.errors import CorpusError

ROWS = [
    {"conv_id": "one", "idx": 0, "caller": "A", "text": "Hello there.", "act": "fp", "split": "train"},
    {"conv_id": "one", "idx": 1, "caller": "A", "text": "How is it going?", "act": "qo", "split": "train"},
    {"conv_id": "one", "idx": 2, "caller": "B", "text": "Fine,", "act": "sd", "split": "train"},
    {"conv_id": "one", "idx": 3, "caller": "B", "text": "and you?", "act": "qo", "split": "train"},
    {"conv_id": "one", "idx": 4, "caller": "A", "text": "Fine too.", "act": "sd", "split": "train"},
    {"conv_id": "two", "idx": 0, "caller": "B", "text": "Hi.", "act": "fp", "split": "test"},
]


def write(folder: Path, lines: bytes) -> Path:
    (folder / "swda").mkdir()
    path = folder / "swda" / "swda.jsonl.gz"
    path.write_bytes(lines)
    return path


def test_without_a_folder_or_a_file_there_is_no_corpus(tmp_path: Path):
    assert corpora.swda(None) is None
    assert corpora.swda(tmp_path) is None


def test_a_folder_that_does_not_exist_is_an_error(tmp_path: Path):
    with pytest.raises(CorpusError, match="JARVIS_CORPORA"):
        corpora.swda(tmp_path / "nowhere")


def test_previous_text_is_the_last_thing_the_other_speaker_said(tmp_path: Path):
    write(tmp_path, gzip.compress("\n".join(map(json.dumps, ROWS)).encode()))
    spoken = corpora.swda(tmp_path)
    assert spoken is not None
    assert spoken["previous_text"].tolist() == ["", "", "How is it going?", "How is it going?", "and you?", ""]
    assert spoken["row_id"].tolist()[-1] == "two:0"
    assert list(spoken.columns) == ["row_id", "text", "previous_text", "act", "split"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not gzip at all",
        gzip.compress(b"{broken"),
        gzip.compress(b'{"text": "no act"}\n'),
        gzip.compress(json.dumps(ROWS[0]).encode() * 50)[:-12],
    ],
    ids=["empty", "not gzip", "not JSON", "lacks fields", "truncated"],
)
def test_a_damaged_file_is_an_error_that_says_so(tmp_path: Path, content: bytes):
    write(tmp_path, content)
    with pytest.raises(CorpusError, match="damaged"):
        corpora.swda(tmp_path)


def test_the_public_corpus_reads_whole(test_data: Path):
    if not (test_data / "swda").is_dir():
        pytest.skip("SwDA is not here")
    spoken = corpora.swda(test_data)
    assert spoken is not None
    assert len(spoken) == 199_740
    assert spoken["split"].value_counts().to_dict() == {"train": 192_390, "test": 4_078, "val": 3_272}
