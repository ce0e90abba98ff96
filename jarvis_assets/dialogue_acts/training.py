"""Learning the dialogue act model and measuring it.

Our own chat exemplars are what is learned from and what is measured on: whole themes and scenes are held out. A
public corpus may add training rows, mapped to our acts in ``swda_acts``, and only as much of it as helps the held-out
chat: models of telephone speech do not survive chat. Applying a model is ``jarvis_serving.understanding``'s matter,
labelling the mined pairs ``labelling``'s.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from jarvis_assets.dialogue_acts import fitting, scores, swda_acts
from jarvis_assets.dialogue_acts.fitting import Examples
from jarvis_assets.dialogue_acts.scores import Measure
from jarvis_assets.kept import key_of
from jarvis_resources import corpora
from jarvis_resources.tables import RESPONSE_TYPES, TRIGGER_ACTS
from jarvis_serving.understanding import exemplars
from jarvis_serving.understanding.dialogue_acts import DialogueActModel
from jarvis_serving.understanding.linear_head import LinearHead
from jarvis_serving.understanding.structure import features_of_words
from jarvis_serving.understanding.wording import tokens

if TYPE_CHECKING:
    import pandas as pd

CORPUS_SHARES = (0.1, 0.25)
"""Weights tried for all corpus rows together, relative to all chat exemplars together. Chat dominates in each."""
KEPT_ACCURACY = 0.9
"""Accuracy on held-out chat that labels above the abstention threshold must reach."""
CHAT, SPEECH = "exemplars, themes held out", "swda test"

_PLOTTED = frozenset({"accuracy", "macro_f1", "ece", "kept_share", "kept_accuracy"})

Encode = Callable[[Sequence[str]], np.ndarray]


@dataclass(frozen=True)
class Trained:
    """A model and what was measured of it."""

    model: DialogueActModel
    report: tuple[Measure, ...]
    trigger_share: float
    """Weight of the corpus in the trigger head (0 or one of ``CORPUS_SHARES``)."""
    response_share: float
    """Weight of the corpus in the response head."""

    def to_bytes(self) -> bytes:
        """The model and its measures as JSON."""
        shares = {"trigger_share": self.trigger_share, "response_share": self.response_share}
        report = [vars(measure) for measure in self.report]
        return json.dumps({"model": self.model.to_json(), "report": report, **shares}).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> Trained:
        """What ``to_bytes`` wrote; raises ``ValueError``, ``KeyError`` or ``ReleaseError`` when it is damaged."""
        data = json.loads(content)
        report = tuple(Measure(**measure) for measure in data["report"])
        model = DialogueActModel.from_json(data["model"])
        return cls(model, report, float(data["trigger_share"]), float(data["response_share"]))

    def as_markdown(self) -> str:
        """The measures as a Markdown table."""
        lines = ["| head | data | measure | value | rows |", "|---|---|---|---|---|"]
        lines += [f"| {m.head} | {m.data} | {m.measure} | {m.value:.3f} | {m.rows} |" for m in self.report]
        return "\n".join(lines)

    def as_numbers(self) -> dict[str, float]:
        """The figures on held-out chat that are worth a plot over runs."""
        shown = {m.head + " " + m.measure: m.value for m in self.report if m.data == CHAT and m.measure in _PLOTTED}
        return {**shown, "trigger corpus share": self.trigger_share, "response corpus share": self.response_share}


@dataclass(frozen=True)
class _Head:
    """A fitted, calibrated head with its abstention threshold, its corpus share and its measures."""

    head: LinearHead
    below: float
    share: float
    report: list[Measure]


def train(encoder_vectors: Encode, fingerprint: str, folder: Path | None) -> Trained:
    """Both heads from the exemplars, and from SwDA under ``folder`` where that helps on held-out chat.

    ``encoder_vectors`` gives unit vectors float32 [n, d] of texts; ``fingerprint`` names the encoder. Raises
    ``CorpusError`` when the corpus is damaged.
    """
    spoken = corpora.swda(folder)
    encode = _Once(encoder_vectors)
    incoming, said = exemplars.triggers(), exemplars.replies()
    encode([e.text for e in incoming] + [e.text for e in said] + [e.trigger for e in said])
    chat = _examples(
        encode, [e.text for e in incoming], [e.act for e in incoming], TRIGGER_ACTS, [e.group for e in incoming]
    )
    trigger = _learn("trigger", chat, TRIGGER_ACTS, *_speech(spoken, swda_acts.trigger_rows, TRIGGER_ACTS, encode))

    by_vector = fitting.fit(_vectors_alone(chat), TRIGGER_ACTS)
    by_vector = replace(
        by_vector,
        temperature=fitting.best_temperature(fitting.held_out_logits(_vectors_alone(chat), TRIGGER_ACTS), chat.labels),
    )

    def after(texts: Sequence[str]) -> np.ndarray:
        """The previous turns' acts as the trigger head sees them: [n, 10]."""
        words = [tokens(text) for text in texts]
        return trigger.head.probabilities(encode(texts), features_of_words(texts, words), words, None)

    chat_replies = _examples(
        encode,
        [e.text for e in said],
        [e.response_type for e in said],
        RESPONSE_TYPES,
        [e.group for e in said],
        after([e.trigger for e in said]),
    )
    response = _learn(
        "response",
        chat_replies,
        RESPONSE_TYPES,
        *_speech(spoken, swda_acts.response_rows, RESPONSE_TYPES, encode, after),
    )
    model = DialogueActModel(
        trigger=trigger.head,
        response=response.head,
        act_by_vector=by_vector,
        abstain_below=response.below,
        trigger_abstain_below=trigger.below,
        encoder_fingerprint=fingerprint,
    )
    return Trained(model, (*trigger.report, *response.report), trigger.share, response.share)


def learned_from(fingerprint: str, folder: Path | None) -> str:
    """A key of everything that ``train`` learns from: the encoder, the exemplars, the corpus, and the code."""
    from jarvis_serving.understanding import dialogue_acts, linear_head, rules, structure, wording

    spoken = corpora.file_of(folder, "swda")
    parts = [
        fingerprint,
        *exemplars.sources(),
        wording.SPELLING_FILE.read_bytes(),
        spoken.read_bytes() if spoken else "",
    ]
    code = (fitting, scores, swda_acts, dialogue_acts, linear_head, rules, structure, wording, sys.modules[__name__])
    return key_of(parts, code)


def _learn(name: str, chat: Examples, classes: Sequence[str], speech: Examples | None, test: Examples | None) -> _Head:
    """The head with the corpus share that is best on held-out chat; without a corpus, from chat alone."""
    best: tuple[float, float, np.ndarray] | None = None
    for share in (0.0,) if speech is None else (0.0, *CORPUS_SHARES):
        logits = fitting.held_out_logits(chat, classes, speech, share)
        accuracy = float((logits.argmax(axis=1) == chat.labels).mean())
        if best is None or accuracy > best[0]:
            best = (accuracy, share, logits)
    assert best is not None
    _, share, logits = best
    head = fitting.fit(chat, classes, speech, share)
    head = replace(head, temperature=fitting.best_temperature(logits, chat.labels))
    probabilities = fitting.held_out_probabilities(logits, chat)
    below = fitting.abstention_threshold(probabilities, chat.labels, KEPT_ACCURACY)
    report = scores.measure(name, CHAT, probabilities, chat.labels, classes)
    report += scores.abstention(name, CHAT, probabilities, chat.labels, below)
    if test is not None:
        seen = head.probabilities(test.vectors, test.structure, test.words, test.previous)
        report += scores.measure(name, SPEECH, seen, test.labels, classes)
        report += scores.abstention(name, SPEECH, seen, test.labels, below)
    return _Head(head, below, share, report)


class _Once:
    """An encoder that encodes each text once, however often it is asked for."""

    def __init__(self, encode: Encode) -> None:
        self._encode = encode
        self._rows: dict[str, np.ndarray] = {}

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        new = list(dict.fromkeys(text for text in texts if text not in self._rows))
        if new:
            self._rows.update(zip(new, np.asarray(self._encode(new), np.float32), strict=True))
        return np.stack([self._rows[text] for text in texts])


def _examples(
    encode: Encode,
    texts: Sequence[str],
    labels: Sequence[str],
    classes: Sequence[str],
    groups: Sequence[str],
    previous: np.ndarray | None = None,
) -> Examples:
    """Texts with their features."""
    words = [tokens(text) for text in texts]
    column = {name: position for position, name in enumerate(classes)}
    return Examples(
        vectors=np.asarray(encode(texts), np.float32),
        structure=features_of_words(texts, words),
        words=words,
        previous=None if previous is None else previous.astype(np.float32),
        labels=np.array([column[label] for label in labels], np.int64),
        groups=groups,
    )


def _speech(
    spoken: pd.DataFrame | None,
    rows_of: Callable[[pd.DataFrame, str, int], pd.DataFrame],
    classes: Sequence[str],
    encode: Encode,
    after: Encode | None = None,
) -> tuple[Examples | None, Examples | None]:
    """Training and test rows of the corpus, None where there are none; each row is a group of its own."""
    if spoken is None:
        return None, None
    parts: list[Examples | None] = []
    for split, per_class in (("train", swda_acts.ROWS_PER_CLASS), ("test", swda_acts.TEST_ROWS)):
        rows = rows_of(spoken, split, per_class)
        previous = None if after is None or rows.empty else after(rows["previous_text"].tolist())
        labelled = (rows["text"].tolist(), rows["label"].tolist(), classes, rows["row_id"].tolist())
        parts.append(None if rows.empty else _examples(encode, *labelled, previous))
    return parts[0], parts[1]


def _vectors_alone(chat: Examples) -> Examples:
    """The same rows with nothing but their vectors."""
    return replace(chat, structure=np.zeros_like(chat.structure), words=[[] for _ in chat.words])
