"""int8: close to fp32 on texts of every kind, and its ranges kept, checked and made again."""

from __future__ import annotations

import numpy as np

from jarvis_resources.encoders import Encoder, load_encoder
from jarvis_resources.encoders.int8 import kept_ranges
from jarvis_resources.settings import Settings

ODD = (
    "", "k", "😂", "¯\\_(ツ)_/¯", "?!", "...", "aaaaaaaaaaaaaaaa", "hhhhhh jajaja", "1234 5678 9012",
    "https://www.example.org/watch?v=abc123&t=5", "C++ std::vector<int> x = {1,2,3};", "naïve café, 你好",
    "Тебе понравился фильм?", "هل أنت قادم غدا؟", "we're out of milk", "I never said that and you know it!!",
    "word " * 300,
)  # fmt: skip


def int8_of(settings: Settings) -> Encoder:
    return load_encoder("all-minilm-l6-v2", "onnx", "int8", settings=settings)


def test_it_is_close_to_fp32_on_texts_it_was_not_calibrated_on(minilm, shared_settings):
    cosines = np.einsum("ij,ij->i", int8_of(shared_settings).encode(ODD), minilm.encode(ODD))
    assert cosines.mean() > 0.995
    assert cosines.min() > 0.985


def test_the_ranges_are_measured_once_and_kept_for_the_owner_alone(settings):
    first = int8_of(settings).encode(ODD)
    (path,) = (settings.encoder_cache / "int8").iterdir()
    kept = path.stat()
    assert kept.st_mode & 0o777 == 0o600
    assert np.array_equal(int8_of(settings).encode(ODD), first)
    assert path.stat().st_mtime_ns == kept.st_mtime_ns


def test_any_flipped_byte_in_the_ranges_is_healed(settings):
    first = int8_of(settings).encode(ODD)
    (path,) = (settings.encoder_cache / "int8").iterdir()
    whole = path.read_bytes()
    measured = kept_ranges(path, dict)
    for place in np.random.default_rng(5).integers(len(whole), size=40):
        damaged = bytearray(whole)
        damaged[place] ^= 0x40
        path.write_bytes(damaged)
        again = kept_ranges(path, lambda: measured)
        assert set(again) == set(measured)
        assert all(np.array_equal(again[name], measured[name]) for name in measured)
    path.write_bytes(whole[:-100])
    assert np.array_equal(int8_of(settings).encode(ODD), first)
    assert path.read_bytes() == whole


def test_other_threads_give_the_same_bits(settings, shared_settings):
    from dataclasses import replace

    crowd = [f"{text} {number}" for number in range(30) for text in ODD[:-1]]
    one, four = (int8_of(replace(shared_settings, threads=threads)).encode(crowd) for threads in (1, 4))
    assert np.array_equal(one, four)
