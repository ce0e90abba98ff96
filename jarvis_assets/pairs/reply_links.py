"""Semantic pairs: my turns outside of threads, each with the message it most probably answers.

The reply-link model scores the candidates; below its threshold there is no pair, for silence beats a wrong pair. The
owner's inline replies are the truth that it is trained on and measured against: their links are hidden, predicted,
compared. Features, the model, its fitting and the known links have files of their own.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from jarvis_assets import kept
from jarvis_assets.evaluation.measures import ece
from jarvis_assets.pairs.context import CONTEXT_MESSAGES
from jarvis_assets.pairs.found import Found
from jarvis_assets.pairs.links import features, fitting, weights
from jarvis_assets.pairs.links.fitting import PRIOR_STRENGTH, calibrate, choose_threshold, fit
from jarvis_assets.pairs.links.inputs import LinkInputs
from jarvis_assets.pairs.links.ranker import Known
from jarvis_assets.pairs.links.truth import DEV, TEST, TRAIN, explicit_links, fold_of, problem_of, problem_with_truth
from jarvis_assets.pairs.links.weights import Head, LinkModel
from jarvis_assets.pairs.pair_rows import coherence_of, pair_rows
from jarvis_assets.pairs.segments import segment
from jarvis_assets.pairs.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from jarvis_assets.pairs.links.ranker import Ranker

FEWEST_LINKS = 100
"""Explicit links of one kind of conversation (train fold) from which the owner's own model is learned."""
PRECISION_WANTED = 0.85
"""Expected precision of the pairs kept in groups, from which their threshold follows on the dev fold. Ten points above
what is aimed at: real groups hold more turns that answer nobody than inline replies and the sample let one expect.
Both are by hand."""
DIRECT_THRESHOLD = 0.5
"""Alone with one person a link is kept when it is more likely than not. Asking for more drops plain short answers, not
wrong pairs: a new topic in the middle of a talk looks much like an answer."""
ADAPTED_TO = 20_000
"""Most turns that the share of answers is told from."""
_BLOCK = 16_384
"""Responses scored at a time: with 20 candidates each, 330,000 rows of 70 float32 features are 90 MB."""


@dataclass(frozen=True)
class Measured:
    """The link model on links of one kind of conversation that it did not see.

    ``precision``: right among the pairs kept; ``recall``: right among all n; ``coverage``: kept among all n;
    ``accuracy``: right without a threshold; ``ece``: expected calibration error (15 equal-mass bins). Null: no links.
    """

    n: int
    precision: float | None
    recall: float | None
    coverage: float | None
    accuracy: float | None
    ece: float | None
    threshold: float


@dataclass(frozen=True)
class LinkReport:
    """Hide-and-predict, in direct chats and in groups apart."""

    direct: Measured
    group: Measured
    provenance: str

    def as_metadata(self) -> dict[str, float | int | str]:
        """The report as flat metadata; what was not measured is left out."""
        out: dict[str, float | int | str] = {"links_learned_from": self.provenance}
        for kind, measured in (("direct", self.direct), ("group", self.group)):
            out |= {f"links_{kind}_{name}": value for name, value in asdict(measured).items() if value is not None}
        return out


def link_inputs(
    turns: pd.DataFrame, turn_vectors: NDArray[np.float16], people: pd.DataFrame | None = None
) -> LinkInputs:
    """What links are judged by; make it once per turns table and hand it to the functions below.

    Its segments are cut as if there were no inline threads: a reply that is marked as one must not be told by it.
    """
    hidden = turns.assign(thread_root_guid=pd.Series(None, index=turns.index, dtype="str"))
    return LinkInputs.of(turns, turn_vectors, segment(hidden, turn_vectors), people)


def pair_unthreaded_turns(
    turns: pd.DataFrame,
    messages: pd.DataFrame,
    turn_vectors: NDArray[np.float16],
    segments: NDArray[np.int64],
    model: LinkModel,
    *,
    use_threshold: bool = True,
    context_messages: int = CONTEXT_MESSAGES,
    people: pd.DataFrame | None = None,
    inputs: LinkInputs | None = None,
) -> Found:
    """My turns outside of threads, each with the message it most probably answers (one row per turn that has one).

    ``turn_vectors`` [n, d] and ``segments`` [n] are aligned with ``turns``. Without ``use_threshold`` every turn with a
    candidate gets a pair, for the precision-coverage curve. Drops: ``nothing_to_answer`` (nobody spoke before),
    ``below_link_threshold``.
    """
    inputs = inputs or link_inputs(turns, turn_vectors, people)
    mine = np.flatnonzero((turns["is_from_me"] & turns["thread_root_guid"].isna()).to_numpy())
    trigger_turns, confidence = predict(inputs, mine, model)
    lacking = trigger_turns < 0
    threshold = np.where(inputs.arrays.is_group[mine], model.group_threshold, model.direct.threshold)
    unsure = ~lacking & (confidence < threshold) if use_threshold else np.zeros(len(mine), dtype=bool)
    keep = ~lacking & ~unsure
    timeline = Timeline.of(turns, messages)
    pairs = pair_rows(
        turns,
        timeline,
        response_turns=mine[keep],
        # The last message of a burst is the one that an answer follows.
        trigger_positions=timeline.last[trigger_turns[keep]],
        confidence=confidence[keep],
        coherence=coherence_of(turn_vectors, trigger_turns[keep], mine[keep]),
        segments=segments,
        source="semantic",
        context_messages=context_messages,
        people=people,
    )
    drops = {"nothing_to_answer": int(lacking.sum()), "below_link_threshold": int(unsure.sum())}
    return Found(pairs, {reason: count for reason, count in drops.items() if count})


def is_sure_enough(pairs: pd.DataFrame, model: LinkModel) -> NDArray[np.bool_]:
    """Whether each semantic pair's confidence reaches the threshold of its kind of conversation."""
    threshold = np.where(pairs["is_group"].to_numpy(dtype=bool), model.group_threshold, model.direct.threshold)
    return np.asarray(pairs["confidence"].to_numpy() >= threshold)


def predict(
    inputs: LinkInputs, responses: NDArray[np.int64], model: LinkModel
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The most probable trigger turn of each response (−1: no candidate) and its calibrated probability."""
    trigger = np.full(len(responses), -1, dtype=np.int64)
    confidence = np.zeros(len(responses))
    group = inputs.arrays.is_group[responses]
    if model.ranker is not None and group.any():
        found = model.ranker.best(inputs, responses[group])
        trigger[group], confidence[group] = found.trigger, model.ranker.confidence(found.share)
    weighed = [(model.direct, ~group)] + ([(model.group, group)] if model.ranker is None else [])
    for head, kind in weighed:
        members = np.flatnonzero(kind)
        for begin in range(0, len(members), _BLOCK):
            part = members[begin : begin + _BLOCK]
            candidates, problem = problem_of(inputs, responses[part])
            best = problem.best(head)
            has = best.winner >= 0
            trigger[part[has]] = candidates.turn[best.winner[has]]
            confidence[part[has]] = best.confidence[has]
    return trigger, confidence


def model_for(
    turns: pd.DataFrame,
    messages: pd.DataFrame,
    turn_vectors: NDArray[np.float16],
    *,
    inputs: LinkInputs | None = None,
    keep: Path | None = None,
    learn: Callable[[Known], Ranker | None] | None = None,
) -> LinkModel:
    """This owner's link model: learned from their inline replies where there are enough, else the one that ships.

    With ``keep``, a folder, it is learned once and again when those replies have doubled: a model that followed every
    new reply would move pairs long settled. ``learn`` is given the inline replies in groups and may return trees for
    groups (``learning.learned`` does, where there are public links).
    """
    inputs = inputs or link_inputs(turns, turn_vectors)
    links = explicit_links(turns, messages)
    response = links["response"].to_numpy(dtype=np.int64)
    in_train = fold_of(turns["turn_id"].iloc[response]) == TRAIN
    in_group = inputs.arrays.is_group[response]

    def make() -> LinkModel:
        return adapt_to(turns, inputs, train(turns, inputs, links))

    if keep is None:
        model = make()
    else:
        shipped = json.dumps(LinkModel.shipped().to_json())
        counts = [kept.doublings(int((in_train & kind).sum())) for kind in (~in_group, in_group)]
        model = kept.once(
            keep,
            "weights",
            kept.key_of([shipped, *counts], (fitting, features, weights, sys.modules[__name__])),
            load=lambda data: LinkModel.from_json(json.loads(data)),
            dump=lambda found: json.dumps(found.to_json()).encode(),
            make=make,
        )
    ranker = None if learn is None else learn(Known(inputs, links[in_train & in_group]))
    if ranker is None:
        return model
    return replace(model, ranker=ranker, provenance=f"{model.provenance}; in groups {ranker.provenance}")


def adapt_to(turns: pd.DataFrame, inputs: LinkInputs, model: LinkModel) -> LinkModel:
    """``model`` with the share of my turns in direct chats that answer anybody as this history shows it.

    Direct chats only: in groups the two kinds of turns look too much alike for their shares to be told.
    """
    mine = (turns["is_from_me"] & turns["thread_root_guid"].isna() & ~turns["is_group"]).to_numpy(dtype=bool)
    rows = np.flatnonzero(mine)
    if len(rows) > ADAPTED_TO:
        rows = np.sort(np.random.default_rng(0).choice(rows, ADAPTED_TO, replace=False))
    return model.with_head(group=False, head=fitting.adapt(problem_of(inputs, rows)[1], model.direct))


def train(
    turns: pd.DataFrame,
    inputs: LinkInputs,
    links: pd.DataFrame,
    *,
    prior: LinkModel | None = None,
    fewest: int = FEWEST_LINKS,
    strength: float = PRIOR_STRENGTH,
    provenance: str = "inline replies",
) -> LinkModel:
    """A link model learned from known links: weights on the train fold, calibration and the groups' threshold on dev.

    ``links`` has ``response`` and ``trigger`` (rows of ``turns``; trigger −1: known to answer nobody). A kind of
    conversation with fewer than ``fewest`` links in the train fold keeps the ``prior``'s head (default: what ships);
    ``strength`` says how firmly the weights are held near the prior's.
    """
    model = prior or LinkModel.shipped()
    learned = []
    for is_group in (False, True):
        kind = links[inputs.arrays.is_group[links["response"].to_numpy()] == is_group]
        fold = fold_of(turns["turn_id"].iloc[kind["response"].to_numpy()])
        if int(((fold == TRAIN) & (kind["trigger"] >= 0).to_numpy()).sum()) < fewest:
            continue
        known = problem_with_truth(inputs, kind[fold == TRAIN])
        head = fit(*known, model.group if is_group else model.direct, strength=strength)
        dev = problem_with_truth(inputs, kind[fold == DEV])
        head = calibrate(*dev, head)
        if is_group:
            head = choose_threshold(dev[0], head, precision=PRECISION_WANTED)
        else:
            head = replace(head, threshold=DIRECT_THRESHOLD)
        model = model.with_head(group=is_group, head=head)
        learned.append("groups" if is_group else "direct chats")
    if not learned:
        return model
    return LinkModel(model.direct, model.group, f"{provenance} ({' and '.join(learned)}), from {model.provenance}")


def hide_and_predict(
    turns: pd.DataFrame,
    messages: pd.DataFrame,
    turn_vectors: NDArray[np.float16],
    model: LinkModel,
    *,
    links: pd.DataFrame | None = None,
    fold: int | None = TEST,
    inputs: LinkInputs | None = None,
) -> LinkReport:
    """Hide the links of the owner's inline replies (or the ``links`` given), predict them, compare.

    ``fold``: which fold to measure on (default: test, which training never saw); None: all.
    """
    inputs = inputs or link_inputs(turns, turn_vectors)
    known = explicit_links(turns, messages) if links is None else links
    rows = known["response"].to_numpy()
    chosen = np.ones(len(rows), dtype=bool) if fold is None else fold_of(turns["turn_id"].iloc[rows]) == fold
    if links is None:
        chosen &= turns["is_from_me"].to_numpy(dtype=bool)[rows]
    group = inputs.arrays.is_group[rows]
    return LinkReport(
        _measured(inputs, known[chosen & ~group], model.direct),
        _measured(inputs, known[chosen & group], model.group)
        if model.ranker is None
        else _measured_ranker(inputs, known[chosen & group], model.ranker),
        model.provenance,
    )


def _measured(inputs: LinkInputs, links: pd.DataFrame, head: Head) -> Measured:
    if not (links["trigger"] >= 0).any():
        return Measured(0, None, None, None, None, None, head.threshold)
    problem, truth = problem_with_truth(inputs, links)
    best = problem.best(head)
    has = best.winner >= 0
    return _figures(links, has, has & (best.winner == truth.answer), best.confidence, best.whom, head.threshold)


def _measured_ranker(inputs: LinkInputs, links: pd.DataFrame, ranker: Ranker) -> Measured:
    if not (links["trigger"] >= 0).any():
        return Measured(0, None, None, None, None, None, ranker.threshold)
    links = links.sort_values("response")
    best = ranker.best(inputs, links["response"].to_numpy(dtype=np.int64))
    right = (best.trigger >= 0) & (best.trigger == links["trigger"].to_numpy())
    whom = ranker.confidence(best.share / np.maximum(best.answers, np.finfo(float).tiny))
    return _figures(links, best.trigger >= 0, right, ranker.confidence(best.share), whom, ranker.threshold)


def _figures(
    links: pd.DataFrame,
    has: NDArray[np.bool_],
    right: NDArray[np.bool_],
    confidence: NDArray[np.float64],
    whom: NDArray[np.float64],
    threshold: float,
) -> Measured:
    """What is reported of links: ``has`` a candidate, ``right``; ``whom``: the confidence given that a turn answers."""
    n = int((links["trigger"] >= 0).sum())
    kept = has & (confidence >= threshold)
    hits = int((right & kept).sum())
    # Links alone hold no openers: what is measured then is whom, given that the turn answers.
    sure = confidence if n < len(links) else whom
    return Measured(
        n=n,
        precision=hits / int(kept.sum()) if kept.any() else None,
        recall=hits / n,
        coverage=float(kept.sum()) / len(links),
        accuracy=float(right.sum()) / n,
        ece=ece(sure[has], right[has]) if has.any() else None,
        threshold=threshold,
    )
