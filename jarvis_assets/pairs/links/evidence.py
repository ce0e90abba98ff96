"""What speaks for a turn being the answer to each turn of its window, as numbers.

Time and turns between, who spoke when, the form of both sides, likeness in meaning and in words, names. Every number
looks at the response and at what came before it, never at what came later, and never at an inline thread: threads are
the truth that the model is measured against.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from jarvis_assets.pairs.links.inputs import LinkInputs, TurnArrays
from jarvis_assets.pairs.links.windows import Windows
from jarvis_assets.pairs.links.wording import FORMS, NOBODY, Wording
from jarvis_resources.asset_files import let_go

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Named = dict[str, NDArray[Any]]

UNKNOWN = -2.0
"""Stands for a cosine that cannot be had; below every real one."""
LONG_AGO = 12.0
"""Stands for the log of minutes, or of turns, since something that never was."""


@dataclass(frozen=True)
class Scene:
    """Windows with who spoke in them: what evidence of both kinds starts from. All arrays are [n, slots]."""

    windows: Windows
    speaker: NDArray[np.int64]
    own: NDArray[np.bool_]
    """Turns by the responder."""
    others: NDArray[np.bool_]
    cosine: NDArray[np.float32]

    @classmethod
    def of(cls, inputs: LinkInputs, windows: Windows) -> Scene:
        """The scene of ``windows``."""
        speaker = np.where(windows.there, inputs.arrays.sender[windows.turn], NOBODY)
        own = windows.there & (speaker == speaker[:, :1])
        own[:, 0] = False
        others = windows.there & ~own
        others[:, 0] = False
        cosine = cosines(inputs.vectors, windows.turn, windows.response)
        return cls(windows, speaker, own, others, np.where(own | others, cosine, np.float32(UNKNOWN)))

    def own_latest(self) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The slot of the responder's latest own turn [n] (0 where there is none), and whether there is one [n]."""
        spoke = np.asarray(self.own.any(axis=1))
        return np.where(spoke, self.own.argmax(axis=1), 0), spoke


def cosines(vectors: NDArray[np.float16], turn: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.float32]:
    """Cosine of each turn [n, slots] with one other turn [n]: float32 [n, slots]."""
    rows, place = np.unique(np.column_stack([other, turn]), return_inverse=True)
    # Windows overlap: each turn's vector is taken out, and made float32, once.
    known = vectors[rows].astype(np.float32)
    let_go(vectors)
    place = place.reshape(len(turn), -1)
    right = known[place[:, 0]]
    out = np.empty(turn.shape, dtype=np.float32)
    for slot in range(turn.shape[1]):
        out[:, slot] = np.einsum("nd,nd->n", known[place[:, slot + 1]], right)
    return out


def evidence(inputs: LinkInputs, scene: Scene) -> Named:
    """Numbers by name, each [n, slots] or [n, 1] where all slots share it."""
    return {
        **_places(inputs.arrays, scene),
        **_speakers(inputs.arrays, scene),
        **_likeness(inputs, scene),
        **_forms(inputs.wording, scene),
        **_names(inputs.wording, scene),
    }


def stacked(named: Named, there: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The slots that are there as rows: float32 [k, features], in the order of the names."""
    out = np.empty((int(there.sum()), len(named)), dtype=np.float32)
    for column, values in enumerate(named.values()):
        out[:, column] = np.broadcast_to(values, there.shape)[there]
    return out


def _minutes(later: NDArray[np.float64], earlier: NDArray[np.float64]) -> NDArray[np.float64]:
    """Minutes by the clock: public corpora tell no seconds, and what they taught must hold here."""
    return np.asarray(np.maximum(np.floor(later / 60.0) - np.floor(earlier / 60.0), 0.0))


def _places(a: TurnArrays, scene: Scene) -> Named:
    """How far back: minutes, turns, turns by others, own turns."""
    w = scene.windows
    lag = np.arange(w.turn.shape[1])[None, :]
    gap = _minutes(a.started[w.response][:, None], a.ended[w.turn])
    before = np.maximum(w.turn - 1, 0)
    follows = (w.turn > 0) & (a.conversation[before] == a.conversation[w.turn])
    return {
        "is_none": lag == 0,
        "minutes": np.log1p(gap),
        "turns": np.log1p(lag),
        "others_between": np.cumsum(scene.others, axis=1) - scene.others,
        "own_between": np.cumsum(scene.own, axis=1) - scene.own,
        "window": w.there.sum(axis=1, keepdims=True),
        "pause_before": np.where(follows, np.log1p(_minutes(a.started[w.turn], a.ended[before])), LONG_AGO),
    }


def _speakers(a: TurnArrays, scene: Scene) -> Named:
    """Who said it, how often they speak, who spoke around it."""
    w, speaker = scene.windows, scene.speaker
    slots = w.turn.shape[1]
    before = np.maximum(w.turn - 1, 0)
    follows = (w.turn > 0) & (a.conversation[before] == a.conversation[w.turn])
    after = np.minimum(w.turn + 1, w.response[:, None])
    inside = w.turn + 1 < w.response[:, None]
    between, count = np.zeros(w.turn.shape, np.float32), np.zeros(w.turn.shape, np.float32)
    for k in range(1, slots):
        same = (speaker[:, 1:] == speaker[:, k : k + 1]) & w.there[:, 1:]
        between[:, k] = same[:, : k - 1].sum(axis=1)
        count[:, k] = same.sum(axis=1)
    first = (between == 0) & (scene.own | scene.others)
    latest, spoke = scene.own_latest()
    at = w.response - latest
    lag = np.arange(slots)[None, :]
    # The other whom the responder had last spoken after: the partner of their running exchange.
    beyond = scene.others & (lag > latest[:, None]) & spoke[:, None]
    partner = np.where(beyond.any(axis=1), speaker[np.arange(len(at)), beyond.argmax(axis=1)], NOBODY)
    return {
        "own": scene.own,
        "speaker_between": between,
        "speaker_turns": count,
        "own_turns": scene.own.sum(axis=1, keepdims=True),
        "speakers_between": np.cumsum(first, axis=1) - first,
        "next_is_same": inside & (a.sender[after] == speaker),
        "next_is_own": inside & (a.sender[after] == speaker[:, :1]),
        "previous_is_same": follows & (a.sender[before] == speaker),
        "previous_is_own": follows & (a.sender[before] == speaker[:, :1]),
        "own_latest_turns": np.where(spoke, np.log1p(latest), LONG_AGO)[:, None],
        "own_latest_minutes": np.where(spoke, np.log1p(_minutes(a.started[w.response], a.started[at])), LONG_AGO)[
            :, None
        ],
        "after_own_latest": (lag < latest[:, None]) | ~spoke[:, None],
        "is_partner": (speaker == partner[:, None]) & (partner != NOBODY)[:, None],
    }


def _likeness(inputs: LinkInputs, scene: Scene) -> Named:
    """Likeness in meaning (cosines of the pairing encoder) and in words (rare in the window counts more)."""
    w, cosine, spoken = scene.windows, scene.cosine, scene.own | scene.others
    some = np.maximum(scene.others.sum(axis=1, keepdims=True), 1)
    mean = np.where(scene.others, cosine, 0.0).sum(axis=1, keepdims=True) / some
    latest, spoke = scene.own_latest()
    at = w.response - latest
    to_latest = np.where(spoken & spoke[:, None], cosines(inputs.vectors, w.turn, at), UNKNOWN)
    own_cosine = np.where(spoke, cosines(inputs.vectors, w.response[:, None], at)[:, 0], UNKNOWN)
    rare, shared = _shared_words(inputs.wording.words, w)
    length = inputs.wording.counts
    return {
        "same_segment": inputs.segments[w.turn] == inputs.segments[w.response][:, None],
        "cosine": cosine,
        "cosine_over_mean": np.where(spoken, cosine - mean, UNKNOWN),
        "cosine_rank": (-cosine).argsort(axis=1).argsort(axis=1),
        "cosine_best": np.where(scene.others, cosine, UNKNOWN).max(axis=1, keepdims=True),
        "cosine_to_own_latest": to_latest,
        "cosine_own_latest": own_cosine[:, None],
        "rare_words": rare,
        "words": shared,
        "words_share": shared / np.sqrt(length[w.turn] * length[w.response][:, None]),
        "rare_words_is_best": (rare == rare.max(axis=1, keepdims=True)) & (rare > 0),
        "rare_words_best": rare.max(axis=1, keepdims=True),
    }


def _shared_words(words: Any, w: Windows) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Content words that slot and response share: each counted 1 / (turns of the window that have it), and plainly."""
    from scipy.sparse import csr_matrix

    n, slots = w.turn.shape
    row, slot = np.nonzero(w.there)
    members = csr_matrix((np.ones(len(row), np.float32), (row, w.turn[row, slot])), shape=(n, words.shape[0]))
    said = csr_matrix(words[w.response])
    frequency = csr_matrix((members @ words).multiply(said))
    frequency.data = 1.0 / np.maximum(frequency.data, 1.0)
    candidate = csr_matrix(words[w.turn[row, slot]])
    rare, shared = np.zeros((n, slots), np.float32), np.zeros((n, slots), np.float32)
    rare[row, slot] = np.asarray(candidate.multiply(frequency[row]).sum(axis=1)).ravel()
    shared[row, slot] = np.asarray(candidate.multiply(said[row]).sum(axis=1)).ravel()
    rare[:, 0] = shared[:, 0] = 0.0
    return rare, shared


def _forms(wording: Wording, scene: Scene) -> Named:
    """The form of both sides."""
    w = scene.windows
    unanswered: NDArray[np.bool_] = np.cumsum(scene.own, axis=1) == scene.own
    return {
        "length": wording.log_length[w.turn],
        "answer_length": wording.log_length[w.response][:, None],
        **{form: wording.forms[form][w.turn] for form in FORMS},
        **{f"answer_{form}": wording.forms[form][w.response][:, None] for form in FORMS},
        "unanswered_question": wording.forms["question"][w.turn] & unanswered,
    }


def _names(wording: Wording, scene: Scene) -> Named:
    """Who names whom: the response, the candidate, and the turns of both before."""
    w, speaker = scene.windows, scene.speaker
    me = speaker[:, :1]
    addressed, named = wording.addressed[w.turn], wording.named[w.turn]
    whom, names = wording.addressed[w.response][:, None], wording.named[w.response]
    latest, spoke = scene.own_latest()
    names_latest = wording.named[w.response - latest]
    to_me = w.there & (addressed == me)
    from_me, from_them = np.zeros(w.turn.shape, np.float32), np.zeros(w.turn.shape, np.float32)
    if (addressed != NOBODY).any():
        for k in range(1, w.turn.shape[1]):
            they = speaker[:, k : k + 1]
            from_me[:, k] = (scene.own & (addressed == they)).sum(axis=1)
            from_them[:, k] = (to_me & (speaker == they)).sum(axis=1)

    def says(names: NDArray[np.int64], who: NDArray[np.int64]) -> NDArray[np.bool_]:
        return np.asarray((names == who[..., None]).any(axis=-1) & (who != NOBODY))

    return {
        "answer_addresses_them": (whom == speaker) & (whom != NOBODY),
        "answer_names_them": says(names[:, None, :], speaker),
        "answer_names_some": (names[:, :1] != NOBODY),
        "answer_addresses_some": whom != NOBODY,
        "addresses_me": to_me,
        "names_me": says(named, np.broadcast_to(me, speaker.shape)),
        "addresses_some": addressed != NOBODY,
        "names_some": named[:, :, 0] != NOBODY,
        "same_addressee": (addressed == whom) & (whom != NOBODY),
        "own_latest_names_them": says(names_latest[:, None, :], speaker) & spoke[:, None],
        "addressed_by_me": from_me,
        "addressed_me": from_them,
        "latest_to_me": to_me & (np.cumsum(to_me, axis=1) == 1),
        "to_me_since": np.cumsum(to_me, axis=1) - to_me,
    }
