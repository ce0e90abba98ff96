"""What speaks for a turn being the answer to an earlier one, as numbers.

Gap, turns between, who spoke last to whom, the form of both sides, likeness in meaning and in words, topic boundary,
a name said. Every feature looks at the response and at what came before it, never at what came later, and never at
an inline thread: threads are the truth that the model is measured against.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from jarvis_assets.pairs.links.candidates import Candidates
from jarvis_assets.pairs.links.inputs import LinkInputs
from jarvis_assets.pairs.links.wording import Wording
from jarvis_assets.pairs.pair_rows import coherence_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

GAP_SECONDS = (10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3_600.0, 3 * 3_600.0, 6 * 3_600.0, 12 * 3_600.0)
"""Upper edges of the gap's bins: answers come within minutes; after six hours a message is usually an opener."""
RANKS = (0, 1, 2, 3, 4, 6, 9, 14)
"""Upper edges of the rank's bins (turns by others since)."""

FORMS = ("question", "wh", "asks_yes_no", "says_yes_no", "thanks", "greeting", "reaction")
"""Forms of a turn that are weighed, of those in ``wording``."""


def _binned(name: str, edges: tuple[float, ...]) -> list[str]:
    return [f"{name}<={edge:g}" for edge in edges] + [f"{name}>{edges[-1]:g}"]


CANDIDATE_FEATURES: tuple[str, ...] = (
    *_binned("gap", GAP_SECONDS),
    *_binned("rank", RANKS),
    "log_gap",
    "log_rows_between",
    "own_between=1",
    "own_between=2",
    "own_between>=3",
    "latest_of_sender",
    "sender_is_latest",
    "follows_mine",
    "own_between=0",
    "same_partner",
    "sender_share",
    "third_follows",
    "same_segment",
    "cosine",
    "cosine_over_mean",
    "cosine_is_best",
    "words",
    "words_is_best",
    "log_length",
    "very_short",
    "name_said",
    *(f"is_{form}" for form in FORMS),
    "question_and_statement",
    "question_and_question",
    "asks_yes_no_and_says_yes_no",
    "wh_and_says_yes_no",
    "statement_and_question",
    "statement_and_thanks",
    "statement_and_reaction",
    "greeting_and_greeting",
    "question_and_latest_of_sender",
    "cosine_and_long",
    "statement_and_says_yes_no",
)
"""Columns of ``candidate_features``, in order."""
NOBODY_FEATURES: tuple[str, ...] = (
    "bias",
    *_binned("silence", GAP_SECONDS),
    "log_silence",
    "own_since=1",
    "own_since>=2",
    *_binned("own_gap", GAP_SECONDS),
    "log_length",
    "best_cosine",
    "best_words",
    *(f"is_{form}" for form in FORMS),
    "only_candidate",
)
"""Columns of ``nobody_features``, in order: what speaks for the turn answering nobody."""


def candidate_features(inputs: LinkInputs, found: Candidates) -> NDArray[np.float32]:
    """One row per candidate: float32 [k, len(CANDIDATE_FEATURES)]."""
    a, w = inputs.arrays, inputs.wording
    c, r, group = found.turn, found.responses[found.response], found.response
    n = len(found.responses)
    gap = np.maximum(a.started[r] - a.ended[c], 0.0)
    cosine = coherence_of(inputs.vectors, c, r)
    words = _word_overlap(w, c, r)
    form_c = {form: w.forms[form][c] for form in FORMS}
    form_r = {form: w.forms[form][r] for form in FORMS}
    asked_c, asked_r = form_c["question"] | form_c["wh"], form_r["question"] | form_r["wh"]

    sender = a.sender[c]
    latest = np.full(n, -1, dtype=np.int64)
    latest[group[found.rank == 0]] = sender[found.rank == 0]
    # The other whom the responder had last spoken after: the partner of their running exchange.
    partner = np.full(n, -1, dtype=np.int64)
    beyond = np.flatnonzero(found.own_between >= 1)[::-1]
    partner[group[beyond]] = sender[beyond]
    key = group * (a.sender.max() + 1 if len(a.sender) else 1) + sender
    _, first_at, inverse, counts = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    sizes = np.bincount(group, minlength=n)
    latest_of_sender = np.zeros(len(c), dtype=bool)
    latest_of_sender[first_at] = True
    next_sender = a.sender[np.minimum(c + 1, len(a.sender) - 1)]
    previous = np.maximum(c - 1, 0)
    follows_mine = (c > 0) & (a.sender[previous] == a.sender[r]) & (a.conversation[previous] == a.conversation[c])
    columns: list[NDArray[Any]] = [
        *_one_hot(gap, GAP_SECONDS),
        *_one_hot(found.rank, RANKS),
        np.log1p(gap),
        np.log(r - c),
        found.own_between == 1,
        found.own_between == 2,
        found.own_between >= 3,
        latest_of_sender,
        sender == latest[group],
        follows_mine,
        found.own_between == 0,
        sender == partner[group],
        counts[inverse] / sizes[group],
        (c + 1 < r) & (next_sender != sender) & (next_sender != a.sender[r]),
        inputs.segments[c] == inputs.segments[r],
        cosine,
        cosine - _mean_by(cosine, group, sizes),
        _is_best(cosine, group, n),
        words,
        _is_best(words, group, n) & (words > 0),
        w.log_length[c],
        w.log_length[c] < np.log1p(6),
        _name_said(inputs, c, r),
        *form_c.values(),
        asked_c & ~asked_r,
        asked_c & asked_r,
        form_c["asks_yes_no"] & form_r["says_yes_no"],
        form_c["wh"] & form_r["says_yes_no"],
        ~asked_c & asked_r,
        ~asked_c & form_r["thanks"],
        ~asked_c & form_r["reaction"],
        form_c["greeting"] & form_r["greeting"],
        asked_c & latest_of_sender,
        cosine * (w.log_length[r] > np.log1p(25)),
        ~asked_c & form_r["says_yes_no"],
    ]
    return np.stack([column.astype(np.float32) for column in columns], axis=1)


def nobody_features(inputs: LinkInputs, found: Candidates) -> NDArray[np.float32]:
    """One row per response: float32 [n, len(NOBODY_FEATURES)]."""
    a, w, r = inputs.arrays, inputs.wording, found.responses
    n = len(r)
    silence, own_since = np.full(n, np.inf), np.zeros(n, dtype=np.int64)
    newest = found.rank == 0
    at = found.response[newest]
    silence[at] = np.maximum(a.started[r[at]] - a.ended[found.turn[newest]], 0.0)
    own_since[at] = found.own_between[newest]
    before = np.maximum(r - 1, 0)
    continues = (a.conversation[before] == a.conversation[r]) & (a.sender[before] == a.sender[r]) & (r > 0)
    own_gap = np.where(continues, a.started[r] - a.ended[before], np.inf)
    best_cosine, best_words = np.full(n, -1.0), np.zeros(n)
    np.maximum.at(best_cosine, found.response, coherence_of(inputs.vectors, found.turn, r[found.response]))
    np.maximum.at(best_words, found.response, _word_overlap(w, found.turn, r[found.response]))
    capped = np.minimum(silence, GAP_SECONDS[-1] * 4)
    columns: list[NDArray[Any]] = [
        np.ones(n),
        *_one_hot(silence, GAP_SECONDS),
        np.log1p(capped),
        own_since == 1,
        own_since >= 2,
        *_one_hot(own_gap, GAP_SECONDS),
        w.log_length[r],
        best_cosine,
        best_words,
        *(w.forms[form][r] for form in FORMS),
        np.bincount(found.response, minlength=n) <= 1,
    ]
    return np.stack([column.astype(np.float32) for column in columns], axis=1)


def _one_hot(values: NDArray[Any], edges: tuple[float, ...]) -> list[NDArray[np.bool_]]:
    """Which bin each value is in: as many columns as edges, and one for what is above."""
    bins = np.searchsorted(np.asarray(edges, dtype=np.float64), values, side="left")
    return [bins == number for number in range(len(edges) + 1)]


def _mean_by(values: NDArray[np.float64], group: NDArray[np.int64], sizes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mean of ``values`` over each response's candidates, spread over them."""
    totals = np.bincount(group, weights=values, minlength=len(sizes))
    return np.asarray((totals / np.maximum(sizes, 1))[group])


def _is_best(values: NDArray[np.float64], group: NDArray[np.int64], n: int) -> NDArray[np.bool_]:
    """Whether a candidate has the highest value among its response's candidates."""
    best = np.full(n, -np.inf)
    np.maximum.at(best, group, values)
    return np.asarray(values >= best[group])


def _word_overlap(
    wording: Wording, a: NDArray[np.int64], b: NDArray[np.int64], block: int = 65_536
) -> NDArray[np.float64]:
    """Cosine of the content words of turns ``a`` and ``b``."""
    out = np.zeros(len(a))
    for begin in range(0, len(a), block):
        part = slice(begin, begin + block)
        shared = np.asarray(wording.words[a[part]].multiply(wording.words[b[part]]).sum(axis=1)).ravel()
        out[part] = shared / np.sqrt(wording.counts[a[part]] * wording.counts[b[part]])
    return out


def _name_said(inputs: LinkInputs, c: NDArray[np.int64], r: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether the response says the first name of the candidate's speaker."""
    return np.asarray((inputs.wording.named[r] == inputs.arrays.sender[c][:, None]).any(axis=1))
