"""The holdout evaluation: every system on the same messages, every measure with its interval.

``divide`` says which pairs are asked, which are history and which tune; ``evaluate`` turns the systems' answers into the
table ``holdout_evaluation``. Nothing here makes an answer (``baselines.py`` and serving do), defines a measure
(``measures.py`` does) or judges what the figures mean for a release (``gate.py`` does).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from jarvis_assets.evaluation import baselines, measures
from jarvis_assets.evaluation.baselines import OPTIONS, RANKED, Answers
from jarvis_assets.evaluation.measures import Bootstrap, Interval
from jarvis_resources import tables
from jarvis_serving.one_thread import one_thread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Embed = Callable[[Sequence[str]], NDArray[np.float32]]

ANSWERED = "answered"
TOP1 = "top1_match"
TOP5 = "top5_match"
ROUGE = "rouge_3x"
SELF_ROUGE = "self_rouge"
SIMILARITY = "reply_similarity"
FLOOR = "similarity_floor"
BEST_OF_3 = "best_of_3_similarity"
SCORE_R = "score_correlation"
MATCH_THRESHOLD = "match_threshold"
LIFT = "top5_lift"
AGAINST_PREVIOUS = "top5_against_previous"
MEASURES: dict[str, str] = {
    ANSWERED: "share of messages answered",
    TOP1: "share of messages whose first reply matches the real one",
    TOP5: "share of messages with a match among the first five",
    ROUGE: "ROUGE best of three, 0–100; no option counts 0",
    SELF_ROUGE: "ROUGE among the options, 0–100; lower is more diverse",
    SIMILARITY: "cosine of the first reply and the real one, where answered",
    FLOOR: "cosine of the same first replies and other messages' real replies",
    BEST_OF_3: "cosine of the nearest option and the real reply, where answered",
    SCORE_R: "correlation of the system's score and the cosine of its first reply",
}
"""Measures that every system gets, in the order of the report; the rest of the names belong to single rows."""

RANDOM_PAIRS = "random pairs"
"""The row that holds the similarity floor and the match threshold."""

TRIGGER_BUCKETS: tuple[tuple[float, float], ...] = ((0.9, 1.01), (0.8, 0.9), (0.7, 0.8), (0.6, 0.7), (-1.01, 0.6))
"""Cosine of the nearest trigger in the history: the founding documents' buckets."""

_FLOOR_ROUNDS = 20
"""Other messages' replies that each reply is held against for the floor."""
_FLOOR_HISTORY = 5_000
"""Train replies behind the random-pair floor: enough for its third digit, few to embed."""


@dataclass(frozen=True)
class Sides:
    """Rows of ``pairs`` (int64) on each side of a split; a pair that was set aside is on none."""

    train: NDArray[np.int64]
    dev: NDArray[np.int64]
    holdout: NDArray[np.int64]
    """The messages asked: at most the limit, chosen by hash, in the order of ``pairs``."""


def divide(
    pairs: pd.DataFrame, splits: pd.DataFrame, *, strategy: str = "split_pair", limit: int | None = None
) -> Sides:
    """Rows of ``pairs`` by side of ``strategy`` (a column of pair_splits), the holdout cut to ``limit`` pairs by hash.

    A pair without a row in ``splits`` is on no side. The pairs asked stay the same as the history grows, but for those
    that newcomers with a smaller hash push out.
    """
    side = pairs["pair_id"].map(splits.set_index("pair_id")[strategy]).to_numpy(object)
    train, dev, asked = (np.flatnonzero(side == name) for name in tables.SPLITS)
    if limit is not None and len(asked) > limit:
        # pair_id is a hash itself; its tail is independent of whatever prefix chose the side.
        tail = pairs["pair_id"].iloc[asked].str[-16:].to_numpy(object)
        asked = np.sort(asked[np.argsort(tail, kind="stable")[:limit]])
    return Sides(train, dev, asked)


@one_thread()
def evaluate(
    pairs: pd.DataFrame,
    splits: pd.DataFrame,
    answers: Mapping[str, Answers],
    embed: Embed,
    *,
    strategy: str = "split_pair",
    limit: int | None = None,
    trigger_scores: NDArray[np.float64] | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Table HOLDOUT_EVALUATION: each system's measures on the messages of ``divide(pairs, splits, …).holdout``.

    ``answers``: by system, one answer per message, in that order (ValueError otherwise). ``embed``: texts to unit rows
    under the reference encoder, the same for every partition, or similarities could not be compared.
    ``trigger_scores``: cosine of each message with the nearest trigger of the history, for the buckets; NaN = none.
    Intervals: 1,000 bootstrap resamples over conversations. An empty holdout gives an empty table.
    """
    sides = divide(pairs, splits, strategy=strategy, limit=limit)
    asked = pairs.iloc[sides.holdout]
    for system, given in answers.items():
        if len(given.ranked) != len(asked):
            raise ValueError(f"{system} answers {len(given.ranked)} messages, the holdout has {len(asked)}")
    if asked.empty:
        return tables.HOLDOUT_EVALUATION.empty()
    real = asked["response_text"].tolist()
    draw = np.random.default_rng(seed)
    history_rows = draw.permutation(sides.train)[:_FLOOR_HISTORY]
    history = pairs["response_text"].iloc[history_rows].tolist() or real
    known = _Vectors.of(
        [real, history, *([text for texts in a.ranked + a.options for text in texts] for a in answers.values())], embed
    )
    truth = known.rows(real)
    chance = measures.random_pairs(known.rows(history), truth, seed=seed)
    bootstrap = Bootstrap(asked["conversation_id"].to_numpy(object), seed=seed)
    rows = [
        _row(RANDOM_PAIRS, SIMILARITY, bootstrap.mean(_against_others(known.rows(history), truth, draw))),
        _row(RANDOM_PAIRS, MATCH_THRESHOLD, Interval(chance.match_threshold, np.nan, np.nan, len(real))),
    ]
    top5: dict[str, NDArray[np.float64]] = {}
    for system, given in answers.items():
        found = _per_message(given, real, known, truth, chance.match_threshold, draw)
        rows += [_row(system, name, bootstrap.mean(values)) for name, values in found.items()]
        top5[system] = found[TOP5]
        if given.scores is not None:
            rows.append(_row(system, SCORE_R, bootstrap.correlation(given.scores, found[SIMILARITY])))
        if trigger_scores is not None:
            rows += _by_bucket(system, found[SIMILARITY], trigger_scores, bootstrap)
    rows += _comparisons(top5, bootstrap)
    return tables.HOLDOUT_EVALUATION.conform(pd.DataFrame(rows))


def bucket_name(low: float, high: float) -> str:
    """Name of a trigger-score bucket's measure."""
    span = f">={low:.1f}" if high > 1 else f"<{high:.1f}" if low < -1 else f"{low:.1f}-{high:.1f}"
    return f"{SIMILARITY}@trigger{span}"


@dataclass(frozen=True)
class _Vectors:
    """Every text of the evaluation, embedded once."""

    known: dict[str, int]
    vectors: NDArray[np.float32]

    @classmethod
    def of(cls, groups: Sequence[Sequence[str]], embed: Embed) -> _Vectors:
        known: dict[str, int] = {}
        for texts in groups:
            for text in texts:
                known.setdefault(text, len(known))
        return cls(known, np.asarray(embed(list(known)), np.float32))

    def rows(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self.vectors[[self.known[text] for text in texts]]

    def similarity(self, replies: list[list[str]], truth: NDArray[np.float32], width: int) -> NDArray[np.float64]:
        """Cosine of each message's first ``width`` replies with its real one: [messages, width], NaN = no reply."""
        numbers = np.full((len(replies), width), -1, np.int64)
        for message, texts in enumerate(replies):
            row = [self.known[text] for text in texts[:width]]
            numbers[message, : len(row)] = row
        out = np.full(numbers.shape, np.nan)
        for rank in range(width):
            given = np.flatnonzero(numbers[:, rank] >= 0)
            out[given, rank] = measures.reply_similarity(self.vectors[numbers[given, rank]], truth[given])
        return out


def _per_message(
    given: Answers,
    real: list[str],
    known: _Vectors,
    truth: NDArray[np.float32],
    threshold: float,
    draw: np.random.Generator,
) -> dict[str, NDArray[np.float64]]:
    """Each measure's value for each message; NaN where the measure does not apply."""
    ranked = known.similarity(given.ranked, truth, RANKED)
    shown = known.similarity(given.options, truth, OPTIONS)
    answered = np.array([bool(texts) for texts in given.options], np.float64)
    first = np.flatnonzero([bool(texts) for texts in given.ranked])
    floor = np.full(len(real), np.nan)
    floor[first] = _against_others(known.rows([given.ranked[row][0] for row in first]), truth, draw, first)
    nearest = np.where(np.isnan(shown), -np.inf, shown).max(axis=1)
    return {
        ANSWERED: answered,
        TOP1: measures.semantic_match_at_k(ranked, threshold, 1).astype(np.float64),
        TOP5: measures.semantic_match_at_k(ranked, threshold, RANKED).astype(np.float64),
        ROUGE: measures.rouge_3x(given.options, real),
        SELF_ROUGE: measures.self_rouge(given.options),
        SIMILARITY: ranked[:, 0],
        FLOOR: floor,
        BEST_OF_3: np.where(np.isfinite(nearest), nearest, np.nan),
    }


def _against_others(
    replies: NDArray[np.float32],
    truth: NDArray[np.float32],
    draw: np.random.Generator,
    own: NDArray[np.int64] | None = None,
) -> NDArray[np.float64]:
    """Mean cosine with other messages' real replies: of each reply where ``own`` names its message, else of each truth."""
    if own is None:
        rounds = [
            measures.reply_similarity(truth, replies[draw.integers(len(replies), size=len(truth))])
            for _ in range(_FLOOR_ROUNDS)
        ]
    elif len(truth) < 2 or not len(own):
        return np.full(len(own), np.nan)
    else:
        rounds = [
            measures.reply_similarity(replies, truth[(own + draw.integers(1, len(truth), size=len(own))) % len(truth)])
            for _ in range(_FLOOR_ROUNDS)
        ]
    return np.asarray(np.mean(rounds, axis=0))


def _by_bucket(
    system: str, similarity: NDArray[np.float64], trigger_scores: NDArray[np.float64], bootstrap: Bootstrap
) -> list[dict[str, object]]:
    """Reply similarity where the nearest trigger of the history is that near."""
    scores = np.asarray(trigger_scores, np.float64)
    return [
        _row(
            system,
            bucket_name(low, high),
            bootstrap.mean(np.where((scores >= low) & (scores < high), similarity, np.nan)),
        )
        for low, high in TRIGGER_BUCKETS
    ]


def _comparisons(top5: dict[str, NDArray[np.float64]], bootstrap: Bootstrap) -> list[dict[str, object]]:
    """Retrieval's relative lift over the best null baseline, and its difference from the previous release."""
    if baselines.RETRIEVAL not in top5:
        return []
    mine = top5[baselines.RETRIEVAL]
    rows = []
    nulls = [top5[name] for name in baselines.NULL_BASELINES if name in top5]
    if nulls:
        found = bootstrap.ratio(mine, max(nulls, key=lambda values: float(values.mean())))
        rows.append(
            _row(baselines.RETRIEVAL, LIFT, Interval(found.value - 1, found.low - 1, found.high - 1, found.count))
        )
    if baselines.PREVIOUS_RELEASE in top5:
        rows.append(
            _row(baselines.RETRIEVAL, AGAINST_PREVIOUS, bootstrap.mean(mine - top5[baselines.PREVIOUS_RELEASE]))
        )
    return rows


def _row(system: str, measure: str, found: Interval) -> dict[str, object]:
    return {
        "system": system,
        "measure": measure,
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "pairs": found.count,
    }
