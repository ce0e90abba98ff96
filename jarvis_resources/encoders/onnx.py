"""BERT encoders on ONNX Runtime: fp32 and int8, without torch.

Texts are grouped by token length, so a batch has no padding and a text's vector never depends on its neighbours: the
same text gives the same bits in every run. The graph comes from ``bert_graph.py``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from jarvis_resources.encoders import bert_graph, weights
from jarvis_resources.encoders.registry import Backend, EncoderCard, Precision
from jarvis_resources.errors import EncoderError

if TYPE_CHECKING:
    import onnxruntime
    from tokenizers import Tokenizer

_BATCH_TOKENS = 1024
"""Tokens per batch: the fastest of 512, 1,024 and 2,048 on two cores; weights stay in the cache, threads stay busy."""
_WINDOW_TEXTS = 8192
"""Texts tokenised at a time, so that a million of them do not lie in memory as token lists."""

Vectors = npt.NDArray[np.float32]


class OnnxEncoder:
    """A BERT encoder running on ONNX Runtime."""

    backend: Backend = "onnx"

    def __init__(self, card: EncoderCard, folder: Path, precision: Precision, threads: int) -> None:
        """Load the files in ``folder``; raises ``EncoderError`` when they are damaged or not a BERT's."""
        self.slug = card.slug
        self.precision: Precision = precision
        self.dimension = card.dimension
        self.fingerprint = weights.fingerprint(card, folder, precision)
        self._prefix = card.document_prefix or ""
        self._first_token = card.pooling == "cls"
        if card.pooling not in ("mean", "cls"):
            raise EncoderError(f"The onnx backend cannot pool {card.slug}; use the backend sentence-transformers.")
        self._tokenizer = read_tokenizer(folder, card.max_tokens)
        config = weights.read_config(folder)
        graph = bert_graph.build(config, _read_tensors(folder), int8=precision == "int8")
        if int(config["hidden_size"]) != card.dimension:
            raise EncoderError(f"The files in {folder} are not those of {card.slug}; fetch them again.")
        self._session, self._held = _open_session(graph, threads)

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Vectors:
        """Vectors of ``texts``: float32 [n, dimension], rows of length 1; ``progress`` is told how many are done."""
        vectors = np.empty((len(texts), self.dimension), np.float32)
        done = 0
        # A loop over batches: the session takes one rectangle of tokens at a time.
        for start in range(0, len(texts), _WINDOW_TEXTS):
            window = [self._prefix + encodable(text) for text in texts[start : start + _WINDOW_TEXTS]]
            tokens = [encoding.ids for encoding in self._tokenizer.encode_batch_fast(window)]
            for rows in batches(np.array([len(ids) for ids in tokens]), _BATCH_TOKENS):
                vectors[start + rows] = self._run(np.array([tokens[row] for row in rows], np.int64))
                done += len(rows)
                if progress is not None:
                    progress(done)
        return vectors

    def _run(self, ids: npt.NDArray[np.int64]) -> Vectors:
        """Vectors of texts of equal token length: ids int64 [texts, tokens]."""
        hidden: Vectors = self._session.run(["hidden"], {"ids": ids})[0]
        # Pooled here, because the runtime's own mean adds up in another order when a batch is a single text.
        pooled = hidden[:, 0] if self._first_token else hidden.mean(axis=1)
        length: Vectors = np.sqrt(np.einsum("ij,ij->i", pooled, pooled))[:, None]
        unit: Vectors = pooled / length
        return unit


def batches(lengths: npt.NDArray[np.int64], budget: int) -> list[npt.NDArray[np.int64]]:
    """Row numbers in batches of equal ``lengths`` (tokens) and at most ``budget`` tokens, shortest texts first."""
    order = np.argsort(lengths, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(lengths[order])) + 1)
    found = []
    for group in groups:
        step = max(1, budget // max(1, int(lengths[group[0]]))) if len(group) else 1
        found += [group[start : start + step] for start in range(0, len(group), step)]
    return found


def encodable(text: str) -> str:
    """``text`` without lone surrogates, which no tokenizer takes; they become question marks."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def read_tokenizer(folder: Path, max_tokens: int) -> Tokenizer:
    """The tokenizer in ``folder``, cutting at ``max_tokens`` and never padding; raises ``EncoderError``."""
    from tokenizers import Tokenizer

    path = folder / "tokenizer.json"
    try:
        text = path.read_text(encoding="utf-8")
        whole = "model" in json.loads(text)
    except (OSError, ValueError) as error:
        raise EncoderError(f"{path} cannot be read ({type(error).__name__}); fetch it again.") from error
    if not whole:
        raise EncoderError(f"{path} is not a tokenizer; fetch it again.")
    tokenizer = Tokenizer.from_str(text)
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


def _read_tensors(folder: Path) -> dict[str, npt.NDArray[Any]]:
    """The weights in ``folder`` by name; raises ``EncoderError`` when the file is damaged or of a type numpy lacks."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    path = folder / "model.safetensors"
    try:
        tensors: dict[str, npt.NDArray[Any]] = load_file(path)
    except (SafetensorError, KeyError, TypeError) as error:
        raise EncoderError(f"{path} cannot be read ({type(error).__name__}); fetch it again.") from error
    return tensors


def _open_session(
    graph: bert_graph.BertGraph, threads: int
) -> tuple[onnxruntime.InferenceSession, list[onnxruntime.OrtValue]]:
    """A session on ``graph`` with ``threads`` threads, and the weights that must live as long as it does."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that wait by spinning take a core from whatever else runs: on a busy machine that is the slower way.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3  # errors only: its warnings are no news to the owner
    held = [onnxruntime.OrtValue.ortvalue_from_numpy(value) for value in graph.weights.values()]
    options.add_external_initializers(list(graph.weights), held)
    return onnxruntime.InferenceSession(graph.model, options, providers=["CPUExecutionProvider"]), held
