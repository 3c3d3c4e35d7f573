"""ONNX sessions and a tokenizer: a batch of texts in, probabilities out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from classifier import stages
from classifier.errors import ModelError
from classifier.manifest import Manifest, Stages
from classifier.stages import Logits, Probabilities

if TYPE_CHECKING:
    import onnxruntime as ort

MODEL_FILES = {
    Stages.ONE: ("model.onnx",),
    Stages.HIERARCHICAL: ("model.onnx",),
    Stages.TWO: ("binary.onnx", "category.onnx"),
}
"""The ONNX files that each kind of model consists of."""

_Outputs = list[NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class EncoderLimits:
    """Bound one pass: windows in a batch, windows of one text (a longer text is judged in part)."""

    batch: int = 32
    windows: int = 96


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
            # "</s>" that somebody types is text, and must not end the text for the model.
            self._tokenizer.encode_special_tokens = True
            self._tokenizer.enable_truncation(manifest.window, stride=manifest.overlap)
            self._sessions = [_session(folder / name, threads) for name in MODEL_FILES[manifest.stages]]
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
            heads = self._run(self._sessions[0], windows, (1 + categories,))
            toxic = stages.one_stage(heads[0], calibration).toxic
        else:
            shapes = ((), (categories,)) if stages_of is Stages.HIERARCHICAL else ((),)
            heads = self._run(self._sessions[0], windows, *shapes)
            toxic = calibration.toxic(heads[0])
        best = _most_toxic(toxic, owners, len(texts))
        chosen = [head[best] for head in heads]
        if stages_of is Stages.TWO:
            chosen += self._run(self._sessions[1], [windows[i] for i in best], (categories,))
        return Logits(stages_of, tuple(chosen))

    def window_spans(self, text: str) -> list[tuple[int, int]]:
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
        if self._manifest.stages is Stages.ONE:
            (classes,) = self._run(self._sessions[0], windows, (1 + categories,))
            return stages.one_stage(classes, calibration)
        if self._manifest.stages is Stages.HIERARCHICAL:
            toxic, category = self._run(self._sessions[0], windows, (), (categories,))
            return stages.hierarchical(toxic, category, calibration)
        (toxic,) = self._run(self._sessions[0], windows, ())
        passed = stages.passes_first_stage(toxic, calibration, stages.SECOND_STAGE_FROM)
        let_through = [window for window, ok in zip(windows, passed, strict=True) if ok]
        (category,) = self._run(self._sessions[1], let_through, (categories,))
        return stages.two_stage(toxic, passed, category, categories, calibration)

    def _run(self, session: "ort.InferenceSession", windows: list[list[int]], *shapes: tuple[int, ...]) -> _Outputs:
        """Run all windows, the shortest first so that little is padding; return outputs in the order given.

        `shapes` are those of one window's outputs.
        """
        if not windows:
            return [np.zeros((0, *shape)) for shape in shapes]
        order = sorted(range(len(windows)), key=lambda i: len(windows[i]))
        passes = [_pass(session, [windows[i] for i in chunk], shapes) for chunk in chunks(order, self._limits.batch)]
        place = np.argsort(order)
        return [np.concatenate(parts)[place] for parts in zip(*passes, strict=True)]


def _most_toxic(toxic: NDArray[np.float64], owners: Sequence[int], texts: int) -> list[int]:
    """Return the place of each text's most toxic window, the first of equals."""
    best: list[int] = [-1] * texts
    for i, owner in enumerate(owners):
        if best[owner] < 0 or toxic[i] > toxic[best[owner]]:
            best[owner] = i
    return best


def _session(path: Path, threads: int) -> "ort.InferenceSession":
    # Imported here, because it takes a good part of a second and many commands score nothing.
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Spinning threads would keep an idle bot's processor busy.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _pass(session: "ort.InferenceSession", windows: list[list[int]], shapes: tuple[tuple[int, ...], ...]) -> _Outputs:
    try:
        raw = session.run(None, padded(windows))
        outputs = [np.asarray(array, dtype=np.float64) for array in raw[: len(shapes)]]
    except Exception as error:  # onnxruntime raises classes that it does not export
        raise ModelError(f"the model failed on {len(windows)} windows: {error}") from error
    wanted = [(len(windows), *shape) for shape in shapes]
    if [output.shape for output in outputs] != wanted:
        raise ModelError(f"the model gave {[output.shape for output in outputs]}, not {wanted}; get the model again")
    # Not a number is never above a threshold: it would pass for clean.
    if not all(np.isfinite(output).all() for output in outputs):
        raise ModelError(f"the model gave no finite numbers for {len(windows)} windows; get the model again")
    return outputs


def padded(windows: Sequence[Sequence[int]]) -> dict[str, NDArray[np.int64]]:
    """Return the inputs of a pass over token ids, padded to the longest of them."""
    longest = max(len(window) for window in windows)
    ids = np.zeros((len(windows), longest), dtype=np.int64)
    mask = np.zeros_like(ids)
    for i, window in enumerate(windows):
        ids[i, : len(window)] = window
        mask[i, : len(window)] = 1
    return {"input_ids": ids, "attention_mask": mask}


def chunks(order: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """Yield a sequence in pieces of at most `size`."""
    for start in range(0, len(order), size):
        yield order[start : start + size]


def _span(window: Encoding) -> tuple[int, int]:
    inside = [(start, end) for start, end in window.offsets if end > start]
    return (inside[0][0], inside[-1][1]) if inside else (0, 0)
