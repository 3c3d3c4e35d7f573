"""An fp32 graph to one that multiplies in int8.

Activations get a scale for each token when the model runs, so that a text gets the same score alone and in any batch;
one scale for a whole batch moved P(toxic) by up to 0.3 with the company that a text was in. Weights get a scale for
each output, and seven bits of the eight: processors without VNNI add two products in 16 bits, and with eight bits that
sum is cut off there without a word. So the scores are the same on every machine.
"""

from collections.abc import Iterator

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

_ORT = "com.microsoft"
_WEIGHT_STEPS = 64
_ACTIVATION_STEPS = 127
_ZERO = 128
_EMBEDDING_STEPS = 127
_LEAST = 1e-12
"""Below this a row is nothing but zeros, and must not be divided by its largest value."""
_LARGE = 1 << 10
"""Smaller tables cost nothing and stay as they are."""


def quantized(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a copy in which products with large constant matrices, and look-ups in large tables, are int8."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    # The exporter leaves shapes behind that contradict those that onnx infers.
    del copy.graph.value_info[:]
    _Rewriting(copy).run()
    if all(domain.domain != _ORT for domain in copy.opset_import):
        copy.opset_import.append(helper.make_opsetid(_ORT, 1))
    return copy


class _Rewriting:
    def __init__(self, model: onnx.ModelProto) -> None:
        self._graph = model.graph
        self._tables = {each.name: each for each in self._graph.initializer}
        self._new: list[onnx.TensorProto] = []
        self._rows: dict[str, tuple[str, str]] = {}

    def run(self) -> None:
        nodes = [new for node in self._graph.node for new in self._instead_of(node)]
        used = {name for node in nodes for name in node.input} | {each.name for each in self._graph.output}
        kept = [each for each in self._graph.initializer if each.name in used]
        del self._graph.node[:], self._graph.initializer[:]
        self._graph.node.extend(nodes)
        self._graph.initializer.extend([*kept, *self._new])

    def _instead_of(self, node: onnx.NodeProto) -> Iterator[onnx.NodeProto]:
        if node.op_type == "MatMul" and self._large(node.input[1]):
            yield from self._product(node)
        elif node.op_type == "Gather" and self._large(node.input[0]) and _axis(node) == 0:
            yield from self._look_up(node)
        else:
            yield node

    def _large(self, name: str) -> bool:
        table = self._tables.get(name)
        return (
            table is not None
            and table.data_type == TensorProto.FLOAT
            and len(table.dims) == 2
            and table.dims[0] * table.dims[1] >= _LARGE
        )

    def _product(self, node: onnx.NodeProto) -> Iterator[onnx.NodeProto]:
        weight = numpy_helper.to_array(self._tables[node.input[1]])
        whole, scale = _steps(weight, _WEIGHT_STEPS, axis=0)
        name = node.output[0]
        if node.input[0] not in self._rows:
            yield from self._quantized_rows(node.input[0])
        rows, largest = self._rows[node.input[0]]
        unit, zero = self._constant("unit", np.float32(1 / _ACTIVATION_STEPS)), self._constant("zero", np.uint8(_ZERO))
        yield helper.make_node(
            "MatMulIntegerToFloat",
            [
                *(rows, self._constant(f"{node.input[1]}.int8", whole), unit),
                *(self._constant(f"{node.input[1]}.scale", scale.reshape(-1)), zero),
                self._constant(f"{node.input[1]}.zero", np.zeros(weight.shape[1], np.int8)),
            ],
            [f"{name}.of_ones"],
            domain=_ORT,
        )
        yield helper.make_node("Mul", [f"{name}.of_ones", largest], [name])

    def _quantized_rows(self, name: str) -> Iterator[onnx.NodeProto]:
        """Bring each row to its largest value being one, and then to int8; several products may share it."""
        rows, largest = f"{name}.int8", f"{name}.largest"
        self._rows[name] = rows, largest
        last, least = self._constant("last", np.array([-1], np.int64)), self._constant("least", np.float32(_LEAST))
        unit, zero = self._constant("unit", np.float32(1 / _ACTIVATION_STEPS)), self._constant("zero", np.uint8(_ZERO))
        yield helper.make_node("Abs", [name], [f"{name}.abs"])
        yield helper.make_node("ReduceMax", [f"{name}.abs", last], [f"{name}.most"], keepdims=1)
        yield helper.make_node("Max", [f"{name}.most", least], [largest])
        yield helper.make_node("Div", [name, largest], [f"{name}.ones"])
        yield helper.make_node("QuantizeLinear", [f"{name}.ones", unit, zero], [rows])

    def _look_up(self, node: onnx.NodeProto) -> Iterator[onnx.NodeProto]:
        table, where, name = node.input[0], node.input[1], node.output[0]
        whole, scale = _steps(numpy_helper.to_array(self._tables[table]), _EMBEDDING_STEPS, axis=1)
        # A table may be multiplied with too, and has other steps there.
        found = self._constant(f"{table}.rows.int8", whole), self._constant(f"{table}.rows.scale", scale)
        yield helper.make_node("Gather", [found[0], where], [f"{name}.found"])
        yield helper.make_node("Gather", [found[1], where], [f"{name}.scale"])
        yield helper.make_node("Cast", [f"{name}.found"], [f"{name}.whole"], to=TensorProto.FLOAT)
        yield helper.make_node("Mul", [f"{name}.whole", f"{name}.scale"], [name])

    def _constant(self, name: str, values: NDArray[np.generic] | np.generic) -> str:
        name = f"quantized.{name}"
        if all(each.name != name for each in self._new):
            self._new.append(numpy_helper.from_array(np.asarray(values), name))
        return name


def _steps(table: NDArray[np.float32], steps: int, *, axis: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return a table in whole steps, and how large a step is in each column (axis 0) or row (axis 1)."""
    scale = np.maximum(np.abs(table).max(axis=axis, keepdims=True), np.float32(_LEAST)) / np.float32(steps)
    return np.round(table / scale).astype(np.int8), scale.astype(np.float32)


def _axis(node: onnx.NodeProto) -> int:
    return next((int(each.i) for each in node.attribute if each.name == "axis"), 0)
