"""The graph that serves an encoder of BERT's family: the tokens of all windows one behind the other, none padded.

All but the attention is done token by token, so that windows of all lengths share a pass and nothing is computed for
padding. Only the attention lays the tokens out window by window.

The inputs are all int64: `token_ids` and `positions` (from 0 in each window), of shape (tokens,); `slots`, of shape
(windows, longest), which token is at each place of each window, or -1 behind its end; and `places`, of shape (tokens,),
the reverse: where in the flattened `slots` each token is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from classifier.feeds import packed, padded
from classifier.training.learning.network import TOXIC, HeadedNetwork

_FAMILY = frozenset({"bert", "roberta", "xlm-roberta", "camembert"})
"""The kinds of encoder whose layers are built here and whose weights have BERT's names."""

_GELU = {
    "gelu": "none",
    "gelu_new": "tanh",
    "gelu_fast": "tanh",
    "gelu_pytorch_tanh": "tanh",
}
_OPSET = 20
_IR = 10
_ORT = "com.microsoft"
_HIDDEN_FROM_SOFTMAX = -1e9
_CLOSE = 1e-3
_TRIED = (3, 7, 5, 2, 12)
"""Lengths of the windows by which a graph is compared with its network."""

Weights = Mapping[str, NDArray[np.float32]]


def packed_model(network: HeadedNetwork) -> onnx.ModelProto | None:
    """Return the fp32 graph of a network; None where its encoder is of another family, or gives other numbers."""
    config = network.config
    activation = str(getattr(config, "hidden_act", ""))
    absolute = getattr(config, "position_embedding_type", None) in (None, "absolute")
    if config.model_type not in _FAMILY or activation not in _GELU or not absolute:
        return None
    graph = _Graph(network)
    model = graph.built()
    return model if _same(network, model, graph.places) else None


@dataclass(slots=True)
class _Drawing:
    """Collect nodes and constants."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def constant(self, values: NDArray[np.generic] | np.generic) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def integers(self, *values: int) -> str:
        return self.constant(np.array(values, dtype=np.int64))

    def op(self, kind: str, *inputs: str, domain: str = "", output: str = "", **attributes: int | float | str) -> str:
        name = output or f"n{len(self.nodes)}"
        node = helper.make_node(kind, list(inputs), [name], domain=domain)
        node.attribute.extend(helper.make_attribute(key, value) for key, value in attributes.items())
        self.nodes.append(node)
        return name


class _Graph:
    def __init__(self, network: HeadedNetwork) -> None:
        config = network.config
        self._network = network
        self._draw = _Drawing()
        self._weights = {
            name: tensor.detach().cpu().float().numpy() for name, tensor in network.encoder.state_dict().items()
        }
        self._layers = int(config.num_hidden_layers)
        self._heads = int(config.num_attention_heads)
        self._width = int(config.hidden_size) // self._heads
        self._epsilon = float(config.layer_norm_eps)
        self._gelu = _GELU[str(config.hidden_act)]
        self._positions = self._read_positions()

    @property
    def places(self) -> int:
        """Return how many tokens a window may have."""
        return len(self._positions)

    def built(self) -> onnx.ModelProto:
        draw = self._draw
        hidden = draw.integers(-1, self._heads * self._width)
        states = self._embedded()
        layout = self._layout()
        for number in range(self._layers):
            layer = f"encoder.layer.{number}."
            context = draw.op("Reshape", self._attention(states, layer + "attention.self.", layout), hidden)
            states = self._joined(states, self._linear(context, layer + "attention.output.dense"), layer + "attention.")
            inner = self._linear(states, layer + "intermediate.dense")
            inner = draw.op("Gelu", inner, approximate=self._gelu)
            states = self._joined(states, self._linear(inner, layer + "output.dense"), layer)
        pooled = self._mean(states)
        outputs = [self._head(pooled, name) for name in self._network.heads]
        return self._model(outputs)

    def _embedded(self) -> str:
        draw, weights = self._draw, self._weights
        words = draw.op("Gather", draw.constant(weights["embeddings.word_embeddings.weight"]), "token_ids")
        summed = draw.op("Add", words, draw.op("Gather", draw.constant(self._positions), "positions"))
        return self._normalised(summed, "embeddings.LayerNorm")

    def _read_positions(self) -> NDArray[np.float32]:
        table = self._weights["embeddings.position_embeddings.weight"]
        # Other members of the family keep the first rows for padding.
        padding = getattr(self._network.encoder.get_submodule("embeddings.position_embeddings"), "padding_idx", None)
        first = 0 if padding is None else int(padding) + 1
        positions: NDArray[np.float32] = table[first:] + self._weights["embeddings.token_type_embeddings.weight"][0]
        return positions

    def _layout(self) -> "_Layout":
        """Say, in rows of one head's width, where each place's query, key and value are, and each token's result."""
        draw, heads = self._draw, self._heads
        rows = draw.op("Mul", draw.op("Unsqueeze", "slots", draw.integers(1)), draw.integers(3 * heads))
        each = np.arange(heads, dtype=np.int64)
        found = tuple(draw.op("Add", rows, draw.constant((each + part * heads)[None, :, None])) for part in range(3))
        empty = draw.op("Less", "slots", draw.integers(0))
        hidden, shown = draw.constant(np.float32(_HIDDEN_FROM_SOFTMAX)), draw.constant(np.float32(0))
        mask = draw.op("Unsqueeze", draw.op("Where", empty, hidden, shown), draw.integers(1, 2))
        longest = draw.op("Gather", draw.op("Shape", "slots"), draw.integers(1))
        before = draw.op("Mul", draw.op("Sub", "places", "positions"), draw.integers(heads))
        first = draw.op("Unsqueeze", draw.op("Add", before, "positions"), draw.integers(1))
        back = draw.op("Add", first, draw.op("Mul", draw.constant(each[None, :]), longest))
        return _Layout(found, mask, back)

    def _attention(self, states: str, name: str, layout: "_Layout") -> str:
        draw = self._draw
        parts = [name + part for part in ("query", "key", "value")]
        weight = np.concatenate([self._weights[f"{part}.weight"] for part in parts])
        bias = np.concatenate([self._weights[f"{part}.bias"] for part in parts])
        head = draw.integers(-1, self._width)
        rows = draw.op("Reshape", self._product(states, weight, bias), head)
        query, key, value = (draw.op("Gather", rows, where) for where in layout.parts)
        scale = float(1 / np.sqrt(self._width))
        scores = draw.op("FusedMatMul", query, key, domain=_ORT, transB=1, alpha=scale)
        shares = draw.op("Softmax", draw.op("Add", scores, layout.mask), axis=-1)
        return draw.op("Gather", draw.op("Reshape", draw.op("MatMul", shares, value), head), layout.back)

    def _linear(self, states: str, name: str) -> str:
        return self._product(states, self._weights[f"{name}.weight"], self._weights[f"{name}.bias"])

    def _product(self, states: str, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> str:
        draw = self._draw
        product = draw.op("MatMul", states, draw.constant(np.ascontiguousarray(weight.T)))
        return draw.op("Add", product, draw.constant(bias))

    def _joined(self, states: str, change: str, layer: str) -> str:
        return self._normalised(self._draw.op("Add", change, states), f"{layer}output.LayerNorm")

    def _normalised(self, states: str, name: str) -> str:
        scale, shift = (self._draw.constant(self._weights[f"{name}.{part}"]) for part in ("weight", "bias"))
        return self._draw.op("LayerNormalization", states, scale, shift, axis=-1, epsilon=self._epsilon)

    def _mean(self, states: str) -> str:
        """Return the mean of each window's tokens, as `HeadedNetwork` pools."""
        draw = self._draw
        real = draw.op("Cast", draw.op("GreaterOrEqual", "slots", draw.integers(0)), to=TensorProto.FLOAT)
        share = draw.op("Div", real, draw.op("ReduceSum", real, draw.integers(1), keepdims=1))
        placed = draw.op("Gather", states, "slots")
        summed = draw.op("MatMul", draw.op("Unsqueeze", share, draw.integers(1)), placed)
        return draw.op("Squeeze", summed, draw.integers(1))

    def _head(self, pooled: str, name: str) -> onnx.ValueInfoProto:
        draw = self._draw
        both = (self._network.heads.get_parameter(f"{name}.{part}") for part in ("weight", "bias"))
        weight, bias = (draw.constant(each.detach().cpu().float().numpy()) for each in both)
        if name == TOXIC:
            draw.op("Squeeze", draw.op("Gemm", pooled, weight, bias, transB=1), draw.integers(1), output=name)
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["windows"])
        draw.op("Gemm", pooled, weight, bias, output=name, transB=1)
        outputs = self._network.heads.get_parameter(f"{name}.bias").shape[0]
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["windows", outputs])

    def _model(self, outputs: Sequence[onnx.ValueInfoProto]) -> onnx.ModelProto:
        def whole(name: str, *shape: str) -> onnx.ValueInfoProto:
            return helper.make_tensor_value_info(name, TensorProto.INT64, list(shape))

        inputs = [
            whole("token_ids", "tokens"),
            whole("positions", "tokens"),
            whole("slots", "windows", "longest"),
            whole("places", "tokens"),
        ]
        graph = helper.make_graph(self._draw.nodes, "packed", inputs, list(outputs), self._draw.constants)
        domains = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_ORT, 1)]
        return helper.make_model(graph, opset_imports=domains, ir_version=_IR)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Name the tensors that lay tokens out for the attention: rows of the three parts, mask, rows of the result."""

    parts: tuple[str, ...]
    mask: str
    back: str


def _same(network: HeadedNetwork, model: onnx.ModelProto, longest: int) -> bool:
    """Tell whether the graph gives the network's numbers for windows of several lengths, up to the longest it reads."""
    draw = np.random.default_rng(0)
    vocabulary = int(network.config.vocab_size)
    # The lowest ids are often marks, padding among them.
    lowest = min(10, vocabulary - 1)
    windows = [[int(i) for i in draw.integers(lowest, vocabulary, min(length, longest))] for length in _TRIED]
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    built = session.run(list(network.heads), packed(windows))
    with torch.no_grad():
        network.eval()
        feed = {name: torch.from_numpy(values) for name, values in padded(windows).items()}
        wanted = network.logits(feed["input_ids"], feed["attention_mask"])
    return all(
        np.allclose(mine, wanted[name].float().numpy(), rtol=_CLOSE, atol=_CLOSE)
        for name, mine in zip(network.heads, built, strict=True)
    )
