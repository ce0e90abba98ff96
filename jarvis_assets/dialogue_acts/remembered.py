"""What a pair's sides do is told once in its life: labels kept by what was said, for as long as the model is the same."""

from __future__ import annotations

import json
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import load, save

from jarvis_assets import kept
from jarvis_assets.dialogue_acts import labelling
from jarvis_assets.dialogue_acts.labelling import Said
from jarvis_serving.understanding import dialogue_acts, linear_head, rules, structure, wording

if TYPE_CHECKING:
    import pandas as pd

    from jarvis_serving.understanding.dialogue_acts import DialogueActModel


def said_of(model: DialogueActModel, pairs: pd.DataFrame, vectors: np.ndarray, folder: Path, name: str) -> Said:
    """What ``model`` says of ``pairs`` with their ``vectors`` [n, 2, d]; what was told before is not asked again.

    ``folder`` keeps under ``name`` what was told of these pairs, and of no others. What is damaged, or another model's, is
    told anew.
    """
    key = kept.key_of(
        [model.encoder_fingerprint, json.dumps(model.to_json()), wording.SPELLING_FILE.read_bytes()],
        (dialogue_acts, linear_head, rules, structure, wording, labelling),
    )
    numbers = np.fromiter(map(_number, pairs["trigger_text"], pairs["response_text"]), np.uint64, len(pairs))
    known = kept.read(folder, name, key, load) or {"numbers": numbers[:0]}
    _, found, at = np.intersect1d(numbers, known["numbers"], return_indices=True)
    rows = np.setdiff1d(np.arange(len(pairs)), found)
    told = vars(Said.of(model, pairs.iloc[rows], vectors[rows]))
    everything = {}
    for field, new in told.items():
        values = np.empty(len(pairs), new.dtype)
        values[rows] = new
        if len(found):
            values[found] = known[field][at]
        everything[field] = values
    distinct, first = np.unique(numbers, return_index=True)
    content = save({"numbers": distinct, **{field: values[first] for field, values in everything.items()}})
    kept.write(folder, name, key, content)
    return Said(**everything)


def _number(trigger: str, response: str) -> int:
    said = f"{trigger}\x1f{response}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(said, digest_size=8).digest())
