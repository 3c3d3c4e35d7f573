"""Where the classifier's time goes on one thread: the stages of a call, and the operators of its graph."""

import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import onnxruntime

from benchmarks.throughput.tokens import tokenizer, windows
from classifier import load
from classifier.feeds import packed
from classifier.network import MOST_TOKENS
from classifier.normalize import normalize

_T = TypeVar("_T")


@dataclass(slots=True)
class Profile:
    """Hold seconds: of the whole call, of its stages, and of each operator, with how often that ran.

    The operators are those of another run, which is slowed down by writing each down and took `written_down` for the
    graph.
    """

    whole: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)
    operators: dict[str, float] = field(default_factory=dict)
    kernels: dict[str, int] = field(default_factory=dict)
    windows: int = 0
    tokens: int = 0
    passes: int = 0
    written_down: float = 0.0


def profile(texts: Sequence[str]) -> dict[str, Any]:
    """Return the `Profile` of scoring texts in one call on one thread, as JSON takes it."""
    found = Profile()
    with _watched() as sessions:
        classifier = load(threads=1)
        classifier.score(texts)
        before = sum(each.seconds for each in sessions)
        _, found.whole = _timed(lambda: classifier.score(texts))
        in_session = sum(each.seconds for each in sessions) - before
    _stages(texts, found, in_session)
    _operators(texts, found)
    return asdict(found)


class _Watched:
    """Add up how long a session runs, and be like it in all else."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self.session = session
        self.seconds = 0.0

    def __getattr__(self, name: str) -> object:
        return getattr(self.session, name)

    def run(self, *args: object, **more: object) -> object:
        answer, took = _timed(lambda: self.session.run(*args, **more))
        self.seconds += took
        return answer


@contextmanager
def _watched(folder: Path | None = None) -> Iterator[list[_Watched]]:
    """Have every session that is made be a watched one; with a folder, its operators are written there."""
    made: list[_Watched] = []
    real = onnxruntime.InferenceSession

    def make(path: str, options: onnxruntime.SessionOptions, **more: object) -> _Watched:
        if folder is not None:
            options.enable_profiling = True
            options.profile_file_prefix = str(folder / "operators")
        made.append(_Watched(real(path, options, **more)))
        return made[-1]

    onnxruntime.InferenceSession = make
    try:
        yield made
    finally:
        onnxruntime.InferenceSession = real


def _stages(texts: Sequence[str], found: Profile, in_session: float) -> None:
    """Do the stages once more one by one, as the classifier does them inside."""
    normalized, normalizing = _timed(lambda: [normalize(text).text for text in texts])
    made = tokenizer()
    read, tokenising = _timed(lambda: windows(made, normalized))
    portions = list(_portions(sorted(read, key=len)))
    _, preparing = _timed(lambda: [packed(portion) for portion in portions])
    found.stages = {
        "normalise": normalizing,
        "tokenise": tokenising,
        "inputs of the graph": preparing,
        "graph": in_session,
    }
    found.stages["all else: sorting, verdicts"] = max(0.0, found.whole - sum(found.stages.values()))
    found.windows, found.tokens, found.passes = len(read), sum(map(len, read)), len(portions)


def _portions(windows: Sequence[list[int]]) -> Iterator[list[list[int]]]:
    portion: list[list[int]] = []
    tokens = 0
    for window in windows:
        if portion and tokens + len(window) > MOST_TOKENS:
            yield portion
            portion, tokens = [], 0
        portion.append(window)
        tokens += len(window)
    if portion:
        yield portion


def _operators(texts: Sequence[str], found: Profile) -> None:
    seconds: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="throughput-") as folder, _watched(Path(folder)) as sessions:
        load(threads=1).score(texts)
        for watched in sessions:
            for event in json.loads(Path(watched.session.end_profiling()).read_text(encoding="utf-8")):
                if event["name"] == "model_run":
                    found.written_down += event["dur"] / 1e6
                if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
                    name = event["args"]["op_name"]
                    seconds[name] += event["dur"] / 1e6
                    found.kernels[name] = found.kernels.get(name, 0) + 1
    found.operators = dict(seconds.most_common())


def _timed(work: Callable[[], _T]) -> tuple[_T, float]:
    began = time.perf_counter()
    done = work()
    return done, time.perf_counter() - began
