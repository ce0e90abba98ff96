"""The reply-link model: for each turn, how probably it answers each turn of its window, or none of them.

Two forests. The first judges every link by itself; the second sees what the first guessed of the turns before and so
who is talking to whom. Its scores become probabilities by a softmax over the window and a Platt scale fitted on links
that neither forest saw. What the numbers are made of belongs to ``evidence`` and ``exchanges``.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from jarvis_assets.pairs.links.evidence import Scene, evidence, stacked
from jarvis_assets.pairs.links.exchanges import Guesses, exchanges
from jarvis_assets.pairs.links.fitting import platt, threshold_for
from jarvis_assets.pairs.links.forest import Forest
from jarvis_assets.pairs.links.inputs import LinkInputs
from jarvis_assets.pairs.links.weights import logit, sigmoid
from jarvis_assets.pairs.links.windows import REACH, Windows, reached

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

BLOCK = 2_048
"""Responses looked at together: 2,048 windows of 41 slots are 84,000 rows of some 90 numbers, 30 MB."""
ALWAYS_SEEN, SEEN_SHARE = 7, 0.25
"""Slots of which learning sees all, and the share of the others (weighted up for it): far slots are much alike."""
GUESSING_TREES = 150
"""Trees of the first forest."""
_NEVER = -1e4


@dataclass(frozen=True)
class Known:
    """One history and what is known of its links: ``links`` has response and trigger (rows of the turns table).

    Trigger −1: it is known to answer none. A response may answer several turns, its own earlier ones included.
    """

    inputs: LinkInputs
    links: pd.DataFrame

    def responses(self) -> NDArray[np.int64]:
        """The responses, each once, in order."""
        return np.unique(self.links["response"].to_numpy(dtype=np.int64))

    def truth(self, windows: Windows) -> NDArray[np.bool_]:
        """[n, slots]: which slots each response answers; slot 0 where it answers none, or none in reach."""
        found = np.zeros(windows.turn.shape, dtype=bool)
        row = np.searchsorted(windows.response, self.links["response"].to_numpy(dtype=np.int64))
        row = np.minimum(row, len(windows.response) - 1)
        at_home = windows.response[row] == self.links["response"].to_numpy(dtype=np.int64)
        trigger = self.links["trigger"].to_numpy(dtype=np.int64)
        lag = self.links["response"].to_numpy(dtype=np.int64) - trigger
        inside = at_home & (trigger >= 0) & (lag > 0) & (lag < windows.turn.shape[1])
        found[row[inside], lag[inside]] = True
        found &= windows.there
        found[:, 0] = ~found[:, 1:].any(axis=1)
        return found


@dataclass(frozen=True)
class Best:
    """The best turn by another of each of n responses (−1: none in reach), and its raw probability.

    ``answers``: raw probability that the response answers any turn by another.
    """

    trigger: NDArray[np.int64]
    share: NDArray[np.float64]
    answers: NDArray[np.float64]


@dataclass(frozen=True)
class Ranker:
    """Two forests and the calibration of what they say together."""

    guessing: Forest
    deciding: Forest
    slope: float = 1.0
    intercept: float = 0.0
    threshold: float = 0.5
    """Probability of a link below which there is no pair."""
    provenance: str = ""

    def guesses(self, inputs: LinkInputs, responses: NDArray[np.int64]) -> Guesses:
        """First guesses at the links of ``responses`` and of the turns in their windows; of others nothing is guessed."""
        return Guesses.of(_guessed(self.guessing, inputs, reached(inputs.arrays, responses)))

    def shares(
        self, inputs: LinkInputs, responses: NDArray[np.int64], guesses: Guesses | None = None
    ) -> Iterator[tuple[Windows, Scene, NDArray[np.float32]]]:
        """Windows, scenes and raw probabilities [n, slots] of ``responses``, block by block."""
        guesses = guesses or self.guesses(inputs, responses)
        for windows, scene, named in _blocks(inputs, responses, guesses):
            self.deciding.require(tuple(named))
            yield windows, scene, _softmax(_scores(self.deciding, named, windows.there))

    def best(self, inputs: LinkInputs, responses: NDArray[np.int64]) -> Best:
        """Of each response, the likeliest turn by another, and its raw probability."""
        trigger, share, answers = [np.empty(0, np.int64)], [np.empty(0)], [np.empty(0)]
        for windows, scene, shares in self.shares(inputs, responses):
            theirs = np.where(scene.others, shares, -1.0)
            slot = theirs.argmax(axis=1)
            top = theirs[np.arange(len(slot)), slot]
            trigger.append(np.where(top >= 0, windows.response - slot, -1))
            share.append(np.maximum(top, 0.0).astype(np.float64))
            answers.append(np.where(scene.others, shares, 0.0).sum(axis=1, dtype=np.float64))
        return Best(np.concatenate(trigger), np.concatenate(share), np.concatenate(answers))

    def confidence(self, share: NDArray[np.float64]) -> NDArray[np.float64]:
        """The calibrated probability of links of raw probability ``share``; 0 where there is none."""
        return np.asarray(np.where(share > 0, sigmoid(self.slope * logit(share) + self.intercept), 0.0))

    def to_bytes(self) -> bytes:
        """The ranker as one file: NumPy's archive of the two ONNX graphs and a JSON text. No pickle."""
        about = {
            "features": [self.guessing.features, self.deciding.features],
            "calibration": [self.slope, self.intercept, self.threshold],
            "provenance": self.provenance,
        }
        first, second, about_them = (
            np.frombuffer(part, np.uint8)
            for part in (self.guessing.graph, self.deciding.graph, json.dumps(about).encode())
        )
        buffer = io.BytesIO()
        np.savez_compressed(buffer, guessing=first, deciding=second, about=about_them)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Ranker:
        """The ranker of such a file."""
        with np.load(io.BytesIO(data), allow_pickle=False) as parts:
            about: dict[str, Any] = json.loads(parts["about"].tobytes())
            first, second = (tuple(names) for names in about["features"])
            slope, intercept, threshold = about["calibration"]
            return cls(
                Forest(first, parts["guessing"].tobytes()),
                Forest(second, parts["deciding"].tobytes()),
                slope=slope,
                intercept=intercept,
                threshold=threshold,
                provenance=about["provenance"],
            )


def fit(sources: Sequence[Known], *, provenance: str = "", progress: Callable[[str], None] = lambda _: None) -> Ranker:
    """Both forests, learned from known links; not yet calibrated."""
    shares = guesses_of_the_other_half(sources, progress)
    progress("links: learning to guess")
    guessing = _forest([(source, None) for source in sources], GUESSING_TREES)
    progress("links: learning to decide")
    deciding = _forest([(source, Guesses.of(share)) for source, share in zip(sources, shares, strict=True)])
    return Ranker(guessing, deciding, provenance=provenance)


def guesses_of_the_other_half(
    sources: Sequence[Known], progress: Callable[[str], None] = lambda _: None
) -> list[NDArray[np.float32]]:
    """First guesses [turns, slots] for each source, by a forest that never saw the conversation they are about.

    Two halves of the conversations guess at each other: from guesses as good as those it learned from, the second forest
    would learn to trust them too much.
    """
    shares: list[NDArray[np.float32]] = [
        np.zeros((len(source.inputs.arrays.sender), REACH + 1), np.float32) for source in sources
    ]
    for half in (0, 1):
        progress(f"links: learning to guess, half {half + 1} of 2")
        forest = _forest([(known, None) for known in _halves(sources, half)], GUESSING_TREES)
        for source, share in zip(sources, shares, strict=True):
            rows = reached(source.inputs.arrays, source.responses())
            rows = rows[_half(source.inputs)[rows] != half]
            share[rows] = _guessed(forest, source.inputs, rows)[rows]
    return shares


def with_calibration(ranker: Ranker, best: Best, right: NDArray[np.bool_], *, precision: float) -> Ranker:
    """``ranker`` with a Platt scale and a threshold from links that it did not learn from.

    The threshold is the lowest at which the links kept are expected to be right with ``precision``.
    """
    has = best.trigger >= 0
    slope, intercept = platt(best.share[has], right[has])
    scaled = replace(ranker, slope=slope, intercept=intercept)
    threshold = threshold_for(scaled.confidence(best.share[has]), precision)
    return scaled if threshold is None else replace(scaled, threshold=threshold)


def _half(inputs: LinkInputs) -> NDArray[np.int64]:
    return np.asarray(inputs.arrays.conversation % 2, dtype=np.int64)


def _halves(sources: Sequence[Known], half: int) -> list[Known]:
    """The sources' links in one half of the conversations."""
    return [
        Known(source.inputs, source.links[_half(source.inputs)[source.links["response"].to_numpy()] == half])
        for source in sources
    ]


def _forest(sources: Sequence[tuple[Known, Guesses | None]], trees: int | None = None) -> Forest:
    """A forest learned from the links of ``sources``; with guesses, from exchanges too."""
    draw = np.random.default_rng(0)
    names: tuple[str, ...] = ()
    parts: list[tuple[NDArray[Any], ...]] = []
    for known, guesses in sources:
        for windows, _, named in _blocks(known.inputs, known.responses(), guesses):
            names = tuple(named)
            truth = known.truth(windows)
            near = np.broadcast_to(np.arange(truth.shape[1]) < ALWAYS_SEEN, truth.shape) | truth
            seen = windows.there & (near | (draw.random(truth.shape) < SEEN_SHARE))
            weight = np.where(near, 1.0, 1.0 / SEEN_SHARE)[seen]
            parts.append((stacked(named, seen), truth[seen], weight.astype(np.float32)))
    rows, positive, weight = (np.concatenate(column) for column in zip(*parts, strict=True))
    del parts
    return Forest.fit(names, rows, positive, weight, **({"trees": trees} if trees else {}))


def _blocks(
    inputs: LinkInputs, responses: NDArray[np.int64], guesses: Guesses | None
) -> Iterator[tuple[Windows, Scene, dict[str, NDArray[Any]]]]:
    """Windows, scenes and features of ``responses``, ``BLOCK`` at a time."""
    for begin in range(0, len(responses), BLOCK):
        windows = Windows.of(inputs.arrays, responses[begin : begin + BLOCK])
        scene = Scene.of(inputs, windows)
        named = evidence(inputs, scene)
        if guesses is not None:
            named |= exchanges(guesses, scene)
        yield windows, scene, named


def _scores(forest: Forest, named: dict[str, NDArray[Any]], there: NDArray[np.bool_]) -> NDArray[np.float32]:
    out = np.full(there.shape, np.float32(_NEVER))
    out[there] = forest.score(stacked(named, there))
    return out


def _softmax(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities of the slots of each window."""
    weight = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))


def _guessed(forest: Forest, inputs: LinkInputs, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """First guesses [turns, slots], filled in for ``rows``; elsewhere all zero."""
    share = np.zeros((len(inputs.arrays.sender), REACH + 1), np.float32)
    for windows, _, named in _blocks(inputs, rows, None):
        forest.require(tuple(named))
        share[windows.response] = _softmax(_scores(forest, named, windows.there))
    return share
