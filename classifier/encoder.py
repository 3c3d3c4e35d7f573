"""ONNX sessions and a tokenizer: a batch of texts in, probabilities out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from classifier import stages
from classifier.errors import ModelError
from classifier.manifest import Manifest, Stages
from classifier.stages import Probabilities

MODEL_FILES = {
    Stages.ONE: ("model.onnx",),
    Stages.HIERARCHICAL: ("model.onnx",),
    Stages.TWO: ("binary.onnx", "category.onnx"),
}
"""The ONNX files that each kind of model consists of."""

_SECOND_STAGE_FROM = 0.1
"""P(toxic) from which a two-stage model asks its second model."""

_Outputs = tuple[NDArray[np.float64], ...]


@dataclass(frozen=True, slots=True)
class EncoderLimits:
    """Bound one pass: windows in a batch, windows of one text (a longer text is judged in part)."""

    batch: int = 32
    windows: int = 512


@dataclass(frozen=True, slots=True)
class Scored:
    """Hold the probabilities of one text: those of its most toxic window."""

    toxic: float
    categories: tuple[float, ...]
    partial: bool


class Encoder:
    """Score normalised texts. Not to be called from two threads at once: the tokenizer's settings are shared."""

    def __init__(self, folder: Path, manifest: Manifest, *, threads: int, limits: EncoderLimits | None = None) -> None:
        self._manifest = manifest
        self._limits = limits or EncoderLimits()
        try:
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            # The padding of a tokenizer file would lengthen every text; batches are padded to their own longest.
            self._tokenizer.no_padding()
            self._tokenizer.enable_truncation(manifest.window, stride=manifest.overlap)
            self._sessions = [_session(folder / name, threads) for name in MODEL_FILES[manifest.stages]]
        except Exception as error:  # the tokenizers library raises bare Exception
            raise ModelError(f"the model in {folder} cannot be loaded: {error}") from error

    def score(self, texts: Sequence[str], categories: int) -> list[Scored]:
        """Return the probabilities of each text; raise ModelError where the model fails."""
        windows, owners, partial = self._windows(texts)
        read = self._read(windows, categories)
        best: list[int] = [-1] * len(texts)
        for i, owner in enumerate(owners):
            if best[owner] < 0 or read.toxic[i] > read.toxic[best[owner]]:
                best[owner] = i
        return [
            Scored(float(read.toxic[i]), tuple(float(p) for p in read.categories[i]), partial[owner])
            for owner, i in enumerate(best)
        ]

    def window_texts(self, text: str) -> list[tuple[int, int]]:
        """Return the character spans that the windows of a text cover."""
        (encoding,) = self._tokenizer.encode_batch([text])
        return [_span(window) for window in (encoding, *encoding.overflowing)[: self._limits.windows]]

    def _windows(self, texts: Sequence[str]) -> tuple[list[list[int]], list[int], list[bool]]:
        windows: list[list[int]] = []
        owners: list[int] = []
        partial: list[bool] = []
        for owner, encoding in enumerate(self._tokenizer.encode_batch(list(texts))):
            parts = (encoding, *encoding.overflowing)
            partial.append(len(parts) > self._limits.windows)
            for part in parts[: self._limits.windows]:
                windows.append(part.ids)
                owners.append(owner)
        return windows, owners, partial

    def _read(self, windows: list[list[int]], categories: int) -> Probabilities:
        calibration = self._manifest.calibration
        first = self._run(self._sessions[0], windows)
        if self._manifest.stages is Stages.ONE:
            return stages.one_stage(first[0], calibration)
        if self._manifest.stages is Stages.HIERARCHICAL:
            return stages.hierarchical(first[0], first[1], calibration)
        passed = stages.passes_first_stage(first[0], calibration, _SECOND_STAGE_FROM)
        second = self._run(self._sessions[1], [w for w, ok in zip(windows, passed, strict=True) if ok])
        return stages.two_stage(first[0], passed, second[0], categories, calibration)

    def _run(self, session: ort.InferenceSession, windows: list[list[int]]) -> _Outputs:
        """Run all windows, the shortest first so that little is padding; return outputs in the order given."""
        order = sorted(range(len(windows)), key=lambda i: len(windows[i]))
        outputs: list[list[NDArray[np.float64]]] = []
        try:
            for chunk in _chunks(order, self._limits.batch):
                raw = session.run(None, _padded([windows[i] for i in chunk]))
                outputs.append([np.asarray(array, dtype=np.float64) for array in raw])
        except Exception as error:  # onnxruntime raises classes that it does not export
            raise ModelError(f"the model failed on {len(windows)} windows: {error}") from error
        place = np.argsort(order)
        count = len(session.get_outputs())
        return tuple(np.concatenate([o[k] for o in outputs])[place] for k in range(count)) if outputs else _empty(count)


def _session(path: Path, threads: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Spinning threads would keep an idle bot's processor busy.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _padded(windows: Sequence[Sequence[int]]) -> dict[str, NDArray[np.int64]]:
    longest = max(len(window) for window in windows)
    ids = np.zeros((len(windows), longest), dtype=np.int64)
    mask = np.zeros_like(ids)
    for i, window in enumerate(windows):
        ids[i, : len(window)] = window
        mask[i, : len(window)] = 1
    return {"input_ids": ids, "attention_mask": mask}


def _chunks(order: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(order), size):
        yield order[start : start + size]


def _empty(count: int) -> _Outputs:
    return tuple(np.zeros((0, 0)) for _ in range(count))


def _span(window: Encoding) -> tuple[int, int]:
    inside = [(start, end) for start, end in window.offsets if end > start]
    return (inside[0][0], inside[-1][1]) if inside else (0, 0)
