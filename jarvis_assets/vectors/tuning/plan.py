"""What a tuning is asked to do: which encoder, which recipes, how long. Every number of the training has its reason here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from jarvis_resources.errors import SettingsError

Recipe = Literal["mnrl", "conversations", "joint"]
RECIPES: tuple[Recipe, ...] = get_args(Recipe)
"""``mnrl``: a message beside its reply, other replies and hard ones against it (MultipleNegativesRankingLoss, Henderson et
al. 2017). ``conversations``: two turns of one segment, turns of other conversations against them (NT-Xent, Chen et al.
2020). ``joint``: ``mnrl`` together with a small head that tells real pairs from mismatched ones."""

DEFAULT_BASE = "all-minilm-l6-v2"
DEFAULT_MINUTES = 5.0
"""Most wall-clock minutes of training for each recipe; measuring before and after comes on top."""
DEFAULT_STEPS = 240
"""Most steps of each recipe. The clock only ends a training early: with the same seed and steps, the same weights come."""
BATCH = 64
"""Pairs of a step; each other reply of the batch is a negative, so larger is better until memory and minutes end it."""
LONGEST_EPOCHS = 4
"""A small history is not read more often than this: it would be learned by heart."""
MAX_TOKENS = 64
"""Longest text in training (tokens): nineteen messages in twenty are shorter, and cost grows with length."""
TRAINED_SHARE = 0.5
"""Share of the layers that learn, from the top; word vectors and lower layers stay. Halves the work of a step."""
LEARNING_RATE = 5e-5
"""AdamW's, at its highest: the middle of the range that BERT's authors give for fine-tuning."""
HEAD_LEARNING_RATE = 1e-3
"""The quality head starts from nothing, so it may move faster."""
WARM_UP = 0.1
"""Share of the steps in which the rate rises to its highest; from there it falls in a line to nothing."""
LARGEST_GRADIENT = 1.0
"""Norm to which a step's gradient is cut."""
TEMPERATURE = 0.05
"""Cosines are divided by it before the softmax: sentence-transformers' scale of 20."""
QUALITY_WEIGHT = 0.5
"""What the head's loss counts for beside the ranking loss: it is there to help, not to lead."""
DEV_EVERY = 30
"""Steps between two looks at dev."""
DEV_PAIRS = 500
"""Dev pairs of a look: seconds, and its MRR is good to about 0.02."""
PATIENCE = 4
"""Looks at dev without a better one after which a training ends: dev falls first, while the rate is high."""
LEARNED_PAIRS = 20_000
"""Most train pairs used, drawn by seed: more than the default steps can read, and few enough to mine negatives exactly."""
FEWEST_TRAIN, FEWEST_DEV, FEWEST_HOLDOUT = 256, 32, 100
"""Fewer pairs than these, and a tuning is refused: it could neither learn nor show that it had."""


@dataclass(frozen=True)
class Plan:
    """One tuning."""

    base: str = DEFAULT_BASE
    recipes: tuple[Recipe, ...] = ("mnrl",)
    minutes: float = DEFAULT_MINUTES
    steps: int = DEFAULT_STEPS
    seed: int = 0
    device: str = "auto"
    """``auto``: CUDA or MPS where torch finds one, else the processor. MPS has not been run by us."""
    replace_served: bool = False
    """Replace an encoder that the latest release serves with: nothing is served then until the next mining."""

    @classmethod
    def of(cls, *, recipes: list[str], **rest: object) -> Plan:
        """A plan from plain values; raises ``SettingsError`` on a recipe that is not known or a time that is none."""
        unknown = [name for name in recipes if name not in RECIPES]
        if unknown or not recipes:
            raise SettingsError(f"There is no recipe {', '.join(unknown) or 'named'}; choose of: {', '.join(RECIPES)}.")
        plan = cls(recipes=tuple(name for name in RECIPES if name in recipes), **rest)  # type: ignore[arg-type]
        if plan.minutes <= 0 or plan.steps < 1:
            raise SettingsError("A tuning needs more than 0 minutes and at least one step.")
        return plan
