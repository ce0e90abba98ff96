"""The two losses of the recipes, on torch tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jarvis_assets.vectors.tuning.plan import TEMPERATURE

if TYPE_CHECKING:
    import torch


def ranking_loss(
    left: torch.Tensor,
    right: torch.Tensor,
    never_wrong: torch.Tensor,
    hard: torch.Tensor | None = None,
    hard_never_wrong: torch.Tensor | None = None,
) -> torch.Tensor:
    """Cross-entropy of finding each row's partner, both ways: rows of ``left`` [n, d] and ``right`` [n, d] belong together.

    ``never_wrong`` bool [n, n]: partners that must not count as wrong; its diagonal is ignored. ``hard`` [m, d]: more wrong
    partners of the left side. Multiple negatives ranking (Henderson et al. 2017, section 4), NT-Xent with one positive.
    """
    import torch

    n = len(left)
    own = torch.eye(n, dtype=torch.bool, device=left.device)
    scores = (left @ right.T / TEMPERATURE).masked_fill(never_wrong & ~own, -torch.inf)
    forward = scores
    if hard is not None and hard_never_wrong is not None:
        forward = torch.cat([scores, (left @ hard.T / TEMPERATURE).masked_fill(hard_never_wrong, -torch.inf)], dim=1)
    target = torch.arange(n, device=left.device)
    entropy = torch.nn.functional.cross_entropy
    return (entropy(forward, target) + entropy(scores.T, target)) / 2


def quality_loss(
    head: torch.nn.Module, left: torch.Tensor, right: torch.Tensor, confidence: torch.Tensor
) -> torch.Tensor:
    """Cross-entropy of the head's belief in real pairs (their link confidence) and in mismatched ones (none).

    A row's mismatched partner is that of the row before it.
    """
    import torch

    real, mismatched = both_sides(left, right), both_sides(left, right.roll(1, 0))
    belief = head(torch.cat([real, mismatched])).squeeze(1)
    truth = torch.cat([confidence, torch.zeros_like(confidence)])
    return torch.nn.functional.binary_cross_entropy_with_logits(belief, truth)


def quality_head(dimension: int) -> torch.nn.Linear:
    """The head: linear in what ``both_sides`` shows it."""
    import torch

    return torch.nn.Linear(4 * dimension, 1)


def both_sides(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """What the head sees of a pair: both vectors, how far apart they are, and where they agree: [n, 4 d]."""
    import torch

    return torch.cat([left, right, (left - right).abs(), left * right * left.shape[1]], dim=1)
