"""One ONNX graph: windows of token ids in, the outputs of its heads back, in passes that several threads share."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, wait
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from classifier.errors import ModelError
from classifier.feeds import packed, padded

if TYPE_CHECKING:
    import onnxruntime as ort

MOST_TOKENS = 256
"""Tokens of one pass: more of them are no quicker, and take more memory and longer until the first is answered."""

_SLOW_FUSIONS = ["SkipLayerNormFusion", "BiasGeluFusion"]
"""What onnxruntime would put together into kernels that take up to seven times as long as the parts."""

_NOTHING = (0,)
"""What stands for a window without tokens: a tokenizer that adds no marks makes none of an empty text."""

Outputs = list[NDArray[np.float64]]
_Shapes = tuple[tuple[int, ...], ...]


class Network:
    """Run a graph, with or without padding; it may be called from several threads at once.

    Passes run side by side on the caller's thread and those of the pool, each on one: that wastes far less than several
    threads that share one pass. Without a pool they run one after the other.
    """

    def __init__(self, path: Path, pool: Executor | None = None) -> None:
        self._session = _session(path)
        self._pool = pool
        self.packs = any(each.name == "slots" for each in self._session.get_inputs())

    def run(self, windows: Sequence[Sequence[int]], *shapes: tuple[int, ...]) -> Outputs:
        """Return the outputs for all windows, in the order given; raise ModelError where the model fails.

        `shapes` are those of one window's outputs.
        """
        if not windows:
            return [np.zeros((0, *shape)) for shape in shapes]
        windows = [window or _NOTHING for window in windows]
        # The shortest first, so that windows of a pass have about the same length.
        order = sorted(range(len(windows)), key=lambda i: len(windows[i]))
        portions = [[windows[i] for i in portion] for portion in self._portions(order, windows)]
        passes = self._passes(portions, shapes)
        place = np.argsort(order)
        return [np.concatenate(parts)[place] for parts in zip(*passes, strict=True)]

    def _portions(self, order: Sequence[int], windows: Sequence[Sequence[int]]) -> Iterator[list[int]]:
        """Yield the windows of each pass: as many as `MOST_TOKENS` allow, padding included."""
        portion: list[int] = []
        tokens = 0
        for i in order:
            length = len(windows[i])
            whole = tokens + length if self.packs else length * (len(portion) + 1)
            if portion and whole > MOST_TOKENS:
                yield portion
                portion, whole = [], length
            portion.append(i)
            tokens = whole
        yield portion

    def _passes(self, portions: Sequence[Sequence[Sequence[int]]], shapes: _Shapes) -> list[Outputs]:
        """Run the passes here and wherever the pool has room: never wait behind what others left in its queue."""
        left = deque(enumerate(portions))
        done: dict[int, Outputs] = {}

        def take_one() -> None:
            try:
                i, portion = left.popleft()
            except IndexError:  # the others were quicker
                return
            done[i] = self._pass(portion, shapes)

        helpers = self._helpers(take_one, len(portions) - 1)
        try:
            while left:
                take_one()
        finally:
            left.clear()
            begun = [helper for helper in helpers if not helper.cancel()]
            wait(begun)
        for helper in begun:
            helper.result()
        return [done[i] for i in range(len(portions))]

    def _helpers(self, take_one: Callable[[], None], most: int) -> list[Future[None]]:
        helpers: list[Future[None]] = []
        # At the end of the interpreter a pool takes nothing more, and the caller's thread does it all.
        with suppress(RuntimeError):
            while self._pool is not None and len(helpers) < most:
                helpers.append(self._pool.submit(take_one))
        return helpers

    def _pass(self, windows: Sequence[Sequence[int]], shapes: _Shapes) -> Outputs:
        try:
            raw = self._session.run(None, packed(windows) if self.packs else padded(windows))
            outputs = [np.asarray(array, dtype=np.float64) for array in raw[: len(shapes)]]
        except Exception as error:  # onnxruntime raises classes that it does not export
            raise ModelError(f"the model failed on {len(windows)} windows: {error}") from error
        wanted = [(len(windows), *shape) for shape in shapes]
        if [output.shape for output in outputs] != wanted:
            raise ModelError(
                f"the model gave {[output.shape for output in outputs]}, not {wanted}; get the model again"
            )
        # Not a number is never above a threshold: it would pass for clean.
        if not all(np.isfinite(output).all() for output in outputs):
            raise ModelError(f"the model gave no finite numbers for {len(windows)} windows; get the model again")
        return outputs


def _session(path: Path) -> "ort.InferenceSession":
    # Imported here, because it takes a good part of a second and many commands score nothing.
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    # It would keep a plan of its memory for each combination of lengths that ever came.
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    return ort.InferenceSession(
        str(path), options, providers=["CPUExecutionProvider"], disabled_optimizers=_SLOW_FUSIONS
    )
