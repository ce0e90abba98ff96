"""Language models on Apple's MLX through mlx-lm: the GPU of a Mac, and MLX's CPU build on Linux.

This file loads a folder and generates under a deadline, and knows nothing of messages or of replies. Weights load at
the first ``generate`` because MLX binds work to the thread that does it, and so that a server answers while a large
model still loads.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jarvis_resources.errors import LanguageModelError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlx_lm.generate import GenerationResponse

PREFILL_STEP_TOKENS = 256
"""Prompt tokens read between two looks at the clock; mlx-lm's own 2,048 would overrun a deadline by seconds."""


class MlxLanguageModel:
    """The language model in one folder, run by mlx-lm, greedily: the same prompt gives the same text."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loaded: tuple[Any, Any] | None = None

    @property
    def name(self) -> str:
        """Name of the model's folder."""
        return self._folder.name

    def generate(self, prompt: str, *, max_tokens: int, deadline_seconds: float) -> str:
        """The model's answer to ``prompt``, at most ``max_tokens`` tokens.

        The clock starts after the weights are loaded. Raises ``LanguageModelError`` when the weights cannot be loaded
        or the answer is not finished after ``deadline_seconds``: half a reply is worse than none.
        """
        model, tokenizer = self._load()
        from mlx_lm import stream_generate
        from mlx_lm.sample_utils import make_sampler

        ends = time.monotonic() + deadline_seconds

        def watch(_done: int = 0, _total: int = 0) -> None:
            if time.monotonic() > ends:
                raise LanguageModelError(
                    f"The language model {self.name} had not finished after {deadline_seconds:g} seconds; "
                    "use a smaller one."
                )

        pieces: Iterator[GenerationResponse] = stream_generate(
            model,
            tokenizer,
            self._tokens(tokenizer, prompt),
            max_tokens=max_tokens,
            sampler=make_sampler(temp=0.0),
            prefill_step_size=PREFILL_STEP_TOKENS,
            prompt_progress_callback=watch,
        )
        text = []
        try:
            for piece in pieces:
                watch()
                text.append(piece.text)
        except (RuntimeError, ValueError, MemoryError) as error:
            raise LanguageModelError(
                f"The language model {self.name} broke off ({type(error).__name__}); try a smaller one."
            ) from error
        return "".join(text)

    def _tokens(self, tokenizer: Any, prompt: str) -> list[int]:
        """``prompt`` as tokens: one user's turn in the model's own chat format, where it has one."""
        if tokenizer.chat_template is None:
            return list(tokenizer.encode(prompt))
        # Models that think aloud do so only when asked; templates without the switch ignore it.
        return list(
            tokenizer.apply_chat_template(
                [{"role": "user", "content": prompt}],
                add_generation_prompt=True,
                enable_thinking=False,
                tokenize=True,
                return_dict=False,
            )
        )

    def _load(self) -> tuple[Any, Any]:
        if self._loaded is None:
            try:
                from mlx_lm import load
            except ImportError as error:
                raise LanguageModelError(
                    "Drafts need mlx-lm, which runs on Apple silicon and on Linux x86-64; unset language_model here."
                ) from error
            try:
                model, tokenizer, *_ = load(str(self._folder))
            except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
                # What mlx-lm raises of a damaged folder differs from model to model.
                raise LanguageModelError(
                    f"The language model {self.name} cannot be loaded ({type(error).__name__}); put its whole folder "
                    "there again."
                ) from error
            self._loaded = (model, tokenizer)
        return self._loaded
