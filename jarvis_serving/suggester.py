"""The one object people import: from an incoming message to a suggestion, in the order the design fixes.

Skip, cold start, retrieval, options, calibration, route: each is decided in its own module, and this one only brings
them together. Nothing here waits for a language model: a draft is asked for and follows.
"""

from __future__ import annotations

import logging
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from jarvis_resources import releases
from jarvis_resources.errors import ReleaseError
from jarvis_resources.settings import Settings, load_settings
from jarvis_resources.tables import RESPONSE_TYPES
from jarvis_serving import cold_start, options, router
from jarvis_serving.bank import Bank
from jarvis_serving.batch import best_precision
from jarvis_serving.calibration import Calibration
from jarvis_serving.contacts import Contacts, Conversation
from jarvis_serving.generation import DraftRequest, Example, Line
from jarvis_serving.hearing import Heard, hear, message_text
from jarvis_serving.one_thread import one_thread
from jarvis_serving.options import Option
from jarvis_serving.replies import reply_key
from jarvis_serving.retrieval import Candidates, Retriever
from jarvis_serving.router import Decision, Route
from jarvis_serving.suggestion import Hit, Suggestion

if TYPE_CHECKING:
    from jarvis_resources.encoders import Encoder
    from jarvis_serving.drafts import Draft, Drafts

_LOG = logging.getLogger(__name__)
_TOPIC_NEIGHBOURS = 10
"""Nearest past exchanges that vote on the topic shown in the signals."""
_EXAMPLES = 5
"""Few-shot examples handed to a language model."""


class Suggester:
    """Suggests replies from one loaded release. One thread at a time."""

    def __init__(
        self,
        bank: Bank,
        calibration: Calibration,
        encoder: Encoder,
        settings: Settings,
        *,
        release_name: str,
        drafts: Drafts | None = None,
    ) -> None:
        self._bank = bank
        self._calibration = calibration
        self._encoder = encoder
        self._settings = settings
        self._retriever = Retriever(bank, bank.guard)
        self.release_name = release_name
        self.drafts = drafts

    @classmethod
    def load(cls, settings: Settings | None = None, release: str | None = None) -> Suggester:
        """The suggester of ``release`` (a name), or of the newest release that is whole.

        Raises ``ReleaseError`` when there is none, ``EncoderError`` when its encoder cannot be loaded, and
        ``LanguageModelError`` when the configured language model is not there.
        """
        from jarvis_resources.encoders import load_encoder
        from jarvis_resources.encoders.backends import here

        settings = settings or load_settings()
        if release is not None:
            found = releases.verify(releases.load(settings.releases, release))
        else:
            found, passed = releases.newest_sound(settings.releases)
            for damage in passed:
                _LOG.warning("%s Serving %s instead.", damage, found.name)
        bank = Bank.load(found.path)
        calibration = Calibration.load(found.path)
        try:
            slug, fingerprint = found.manifest["serving_encoder"], found.manifest["fingerprint"]
        except KeyError as error:
            raise ReleaseError(f"The release {found.name} names no encoder; run `jarvis mine` again.") from error
        backend = found.manifest.get("backend", "auto")
        # The pinned precision is what matters: at one precision all backends agree.
        backend = backend if backend in here() else "auto"
        encoder = load_encoder(slug, backend, found.manifest.get("precision"), settings=settings)
        if encoder.fingerprint != fingerprint:
            raise ReleaseError(
                f"The encoder {slug} is not the one that the release {found.name} was made with; run `jarvis mine` again."
            )
        drafts = None
        if settings.language_model:
            from jarvis_resources.language_models import load_language_model
            from jarvis_serving.drafts import Drafts

            drafts = Drafts(load_language_model(settings.language_model), bank.guard.specifics)
        return cls(bank, calibration, encoder, settings, release_name=found.name, drafts=drafts)

    @cached_property
    def contacts(self) -> Contacts:
        """The people of the release, and the living chat.db where it can be read."""
        from jarvis_resources.imessage.live import LiveReader

        reader = LiveReader(self._settings.chat_db, self._settings.country)
        return Contacts(self._bank, reader if reader.available() else None, self._settings.country)

    @one_thread()
    def suggest(
        self,
        text: str,
        contact: str | None = None,
        history: Sequence[Line | Mapping[str, Any]] | None = None,
        is_group: bool = False,
    ) -> Suggestion:
        """Suggest replies to ``text``.

        ``contact``: a handle, a person_id or a name; None means nobody in particular: no cold start, and only replies
        that anybody may see. ``history``: earlier messages, oldest first (``Line`` or {text, is_from_me}); None: the
        last messages are looked up where they are needed. Raises ``SettingsError`` for a message without text, a
        malformed history, or a name that means several people.
        """
        person = None if contact is None else self.contacts.find(contact)
        heard = hear(text, person, history, is_group, encoder=self._encoder, acts=self._bank.acts)
        count = None
        if heard.contact is not None:
            count = self.contacts.message_count(heard.contact, self._settings.cold_start_messages)
            heard.signals["message_count"] = count
            heard.signals["relationship"] = heard.relationship
        early = router.before_retrieval(
            heard.skip.label, heard.skip.confidence, is_group, count, self._settings.cold_start_messages
        )
        if early is not None and early.route is Route.SKIP:
            return self._suggestion(heard, early, [])
        candidates = self._retriever.retrieve(heard.vector, [heard.person_id], heard.probabilities)[0]
        self._note(heard, candidates)
        if early is not None:
            return self._suggestion(heard, early, self._popular(heard, candidates), message_count=count)
        return self._answer(heard, candidates)

    def search(self, text: str, k: int = 10) -> list[Hit]:
        """The ``k`` past exchanges whose incoming message is nearest to ``text``, for the owner's own eyes."""
        scores, rows = self._bank.index.search(self._encoder.encode([message_text(text)]), k)
        pairs = self._bank.pairs
        return [
            Hit(
                pairs["pair_id"].iat[row],
                float(score),
                pairs["trigger_text"].iat[row],
                pairs["response_text"].iat[row],
                pairs["person_id"].iat[row],
                pairs["responded_at"].iat[row],
            )
            for score, row in zip(scores[0], rows[0], strict=True)
            if row >= 0
        ]

    def conversations(self) -> list[Conversation]:
        """Direct conversations, the latest first."""
        return self.contacts.conversations()

    def draft(self, draft_id: str) -> Draft:
        """How far the draft is; raises ``KeyError`` for an id that was never given."""
        if self.drafts is None:
            raise KeyError(draft_id)
        return self.drafts.poll(draft_id)

    def _answer(self, heard: Heard, candidates: Candidates) -> Suggestion:
        chosen = options.choose(candidates, self._bank.replies.texts, heard.act, self._calibration)
        best = best_precision(candidates, chosen, self._calibration)
        lacks_context = heard.context.label == "NEEDS_CONTEXT" and not self._history(heard)
        decision = router.after_retrieval(
            best,
            self._calibration,
            lacks_context=lacks_context,
            context_confidence=heard.context.confidence,
            has_language_model=self.drafts is not None,
        )
        shown: list[Option] = []
        if decision.route is not Route.SKIP and not lacks_context:
            precisions = self._calibration.precision(chosen.scores)
            shown = [self._option(heard, candidates, row, float(precisions[row])) for row in chosen.options]
        draft_id = None
        if decision.route is Route.GENERATE and self.drafts is not None:
            draft_id = self.drafts.submit(self._draft_request(heard, candidates, shown))
        return self._suggestion(heard, decision, shown, draft_id=draft_id)

    def _popular(self, heard: Heard, candidates: Candidates) -> list[Option]:
        """Options of a cold start."""
        scores = self._calibration.ranker.score(candidates.features)
        fitting = heard.valid_types[candidates.types]
        rows = cold_start.popular(self._bank, candidates, scores, heard.relationship, fitting)
        precisions = self._calibration.precision(scores)
        return [self._option(heard, candidates, row, float(precisions[row])) for row in rows]

    def _option(self, heard: Heard, candidates: Candidates, row: int, confidence: float) -> Option:
        reply = int(candidates.replies[row])
        replies = self._bank.replies
        evidence: dict[str, Any] = {
            "uses": int(replies.uses[reply]),
            "people": int(replies.people_counts[reply]),
            "allowed": self._bank.guard.may_offer(reply, heard.person_id).reason,
        }
        template = self._templates.get((replies.keys[reply], heard.act.name))
        if template is not None:
            evidence["template_id"] = template
        return Option(
            replies.texts[reply],
            RESPONSE_TYPES[int(candidates.types[row])],
            "history" if template is None else "template",
            confidence,
            evidence,
        )

    @cached_property
    def _templates(self) -> dict[tuple[str, str], str]:
        """Template by (reply, trigger act): which replies are patterns of the owner's, and to what."""
        found: dict[tuple[str, str], str] = {}
        templates = self._bank.templates
        for name, act, wordings in zip(
            templates["template_id"], templates["trigger_act"], templates["reply_wordings"], strict=True
        ):
            for wording in wordings:
                found.setdefault((reply_key(wording), act), name)
        return found

    def _note(self, heard: Heard, candidates: Candidates) -> None:
        """Add what retrieval found to the signals."""
        heard.signals["guard"] = {
            "may_offer": len(candidates),
            "withheld": len(self._bank.replies) - len(candidates),
            "min_people": self._bank.min_people,
        }
        if not len(candidates.neighbours):
            return
        heard.signals["top_score"] = round(candidates.top_score, 4)
        near = self._bank.topic_names[candidates.neighbours[:_TOPIC_NEIGHBOURS]]
        topics = Counter(name for name in near if isinstance(name, str))
        heard.signals["topic"] = topics.most_common(1)[0][0] if topics else None

    def _history(self, heard: Heard) -> tuple[Line, ...]:
        """Earlier messages: as given, else as they can be looked up."""
        if heard.given is not None:
            return heard.given
        if heard.contact is None or heard.is_group:
            return ()
        found = self.contacts.history(heard.contact)
        # The living chat.db may already hold the message that is being answered.
        return found[:-1] if found and not found[-1].is_from_me and found[-1].text == heard.text else found

    def _draft_request(self, heard: Heard, candidates: Candidates, shown: list[Option]) -> DraftRequest:
        """What the language model is told: examples are exchanges with this very person, so nothing can leak."""
        pairs = self._bank.pairs
        near = candidates.neighbours
        own = near[(pairs["person_id"].iloc[near] == heard.person_id).to_numpy(np.bool_)] if len(near) else near
        own = own[~self._bank.guard.secret[self._bank.replies.of_row[own]]][:_EXAMPLES]
        return DraftRequest(
            message=heard.text,
            history=self._history(heard),
            examples=tuple(Example(pairs["trigger_text"].iat[row], pairs["response_text"].iat[row]) for row in own),
            name=heard.contact.display_name if heard.contact else None,
            relationship=heard.relationship,
            response_type=shown[0].response_type if shown else None,
            is_group=heard.is_group,
        )

    def _suggestion(
        self,
        heard: Heard,
        decision: Decision,
        shown: list[Option],
        *,
        message_count: int | None = None,
        draft_id: str | None = None,
    ) -> Suggestion:
        return Suggestion(
            secrets.token_hex(8),
            decision.route,
            decision.confidence,
            shown,
            heard.signals,
            decision.reason,
            message_count,
            draft_id,
            self.release_name,
        )
