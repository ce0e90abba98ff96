"""A BERT encoder as an ONNX graph, built from its configuration and its weights.

Written out by hand instead of exported, because the graph is small, needs no torch, and can be made of ONNX Runtime's
fused kernels from the start. Nothing is cached: the graph is ten kilobytes and built in milliseconds, and the weights
go to the session as they lie in the safetensors file. Tokens are not pooled here; ``onnx.py`` does that.

The graph has no attention mask: a batch holds texts of equal token length. So nothing is computed for padding, and a
text's vector is bit-equal whatever its neighbours are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from jarvis_resources.errors import EncoderError

if TYPE_CHECKING:
    import onnx

Array = npt.NDArray[Any]

_MICROSOFT = "com.microsoft"
"""Domain of ONNX Runtime's fused kernels."""
_OPSET = 20
_IR_VERSION = 9
_UINT8_ZERO = 128
"""Activations are symmetric around this in int8."""
_INT8_STEPS = 127
"""Steps from zero to the largest magnitude."""
_EXACT_GELU = ("gelu", "gelu_python")


@dataclass(frozen=True)
class BertGraph:
    """An ONNX model without its weights, and the weights by name.

    Input ``ids``: int64 [texts, tokens], token ids with specials. Output ``hidden``: float32 [texts, tokens, d].
    """

    model: bytes
    weights: dict[str, Array]


@dataclass
class _Builder:
    """Nodes and initializers as they are added; names are made from a running number."""

    int8: bool
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: dict[str, Array] = field(default_factory=dict)
    weights: dict[str, Array] = field(default_factory=dict)

    def node(self, kind: str, inputs: list[str], *, outputs: int = 1, domain: str = "", **attributes: Any) -> list[str]:
        """Add a node; the names of its outputs."""
        from onnx import helper

        names = [f"{kind}_{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, domain=domain, **attributes))
        return names

    def one(self, kind: str, inputs: list[str], **attributes: Any) -> str:
        """Add a node with one output; its name."""
        return self.node(kind, inputs, **attributes)[0]

    def constant(self, name: str, value: Array) -> str:
        """A small constant that is part of the model's bytes."""
        self.constants[name] = value
        return name

    def weight(self, name: str, value: Array) -> str:
        """A weight that the session takes from memory."""
        self.weights[name] = np.ascontiguousarray(value)
        return name

    def linear(self, name: str, x: str, weight: Array, bias: Array) -> str:
        """``x`` [rows, in] times ``weight`` [out, in] transposed, plus ``bias`` [out]."""
        b = self.weight(f"{name}.bias", bias)
        if not self.int8:
            return self.one("Gemm", [x, self.weight(f"{name}.weight", weight), b], transB=1)
        return self.one("Add", [self._int8_product(name, x, weight), b])

    def _int8_product(self, name: str, x: str, weight: Array) -> str:
        """``x`` times ``weight`` transposed, with int8 weights scaled per output channel and uint8 ``x`` per row.

        A scale for each row, and not one for the whole batch as dynamic quantisation has it, keeps a text's vector
        independent of its neighbours and loses half as much.
        """
        scales = np.maximum(np.abs(weight).max(axis=1), np.finfo(np.float32).tiny) / _INT8_STEPS
        quantised = np.rint(weight / scales[:, None]).astype(np.int8).T
        unit = self.constant("unit", np.array(1, np.float32))
        zero = self.constant("zero", np.array(_UINT8_ZERO, np.uint8))
        step = self.constant("step", np.array(1 / _INT8_STEPS, np.float32))
        last = self.constant("last_axis", np.array([-1], np.int64))
        largest = self.one("ReduceMax", [self.one("Abs", [x]), last], keepdims=1)
        row_scale = self.one("Mul", [largest, step])
        rounded = self.one("QuantizeLinear", [self.one("Div", [x, row_scale]), unit, zero])
        product = self.one("MatMulInteger", [rounded, self.weight(f"{name}.weight", quantised), zero])
        real = self.one("Cast", [product], to=1)
        channel_scale = self.weight(f"{name}.scale", scales.astype(np.float32))
        return self.one("Mul", [self.one("Mul", [real, channel_scale]), row_scale])


def build(config: Mapping[str, Any], tensors: Mapping[str, Array], *, int8: bool = False) -> BertGraph:
    """The graph of a BERT encoder; int8 quantises the linear layers, embeddings and norms stay float32.

    ``tensors`` are float32 under Hugging Face's names. Raises ``EncoderError`` when it is not a BERT or lacks a weight.
    """
    if config.get("model_type") != "bert" or config.get("hidden_act", "gelu") not in _EXACT_GELU:
        raise EncoderError(
            f"The onnx backend runs BERT encoders only, not {config.get('model_type')!r}; "
            "use the backend sentence-transformers."
        )
    get = _Weights(tensors)
    width, heads = int(config["hidden_size"]), int(config["num_attention_heads"])
    epsilon = float(config.get("layer_norm_eps", 1e-12))
    g = _Builder(int8)

    rows = g.constant("rows", np.array([-1, width], np.int64))
    first, second = g.constant("first", np.array([0], np.int64)), g.constant("second", np.array([1], np.int64))
    shape = g.one("Shape", ["ids"])
    block = g.one("Concat", [shape, g.constant("width", np.array([width], np.int64))], axis=0)
    tokens = g.one("Slice", [shape, second, g.constant("third", np.array([2], np.int64))])
    # All texts are single sentences: token type 0 everywhere, so its vector joins the positions.
    places = get("embeddings.position_embeddings.weight") + get("embeddings.token_type_embeddings.weight")[0]
    places_used = g.one("Slice", [g.weight("positions", places), first, tokens, first])
    words = g.one("Gather", [g.weight("words", get("embeddings.word_embeddings.weight")), "ids"])
    scale, shift = (g.weight(f"norm.{part}", get(f"embeddings.LayerNorm.{part}")) for part in ("weight", "bias"))
    embedded = g.one("LayerNormalization", [g.one("Add", [words, places_used]), scale, shift], axis=-1, epsilon=epsilon)
    x = g.one("Reshape", [embedded, rows])

    thirds = g.constant("thirds", np.array([width] * 3, np.int64))
    for layer in range(int(config["num_hidden_layers"])):
        name = f"encoder.layer.{layer}"

        def part(path: str, name: str = name) -> tuple[Array, Array]:
            return get(f"{name}.{path}.weight"), get(f"{name}.{path}.bias")

        def add_and_norm(new: str, old: str, path: str, name: str = name) -> str:
            inputs = [
                new,
                old,
                *(g.weight(f"{name}.{path}.{p}", get(f"{name}.{path}.{p}")) for p in ("weight", "bias")),
            ]
            return g.one("SkipLayerNormalization", inputs, domain=_MICROSOFT, epsilon=epsilon)

        weights, biases = zip(*(part(f"attention.self.{p}") for p in ("query", "key", "value")), strict=True)
        qkv = g.linear(f"{name}.qkv", x, np.concatenate(weights), np.concatenate(biases))
        split = g.node("Split", [qkv, thirds], outputs=3, axis=1)
        blocks = [g.one("Reshape", [piece, block]) for piece in split]
        attended = g.one("MultiHeadAttention", blocks, domain=_MICROSOFT, num_heads=heads)
        mixed = g.linear(f"{name}.mix", g.one("Reshape", [attended, rows]), *part("attention.output.dense"))
        x = add_and_norm(mixed, x, "attention.output.LayerNorm")
        inner = g.one("Gelu", [g.linear(f"{name}.up", x, *part("intermediate.dense"))], domain=_MICROSOFT)
        x = add_and_norm(g.linear(f"{name}.down", inner, *part("output.dense")), x, "output.LayerNorm")
    return BertGraph(_serialise(g, g.one("Reshape", [x, block])), g.weights)


def _serialise(g: _Builder, hidden: str) -> bytes:
    """The model's bytes: weights are declared as external, constants are inside."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    initializers = [numpy_helper.from_array(value, name) for name, value in g.constants.items()]
    for name, value in g.weights.items():
        element = helper.np_dtype_to_tensor_dtype(value.dtype)
        tensor = TensorProto(name=name, data_type=element, dims=value.shape, data_location=TensorProto.EXTERNAL)
        # The location is never opened: the session is given the arrays themselves.
        for key, entry in (("location", "weights"), ("offset", "0"), ("length", str(value.nbytes))):
            tensor.external_data.add(key=key, value=entry)
        initializers.append(tensor)
    graph = helper.make_graph(
        [*g.nodes, helper.make_node("Identity", [hidden], ["hidden"])],
        "bert",
        [helper.make_tensor_value_info("ids", onnx.TensorProto.INT64, ["texts", "tokens"])],
        [helper.make_tensor_value_info("hidden", onnx.TensorProto.FLOAT, ["texts", "tokens", "width"])],
        initializers,
    )
    opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_MICROSOFT, 1)]
    model: bytes = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION).SerializeToString()
    return model


class _Weights:
    """Weights by their plain names, whatever prefix the file gives them, as float32."""

    def __init__(self, tensors: Mapping[str, Array]) -> None:
        """Take ``tensors``; some files put ``bert.`` before every name."""
        self._tensors = {name.removeprefix("bert."): value for name, value in tensors.items()}

    def __call__(self, name: str) -> Array:
        """The weight ``name`` as float32; raises ``EncoderError`` when it is not there."""
        try:
            return self._tensors[name].astype(np.float32, copy=False)
        except KeyError:
            raise EncoderError(f"The encoder's weights lack {name}; fetch model.safetensors again.") from None
