"""The dialogue act of an incoming message and the type of a reply.

Two calibrated linear heads over [vector ⊕ structural features ⊕ words], the second also over the previous turn's act.
The same object labels the mined pairs and the message that has just arrived. It is trained in
``jarvis_assets.dialogue_acts.training``; what a type allows as an answer stands in ``response_types``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jarvis_resources.errors import ReleaseError
from jarvis_resources.tables import RESPONSE_TYPES, TRIGGER_ACTS
from jarvis_serving.understanding.linear_head import LinearHead
from jarvis_serving.understanding.structure import FEATURES, features_of_words
from jarvis_serving.understanding.wording import tokens

if TYPE_CHECKING:
    import numpy as np

_CHUNK = 16_384
"""Texts labelled at a time: bounds the memory of their features (about 20 MB)."""


@dataclass(frozen=True)
class Labels:
    """Labels of n texts.

    ``types`` [n] the likeliest class, ``confidence`` float64 [n] its calibrated probability, ``probabilities``
    float64 [n, 10] in the order of ``tables.TRIGGER_ACTS`` or ``tables.RESPONSE_TYPES``.
    """

    types: list[str]
    confidence: np.ndarray
    probabilities: np.ndarray


@dataclass(frozen=True)
class DialogueActModel:
    """Trained heads for one encoder.

    ``act_by_vector`` tells the previous turn's act where only its vector is at hand. Below ``abstain_below`` a response
    type, and below ``trigger_abstain_below`` an act, is too unsure to be acted on; both were chosen on held-out chat.
    """

    trigger: LinearHead
    response: LinearHead
    act_by_vector: LinearHead
    abstain_below: float
    trigger_abstain_below: float
    encoder_fingerprint: str

    def triggers(self, vectors: np.ndarray, texts: Sequence[str]) -> Labels:
        """Acts of incoming ``texts`` with their ``vectors`` [n, d]."""
        return _labels(TRIGGER_ACTS, self._probabilities(self.trigger, vectors, texts, None))

    def responses(
        self,
        vectors: np.ndarray,
        texts: Sequence[str],
        trigger_vectors: np.ndarray,
        trigger_texts: Sequence[str] | None = None,
        *,
        acts: Labels | None = None,
    ) -> Labels:
        """Types of replies ``texts`` with their ``vectors`` [n, d] to messages with ``trigger_vectors`` [n, d].

        With ``trigger_texts``, or with its ``acts`` at hand, the previous turn is known better than by its vector alone.
        """
        if acts is not None:
            previous = acts.probabilities
        elif trigger_texts is None:
            previous = self.act_by_vector.probabilities(
                trigger_vectors, _no_structure(len(texts)), [()] * len(texts), None
            )
        else:
            previous = self._probabilities(self.trigger, trigger_vectors, trigger_texts, None)
        return _labels(RESPONSE_TYPES, self._probabilities(self.response, vectors, texts, previous))

    @staticmethod
    def _probabilities(
        head: LinearHead, vectors: np.ndarray, texts: Sequence[str], previous: np.ndarray | None
    ) -> np.ndarray:
        """Probabilities of a head, a chunk of texts at a time."""
        import numpy as np

        parts = [np.zeros((0, len(head.classes)))]
        for start in range(0, len(texts), _CHUNK):
            part = slice(start, start + _CHUNK)
            words = [tokens(text) for text in texts[part]]
            parts.append(
                head.probabilities(
                    vectors[part],
                    features_of_words(texts[part], words),
                    words,
                    None if previous is None else previous[part],
                )
            )
        return np.concatenate(parts)

    def to_json(self) -> dict[str, Any]:
        """The model as JSON numbers and texts."""
        return {
            "structural_features": list(FEATURES),
            "encoder_fingerprint": self.encoder_fingerprint,
            "abstain_below": self.abstain_below,
            "trigger_abstain_below": self.trigger_abstain_below,
            "trigger": self.trigger.to_json(),
            "response": self.response.to_json(),
            "act_by_vector": self.act_by_vector.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> DialogueActModel:
        """The model that ``to_json`` stored; raises ``ReleaseError`` when it is damaged or of another version."""
        try:
            if list(data["structural_features"]) != list(FEATURES):
                raise ReleaseError(
                    "The dialogue act model was made by another version of JARVIS; run `jarvis mine` to renew it."
                )
            return cls(
                trigger=LinearHead.from_json(data["trigger"]),
                response=LinearHead.from_json(data["response"]),
                act_by_vector=LinearHead.from_json(data["act_by_vector"]),
                abstain_below=float(data["abstain_below"]),
                trigger_abstain_below=float(data["trigger_abstain_below"]),
                encoder_fingerprint=str(data["encoder_fingerprint"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ReleaseError("The dialogue act model is damaged; run `jarvis mine` to make it anew.") from error


def _labels(classes: Sequence[str], probabilities: np.ndarray) -> Labels:
    best = probabilities.argmax(axis=1)
    return Labels([classes[column] for column in best], probabilities.max(axis=1, initial=0.0), probabilities)


def _no_structure(rows: int) -> np.ndarray:
    """The structural features of texts that are not at hand."""
    import numpy as np

    return np.zeros((rows, len(FEATURES)), np.float32)
