"""BERT encoders on ONNX Runtime: fp32 and int8, without torch.

Texts are grouped by token length, so a batch has no padding and a text's vector never depends on its neighbours: the
same text gives the same bits in every run. Each thread runs batches of its own: splitting a layer of 384 channels between
threads would have them wait for each other at every step. The graph comes from ``bert_graph.py``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from jarvis_resources.encoders import bert_graph, int8, weights
from jarvis_resources.encoders.probe_texts import PROBE_TEXTS
from jarvis_resources.encoders.registry import Backend, EncoderCard, Precision
from jarvis_resources.errors import EncoderError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_BATCH_TOKENS = 1024
"""Tokens per batch: the fastest of 512, 1,024 and 2,048 on two cores; what a layer makes stays in the cache."""
_WINDOW_TEXTS = 8192
"""Texts tokenised at a time, so that a million of them do not lie in memory as token lists."""

Vectors = npt.NDArray[np.float32]


class OnnxEncoder:
    """A BERT encoder running on ONNX Runtime."""

    backend: Backend = "onnx"

    def __init__(self, card: EncoderCard, folder: Path, precision: Precision, threads: int, cache: Path) -> None:
        """Load the files in ``folder``; raises ``EncoderError`` when they are damaged or not a BERT's.

        ``cache``: where int8 keeps the ranges that it measures when it is first asked for, in a second or two.
        """
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
        if int(config.get("hidden_size", 0)) != card.dimension:
            raise EncoderError(f"The files in {folder} are not those of {card.slug}; fetch them again.")
        tensors = _read_tensors(folder)
        linears: bert_graph.Linears = bert_graph.exact
        if precision == "int8":
            path = cache / "int8" / f"{self.fingerprint}.safetensors"
            linears = int8.Int8(int8.kept_ranges(path, partial(self._measure_ranges, config, tensors)))
        self._session = _Session(bert_graph.build(config, tensors, linears))
        self._threads = threads

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Vectors:
        """Vectors of ``texts``: float32 [n, dimension], rows of length 1; ``progress`` is told how many are done."""
        if len(texts) == 1 and progress is None:
            # What serving asks for: nothing is sorted, and no thread is woken.
            return self._run(np.array([self._tokenizer.encode(self._whole(texts[0])).ids], np.int64))
        vectors = np.empty((len(texts), self.dimension), np.float32)
        done = 0
        with ThreadPoolExecutor(self._threads) as workers:
            # A loop over windows of batches: the session takes one rectangle of tokens at a time.
            for start in range(0, len(texts), _WINDOW_TEXTS):
                rows, tokens = self._tokenise(texts[start : start + _WINDOW_TEXTS])
                for batch, found in zip(rows, workers.map(self._run, tokens), strict=True):
                    vectors[start + batch] = found
                    done += len(batch)
                    if progress is not None:
                        progress(done)
        return vectors

    def _tokenise(self, texts: Sequence[str]) -> tuple[list[npt.NDArray[np.int64]], Iterator[npt.NDArray[np.int64]]]:
        """``texts`` in batches: their row numbers, and their token ids, int64 [texts, tokens] each."""
        encodings = self._tokenizer.encode_batch_fast([self._whole(text) for text in texts])
        tokens = [encoding.ids for encoding in encodings]
        rows = batches(np.array([len(ids) for ids in tokens]), _BATCH_TOKENS)
        return rows, (np.array([tokens[row] for row in batch], np.int64) for batch in rows)

    def _whole(self, text: str) -> str:
        """What the tokenizer is given for ``text``."""
        return self._prefix + encodable(text)

    def _measure_ranges(self, config: dict[str, Any], tensors: dict[str, npt.NDArray[Any]]) -> int8.Ranges:
        """How large what each layer reads gets, on the probe texts."""
        _, tokens = self._tokenise(PROBE_TEXTS)
        return int8.measure_ranges(config, tensors, tokens, _Session)

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


class _Session:
    """A graph being run; safe to run from several threads at once, each run taking one."""

    def __init__(self, graph: bert_graph.BertGraph) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors only: its warnings are no news to the owner
        # The weights must live as long as the session does.
        self._held = [onnxruntime.OrtValue.ortvalue_from_numpy(value) for value in graph.weights.values()]
        options.add_external_initializers(list(graph.weights), self._held)
        self._session = onnxruntime.InferenceSession(graph.model, options, providers=["CPUExecutionProvider"])

    @property
    def outputs(self) -> list[str]:
        """Names of what it gives."""
        return [output.name for output in self._session.get_outputs()]

    def run(self, outputs: list[str], inputs: dict[str, npt.NDArray[np.int64]]) -> list[Vectors]:
        """The ``outputs`` for ``inputs``."""
        found: list[Vectors] = self._session.run(outputs, inputs)
        return found
