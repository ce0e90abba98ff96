"""One training: AdamW, a rate that warms up and falls, gradients cut, and dev asked when to stop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from jarvis_assets.vectors.tuning import plan as numbers
from jarvis_resources.errors import EncoderError

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from jarvis_assets.vectors.tuning.model import TunableEncoder


@dataclass
class Trained:
    """How a training went; the encoder holds the weights that were best on dev."""

    losses: list[float] = field(default_factory=list)
    """Loss of each step."""
    dev: list[tuple[int, float]] = field(default_factory=list)
    """Steps done, and dev's MRR then; the first is the base's, which stands beside and is never chosen."""
    seconds: float = 0.0
    stopped_by: Literal["steps", "clock", "dev"] = "steps"

    @property
    def best_dev(self) -> float:
        """Dev's highest MRR once training had begun."""
        return max((score for _, score in self.dev[1:]), default=-math.inf)

    @property
    def best_step(self) -> int:
        """Steps behind the weights that stayed."""
        return max(self.dev[1:], key=lambda look: look[1])[0]


def train(
    encoder: TunableEncoder,
    batches: Iterator[NDArray[np.int64]],
    loss_of: Callable[[NDArray[np.int64]], torch.Tensor],
    dev_score: Callable[[], float],
    *,
    steps: int,
    seconds: float,
    head: torch.nn.Module | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Trained:
    """Train for ``steps``, or until ``seconds`` are over or dev stops rising; the best state on dev is loaded at the end.

    Raises ``EncoderError`` when the loss is no number.
    """
    import torch

    rates = [(encoder.parameters(), numbers.LEARNING_RATE)]
    if head is not None:
        rates.append((list(head.parameters()), numbers.HEAD_LEARNING_RATE))
    optimiser = torch.optim.AdamW([{"params": learning, "lr": rate} for learning, rate in rates])
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, steps))
    everything = [parameter for learning, _ in rates for parameter in learning]
    done = Trained(dev=[(0, dev_score())])
    best, best_head = encoder.state(), _copied(head)
    started = time.monotonic()
    for step in range(1, steps + 1):
        loss = loss_of(next(batches))
        done.losses.append(float(loss.detach()))
        if math.isnan(done.losses[-1]):
            raise EncoderError(f"The training of {encoder.card.slug} came to no number; try it with another seed.")
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(everything, numbers.LARGEST_GRADIENT)
        optimiser.step()
        schedule.step()
        if progress is not None:
            progress(step, steps)
        late = time.monotonic() - started > seconds
        if step % numbers.DEV_EVERY and step < steps and not late:
            continue
        score = dev_score()
        if score > done.best_dev:
            best, best_head = encoder.state(), _copied(head)
        done.dev.append((step, score))
        looks_since = sum(at > done.best_step for at, _ in done.dev)
        if late or looks_since >= numbers.PATIENCE:
            done.stopped_by = "clock" if late else "dev"
            break
    done.seconds = time.monotonic() - started
    encoder.load_state(best)
    if head is not None and best_head is not None:
        head.load_state_dict(best_head)
    return done


def _rate(step: int, steps: int) -> float:
    """Share of the highest learning rate: up in a line over the warm-up, then down in a line to nothing."""
    warm = max(1, round(steps * numbers.WARM_UP))
    return (step + 1) / warm if step < warm else max(0.0, (steps - step) / max(1, steps - warm))


def _copied(head: torch.nn.Module | None) -> dict[str, torch.Tensor] | None:
    return None if head is None else {name: value.clone() for name, value in head.state_dict().items()}
