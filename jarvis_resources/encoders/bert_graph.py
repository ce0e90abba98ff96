"""A BERT encoder as an ONNX graph, built from its configuration and its weights.

Written out by hand instead of exported, because the graph is small, needs no torch, and can be made of the kernels that
are fast from the start. Nothing is cached: the graph is ten kilobytes and built in milliseconds, and the weights go to
the session as they lie in the safetensors file. Tokens are not pooled here; ``onnx.py`` does that.

The graph has no attention mask: a batch holds texts of equal token length. So nothing is computed for padding, and a
text's vector is bit-equal whatever its neighbours are. The linear layers are the only difference between precisions:
``int8.py`` has the other kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from jarvis_resources.errors import EncoderError

if TYPE_CHECKING:
    import onnx

Array = npt.NDArray[Any]
Source = Literal["norm", "attention", "gelu"]
"""What a linear layer reads: int8 treats each in its own way."""

MICROSOFT = "com.microsoft"
"""Domain of ONNX Runtime's fused kernels."""
_OPSET = 20
_IR_VERSION = 9
_EXACT_GELU = ("gelu", "gelu_python")


class Layer(NamedTuple):
    """A linear layer: its name, its weight [out, in] and its bias [out]."""

    name: str
    weight: Array
    bias: Array


@dataclass(frozen=True)
class BertGraph:
    """An ONNX model without its weights, and the weights by name.

    Input ``ids``: int64 [texts, tokens], token ids with specials. Output ``hidden``: float32 [texts, tokens, d].
    """

    model: bytes
    weights: dict[str, Array]


@dataclass
class Builder:
    """Nodes and initializers as they are added; names are made from a running number."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: dict[str, Array] = field(default_factory=dict)
    weights: dict[str, Array] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    """Outputs beside ``hidden``: the name outside, by the name of a node's output."""
    made: dict[str, str] = field(default_factory=dict)
    """What ``shared`` made, by its key."""

    def one(self, kind: str, inputs: list[str], domain: str = "", **attributes: Any) -> str:
        """Add a node with one output; its name."""
        from onnx import helper

        name = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], domain=domain, **attributes))
        return name

    def split(self, x: str, count: int) -> list[str]:
        """``x`` cut along its last axis into ``count`` equal parts."""
        from onnx import helper

        names = [f"Split_{len(self.nodes)}_{part}" for part in range(count)]
        self.nodes.append(helper.make_node("Split", [x], names, axis=-1, num_outputs=count))
        return names

    def shared(self, key: str, make: Callable[[], str]) -> str:
        """The output that ``make`` adds the nodes for when ``key`` is first asked for."""
        if key not in self.made:
            self.made[key] = make()
        return self.made[key]

    def constant(self, name: str, value: Array) -> str:
        """A small constant that is part of the model's bytes."""
        self.constants[name] = value
        return name

    def weight(self, name: str, value: Array) -> str:
        """A weight that the session takes from memory."""
        self.weights[name] = np.ascontiguousarray(value)
        return name


class Linears(Protocol):
    """How linear layers are computed."""

    def __call__(self, g: Builder, source: Source, x: str, layers: Sequence[Layer]) -> list[str]:
        """What each of ``layers`` makes of ``x`` [rows, in]: outputs [rows, out]."""
        ...


def exact(g: Builder, source: Source, x: str, layers: Sequence[Layer]) -> list[str]:
    """Linear layers in float32."""
    return [
        g.one("Gemm", [x, g.weight(f"{n}.weight", weight), g.weight(f"{n}.bias", bias)], transB=1)
        for n, weight, bias in layers
    ]


def build(config: Mapping[str, Any], tensors: Mapping[str, Array], linears: Linears = exact) -> BertGraph:
    """The graph of a BERT encoder, its linear layers computed by ``linears``; all else is float32.

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
    g = Builder()

    rows = g.constant("rows", np.array([-1, width], np.int64))
    first, second = g.constant("first", np.array([0], np.int64)), g.constant("second", np.array([1], np.int64))
    shape = g.one("Shape", ["ids"])
    block = g.one("Concat", [shape, g.constant("width", np.array([width], np.int64))], axis=0)
    tokens = g.one("Slice", [shape, second, g.constant("third", np.array([2], np.int64))])
    # All texts are single sentences: token type 0 everywhere, so its vector joins the positions.
    places = get("embeddings.position_embeddings.weight") + get("embeddings.token_type_embeddings.weight")[0]
    places_used = g.one("Slice", [g.weight("positions", places), first, tokens, first])
    words = g.one("Gather", [g.weight("words", get("embeddings.word_embeddings.weight")), "ids"])

    def add_and_norm(new: str, old: str, path: str) -> str:
        # Two nodes: the fused SkipLayerNormalization takes three times as long on a processor (ONNX Runtime 1.31).
        parts = [g.weight(f"{path}.{part}", get(f"{path}.{part}")) for part in ("weight", "bias")]
        return g.one("LayerNormalization", [g.one("Add", [new, old]), *parts], axis=-1, epsilon=epsilon)

    x = g.one("Reshape", [add_and_norm(words, places_used, "embeddings.LayerNorm"), rows])
    for number in range(int(config["num_hidden_layers"])):
        path = f"encoder.layer.{number}"

        def layer(name: str, path: str = path) -> Layer:
            return Layer(f"{path}.{name}", get(f"{path}.{name}.weight"), get(f"{path}.{name}.bias"))

        sides = [layer(f"attention.self.{side}") for side in ("query", "key", "value")]
        blocks = [g.one("Reshape", [side, block]) for side in linears(g, "norm", x, sides)]
        attended = g.one("MultiHeadAttention", blocks, domain=MICROSOFT, num_heads=heads)
        (mixed,) = linears(g, "attention", g.one("Reshape", [attended, rows]), [layer("attention.output.dense")])
        x = add_and_norm(mixed, x, f"{path}.attention.output.LayerNorm")
        (up,) = linears(g, "norm", x, [layer("intermediate.dense")])
        (down,) = linears(g, "gelu", g.one("Gelu", [up], domain=MICROSOFT), [layer("output.dense")])
        x = add_and_norm(down, x, f"{path}.output.LayerNorm")
    return BertGraph(_serialise(g, g.one("Reshape", [x, block])), g.weights)


def _serialise(g: Builder, hidden: str) -> bytes:
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
    named = {hidden: "hidden", **g.outputs}
    graph = helper.make_graph(
        [*g.nodes, *(helper.make_node("Identity", [inside], [outside]) for inside, outside in named.items())],
        "bert",
        [helper.make_tensor_value_info("ids", onnx.TensorProto.INT64, ["texts", "tokens"])],
        [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in named.values()],
        initializers,
    )
    opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(MICROSOFT, 1)]
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
