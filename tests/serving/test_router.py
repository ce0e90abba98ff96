"""The design's table of routes, row by row."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jarvis_serving import router
from jarvis_serving.calibration import Calibration
from jarvis_serving.router import Route

CALIBRATION = replace(Calibration.untrained(), template_bar=0.6, generate_bar=0.2)


@pytest.mark.parametrize(
    ("label", "group", "count", "route"),
    [
        ("NO_RESPONSE", False, 500, Route.SKIP),
        ("NO_RESPONSE", False, 0, Route.SKIP),
        ("OPTIONAL", True, 500, Route.SKIP),
        ("OPTIONAL", False, 9, Route.COLD_START),
        ("NEEDS_RESPONSE", True, 0, Route.COLD_START),
        ("NEEDS_RESPONSE", False, 10, None),
        ("OPTIONAL", False, 10, None),
        ("NEEDS_RESPONSE", False, None, None),
    ],
)
def test_before_retrieval(label: str, group: bool, count: int | None, route: Route | None) -> None:
    decision = router.before_retrieval(label, 0.9, group, count, 10)
    assert (decision.route if decision else None) is route


@pytest.mark.parametrize(
    ("best", "lacks_context", "model", "route", "reason"),
    [
        (0.7, False, False, Route.TEMPLATE, None),
        (0.6, False, True, Route.TEMPLATE, None),
        (0.4, False, True, Route.GENERATE, None),
        (0.4, False, False, Route.GENERATE, None),
        (0.1, False, True, Route.SKIP, "low confidence"),
        (0.1, False, False, Route.SKIP, "low confidence"),
        (0.9, True, True, Route.GENERATE, "needs context"),
        (0.9, True, False, Route.SKIP, "needs context"),
        (float("nan"), False, False, Route.SKIP, "nothing that may be offered"),
    ],
)
def test_after_retrieval(best: float, lacks_context: bool, model: bool, route: Route, reason: str | None) -> None:
    decision = router.after_retrieval(
        best, CALIBRATION, lacks_context=lacks_context, context_confidence=0.8, has_language_model=model
    )
    assert (decision.route, decision.reason) == (route, reason)
    assert 0 <= decision.confidence <= 1
