"""What an answer is: the suggestion for one message, and a hit of a search, as objects and as JSON.

They are made in ``suggester``; their JSON is the body that the HTTP API and ``--json`` print.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jarvis_serving.options import Option
from jarvis_serving.router import Route


@dataclass(frozen=True)
class Suggestion:
    """The answer to one message; see the design's "Serving" for the routes.

    ``route_confidence``: how sure the route is (0–1). ``reason``: why, where the options do not speak for themselves.
    ``message_count``: only with COLD_START. ``draft_id``: only while a language model writes.
    """

    id: str
    route: Route
    route_confidence: float
    options: list[Option]
    signals: dict[str, Any]
    reason: str | None
    message_count: int | None
    draft_id: str | None
    release: str

    def to_json(self) -> dict[str, Any]:
        """The body of ``POST /drafts/smart-reply``; ``id`` is the draft's where one is being written."""
        status = {Route.SKIP: "skip", Route.COLD_START: "cold_start"}.get(self.route, "ready")
        body: dict[str, Any] = {
            "status": "generating" if self.draft_id else status,
            "id": self.draft_id or self.id,
            "suggestion_id": self.id,
            "route": self.route.value,
            "route_confidence": round(self.route_confidence, 4),
            "options": [option.to_json() for option in self.options],
            "signals": self.signals,
            "release": self.release,
        }
        if self.reason is not None:
            body["reason"] = self.reason
        if self.message_count is not None:
            body["message_count"] = self.message_count
        return body


@dataclass(frozen=True)
class Hit:
    """One past exchange found by ``search``; ``score``: cosine of its incoming message and the query."""

    pair_id: str
    score: float
    trigger: str
    response: str
    person_id: str
    responded_at: datetime

    def to_json(self) -> dict[str, Any]:
        """The hit as JSON."""
        return {**vars(self), "score": round(self.score, 4), "responded_at": self.responded_at.isoformat()}
