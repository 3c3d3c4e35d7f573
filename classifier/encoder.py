"""A tokenizer and the networks of a model: a batch of texts in, probabilities out."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from classifier import stages
from classifier.errors import ModelError
from classifier.manifest import Manifest, Stages
from classifier.network import Network
from classifier.stages import Logits, Probabilities

MODEL_FILES = {
    Stages.ONE: ("model.onnx",),
    Stages.HIERARCHICAL: ("model.onnx",),
    Stages.TWO: ("binary.onnx", "category.onnx"),
}
"""The ONNX files that each kind of model consists of."""

MOST_WINDOWS = 96
"""Of a text with more windows the rest is not read."""


@dataclass(frozen=True, slots=True)
class Scored:
    """Hold the probabilities of one text: those of its most toxic window."""

    toxic: float
    categories: tuple[float, ...]
    partial: bool


class Encoder:
    """Score normalised texts; it may be called from several threads at once."""

    def __init__(self, folder: Path, manifest: Manifest, *, threads: int, windows: int = MOST_WINDOWS) -> None:
        self._manifest = manifest
        self._most_windows = windows
        # The thread that calls is one of them.
        pool = ThreadPoolExecutor(threads - 1, thread_name_prefix="referee-pass") if threads > 1 else None
        try:
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            # The padding of a tokenizer file would lengthen every text; batches are padded to their own longest.
            self._tokenizer.no_padding()
            # "</s>" that somebody types is text, and must not end the text for the model.
            self._tokenizer.encode_special_tokens = True
            self._tokenizer.enable_truncation(manifest.window, stride=manifest.overlap)
            self._networks = [Network(folder / name, pool) for name in MODEL_FILES[manifest.stages]]
        except Exception as error:  # the tokenizers library raises bare Exception
            raise ModelError(f"the model in {folder} cannot be loaded: {error}") from error
        # The tokenizers library would panic, or cut every text down to nothing.
        if manifest.window - manifest.overlap <= self._tokenizer.num_special_tokens_to_add(False):
            raise ModelError(
                f"the model in {folder} reads windows of {manifest.window} tokens that overlap by {manifest.overlap}: "
                "that leaves no room for text; get the model again"
            )

    def score(self, texts: Sequence[str], categories: int) -> list[Scored]:
        """Return the probabilities of each text; raise ModelError where the model fails."""
        windows, owners, partial = self._windows(texts)
        read = self._read(windows, categories)
        return [
            Scored(float(read.toxic[i]), tuple(float(p) for p in read.categories[i]), partial[owner])
            for owner, i in enumerate(_most_toxic(read.toxic, owners, len(texts)))
        ]

    def logits(self, texts: Sequence[str], categories: int) -> Logits:
        """Return the uncalibrated outputs of the window that speaks for each text; raise ModelError.

        Unlike `score`, it asks a two-stage model's second model about every text: another calibration may let through
        what this one does not.
        """
        windows, owners, _ = self._windows(texts)
        stages_of, calibration = self._manifest.stages, self._manifest.calibration
        if stages_of is Stages.ONE:
            heads = self._networks[0].run(windows, (1 + categories,))
            toxic = stages.one_stage(heads[0], calibration).toxic
        else:
            shapes = ((), (categories,)) if stages_of is Stages.HIERARCHICAL else ((),)
            heads = self._networks[0].run(windows, *shapes)
            toxic = calibration.toxic(heads[0])
        best = _most_toxic(toxic, owners, len(texts))
        chosen = [head[best] for head in heads]
        if stages_of is Stages.TWO:
            chosen += self._networks[1].run([windows[i] for i in best], (categories,))
        return Logits(stages_of, tuple(chosen))

    def window_spans(self, text: str) -> list[tuple[int, int]]:
        """Return the character spans that the windows of a text cover."""
        (encoding,) = self._tokenizer.encode_batch([text])
        return [_span(window) for window in (encoding, *encoding.overflowing)[: self._most_windows]]

    def _windows(self, texts: Sequence[str]) -> tuple[list[list[int]], list[int], list[bool]]:
        windows: list[list[int]] = []
        owners: list[int] = []
        partial: list[bool] = []
        for owner, encoding in enumerate(self._tokenizer.encode_batch_fast(list(texts))):
            parts = (encoding, *encoding.overflowing)
            partial.append(len(parts) > self._most_windows)
            for part in parts[: self._most_windows]:
                windows.append(part.ids)
                owners.append(owner)
        return windows, owners, partial

    def _read(self, windows: list[list[int]], categories: int) -> Probabilities:
        calibration = self._manifest.calibration
        if self._manifest.stages is Stages.ONE:
            (classes,) = self._networks[0].run(windows, (1 + categories,))
            return stages.one_stage(classes, calibration)
        if self._manifest.stages is Stages.HIERARCHICAL:
            toxic, category = self._networks[0].run(windows, (), (categories,))
            return stages.hierarchical(toxic, category, calibration)
        (toxic,) = self._networks[0].run(windows, ())
        passed = stages.passes_first_stage(toxic, calibration, stages.SECOND_STAGE_FROM)
        let_through = [window for window, ok in zip(windows, passed, strict=True) if ok]
        (category,) = self._networks[1].run(let_through, (categories,))
        return stages.two_stage(toxic, passed, category, categories, calibration)


def _most_toxic(toxic: NDArray[np.float64], owners: Sequence[int], texts: int) -> list[int]:
    """Return the place of each text's most toxic window, the first of equals."""
    best: list[int] = [-1] * texts
    for i, owner in enumerate(owners):
        if best[owner] < 0 or toxic[i] > toxic[best[owner]]:
            best[owner] = i
    return best


def _span(window: Encoding) -> tuple[int, int]:
    inside = [(start, end) for start, end in window.offsets if end > start]
    return (inside[0][0], inside[-1][1]) if inside else (0, 0)
