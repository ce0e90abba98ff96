"""BERT encoders on fastembed, where the owner has installed it: a second opinion on speed, no dependency of ours.

fastembed reads an ONNX file with a mask, as exporters write it, and fetches its own from the network. Here it gets one
that is exported locally into a folder that lives as long as loading takes, so nothing is fetched and nothing is kept.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from jarvis_resources.encoders import weights
from jarvis_resources.encoders.onnx import encodable
from jarvis_resources.encoders.registry import Backend, EncoderCard, Precision
from jarvis_resources.errors import EncoderError

_BATCH_TEXTS = 256
"""Texts per batch: fastembed's own default."""
_OPSET = 18
_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_OUTPUT = "last_hidden_state"

Vectors = npt.NDArray[np.float32]


class FastembedEncoder:
    """A BERT encoder running on fastembed."""

    backend: Backend = "fastembed"
    precision: Precision = "fp32"

    def __init__(self, card: EncoderCard, folder: Path, threads: int) -> None:
        """Export the files in ``folder`` and load that; raises ``EncoderError`` when they are damaged."""
        weights.stay_offline()
        from fastembed import TextEmbedding
        from fastembed.common.model_description import ModelSource, PoolingType

        self.slug = card.slug
        self.dimension = card.dimension
        self.fingerprint = weights.fingerprint(card, folder, self.precision)
        self._prefix = card.document_prefix or ""
        name = f"jarvis/{card.slug}-{self.fingerprint}"
        if name not in {model["model"] for model in TextEmbedding.list_supported_models()}:
            TextEmbedding.add_custom_model(
                model=name,
                pooling=PoolingType.CLS if card.pooling == "cls" else PoolingType.MEAN,
                normalization=True,
                sources=ModelSource(url="file://"),  # it wants one; a folder of one's own comes first
                dim=card.dimension,
                model_file="model.onnx",
            )
        with tempfile.TemporaryDirectory(prefix="jarvis-") as exported:
            export_plain_onnx(card, folder, Path(exported))
            self._model = TextEmbedding(
                name, threads=threads, providers=["CPUExecutionProvider"], specific_model_path=exported
            )

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Vectors:
        """Vectors of ``texts``: float32 [n, dimension], rows of length 1; ``progress`` is told how many are done."""
        vectors = np.empty((len(texts), self.dimension), np.float32)
        prepared = (self._prefix + encodable(text) for text in texts)
        for row, vector in enumerate(self._model.embed(prepared, batch_size=_BATCH_TEXTS)):
            vectors[row] = vector
            if progress is not None and ((row + 1) % _BATCH_TEXTS == 0 or row + 1 == len(texts)):
                progress(row + 1)
        return vectors


def export_plain_onnx(card: EncoderCard, folder: Path, target: Path) -> Path:
    """``target/model.onnx``, fp32, as torch's exporter writes it: nothing fused, padded batches with a mask.

    Inputs int64 [texts, tokens]: input_ids, attention_mask, token_type_ids; output last_hidden_state float32 [texts,
    tokens, d]. The tokenizer's files go beside it, cutting at the card's ``max_tokens``. About four seconds; needs torch.
    Raises ``EncoderError`` when the files in ``folder`` are damaged.
    """
    weights.stay_offline()
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModel

    weights.keep_transformers_quiet()
    try:
        network = AutoModel.from_pretrained(folder, attn_implementation="eager").eval()
    except (OSError, ValueError, SafetensorError) as error:
        raise EncoderError(
            f"The files in {folder} cannot be read ({type(error).__name__}); fetch them again."
        ) from error

    class Hidden(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, ids: torch.Tensor, mask: torch.Tensor, kinds: torch.Tensor) -> torch.Tensor:
            hidden: torch.Tensor = self.network(ids, attention_mask=mask, token_type_ids=kinds).last_hidden_state
            return hidden

    path = target / "model.onnx"
    ids = torch.ones((2, 8), dtype=torch.int64)
    axes = {0: "texts", 1: "tokens"}
    with warnings.catch_warnings():
        # The newer exporter needs a package more, and what this one warns of is checked by a test on the vectors.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Hidden(),
            (ids, torch.ones_like(ids), torch.zeros_like(ids)),
            str(path),
            input_names=list(_INPUTS),
            output_names=[_OUTPUT],
            dynamic_axes=dict.fromkeys((*_INPUTS, _OUTPUT), axes),
            opset_version=_OPSET,
            dynamo=False,
        )
    for name in ("config.json", "tokenizer.json"):
        shutil.copyfile(folder / name, target / name)
    settings = {"pad_token": "[PAD]", "model_max_length": card.max_tokens}
    (target / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return path
