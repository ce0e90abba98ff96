"""Static encoders (Model2Vec): a vector for each token, a text is their mean. No network of layers runs.

An encoder whose card says ``distilled_from`` is distilled here, once, into the encoder cache; after that nothing needs
torch. Of two processes that want it at once, one distils and the other waits. Its record says from what weights it was
made and what came of it, so a damaged one is noticed and made again.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import logging
import os
import shutil
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from jarvis_resources.encoders import pins, weights
from jarvis_resources.encoders.onnx import encodable
from jarvis_resources.encoders.registry import Backend, EncoderCard, Precision, get_card
from jarvis_resources.errors import EncoderError
from jarvis_resources.settings import Settings

if TYPE_CHECKING:
    from model2vec import StaticModel

_SIF = 1e-4
"""Weight of frequent tokens when distilling: Model2Vec's own default."""
_WINDOW_TEXTS = 8192
"""Texts tokenised at a time."""

_log = logging.getLogger(__name__)

Vectors = npt.NDArray[np.float32]


class StaticEncoder:
    """A Model2Vec encoder."""

    backend: Backend = "static"
    precision: Precision = "fp32"

    def __init__(self, card: EncoderCard, folder: Path) -> None:
        """Load the files in ``folder``; raises ``EncoderError`` when they are damaged."""
        weights.stay_offline()
        from model2vec import StaticModel
        from safetensors import SafetensorError

        # It tells whenever a card cuts texts earlier than the files do, which is what a card is for.
        logging.getLogger("model2vec").setLevel(logging.ERROR)
        self.slug = card.slug
        self.dimension = card.dimension
        self._prefix = card.document_prefix or ""
        self.fingerprint = weights.fingerprint(card, folder, self.precision)
        try:
            self._model = StaticModel.from_pretrained(folder, max_length=card.max_tokens)
        except (OSError, ValueError, SafetensorError) as error:
            raise EncoderError(f"{folder} cannot be read ({type(error).__name__}); remove it and run again.") from error
        if self._model.dim != card.dimension:
            raise EncoderError(f"The files in {folder} are not those of {card.slug}; remove them and run again.")
        self._model.tokenizer.enable_truncation(card.max_tokens)
        # A text this long has more tokens than are looked at, and would be cut into all of them first.
        self._most_characters = card.max_tokens * self._model.median_token_length
        self._table = _table(self._model)

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Vectors:
        """Vectors of ``texts``: float32 [n, dimension], rows of length 1; ``progress`` is told how many are done.

        A text without a known token ("" or a lone emoji) gets the last axis: distilling orders the axes by how much
        they say, so this is the one that says least.
        """
        vectors = np.empty((len(texts), self.dimension), np.float32)
        for start in range(0, len(texts), _WINDOW_TEXTS):
            found = self._means(texts[start : start + _WINDOW_TEXTS])
            lengths = np.sqrt(np.einsum("ij,ij->i", found, found))
            empty = lengths == 0
            found[empty] = np.eye(1, self.dimension, self.dimension - 1, dtype=np.float32)
            vectors[start : start + len(found)] = found / np.where(empty, 1, lengths)[:, None]
            if progress is not None:
                progress(start + len(found))
        return vectors

    def _means(self, texts: Sequence[str]) -> Vectors:
        """The mean of each text's tokens, as Model2Vec defines it: float32 [n, dimension]; 0 where none is known.

        One sparse product for all texts: Model2Vec's own loop takes longer than cutting them into tokens.
        """
        whole = [(self._prefix + encodable(text))[: self._most_characters] for text in texts]
        encodings = self._model.tokenizer.encode_batch_fast(whole, add_special_tokens=False)
        tokens = [encoding.ids for encoding in encodings]
        flat = np.fromiter(chain.from_iterable(tokens), np.int32)
        ends = np.cumsum([0, *map(len, tokens)])
        known = np.ones(len(flat), np.bool_) if self._model.unk_token_id is None else flat != self._model.unk_token_id
        ends = np.append(0, np.cumsum(known))[ends]
        if len(texts) == 1:  # the same sum, without building a matrix for it
            sums: Vectors = self._table[flat[known]].sum(axis=0, keepdims=True)
        else:
            from scipy.sparse import csr_array

            shape = (len(texts), len(self._table))
            sums = csr_array((np.ones(ends[-1], np.float32), flat[known], ends), shape=shape) @ self._table
        means: Vectors = sums / np.maximum(np.diff(ends), 1)[:, None].astype(np.float32)
        return means


def _table(model: StaticModel) -> Vectors:
    """A token's vector by its number: float32 [tokens, dimension]."""
    rows = model.embedding if model.token_mapping is None else model.embedding[model.token_mapping]
    table: Vectors = rows.astype(np.float32)
    return table if model.weights is None else table * model.weights[:, None].astype(np.float32)


def locate(card: EncoderCard, settings: Settings) -> Path:
    """Folder of a static encoder's files, distilling them where that is how they come about and they are not sound."""
    target = settings.encoder_cache / card.slug
    if card.distilled_from is None or _sound(card, target):
        return weights.locate(card, settings)
    source = get_card(card.distilled_from, settings)
    folder = weights.locate(source, settings)
    weights.check(source, folder, settings)
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(target.parent / f".{card.slug}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # released when the file is closed, or the process dies
            if not _sound(card, target):
                if target.is_dir():
                    _log.warning("The files of %s are damaged; they are distilled again.", card.slug)
                _distil(card, source, folder, target)
    except OSError as error:
        raise EncoderError(f"Cannot write {target} ({error.strerror}); free some space and run again.") from error
    return weights.locate(card, settings)


def _sound(card: EncoderCard, folder: Path) -> bool:
    """Whether the files are all there and as they were when distilled."""
    if not all((folder / name).is_file() for name in card.files):
        return False
    try:
        recorded = pins.read(folder)
    except EncoderError:
        return False
    return recorded is None or pins.damage(recorded, folder, folder) is None


def _distil(card: EncoderCard, source: EncoderCard, folder: Path, target: Path) -> None:
    """Distil the encoder in ``folder`` into ``target``: written aside, then renamed: there whole or not at all.

    About 15 seconds and 1 GB on two cores; needs torch. The same weights give the same files.
    """
    weights.stay_offline()
    weights.keep_transformers_quiet()
    from model2vec.distill import distill
    from model2vec.persistence import save_pretrained

    # Its progress bars would break into ours, and it has no switch for them.
    with contextlib.redirect_stderr(io.StringIO()):
        model = distill(str(folder), device="cpu", pca_dims=card.dimension, sif_coefficient=_SIF)
    aside = target.with_name(f".{card.slug}.aside")
    shutil.rmtree(aside, ignore_errors=True)  # of a run that was killed
    aside.mkdir(mode=0o700)
    config = {**model.config, "tokenizer_name": source.hub_name or source.slug}  # instead of a path of this machine
    save_pretrained(aside, model.embedding, model.tokenizer, config, create_model_card=False)  # type: ignore[arg-type]
    names = sorted(file.name for file in aside.iterdir())
    for name in names:
        (aside / name).chmod(0o600)
        with open(aside / name, "rb") as written:
            os.fsync(written.fileno())
    pins.record(aside, names, distilled_from=source.slug, source_sha256=weights.digest(source, folder))
    shutil.rmtree(target, ignore_errors=True)
    aside.rename(target)
