"""One contender in a process of its own: `python -m benchmarks.throughput.worker KIND THREADS [FOLDER]`.

It reads a request from each line of stdin and writes an answer to each line of stdout, both JSON.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.throughput.contenders import OWN, Contender, Score

Answer = Callable[[dict[str, Any]], Any]

_OURS = ("benchmarks", "classifier", "bot")


def main() -> None:
    """Make the contender, say that it is ready, and answer requests until stdin ends."""
    # What a library prints must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def tell(value: dict[str, Any]) -> None:
        answers.write(json.dumps(value) + "\n")
        answers.flush()

    try:
        with ExitStack() as open_until:
            folder = Path(sys.argv[3]) if len(sys.argv) > 3 else None
            answer = _made(sys.argv[1], int(sys.argv[2]), folder, open_until)
            tell({"ready": True})
            for line in sys.stdin:
                tell(_timed(answer, json.loads(line)))
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] in _OURS:
            raise
        tell({"missing": error.name})


def _timed(answer: Answer, request: dict[str, Any]) -> dict[str, Any]:
    began, worked = time.perf_counter(), time.process_time()
    found = answer(request)
    took, worked = time.perf_counter() - began, time.process_time() - worked
    return {"seconds": took, "processor_s": worked, "found": found}


def _made(kind: str, threads: int, folder: Path | None, open_until: ExitStack) -> Answer:
    if kind == "limit":
        from benchmarks.throughput.limit import limit

        return limit(threads)
    if kind == "profile":
        from benchmarks.throughput.profiling import profile

        return lambda request: profile(request["texts"])
    if kind == "export":
        from benchmarks.throughput.others import export

        return lambda request: str(export(Path(request["folder"])))
    score = _own(Contender(kind), threads, open_until) if kind in OWN else _other(Contender(kind), threads, folder)

    def texts(request: dict[str, Any]) -> None:
        score(request["texts"], request["batch"])

    return texts


def _own(kind: Contender, threads: int, open_until: ExitStack) -> Score:
    from benchmarks.throughput import own

    if kind is Contender.CLASSIFIER:
        return own.classifier(threads)
    return open_until.enter_context(own.batcher(kind, threads))


def _other(kind: Contender, threads: int, folder: Path | None) -> Score:
    from benchmarks.throughput import others

    makers: dict[Contender, Callable[[], Score]] = {
        Contender.PIPELINE: lambda: others.same_weights(threads),
        Contender.BERTWEET: lambda: others.bertweet(threads),
        Contender.ONNX: lambda: others.onnx(threads, (folder or Path()) / others.EXPORTED),
        Contender.ALT_PROFANITY: others.alt_profanity,
        Contender.BETTER_PROFANITY: others.better_profanity,
    }
    return makers[kind]()


if __name__ == "__main__":
    main()
