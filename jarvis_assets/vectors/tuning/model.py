"""An encoder that can learn: any of the registry that torch runs, its upper layers free, the rest as it was.

Pooling and whatever follows it stay the base's own, so that only ``model.safetensors`` changes; ``save`` writes a folder
that the backends load like any other.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jarvis_assets.vectors.tuning.plan import MAX_TOKENS, TRAINED_SHARE
from jarvis_resources.encoders import weights
from jarvis_resources.errors import EncoderError, SettingsError

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from sentence_transformers import SentenceTransformer

    from jarvis_resources.encoders.registry import EncoderCard

_CHUNK = 32
"""Texts that run together, alike in length: larger ones pad more than they gain on a processor."""
_LONGEST_CHARACTERS = 20
"""Characters per token that are looked at: what is longer is cut off anyway, and tokenising a book takes seconds."""
_POOLING = {"mean": "mean", "cls": "cls", "last": "lasttoken"}


class TunableEncoder:
    """The encoder in ``folder`` with the upper ``TRAINED_SHARE`` of its layers free to learn."""

    def __init__(self, card: EncoderCard, folder: Path, *, device: str, threads: int) -> None:
        """Load the files; raises ``EncoderError`` when torch cannot run them, ``SettingsError`` on an unknown device."""
        weights.stay_offline()
        import torch

        self.card, self.folder = card, folder
        self.device = _device(device)
        torch.set_num_threads(threads)
        self._model = _load(card, folder).to(self.device).eval()  # no dropout: a few hundred steps forget nothing
        network: Any = self._model[0]
        self._body: Any = network.auto_model
        for parameter in self._model.parameters():
            parameter.requires_grad_(False)
        layers = max((m for m in self._body.modules() if isinstance(m, torch.nn.ModuleList)), key=len, default=None)
        if not layers:
            raise EncoderError(f"{card.slug} has no layers that could learn; choose another base.")
        for layer in list(layers)[-max(1, round(len(layers) * TRAINED_SHARE)) :]:
            layer.requires_grad_(True)

    def parameters(self) -> list[torch.nn.Parameter]:
        """What learns."""
        return [parameter for parameter in self._body.parameters() if parameter.requires_grad]

    def state(self) -> dict[str, torch.Tensor]:
        """A copy of what learns, by name."""
        return {name: p.detach().clone() for name, p in self._body.named_parameters() if p.requires_grad}

    def load_state(self, state: dict[str, torch.Tensor]) -> None:
        """Take back what ``state`` gave."""
        self._body.load_state_dict(state, strict=False)

    def vectors(self, texts: Sequence[str]) -> torch.Tensor:
        """Unit vectors [n, d] to learn from: what led to them is kept."""
        import torch

        self._model.max_seq_length = MAX_TOKENS
        parts = list(self._chunks(texts, MAX_TOKENS))
        order = torch.from_numpy(np.argsort(np.concatenate([rows for rows, _ in parts])))
        return torch.cat([part for _, part in parts])[order.to(self.device)]

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors float32 [n, d], as the encoder will give them: texts up to the card's length."""
        import torch

        self._model.max_seq_length = self.card.max_tokens
        found = np.empty((len(texts), self.card.dimension), np.float32)
        with torch.inference_mode():
            for rows, part in self._chunks(texts, self.card.max_tokens):
                found[rows] = part.float().cpu().numpy()
        return found

    def save(self, folder: Path) -> None:
        """Write the encoder's files to the new ``folder``: the base's, with the layers that learned in their place.

        Raises ``EncoderError`` when the base's weights are named otherwise than torch names them.
        """
        from safetensors.torch import load_file, save_file

        shutil.copytree(
            self.folder, folder, ignore=lambda at, names: [] if at != str(self.folder) else self._left_out(names)
        )
        path = folder / "model.safetensors"
        tensors = load_file(path)
        prefix = f"{self._body.base_model_prefix}."
        named = {name.removeprefix(prefix) if name not in self._body.state_dict() else name: name for name in tensors}
        for own, value in self.state().items():
            if own not in named:
                raise EncoderError(f"The weights of {self.card.slug} are laid out in a way that tuning does not know.")
            tensors[named[own]] = value.to(dtype=tensors[named[own]].dtype, device="cpu").contiguous()
        path.unlink()
        save_file(tensors, path, metadata={"format": "pt"})

    def _left_out(self, names: list[str]) -> list[str]:
        """Of a folder's names, what an encoder does not need: other formats, notes."""
        if "modules.json" in self.card.files:
            return [name for name in names if name in ("onnx", "openvino", ".git", "README.md")]
        return [name for name in names if name not in self.card.files]

    def _chunks(self, texts: Sequence[str], tokens: int) -> Iterator[tuple[NDArray[np.int64], torch.Tensor]]:
        """Rows and their unit vectors, shortest texts first."""
        import torch

        from jarvis_resources.encoders.onnx import encodable

        prefix, longest = self.card.document_prefix or "", tokens * _LONGEST_CHARACTERS
        said = [prefix + encodable(text[:longest]) for text in texts]
        order = np.argsort([len(text) for text in said], kind="stable")
        for start in range(0, len(order), _CHUNK):
            rows = order[start : start + _CHUNK]
            features = self._model.preprocess([said[row] for row in rows])
            moved = {k: v.to(self.device) if isinstance(v, torch.Tensor) else v for k, v in features.items()}
            yield rows, torch.nn.functional.normalize(self._model(moved)["sentence_embedding"], dim=1)


def _load(card: EncoderCard, folder: Path) -> SentenceTransformer:
    """The model in ``folder``, as its modules.json says where the card asks for one, else as the card says."""
    from safetensors import SafetensorError
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers.utils.logging import disable_progress_bar, set_verbosity_error

    disable_progress_bar()  # type: ignore[no-untyped-call]  # it would break into ours
    set_verbosity_error()  # type: ignore[no-untyped-call]  # weights that pooling does not use may be missing
    try:
        if "modules.json" in card.files:
            return SentenceTransformer(str(folder), local_files_only=True)
        transformer = Transformer(str(folder), max_seq_length=card.max_tokens)
        return SentenceTransformer(
            modules=[transformer, Pooling(transformer.get_embedding_dimension(), _POOLING[card.pooling])]
        )
    except (OSError, ValueError, SafetensorError) as error:
        raise EncoderError(f"The files in {folder} cannot be read ({type(error).__name__}).") from error


def _device(asked: str) -> torch.device:
    import torch

    if asked == "auto":
        asked = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        return torch.empty(0, device=asked).device
    except (RuntimeError, AssertionError) as error:
        raise SettingsError(f"torch cannot use the device {asked!r} here; choose auto, cpu, cuda or mps.") from error
