"""What is understood of an incoming message before anything is looked up.

The classifiers of ``understanding`` brought together for one message, with the signals that the answer shows. What
follows from it is decided in ``router`` and ``options``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from jarvis_resources.errors import SettingsError
from jarvis_resources.tables import RESPONSE_TYPES
from jarvis_serving.batch import act_of
from jarvis_serving.generation import Line
from jarvis_serving.options import Act
from jarvis_serving.understanding import intent, needs_context, response_types, skip

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jarvis_resources.encoders import Encoder
    from jarvis_serving.contacts import Contact
    from jarvis_serving.understanding.dialogue_acts import DialogueActModel
    from jarvis_serving.understanding.needs_context import NeedsContext
    from jarvis_serving.understanding.skip import Skip

MESSAGE_CHARACTERS = 4_000
"""Of a longer message only the beginning is read; the encoder would cut it much earlier."""


@dataclass(frozen=True)
class Heard:
    """One message, understood.

    ``vector`` float32 [1, d]; ``probabilities`` float64 [1, acts]; ``contact`` None: nobody in particular; ``given``:
    the earlier messages that came with it, None where none were given; ``signals`` grow while the answer is made.
    """

    text: str
    vector: NDArray[np.float32]
    probabilities: NDArray[np.float64]
    act: Act
    skip: Skip
    context: NeedsContext
    contact: Contact | None
    is_group: bool
    given: tuple[Line, ...] | None
    signals: dict[str, Any] = field(default_factory=dict)

    @property
    def person_id(self) -> str | None:
        """Whose own history may be shown; None for nobody in particular, a stranger, and in a group, where all read it."""
        return self.contact.person_id if self.contact and not self.is_group else None

    @property
    def relationship(self) -> str:
        """How the owner and the person write to each other; UNKNOWN for nobody in particular."""
        return self.contact.relationship if self.contact else "UNKNOWN"

    @property
    def valid_types(self) -> NDArray[np.bool_]:
        """Which response types can answer the message, in the order of RESPONSE_TYPES; all where the act is unsure."""
        return np.array([not self.act.sure or response_types.is_valid(self.act.name, name) for name in RESPONSE_TYPES])


def hear(
    text: str,
    contact: Contact | None,
    history: Sequence[Line | Mapping[str, Any]] | None,
    is_group: bool,
    *,
    encoder: Encoder,
    acts: DialogueActModel,
) -> Heard:
    """Understand ``text``; raises ``SettingsError`` when it has no text or ``history`` is malformed."""
    text = message_text(text)
    vector = encoder.encode([text])
    labels = acts.triggers(vector, [text])
    act = act_of(acts, labels, 0, text)
    ignorable = skip.classify(text, is_group, act.name, act.confidence)
    context = needs_context.classify(text)
    signals = {
        "dialogue_act": {"type": act.name, "confidence": round(act.confidence, 4), "sure": act.sure},
        "intent": [{"name": each.name, "confidence": round(each.confidence, 4)} for each in intent.detect(text)],
        "needs_context": {"label": context.label, "confidence": round(context.confidence, 4)},
        "skip": {"label": ignorable.label, "confidence": round(ignorable.confidence, 4)},
        "topic": None,
        "top_score": None,
    }
    given = None if history is None else _lines(history)
    return Heard(text, vector, labels.probabilities, act, ignorable, context, contact, is_group, given, signals)


def message_text(text: str) -> str:
    """``text`` without the space around it, its beginning where it is very long; raises ``SettingsError`` when empty."""
    stripped = text.strip()
    if not stripped:
        raise SettingsError("There is no message to answer; give its text.")
    return stripped[:MESSAGE_CHARACTERS]


def _lines(history: Sequence[Line | Mapping[str, Any]]) -> tuple[Line, ...]:
    try:
        return tuple(
            line if isinstance(line, Line) else Line(str(line["text"]), bool(line["is_from_me"])) for line in history
        )
    except (KeyError, TypeError) as error:
        raise SettingsError("Each earlier message needs a text and is_from_me; see docs/tutorial.md.") from error
