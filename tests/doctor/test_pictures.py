"""The two pictures of the day-one report."""

from __future__ import annotations

import io

import pytest

from jarvis_assets.evaluation import plots


def size(png: bytes) -> tuple[int, int]:
    from PIL import Image

    return Image.open(io.BytesIO(png)).size


@pytest.mark.parametrize("people", [[], [3], [60_000] + [1] * 2_800, list(range(5_000, 0, -1))])
def test_people_are_drawn_however_many_they_are(people: list[int]) -> None:
    png = plots.people_by_rank(people)
    assert size(png)[0] > 300
    assert len(png) <= plots.LARGEST_PNG


def test_months_are_drawn_for_twenty_years_as_for_one() -> None:
    for months in (1, 240):
        png = plots.monthly_volume("2006-11", list(range(months)), [5] * months)
        assert size(png)[0] > 300
        assert len(png) <= plots.LARGEST_PNG


def test_who_wrote_changes_the_picture() -> None:
    assert plots.monthly_volume("2024-01", [9, 1], [1, 9]) != plots.monthly_volume("2024-01", [1, 9], [9, 1])
