"""Drafts that a language model writes while the owner already reads the other options.

One worker thread, because one model works at a time and MLX binds it to its thread; a short queue, because a draft
that comes after the reply was sent is worthless. A draft is polled by its id and forgotten after ten minutes. What is
asked and what is believed belongs to ``generation``.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from jarvis_resources.errors import LanguageModelError
from jarvis_resources.language_models import LanguageModel
from jarvis_serving import generation
from jarvis_serving.generation import DraftRequest

DEADLINE_SECONDS = 10.0
"""Longest that the model may write one draft; the founding documents ask for less than 3."""
KEEP_SECONDS = 600.0
"""A draft can be polled this long after it was asked for."""
WAITING = 4
"""Drafts that may wait; a newer one pushes the oldest out."""
REMEMBERED = 1000
"""Ids whose drafts are gone but still answer ``expired``."""

Status = Literal["generating", "complete", "failed", "expired"]


@dataclass(frozen=True)
class Draft:
    """How far one draft is. ``suggestion`` only when complete, ``reason`` only when failed or expired."""

    id: str
    status: Status
    suggestion: str | None = None
    reason: str | None = None

    def to_json(self) -> dict[str, str]:
        """The body of ``GET /drafts/{id}``."""
        fields = {"id": self.id, "status": self.status, "suggestion": self.suggestion, "reason": self.reason}
        return {name: value for name, value in fields.items() if value is not None}


class Drafts:
    """Writes drafts one after the other in the background.

    ``specifics(text)`` names the kind of specific in a text, or None: ``privacy.Guard.specifics``. A specific that the
    conversation does not hold drops the draft (the leak guard).
    """

    def __init__(
        self,
        language_model: LanguageModel,
        specifics: Callable[[str], str | None],
        *,
        deadline_seconds: float = DEADLINE_SECONDS,
        keep_seconds: float = KEEP_SECONDS,
    ) -> None:
        self._model = language_model
        self._specifics = specifics
        self._deadline_seconds = deadline_seconds
        self._keep_seconds = keep_seconds
        self._waiting: OrderedDict[str, DraftRequest] = OrderedDict()
        self._drafts: OrderedDict[str, tuple[float, Draft]] = OrderedDict()
        self._changed = threading.Condition()
        self._closed = False
        self._worker: threading.Thread | None = None

    def submit(self, request: DraftRequest, draft_id: str | None = None) -> str:
        """Ask for a draft; returns at once with its id (``draft_id``, or a new one)."""
        draft_id = draft_id or secrets.token_hex(8)
        with self._changed:
            if self._closed:
                raise LanguageModelError("Drafts are closed; start the server again.")
            while len(self._waiting) >= WAITING:
                pushed_out, _ = self._waiting.popitem(last=False)
                self._finish(pushed_out, "expired", reason="newer messages came first")
            self._drafts[draft_id] = (time.monotonic(), Draft(draft_id, "generating"))
            self._waiting[draft_id] = request
            if self._worker is None:
                # A daemon: leaving the program never waits for a draft.
                self._worker = threading.Thread(target=self._work, name="jarvis-drafts", daemon=True)
                self._worker.start()
            self._forget()
            self._changed.notify_all()
        return draft_id

    def poll(self, draft_id: str) -> Draft:
        """How far the draft is; raises ``KeyError`` for an id that was never given (or is long forgotten)."""
        with self._changed:
            self._forget()
            return self._drafts[draft_id][1]

    def wait(self, draft_id: str, timeout_seconds: float) -> Draft:
        """The draft once it is no longer generating, or as it stands after ``timeout_seconds``; ``KeyError`` as poll."""
        with self._changed:
            self._changed.wait_for(lambda: self._drafts[draft_id][1].status != "generating", timeout_seconds)
            return self._drafts[draft_id][1]

    def close(self) -> None:
        """Take no more drafts and let the worker end after the one it writes."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
                draft_id, request = self._waiting.popitem(last=False)
            outcome: tuple[Status, str | None, str | None] | None = None
            try:
                outcome = self._write(request)
            finally:
                # A bug in the model ends this thread, visibly, but leaves no draft generating for ever: the next
                # submit starts another worker.
                with self._changed:
                    if outcome is None:
                        self._worker = None
                    status, suggestion, reason = outcome or ("failed", None, "the language model broke off")
                    if draft_id in self._drafts and self._drafts[draft_id][1].status == "generating":
                        self._finish(draft_id, status, suggestion, reason)
                    self._changed.notify_all()

    def _write(self, request: DraftRequest) -> tuple[Status, str | None, str | None]:
        """Status, suggestion and reason of one draft."""
        try:
            answer = self._model.generate(
                generation.prompt(request),
                max_tokens=generation.MAX_TOKENS,
                deadline_seconds=self._deadline_seconds,
            )
        except LanguageModelError as error:
            return "failed", None, str(error)
        text = generation.first_message(answer, request.name)
        if not text or len(text) > generation.DRAFT_CHARACTERS:
            return "failed", None, "the language model wrote no usable message"
        # Their own name is theirs to read, whether or not anybody has written it yet.
        conversation = [request.message, request.name or "", *(line.text for line in request.history)]
        if (reason := generation.unsupported(text, conversation, self._specifics)) is not None:
            return "failed", None, f"the draft named {reason} that the conversation does not mention"
        return "complete", text, None

    def _finish(self, draft_id: str, status: Status, suggestion: str | None = None, reason: str | None = None) -> None:
        began, _ = self._drafts[draft_id]
        self._drafts[draft_id] = (began, Draft(draft_id, status, suggestion, reason))

    def _forget(self) -> None:
        """Drop the texts of drafts past their time; their ids answer ``expired`` until newer ones push them out."""
        now = time.monotonic()
        for draft_id, (began, draft) in self._drafts.items():
            if now - began <= self._keep_seconds:
                break  # In order of submission: all that follow are younger.
            if draft.status != "expired":
                self._waiting.pop(draft_id, None)
                self._drafts[draft_id] = (
                    began,
                    replace(draft, status="expired", suggestion=None, reason="the draft is too old"),
                )
        while len(self._drafts) > REMEMBERED:
            self._drafts.popitem(last=False)
