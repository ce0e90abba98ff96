"""How each recipe makes a batch and what it loses on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from jarvis_assets.vectors.tuning import losses, negatives
from jarvis_assets.vectors.tuning.plan import BATCH, QUALITY_WEIGHT

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from jarvis_assets.vectors.tuning.examples import Exchanges, Talk
    from jarvis_assets.vectors.tuning.model import TunableEncoder

Loss = Callable[[Any], Any]  # rows of the examples to a torch scalar
_SORTED_BATCHES = 8
"""Batches that are drawn together and then cut by length: less padding, and a reply's length gives nothing away."""


def ranked_pairs(
    encoder: TunableEncoder,
    train: Exchanges,
    hard: NDArray[np.int64],
    rng: np.random.Generator,
    head: torch.nn.Module | None = None,
) -> Loss:
    """The loss on a batch of rows of ``train``: replies ranked, and with ``head`` pairs told from mismatched ones."""

    def loss(rows: NDArray[np.int64]) -> torch.Tensor:
        import torch

        wrong = negatives.draw(hard, rows, rng)
        wrong = wrong[wrong >= 0]
        said = encoder.vectors([*train.triggers[rows], *train.replies[rows], *train.replies[wrong]])
        left, right, harder = torch.split(said, [len(rows), len(rows), len(wrong)])
        found = losses.ranking_loss(
            left,
            right,
            _tensor(_as_good(train, rows, rows), encoder),
            harder,
            _tensor(_as_good(train, rows, wrong), encoder),
        )
        if head is None:
            return found
        confidence = torch.from_numpy(train.confidence[rows]).to(left)
        return found + QUALITY_WEIGHT * losses.quality_loss(head, left, right, confidence)

    return loss


def _as_good(train: Exchanges, rows: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether the reply of ``others`` means the same as that of ``rows``, or answers the same: bool [rows, others]."""
    same_reply = train.reply_key[rows][:, None] == train.reply_key[others]
    return np.asarray(same_reply | (train.trigger_key[rows][:, None] == train.trigger_key[others]))


def turns_together(encoder: TunableEncoder, talk: Talk, rng: np.random.Generator) -> Loss:
    """The loss on a batch of rows of ``talk``: another turn of the same segment found among those of other conversations."""
    partner_of = Partners(talk.segment)

    def loss(rows: NDArray[np.int64]) -> torch.Tensor:
        import torch

        partners = partner_of.draw(rows, rng)
        left, right = torch.split(encoder.vectors([*talk.texts[rows], *talk.texts[partners]]), len(rows))
        same = talk.conversation[rows][:, None] == talk.conversation[rows]
        return losses.ranking_loss(left, right, _tensor(same, encoder))

    return loss


class Partners:
    """Another row of the same group, for rows that have one."""

    def __init__(self, group: NDArray[np.int64]) -> None:
        """``group`` [n]: what belongs together; −1: nothing does."""
        self._order = np.argsort(group, kind="stable")
        ordered = group[self._order]
        starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]]) if len(group) else np.empty(0, np.int64)
        sizes = np.diff(np.r_[starts, len(group)])
        self._start, self._size, self._place = (np.empty(len(group), np.int64) for _ in range(3))
        self._start[self._order] = np.repeat(starts, sizes)
        self._size[self._order] = np.repeat(sizes, sizes)
        self._place[self._order] = np.arange(len(group)) - np.repeat(starts, sizes)
        self.rows = np.flatnonzero((self._size > 1) & (group >= 0))
        """Rows that have a partner."""

    def draw(self, rows: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
        """A partner of each of ``rows`` (all of them have one), at random."""
        size = self._size[rows]
        step = 1 + (rng.random(len(rows)) * (size - 1)).astype(np.int64)
        return np.asarray(self._order[self._start[rows] + (self._place[rows] + step) % size])


def batches(rows: NDArray[np.int64], texts: NDArray[Any], rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Batches of ``rows`` for ever, each epoch in a new order; a batch holds texts of about one length."""
    size = min(BATCH, len(rows))
    length = np.array([len(text) for text in texts[rows]])
    while True:
        order = rng.permutation(len(rows))
        for start in range(0, len(order) - size + 1, size * _SORTED_BATCHES):
            drawn = order[start : start + size * _SORTED_BATCHES]
            drawn = drawn[np.argsort(length[drawn], kind="stable")]
            cuts = [drawn[at : at + size] for at in range(0, len(drawn) - size + 1, size)]
            for at in rng.permutation(len(cuts)):
                yield rows[cuts[at]]


def _tensor(flags: NDArray[np.bool_], encoder: TunableEncoder) -> torch.Tensor:
    import torch

    return torch.from_numpy(flags).to(encoder.device)
