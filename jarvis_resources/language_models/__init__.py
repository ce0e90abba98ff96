"""Prompt → text: what a language model is to JARVIS, and how a folder becomes one.

One file per backend stands beside this one; a new backend is a new file and a line in ``load_language_model``.
Prompts, and what may be believed of an answer, belong to ``jarvis_serving.generation``. Nothing here is downloaded:
a model is a folder that the owner put on this machine.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from jarvis_resources.errors import LanguageModelError

_NEEDED = ("config.json", "tokenizer.json")
"""Files without which no backend can load a folder; the weights (*.safetensors) are checked beside them."""


class LanguageModel(Protocol):
    """A local model that continues a prompt. One thread uses it at a time."""

    @property
    def name(self) -> str:
        """Name of the model's folder, for reports; says nothing of where it lies."""
        ...

    def generate(self, prompt: str, *, max_tokens: int, deadline_seconds: float) -> str:
        """The text that follows ``prompt`` (one user's request), at most ``max_tokens`` tokens.

        Raises ``LanguageModelError`` when the model cannot be loaded or has not finished after ``deadline_seconds``.
        """
        ...


def load_language_model(path: Path | str) -> LanguageModel:
    """The language model in the folder ``path``; its weights are read at the first ``generate``.

    The folder holds config.json, tokenizer.json and *.safetensors, as Hugging Face and mlx-lm lay them out. Raises
    ``LanguageModelError`` when the folder or one of these files is not there.
    """
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise LanguageModelError(
            f"There is no language model at {folder}; set language_model to the folder of an mlx-lm model, or unset it."
        )
    missing = [name for name in _NEEDED if not (folder / name).is_file()]
    if not any(folder.glob("*.safetensors")):
        missing.append("*.safetensors")
    if missing:
        raise LanguageModelError(
            f"The language model at {folder} lacks {missing[0]}; put the model's whole folder there."
        )
    from jarvis_resources.language_models.mlx_lm import MlxLanguageModel

    return MlxLanguageModel(folder)
