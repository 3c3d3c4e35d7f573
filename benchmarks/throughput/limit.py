"""What a machine allows: small whole numbers multiplied a second, and bytes moved a second."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from classifier.network import MOST_TOKENS

_SQUARE = 1024
_COPIED = 128 << 20
"""Bytes that a thread copies at once: far more than a processor caches."""
_INPUT_BITS = 8

Work = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Layers:
    """Hold the size of an encoder of BERT's family: its layers, the width of a token, and that of the inner layer."""

    count: int
    hidden: int
    inner: int

    @property
    def products(self) -> dict[tuple[int, int], int]:
        """Return the matrices of a layer (inputs, outputs) and how many of each it has."""
        return {(self.hidden, self.hidden): 4, (self.hidden, self.inner): 1, (self.inner, self.hidden): 1}

    @property
    def weights(self) -> int:
        """Return how many weights there are, which is how often one token multiplies and adds.

        What tokens of a message do to each other is left out: under 1 % at the length of a line of chat.
        """
        return self.count * sum(rows * columns * each for (rows, columns), each in self.products.items())


def limit(threads: int) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return what measures the machine: multiply-adds and bytes a second, all in billions, on so many threads.

    The request has the encoder's `layers` as a list, and for how many `seconds` each thing is done.
    """
    made: dict[tuple[int, int, int], list[Work]] = {}

    def product(tokens: int, rows: int, columns: int) -> list[Work]:
        shape = tokens, rows, columns
        if shape not in made:
            made[shape] = [_product(*shape) for _ in range(threads)]
        return made[shape]

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        layers, seconds = Layers(*request["layers"]), float(request["seconds"])
        square = per_second(product(_SQUARE, _SQUARE, _SQUARE), seconds) * _SQUARE**3
        shapes = {
            shape: per_second(product(MOST_TOKENS, *shape), seconds) * MOST_TOKENS * shape[0] * shape[1]
            for shape in layers.products
        }
        # One after the other, as in a layer: the times of all its products add up.
        took = sum(shape[0] * shape[1] * each / shapes[shape] for shape, each in layers.products.items())
        copied = per_second([_copy() for _ in range(threads)], seconds) * _COPIED * 2
        return {
            "square": square / 1e9,
            "shapes": {f"{rows} x {columns}": found / 1e9 for (rows, columns), found in shapes.items()},
            "model": layers.weights / layers.count / took / 1e9,
            "copied": copied / 1e9,
            "tokens_of_a_pass": MOST_TOKENS,
        }

    return answer


def per_second(works: Sequence[Work], seconds: float) -> float:
    """Return how often a second several threads together do their work, each its own."""
    start = threading.Barrier(len(works))
    rates: list[float] = []

    def repeat(work: Work) -> None:
        work()
        start.wait()
        done, began = 0, time.perf_counter()
        while (passed := time.perf_counter() - began) < seconds or not done:
            work()
            done += 1
        rates.append(done / passed)

    threads = [threading.Thread(target=repeat, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(rates)


def _product(tokens: int, rows: int, columns: int) -> Work:
    """Return one product of the kind that the classifier's graph has, on a thread of its own."""
    import numpy as np
    import onnx
    import onnxruntime as ort
    from onnx import TensorProto, helper, numpy_helper

    draw = np.random.default_rng(0)
    constants = {
        "weight": draw.integers(-64, 65, (rows, columns), dtype=np.int8),
        "unit": np.float32(1 / 127),
        "scale": np.full(columns, 1e-3, np.float32),
        "middle": np.uint8(1 << (_INPUT_BITS - 1)),
        "zero": np.zeros(columns, np.int8),
    }
    inputs = ["rows", "weight", "unit", "scale", "middle", "zero"]
    graph = helper.make_graph(
        [helper.make_node("MatMulIntegerToFloat", inputs, ["product"], domain="com.microsoft")],
        "product",
        [helper.make_tensor_value_info("rows", TensorProto.UINT8, [tokens, rows])],
        [helper.make_tensor_value_info("product", TensorProto.FLOAT, [tokens, columns])],
        [numpy_helper.from_array(np.asarray(values), name) for name, values in constants.items()],
    )
    domains = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    model: onnx.ModelProto = helper.make_model(graph, opset_imports=domains, ir_version=10)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    given = {"rows": draw.integers(0, 256, (tokens, rows), dtype=np.uint8)}
    return lambda: session.run(None, given)


def _copy() -> Work:
    import numpy as np

    source, target = np.ones(_COPIED, np.uint8), np.zeros(_COPIED, np.uint8)
    return lambda: np.copyto(target, source)
