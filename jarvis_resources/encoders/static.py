"""Static encoders (Model2Vec): a vector for each token, a text is their mean. No network of layers runs.

``minilm-static`` is distilled here from all-minilm-l6-v2, once, into the encoder cache; after that nothing needs torch.
Of two processes that want it at once, one distils and the other waits.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from jarvis_resources.encoders import weights
from jarvis_resources.encoders.onnx import encodable
from jarvis_resources.encoders.registry import Backend, EncoderCard, Precision, get_card
from jarvis_resources.errors import EncoderError
from jarvis_resources.settings import Settings

DISTILLED_FROM = {"minilm-static": "all-minilm-l6-v2"}
"""Which encoder a static one is distilled from; the others are fetched like any encoder."""

_SIF = 1e-4
"""Weight of frequent tokens when distilling: Model2Vec's own default."""
_WINDOW_TEXTS = 8192
"""Texts tokenised at a time."""

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

        self.slug = card.slug
        self.dimension = card.dimension
        self.fingerprint = weights.fingerprint(card, folder, self.precision)
        try:
            self._model = StaticModel.from_pretrained(folder, max_length=card.max_tokens)
        except (OSError, ValueError, SafetensorError) as error:
            raise EncoderError(f"{folder} cannot be read ({type(error).__name__}); remove it and run again.") from error
        if self._model.dim != card.dimension:
            raise EncoderError(f"The files in {folder} are not those of {card.slug}; remove them and run again.")

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Vectors:
        """Vectors of ``texts``: float32 [n, dimension], rows of length 1; ``progress`` is told how many are done.

        A text without a known token ("" or a lone emoji) gets the last axis: distilling orders the axes by how much
        they say, so this is the one that says least.
        """
        vectors = np.empty((len(texts), self.dimension), np.float32)
        for start in range(0, len(texts), _WINDOW_TEXTS):
            part = [encodable(text) for text in texts[start : start + _WINDOW_TEXTS]]
            found = self._model.encode(part, normalize=False, use_multiprocessing=False).astype(np.float32)
            lengths = np.sqrt(np.einsum("ij,ij->i", found, found))
            empty = lengths == 0
            found[empty] = np.eye(1, self.dimension, self.dimension - 1, dtype=np.float32)
            vectors[start : start + len(part)] = found / np.where(empty, 1, lengths)[:, None]
            if progress is not None:
                progress(start + len(part))
        return vectors


def locate(card: EncoderCard, settings: Settings) -> Path:
    """Folder of a static encoder's files, distilling them first where that is how they come about."""
    target = settings.encoder_cache / card.slug
    if card.slug in DISTILLED_FROM and not target.is_dir():
        source = get_card(DISTILLED_FROM[card.slug])
        folder = weights.locate(source, settings)
        weights.digest(source, folder)
        try:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open(target.parent / f".{card.slug}.lock", "w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)  # released when the file is closed, or the process dies
                if not target.is_dir():
                    _distil(card, folder, source.hub_name or source.slug, target)
        except OSError as error:
            raise EncoderError(f"Cannot write {target} ({error.strerror}); free some space and run again.") from error
    return weights.locate(card, settings)


def _distil(card: EncoderCard, source: Path, name: str, target: Path) -> None:
    """Distil the encoder in ``source`` into ``target``: written aside, then renamed, so it is there whole or not at all.

    About 15 seconds and 1 GB on two cores; needs torch. The same weights give the same files.
    """
    weights.stay_offline()
    from model2vec.distill import distill
    from model2vec.persistence import save_pretrained

    # Its progress bars would break into ours, and it has no switch for them.
    with contextlib.redirect_stderr(io.StringIO()):
        model = distill(str(source), device="cpu", pca_dims=card.dimension, sif_coefficient=_SIF)
    aside = target.with_name(f".{card.slug}.aside")
    shutil.rmtree(aside, ignore_errors=True)  # of a run that was killed
    aside.mkdir(mode=0o700)
    config = {**model.config, "tokenizer_name": name}  # instead of a path of this machine
    save_pretrained(aside, model.embedding, model.tokenizer, config, create_model_card=False)  # type: ignore[arg-type]
    for file in aside.iterdir():
        file.chmod(0o600)
        with open(file, "rb") as written:
            os.fsync(written.fileno())
    aside.rename(target)
