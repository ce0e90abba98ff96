"""What fuzzing checks holds for the inputs it starts from, and for simple damage to them."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import bodies, summaries

CHECKS: list[tuple[ModuleType, Callable[[bytes], None]]] = [(bodies, bodies.check), (summaries, summaries.check)]


@pytest.mark.parametrize(("target", "check"), CHECKS)
def test_the_seeds_pass(target: ModuleType, check: Callable[[bytes], None]) -> None:
    for seed in target.SEEDS:
        check(seed)


@pytest.mark.parametrize(("target", "check"), CHECKS)
def test_a_seed_cut_anywhere_passes(target: ModuleType, check: Callable[[bytes], None]) -> None:
    for seed in target.SEEDS:
        for cut in range(0, len(seed), 3):
            check(seed[:cut])


@given(
    st.lists(st.sampled_from(bodies.SEEDS), min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(0, 11), st.integers(0, 400), st.integers(0, 255)), max_size=8),
)
def test_damaged_bodies_in_a_batch_are_read_as_each_alone(
    blobs: list[bytes], flips: list[tuple[int, int, int]]
) -> None:
    damaged = [bytearray(blob) for blob in blobs]
    for row, place, value in flips:
        blob = damaged[row % len(damaged)]
        blob[place % len(blob)] = value
    bodies.check_batch([bytes(blob) for blob in damaged])
