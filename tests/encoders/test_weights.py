"""A flipped byte in an encoder's files is noticed before a vector is made of it, named, and refused."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from jarvis_resources.encoders import encoder_fingerprint, load_encoder, pins, require_weights
from jarvis_resources.errors import EncoderError
from jarvis_resources.settings import Settings
from tests.encoders.tiny_bert import WIDTH, flip_byte, write_bert


@pytest.fixture
def tiny(settings: Settings) -> Path:
    """The folder of an encoder ``tiny`` that the owner put into JARVIS_HOME, loaded once."""
    row = f'[[encoder]]\nslug = "tiny"\nhub_name = "me/tiny"\ndimension = {WIDTH}\n'
    (settings.home / "encoders.toml").write_text(row)
    folder = write_bert(settings.encoder_cache / "tiny")
    load_encoder("tiny", settings=settings)
    return folder


def test_files_are_recorded_when_they_were_first_loaded(tiny: Path) -> None:
    recorded = pins.read(tiny)
    assert recorded is not None
    assert set(recorded.files) == {"config.json", "tokenizer.json", "model.safetensors"}
    assert (tiny / "pinned.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_flipped_byte_is_named_and_refused(tiny: Path, settings: Settings, name: str) -> None:
    flip_byte(tiny / name)
    with pytest.raises(EncoderError, match=rf"{name} of the encoder tiny in .* is damaged .*; put the original back"):
        load_encoder("tiny", settings=settings)
    with pytest.raises(EncoderError, match="is damaged"):
        encoder_fingerprint("tiny", settings=settings)
    with pytest.raises(EncoderError, match="is damaged"):
        require_weights("tiny", settings=settings, thorough=True)


def test_the_original_put_back_is_taken_again(tiny: Path, settings: Settings) -> None:
    flip_byte(tiny / "model.safetensors")
    flip_byte(tiny / "model.safetensors")
    assert load_encoder("tiny", settings=settings).fingerprint


def test_files_that_the_owner_changed_are_taken_once_the_record_is_removed(tiny: Path, settings: Settings) -> None:
    before = encoder_fingerprint("tiny", settings=settings)
    write_bert(tiny, seed=1)
    (tiny / "pinned.json").unlink()
    assert load_encoder("tiny", settings=settings).fingerprint != before


def test_what_did_not_load_is_not_recorded(settings: Settings) -> None:
    folder = write_bert(settings.encoder_cache / "gte-tiny")  # 32 wide, and not 384
    with pytest.raises(EncoderError, match="not those of gte-tiny"):
        load_encoder("gte-tiny", settings=settings)
    assert not (folder / "pinned.json").exists()


def test_a_folder_elsewhere_is_recorded_at_home_and_left_alone(settings: Settings, tmp_path: Path) -> None:
    folder = write_bert(tmp_path / "elsewhere")
    row = f'[[encoder]]\nslug = "far"\nfolder = "{folder}"\ndimension = {WIDTH}\n'
    (settings.home / "encoders.toml").write_text(row)
    load_encoder("far", settings=settings)
    assert not (folder / "pinned.json").exists()
    flip_byte(folder / "model.safetensors")
    with pytest.raises(EncoderError, match=r"is damaged .* or remove .*encoders/far/pinned\.json if you changed it"):
        load_encoder("far", settings=settings)


def test_a_file_that_is_gone_is_named(tiny: Path, settings: Settings) -> None:
    recorded = pins.read(tiny)
    assert recorded is not None
    (tiny / "extra.json").write_text("{}")
    pins.record(tiny, [*recorded.files, "extra.json"])
    (tiny / "extra.json").unlink()
    with pytest.raises(EncoderError, match=r"extra\.json of the encoder tiny in .* is gone"):
        load_encoder("tiny", settings=settings)


@pytest.mark.parametrize("content", ["", "[]", '{"files": {"a": 1}}', '{"files": {}, "surprise": 1}'])
def test_a_damaged_record_is_named(tiny: Path, settings: Settings, content: str) -> None:
    (tiny / "pinned.json").write_text(content)
    with pytest.raises(EncoderError, match=r"pinned\.json is damaged; fetch that encoder again, or remove"):
        load_encoder("tiny", settings=settings)


def test_large_files_are_not_hashed_again_while_nothing_touches_them(
    tiny: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pins, "_ALWAYS_HASHED_BYTES", 1000)
    _lie(tiny / "pinned.json")
    pins._hashes.clear()
    assert load_encoder("tiny", settings=settings)  # what the record says is believed,
    pins._hashes.clear()
    with pytest.raises(EncoderError, match=r"model\.safetensors .* is damaged"):
        require_weights("tiny", settings=settings, thorough=True)  # but not by a mining,
    os.utime(tiny / "model.safetensors")
    with pytest.raises(EncoderError, match=r"model\.safetensors .* is damaged"):
        load_encoder("tiny", settings=settings)  # nor of a file that was touched.


def _lie(record: Path) -> None:
    """Give the weights another hash in ``record``: what a disk that forgot a bit looks like."""
    content = json.loads(record.read_text())
    content["files"]["model.safetensors"]["sha256"] = "0" * 64
    record.write_text(json.dumps(content))


def test_a_flipped_byte_in_a_large_file_is_found_at_once(
    tiny: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pins, "_ALWAYS_HASHED_BYTES", 1000)
    flip_byte(tiny / "model.safetensors")  # with its time of modification as before
    with pytest.raises(EncoderError, match=r"model\.safetensors .* is damaged"):
        load_encoder("tiny", settings=settings)


def test_a_copied_home_is_hashed_once_and_recorded_anew(
    tiny: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pins, "_ALWAYS_HASHED_BYTES", 1000)
    weights = tiny / "model.safetensors"
    shutil.copyfile(weights, tiny / "copy")
    (tiny / "copy").replace(weights)
    load_encoder("tiny", settings=settings)
    recorded = pins.read(tiny)
    assert recorded is not None
    assert recorded.files["model.safetensors"].state[1] == weights.stat().st_ino
