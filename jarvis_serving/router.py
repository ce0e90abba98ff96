"""Which of the four routes an answer takes, and why: the design's table as one function.

It sees what the other modules found (skip, message count, needs-context, calibrated precision) and decides; it reads
no text and looks nothing up.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from jarvis_serving.calibration import Calibration


class Route(Enum):
    """How a message is answered."""

    TEMPLATE = "TEMPLATE"
    """Options at once, believed good enough to send."""
    GENERATE = "GENERATE"
    """Options at once; a draft follows where a language model is configured."""
    SKIP = "SKIP"
    """No answer is offered."""
    COLD_START = "COLD_START"
    """Too few messages with this person: only what the owner says to everybody."""


LOW_CONFIDENCE = "low confidence"
NEEDS_CONTEXT = "needs context"
NO_RESPONSE = "needs no response"
OPTIONAL_IN_GROUP = "a reply is optional in a group"
NOTHING_TO_OFFER = "nothing that may be offered"


@dataclass(frozen=True)
class Decision:
    """A route, how sure it is (0–1), and the reason in a few words (None: the options speak for themselves)."""

    route: Route
    confidence: float
    reason: str | None = None


def before_retrieval(
    skip_label: str, skip_confidence: float, is_group: bool, message_count: int | None, cold_start_messages: int
) -> Decision | None:
    """The routes that need no candidate: skip first, then cold start; None: go on.

    ``message_count``: messages both ways with this person; None: nobody in particular.
    """
    if skip_label == "NO_RESPONSE":
        return Decision(Route.SKIP, skip_confidence, NO_RESPONSE)
    if skip_label == "OPTIONAL" and is_group:
        return Decision(Route.SKIP, skip_confidence, OPTIONAL_IN_GROUP)
    if message_count is not None and message_count < cold_start_messages:
        return Decision(
            Route.COLD_START,
            1.0,
            f"{message_count} messages with this person, fewer than {cold_start_messages}: JARVIS hardly knows how you "
            "write to them",
        )
    return None


def after_retrieval(
    best: float, calibration: Calibration, *, lacks_context: bool, context_confidence: float, has_language_model: bool
) -> Decision:
    """The route by the surest option's calibrated precision ``best`` (NaN: there is no option).

    ``lacks_context``: the message cannot be understood without earlier ones and none are known.
    """
    if lacks_context:
        route = Route.GENERATE if has_language_model else Route.SKIP
        return Decision(route, context_confidence, NEEDS_CONTEXT)
    if best != best:
        if has_language_model:
            return Decision(Route.GENERATE, 0.0, NOTHING_TO_OFFER)
        return Decision(Route.SKIP, 1.0, NOTHING_TO_OFFER)
    if best >= calibration.template_bar:
        return Decision(Route.TEMPLATE, best)
    if best >= calibration.generate_bar:
        return Decision(Route.GENERATE, best)
    return Decision(Route.SKIP, 1.0 - best, LOW_CONFIDENCE)
