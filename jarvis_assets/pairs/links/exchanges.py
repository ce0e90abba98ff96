"""Who is talking to whom, from first guesses at the links of the turns before a response.

A first model guesses each turn's link by itself; these numbers tell the second what the guesses say together: whether a
candidate was itself an answer to the responder, whether somebody has answered it since, whose exchange the responder is
in. Only turns before the response are looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jarvis_assets.pairs.links.evidence import Scene

DECAY = 0.9
"""What an exchange counts for with each turn that has passed since."""


@dataclass(frozen=True)
class Guesses:
    """First guesses at the links of a turns table of n turns.

    ``share`` [n, slots]: probability of each slot of a turn's window (0: none). ``talk`` [n]: a number for the talk
    that the turn belongs to when every turn is linked to its likeliest slot.
    """

    share: NDArray[np.float32]
    talk: NDArray[np.int64]

    @classmethod
    def of(cls, share: NDArray[np.float32]) -> Guesses:
        """Guesses from the probabilities of the slots."""
        back = share.argmax(axis=1).tolist()
        talk = list(range(len(back)))
        # A loop over turns: each takes over the talk of the turn that it answers, which came before.
        for row, lag in enumerate(back):
            if lag:
                talk[row] = talk[row - lag]
        return cls(share, np.array(talk, dtype=np.int64))


def exchanges(guesses: Guesses, scene: Scene) -> dict[str, NDArray[Any]]:
    """Numbers by name, each [n, slots] or [n, 1]."""
    return {**_flows(guesses, scene), **_talks(guesses, scene)}


def _flows(guesses: Guesses, scene: Scene) -> dict[str, NDArray[Any]]:
    """Answers guessed to run between the turns of the window."""
    w, speaker = scene.windows, scene.speaker
    n, slots = w.turn.shape
    spoken = (scene.own | scene.others).astype(np.float32)
    shape = (n, slots)
    answered, by_me, by_same, lately_by_me = (np.zeros(shape, np.float32) for _ in range(4))
    to_me, to_same = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    width = guesses.share.shape[1]
    for k in range(1, slots - 1):
        until = min(slots, k + width)
        flow = guesses.share[w.turn[:, k], 1 : until - k] * spoken[:, k + 1 : until] * spoken[:, k : k + 1]
        mine = scene.own[:, k : k + 1]
        same = speaker[:, k + 1 : until] == speaker[:, k : k + 1]
        answered[:, k + 1 : until] += flow
        by_me[:, k + 1 : until] += flow * mine
        lately_by_me[:, k + 1 : until] += flow * mine * DECAY**k
        by_same[:, k + 1 : until] += flow * same
        to_me[:, k] = (flow * scene.own[:, k + 1 : until]).sum(axis=1)
        to_same[:, k] = (flow * same).sum(axis=1)
    to_them, to_me_by_them = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    lately_to_me = to_me * DECAY ** np.arange(slots)[None, :]
    for k in range(1, slots):
        same = speaker == speaker[:, k : k + 1]
        to_them[:, k] = (lately_by_me * same).sum(axis=1)
        to_me_by_them[:, k] = (lately_to_me * same).sum(axis=1)
    others_to_me = np.where(scene.others, to_me, 0.0)
    return {
        "answers_me": to_me,
        "answers_same": to_same,
        "answers_none": guesses.share[w.turn, 0] * spoken,
        "answered": answered,
        "answered_by_me": by_me,
        "answered_by_same": by_same,
        "i_answer_them": to_them,
        "they_answer_me": to_me_by_them,
        "to_me_answered_since": np.cumsum(others_to_me, axis=1) - others_to_me,
    }


def _talks(guesses: Guesses, scene: Scene) -> dict[str, NDArray[Any]]:
    """The talk that a candidate belongs to: whether it is mine, how it goes on, how like the response it is."""
    w = scene.windows
    spoken = scene.own | scene.others
    talk = np.where(spoken, guesses.talk[w.turn], -1)
    latest, spoke = scene.own_latest()
    mine = guesses.talk[w.response - latest][:, None]
    shape = w.turn.shape
    newest, size, has_me = np.zeros(shape, bool), np.zeros(shape, np.float32), np.zeros(shape, bool)
    mean, best = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for k in range(1, shape[1]):
        same = (talk == talk[:, k : k + 1]) & spoken
        newest[:, k] = ~same[:, 1:k].any(axis=1)
        size[:, k] = same.sum(axis=1)
        has_me[:, k] = (same & scene.own).any(axis=1)
        mean[:, k] = np.where(same, scene.cosine, 0.0).sum(axis=1)
        best[:, k] = np.where(same, scene.cosine, -1.0).max(axis=1)
    return {
        "talk_is_mine": np.where(spoke[:, None], talk == mine, 0.5),
        "talk_newest": newest,
        "talk_size": size,
        "talk_has_me": has_me,
        "talk_cosine": mean / np.maximum(size, 1.0),
        "talk_cosine_best": best,
    }
