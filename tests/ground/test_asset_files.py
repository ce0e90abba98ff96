"""Arrays that lie in a file: mapped, and let go of, without a value changing."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

from jarvis_resources.asset_files import let_go


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the kernel takes its time")
def test_a_mapped_array_can_be_let_go_and_reads_the_same_afterwards(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(8_000_000))
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    total = int(mapped.sum())
    held = psutil.Process().memory_info().rss
    let_go(mapped)
    assert psutil.Process().memory_info().rss < held - 30e6
    assert int(mapped.sum()) == total


def test_an_array_that_is_not_of_a_file_or_not_read_only_keeps_its_values(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros(100_000))
    changed = np.load(tmp_path / "a.npy", mmap_mode="c")
    changed[:] = 1.0
    let_go(changed)
    let_go(np.ones(3))
    assert changed.sum() == 100_000
