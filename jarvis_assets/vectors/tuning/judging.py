"""Whether a tuned encoder is better than its base: the same questions to both, and the holdout's answer.

All questions are drawn before anything is trained. 1-of-100 and ROUGE are judged by what was really said; the measures
whose judge is an encoder name it, and where that is the base itself they speak for the base.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from jarvis_assets.evaluation import measures as replies
from jarvis_assets.evaluation.measures import Bootstrap, Interval
from jarvis_assets.vectors.tuning import measures

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from jarvis_assets.vectors.tuning.examples import Examples, Exchanges, Talk

    Embed = Callable[[Sequence[str]], NDArray[np.float32]]
    Belief = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float64]]

HOLDOUT, NEWCOMERS, UNSEEN = "holdout", "new people", "both"
TRUTH, REFERENCE, SEGMENTS = "what was said", "pairing encoder", "segments cut with the pairing encoder"
RECALL, MRR = "recall_at_1", "mrr"
TOP1, TOP5, ROUGE = "nearest_top1_match", "nearest_top5_match", "nearest_rouge_3x"
CORRELATION = "trigger_correlation"
QUALITY = "quality_recognised"
PREVIOUS = "recall_at_1_against_previous"
_RANKED, _OPTIONS = 5, 3
"""Nearest messages looked at, and how many of their replies would be shown: as everywhere in the evaluation."""
_HISTORY = 3_000
"""Most train messages that the nearest is looked for among."""
_TURN_PAIRS = 500
"""Most pairs of turns behind each similarity."""
_RANDOM_ROUNDS = 10
"""Random partners of each message behind the correlation."""

Answers = dict[tuple[str, str], "NDArray[np.float64]"]
"""By (measure, asked): a value for each thing asked, NaN where it does not apply."""


@dataclass(frozen=True)
class Alike:
    """Pairs of texts that should be alike, each beside one that should not: rows into ``texts``."""

    name: str
    asked: str
    texts: list[str]
    conversation: NDArray[np.object_]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    beside: NDArray[np.int64]

    def answers(self, vectors: NDArray[np.float32]) -> Answers:
        """Cosines of the pairs, their floor, and whether the pair is the more alike, from the vectors of ``texts``."""
        same = measures.cosines(vectors, self.left, self.right)
        floor = measures.cosines(vectors, self.left, self.beside)
        found = {"similarity": same, "floor": floor, "recognised": (same > floor).astype(np.float64)}
        return {(f"{self.name}_{part}", self.asked): values for part, values in found.items()}


class Questions:
    """Everything that base and tuned encoder are asked."""

    def __init__(self, examples: Examples, reference: Embed, *, seed: int) -> None:
        """``reference``: texts to unit vectors under the pairing encoder, the judge where one is needed."""
        rng = np.random.default_rng(seed)
        self._sides = {HOLDOUT: examples.holdout, NEWCOMERS: examples.newcomers}
        self._others = {asked: measures.other_replies(side.reply_key, rng) for asked, side in self._sides.items()}
        self._alike = [
            _turns_alike("thread", examples.newcomer_talk, examples.newcomer_talk.segment, rng),
            _turns_alike("inline_thread", examples.newcomer_talk, examples.newcomer_talk.thread, rng),
            _triggers_alike(examples.holdout, examples.newcomers, rng),
        ]
        kept = rng.permutation(len(examples.train))[:_HISTORY]
        self._history = examples.train.take(kept)
        real, known = (reference(list(side.replies)) for side in (examples.holdout, self._history))
        self._threshold = replies.random_pairs(known, real, seed=seed).match_threshold
        self._real, self._known = real, known
        n = len(examples.holdout)
        self._strangers = (np.arange(n)[:, None] + rng.integers(1, max(n, 2), size=(n, _RANDOM_ROUNDS))) % n
        self._reply_cosine = np.einsum("nd,nkd->nk", real, real[self._strangers])
        self._bootstraps = {asked: Bootstrap(side.conversation, seed=seed) for asked, side in self._sides.items()} | {
            alike.name: Bootstrap(alike.conversation[alike.left], seed=seed) for alike in self._alike
        }
        self._random_pairs = Bootstrap(np.repeat(examples.holdout.conversation, _RANDOM_ROUNDS), seed=seed)

    def ask(self, embed: Embed, belief: Belief = replies.reply_similarity) -> Answers:
        """What the encoder ``embed`` answers; ``belief``: how much two rows of vectors look like a real pair."""
        known = self._every_text()
        rows = {text: row for row, text in enumerate(known)}
        every = embed(known)

        def vectors_of(texts: Iterable[str]) -> NDArray[np.float32]:
            return every[[rows[text] for text in texts]]

        found: Answers = {}
        for asked, side in self._sides.items():
            triggers, real = vectors_of(side.triggers), vectors_of(side.replies)
            rank = measures.ranks(triggers, real, self._others[asked])
            found[RECALL, asked] = np.where(np.isnan(rank), np.nan, rank == 1)
            found[MRR, asked] = 1 / rank
            stranger = self._others[asked][:, 0]
            sure = (belief(triggers, real) > belief(triggers, real[stranger])).astype(np.float64)
            found[QUALITY, asked] = np.where(stranger < 0, np.nan, sure)
        triggers = vectors_of(self._sides[HOLDOUT].triggers)
        found |= self._nearest(measures.nearest(triggers, vectors_of(self._history.triggers), _RANKED))
        found[CORRELATION, HOLDOUT] = np.einsum("nd,nkd->nk", triggers, triggers[self._strangers]).ravel()
        for alike in self._alike:
            found |= alike.answers(vectors_of(alike.texts))
        return found

    def _every_text(self) -> list[str]:
        """All that is asked, each text once."""
        sides = [texts for side in self._sides.values() for texts in (side.triggers, side.replies)]
        return list(dict.fromkeys(chain(*sides, self._history.triggers, *(alike.texts for alike in self._alike))))

    def _nearest(self, rows: NDArray[np.int64]) -> Answers:
        """What the replies to the nearest messages of the history [asked, ranks] are worth."""
        cosine = np.einsum("nd,nkd->nk", self._real, self._known[rows]).astype(np.float64)
        match = {name: replies.semantic_match_at_k(cosine, self._threshold, k) for name, k in ((TOP1, 1), (TOP5, 5))}
        options = [list(dict.fromkeys(texts))[:_OPTIONS] for texts in self._history.replies[rows].tolist()]
        rouge = replies.rouge_3x(options, self._sides[HOLDOUT].replies.tolist())
        return {(name, HOLDOUT): values.astype(np.float64) for name, values in (*match.items(), (ROUGE, rouge))}

    def compare(self, recipe: str, before: Answers, after: Answers) -> pd.DataFrame:
        """Before, after and their difference, each with its interval; a row for each measure."""
        return pd.DataFrame([self._row(recipe, *key, before[key], after[key]) for key in after])

    def _row(
        self, recipe: str, measure: str, asked: str, before: NDArray[np.float64], after: NDArray[np.float64]
    ) -> dict[str, Any]:
        if measure == CORRELATION:
            truth = self._reply_cosine.ravel()
            was, is_now = (self._random_pairs.correlation(values, truth) for values in (before, after))
            change = Interval(is_now.value - was.value, np.nan, np.nan, is_now.count)
            return _row(recipe, measure, asked, was, is_now, change)
        name = measure.rsplit("_", 1)[0]
        bootstrap = self._bootstraps[name if name in self._bootstraps else asked]
        was, is_now, change = (bootstrap.mean(values) for values in (before, after, after - before))
        return _row(recipe, measure, asked, was, is_now, change)


def _turns_alike(name: str, talk: Talk, group: NDArray[np.int64], rng: np.random.Generator) -> Alike:
    left, right, beside = measures.pairs_within(group, talk.conversation, rng, _TURN_PAIRS)
    rows, numbers = np.unique(np.concatenate([left, right, beside]), return_inverse=True)
    return Alike(name, NEWCOMERS, talk.texts[rows].tolist(), talk.conversation[rows], *np.split(numbers, 3))


def _triggers_alike(holdout: Exchanges, newcomers: Exchanges, rng: np.random.Generator) -> Alike:
    """Messages whose replies mean the same, of both sides; beside one whose reply does not."""
    triggers, conversation, reply, trigger = (
        np.concatenate([getattr(side, name) for side in (holdout, newcomers)])
        for name in ("triggers", "conversation", "reply_key", "trigger_key")
    )
    # A pair may be on both sides; a message is asked for once with each reply.
    _, once = np.unique(np.stack([trigger, reply]), axis=1, return_index=True)
    triggers, conversation, reply = triggers[once], conversation[once], reply[once]
    left, right, beside = measures.pairs_within(reply, reply, rng, _TURN_PAIRS)
    return Alike("trigger", UNSEEN, triggers.tolist(), conversation, left, right, beside)


JUDGES = {
    RECALL: TRUTH, MRR: TRUTH, PREVIOUS: TRUTH, ROUGE: TRUTH, TOP1: REFERENCE, TOP5: REFERENCE, CORRELATION: REFERENCE,
    QUALITY: TRUTH, "thread": SEGMENTS, "inline_thread": TRUTH, "trigger": TRUTH,
}  # fmt: skip
"""What a measure, or a group of three, is judged by."""


def _row(
    recipe: str, measure: str, asked: str, before: Interval, after: Interval, difference: Interval
) -> dict[str, Any]:
    return {
        "recipe": recipe,
        "measure": measure,
        "asked": asked,
        "judge": JUDGES.get(measure) or JUDGES[measure.rsplit("_", 1)[0]],
        "before": before.value,
        "before_low": before.low,
        "before_high": before.high,
        "after": after.value,
        "after_low": after.low,
        "after_high": after.high,
        "difference": difference.value,
        "low": difference.low,
        "high": difference.high,
        "count": after.count,
    }


@dataclass(frozen=True)
class Verdict:
    """Whether to keep a tuned encoder, and the sentence that says why."""

    kept: bool
    reason: str


def judge(compared: pd.DataFrame) -> Verdict:
    """Keep it if the holdout says that it finds replies better and does not look messages up worse.

    ``compared``: the rows of one recipe. Better: the whole interval of 1-of-100's difference lies above 0. Worse: the whole
    interval of ROUGE over the nearest messages' replies, or of the difference from the tuned encoder that it would
    replace, lies below 0.
    """
    rows = compared[compared["asked"] == HOLDOUT].set_index("measure")
    gain = rows.loc[RECALL]
    said = f"1-of-100 on the holdout {gain['before']:.3f} before, {gain['after']:.3f} after, difference {_range(gain)}"
    if not gain["low"] > 0:
        return Verdict(False, f"not kept: {said}, which does not show that it is better")
    for measure, what in ((ROUGE, "replies of the nearest messages are worse"), (PREVIOUS, "the one before is better")):
        if measure in rows.index and rows.loc[measure, "high"] < 0:
            return Verdict(False, f"not kept: {said}, but {what}, difference {_range(rows.loc[measure])}")
    return Verdict(True, f"kept: {said}")


def _range(row: pd.Series[Any]) -> str:
    return f"{row['difference']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]"


def against_previous(questions: Questions, recipe: str, previous: Answers, after: Answers) -> pd.DataFrame:
    """The row that compares with the tuned encoder that is there already."""
    key = (RECALL, HOLDOUT)
    return questions.compare(recipe, {key: previous[key]}, {key: after[key]}).assign(measure=PREVIOUS)
