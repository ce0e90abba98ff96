"""Linear layers in int8 for ``bert_graph.py``: how weights and activations are rounded, and with which ranges.

Weights are rounded per output channel. What a layer reads is rounded in one of two ways:

- After a normalisation a few channels are twenty times larger than the others, the same ones for every text. Each channel is
  first divided by a factor of its own that goes into the weight (SmoothQuant, Xiao et al. 2023, equation 4), then rounded
  with one step for all texts. The factors come from the ranges seen on ``PROBE_TEXTS``.
- Elsewhere each row (token) has a step of its own, from its largest value.

Neither looks at other texts, so a text's vector never depends on its neighbours.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from jarvis_resources.encoders.bert_graph import MICROSOFT, BertGraph, Builder, Layer, Source, build, exact
from jarvis_resources.files import told_of, write_private

RECIPE = "smooth-2"
"""Part of the fingerprint: another name whenever the vectors may be others."""
KNOWN_LOSSES = {"53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db": 0.0004}
"""Share of retrieval quality that this recipe costs, by the weights' sha256: all-minilm-l6-v2, by `make bench-encoders`."""
_MIGRATION = 0.75
"""Share of a channel's size that its weight takes over (SmoothQuant's α). Cosine to fp32 on the probe texts is flat
from 0.7 to 0.8; 0.5, the paper's, is for models with evener activations."""
_RANGE_STEPS_PER_OCTAVE = 4
"""Ranges are rounded up to these, so that machines whose last bits differ round alike, and nothing is cut off by a hair."""
_STEPS = 127
"""Steps from zero to the largest magnitude."""
_MIDDLE = 128
"""Zero of what has both signs, as uint8."""
_GELU_LEAST = 0.17
"""Gelu is never below −0.16998, so its zero lies low and the steps go to the positive side."""
_GELU_ZERO = 16
_LEAST = np.finfo(np.float32).tiny

Ranges = Mapping[str, npt.NDArray[np.float32]]
"""By the name of a group's first layer: the largest magnitude of each channel that it reads, float32 [in]."""


@dataclass(frozen=True)
class Int8:
    """Linear layers with int8 weights and uint8 inputs."""

    ranges: Ranges

    def __call__(self, g: Builder, source: Source, x: str, layers: Sequence[Layer]) -> list[str]:
        """What each of ``layers`` makes of ``x`` [rows, in]: outputs [rows, out]."""
        if source == "norm":
            return self._smoothed(g, x, layers)
        return [self._row_by_row(g, x, layer, positive=source == "gelu") for layer in layers]

    def _smoothed(self, g: Builder, x: str, layers: Sequence[Layer]) -> list[str]:
        first = layers[0].name
        factors = _factors(self.ranges[first], [layer.weight for layer in layers])
        even = g.one("Mul", [x, g.weight(f"{first}.factors", 1 / factors)])
        zero = _zero(g, _MIDDLE)
        rounded = g.one("QuantizeLinear", [even, _unit(g), zero])
        # One product for all of them: a single text's are too small to be worth a call each.
        weight, bias = (np.concatenate([getattr(layer, part) for layer in layers]) for part in ("weight", "bias"))
        product = _product(g, rounded, zero, first, weight * factors, [g.weight(f"{first}.bias", bias)])
        return [product] if len(layers) == 1 else g.split(product, len(layers))

    def _row_by_row(self, g: Builder, x: str, layer: Layer, *, positive: bool) -> str:
        last = g.constant("last_axis", np.array([-1], np.int64))
        if positive:
            zero, step = _GELU_ZERO, g.constant("gelu_step", np.array(1 / (255 - _GELU_ZERO), np.float32))
            least = g.constant("gelu_least", np.array(_GELU_LEAST / _GELU_ZERO, np.float32))
            scale = g.one("Max", [g.one("Mul", [g.one("ReduceMax", [x, last], keepdims=1), step]), least])
        else:
            zero, step = _MIDDLE, g.constant("step", np.array(1 / _STEPS, np.float32))
            least = g.constant("least", np.array(_LEAST, np.float32))
            largest = g.one("ReduceMax", [g.one("Abs", [x]), last], keepdims=1)
            scale = g.one("Max", [g.one("Mul", [largest, step]), least])
        each = g.one("Squeeze", [scale, last])
        rounded = g.one("QuantizeLinear", [x, each, _zeros(g, zero, each)], axis=0)
        product = g.one("Mul", [_product(g, rounded, _zero(g, zero), layer.name, layer.weight, []), scale])
        return g.one("Add", [product, g.weight(f"{layer.name}.bias", layer.bias)])


def _zeros(g: Builder, value: int, rows: str) -> str:
    """``value`` for each of ``rows`` [rows], as uint8; all layers have the same rows."""
    from onnx import numpy_helper

    one = numpy_helper.from_array(np.array([value], np.uint8))
    return g.shared(f"zeros_{value}", lambda: g.one("ConstantOfShape", [g.one("Shape", [rows])], value=one))


def _factors(largest: npt.NDArray[np.float32], weights: Sequence[npt.NDArray[Any]]) -> npt.NDArray[np.float32]:
    """What each channel is divided by, float32 [in]: afterwards no channel seen exceeds 127."""
    largest = np.maximum(largest, _LEAST)
    heaviest = np.maximum(np.max([np.abs(weight).max(axis=0) for weight in weights], axis=0), _LEAST)
    factors = largest**_MIGRATION / heaviest ** (1 - _MIGRATION)
    scaled: npt.NDArray[np.float32] = (factors * (largest / factors).max() / _STEPS).astype(np.float32)
    return scaled


def _product(g: Builder, rounded: str, zero: str, name: str, weight: npt.NDArray[Any], bias: list[str]) -> str:
    """``rounded`` times ``weight`` [out, in] transposed, as float32: the kernel puts scales and bias on in one pass."""
    scales = np.maximum(np.abs(weight).max(axis=1), _LEAST) / _STEPS
    weights = g.weight(f"{name}.weight", np.rint(weight / scales[:, None]).astype(np.int8).T)
    scale = g.weight(f"{name}.scale", scales.astype(np.float32))
    signed_zero = g.constant("signed_zero", np.array(0, np.int8))
    inputs = [rounded, weights, _unit(g), scale, zero, signed_zero, *bias]
    return g.one("MatMulIntegerToFloat", inputs, domain=MICROSOFT)


def _unit(g: Builder) -> str:
    return g.constant("unit", np.array(1, np.float32))


def _zero(g: Builder, value: int) -> str:
    return g.constant(f"zero_{value}", np.array(value, np.uint8))


class Session(Protocol):
    """A graph being run."""

    @property
    def outputs(self) -> list[str]:
        """Names of what it gives."""
        ...

    def run(self, outputs: list[str], inputs: dict[str, npt.NDArray[np.int64]]) -> list[npt.NDArray[np.float32]]:
        """The ``outputs`` for ``inputs``."""
        ...


def _watched(g: Builder, source: Source, x: str, layers: Sequence[Layer]) -> list[str]:
    """Linear layers in float32 whose graph also gives the ranges: an output for each group after a normalisation."""
    if source == "norm":
        rows = g.constant("row_axis", np.array([0], np.int64))
        g.outputs[g.one("ReduceMax", [g.one("Abs", [x]), rows], keepdims=0)] = layers[0].name
    return exact(g, source, x, layers)


def measure_ranges(
    config: Mapping[str, Any],
    tensors: Mapping[str, npt.NDArray[Any]],
    token_batches: Iterable[npt.NDArray[np.int64]],
    open_session: Callable[[BertGraph], Session],
) -> Ranges:
    """The ranges of a BERT encoder on batches of token ids, int64 [texts, tokens] each, rounded up."""
    session = open_session(build(config, tensors, _watched))
    names = [name for name in session.outputs if name != "hidden"]
    seen = [session.run(names, {"ids": ids}) for ids in token_batches]
    largest = [np.maximum(np.max(column, axis=0), _LEAST) for column in zip(*seen, strict=True)]
    return {name: _round_up(values) for name, values in zip(names, largest, strict=True)}


def _round_up(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    octaves = np.ceil(np.log2(values) * _RANGE_STEPS_PER_OCTAVE) / _RANGE_STEPS_PER_OCTAVE
    rounded: npt.NDArray[np.float32] = np.exp2(octaves).astype(np.float32)
    return rounded


def kept_ranges(path: Path, measure: Callable[[], Ranges]) -> Ranges:
    """The ranges in ``path``; where there are none, or damaged ones, they are measured and written there.

    Raises ``JarvisError`` when they cannot be written.
    """
    found = _read(path)
    if found is None:
        found = measure()
        _write(path, found)
    return found


def _read(path: Path) -> Ranges | None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as file:
            found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # it is no mapping
            whole = (file.metadata() or {}).get("checksum") == _checksum(found)
    except (OSError, SafetensorError, ValueError):
        return None
    return found if whole else None


def _write(path: Path, ranges: Ranges) -> None:
    from safetensors.numpy import save

    with told_of(path):
        write_private(path, save(dict(ranges), {"checksum": _checksum(ranges)}))


def _checksum(ranges: Ranges) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(ranges):
        digest.update(name.encode() + ranges[name].tobytes())
    return digest.hexdigest()
