from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper

from classifier.training.learning.quantize import quantized

ROWS, COLUMNS = 64, 48
WEIGHT = np.random.default_rng(1).normal(size=(ROWS, COLUMNS)).astype(np.float32)
TABLE = np.random.default_rng(2).normal(size=(100, ROWS)).astype(np.float32) * np.logspace(-3, 2, 100)[:, None]
Array = np.ndarray


def graph(*nodes: onnx.NodeProto, shape: tuple[object, ...] = ("rows", ROWS), whole: bool = False) -> onnx.ModelProto:
    kind = TensorProto.INT64 if whole else TensorProto.FLOAT
    given = helper.make_tensor_value_info("x", kind, list(shape))
    wanted = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    tables = [numpy_helper.from_array(WEIGHT, "w"), numpy_helper.from_array(TABLE.astype(np.float32), "t")]
    drawn = helper.make_graph(list(nodes), "test", [given], [wanted], tables)
    return helper.make_model(drawn, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


PRODUCT = graph(helper.make_node("MatMul", ["x", "w"], ["y"]))


def run(model: onnx.ModelProto, x: Array) -> Array:
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": x})[0])


def activations(rows: int) -> Array:
    draw = np.random.default_rng(rows)
    # Rows of very different size, as tokens have: one scale for all of them would lose the small ones.
    return (draw.normal(size=(rows, ROWS)) * np.logspace(-4, 4, rows)[:, None]).astype(np.float32)


def test_each_row_comes_out_close_however_large_the_others_are() -> None:
    x = activations(9)

    found, exact = run(quantized(PRODUCT), x), x @ WEIGHT

    error = np.abs(found - exact).max(axis=1) / np.abs(exact).max(axis=1)
    assert error.max() < 0.03


def test_a_row_is_the_same_alone_and_among_others() -> None:
    x, model = activations(9), quantized(PRODUCT)

    together = run(model, x)

    for i in range(len(x)):
        np.testing.assert_array_equal(run(model, x[i : i + 1])[0], together[i])


def test_rows_of_zeros_give_zeros_and_no_nonsense() -> None:
    np.testing.assert_array_equal(run(quantized(PRODUCT), np.zeros((2, ROWS), np.float32)), np.zeros((2, COLUMNS)))


def test_no_two_products_exceed_what_processors_without_vnni_add_in_16_bits() -> None:
    weights = [
        numpy_helper.to_array(each)
        for each in quantized(PRODUCT).graph.initializer
        if each.data_type == TensorProto.INT8 and len(each.dims) == 2
    ]

    assert weights
    # Activations are unsigned bytes; two neighbours of a column are multiplied and added at once.
    pairs = np.abs(weights[0].astype(int))[0::2] + np.abs(weights[0].astype(int))[1::2]
    assert 255 * pairs.max() <= np.iinfo(np.int16).max


def test_products_that_share_their_input_share_its_rounding() -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("MatMul", ["x", "w"], ["b"]),
        helper.make_node("Add", ["a", "b"], ["y"]),
    ]
    model = quantized(graph(*nodes))

    kinds = [node.op_type for node in model.graph.node]
    assert kinds.count("QuantizeLinear") == 1
    assert kinds.count("MatMulIntegerToFloat") == 2
    x = activations(3)
    np.testing.assert_allclose(run(model, x), 2 * run(quantized(PRODUCT), x), rtol=1e-6)


@pytest.mark.parametrize("shape", [(4, ROWS), (2, 3, ROWS)])
def test_inputs_may_have_any_number_of_axes(shape: tuple[int, ...]) -> None:
    model = graph(helper.make_node("MatMul", ["x", "w"], ["y"]), shape=(None,) * len(shape))
    x = np.random.default_rng(4).normal(size=shape).astype(np.float32)

    np.testing.assert_allclose(run(quantized(model), x), x @ WEIGHT, atol=0.4)


def test_each_row_of_a_table_keeps_its_own_scale() -> None:
    model = quantized(graph(helper.make_node("Gather", ["t", "x"], ["y"]), shape=("rows",), whole=True))

    found = run(model, np.arange(100))

    assert (np.abs(found - TABLE) <= np.abs(TABLE).max(axis=1, keepdims=True) / 253).all()


def test_a_table_that_is_looked_up_and_multiplied_with_has_its_own_steps_for_each() -> None:
    nodes = [
        helper.make_node("Gather", ["w", "x"], ["looked_up"]),
        helper.make_node("Gather", ["t", "x"], ["rows"]),
        helper.make_node("MatMul", ["rows", "w"], ["product"]),
        helper.make_node("Add", ["looked_up", "product"], ["y"]),
    ]
    x = np.arange(20)

    found = run(quantized(graph(*nodes, shape=("rows",), whole=True)), x)

    np.testing.assert_allclose(found, WEIGHT[x] + TABLE[x] @ WEIGHT, atol=0.05)


def test_what_is_small_or_varies_stays_as_it_is() -> None:
    nodes = [helper.make_node("Transpose", ["x"], ["turned"]), helper.make_node("MatMul", ["x", "turned"], ["y"])]

    assert [node.op_type for node in quantized(graph(*nodes)).graph.node] == ["Transpose", "MatMul"]


def test_the_model_that_was_given_is_not_changed(tmp_path: Path) -> None:
    before = PRODUCT.SerializeToString()

    quantized(PRODUCT)

    assert PRODUCT.SerializeToString() == before


def test_weights_that_nothing_uses_any_more_are_dropped() -> None:
    assert all(each.name != "w" for each in quantized(PRODUCT).graph.initializer)
