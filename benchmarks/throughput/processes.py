"""The processes of the contenders, as the measurement sees them."""

import json
import os
import re
import subprocess
import sys
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from benchmarks.figures import Taken, taken

_ROOT = Path(__file__).parents[2]
_LEAVES_WITHIN_S = 10
_ERROR = re.compile(r"[\w.]+(Error|Exception|Scored)\b.*")
"""The line of a traceback that names the error."""


class Missing(Exception):
    """A library is not installed that a contender needs."""


class Broken(Exception):
    """A contender's process ended; the text is the last that it said."""


class Process:
    """Hold a worker process; use as a context manager. Making it waits until the worker is ready.

    Raise Missing or Broken.
    """

    def __init__(self, kind: str, threads: int = 1, folder: Path | None = None) -> None:
        self._open = ExitStack()
        self._said = self._open.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
        command = [sys.executable, "-m", "benchmarks.throughput.worker", kind, str(threads)]
        self._process = subprocess.Popen(  # noqa: S603 - this Python, and this project's own module
            [*command, *([str(folder)] if folder else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env=_environment(threads),
            # Ctrl+C is for the measurement, which then shows what it has.
            start_new_session=True,
            text=True,
            encoding="utf-8",
        )
        self._asked, self._answers = (self._open.enter_context(pipe) for pipe in _pipes(self._process))
        try:
            self._answer()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        """Return the process."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process."""
        self.close()

    @property
    def taken(self) -> Taken:
        """Return how much memory and processor time it has taken."""
        return taken(self._process.pid)

    def ask(self, **request: object) -> dict[str, Any]:
        """Return the answer to a request, with its `seconds` and `processor_s`; raise Missing or Broken."""
        try:
            self._asked.write(json.dumps(request) + "\n")
            self._asked.flush()
        except BrokenPipeError:
            raise Broken(self._last_words()) from None
        return self._answer()

    def close(self) -> None:
        """End the process at once."""
        self._process.kill()
        self._process.wait(_LEAVES_WITHIN_S)
        # What a process that died has not read is lost.
        with suppress(BrokenPipeError):
            self._open.close()

    def _answer(self) -> dict[str, Any]:
        line = self._answers.readline()
        if not line:
            raise Broken(self._last_words())
        found: dict[str, Any] = json.loads(line)
        if "missing" in found:
            raise Missing(found["missing"])
        return found

    def _last_words(self) -> str:
        code = self._process.wait(_LEAVES_WITHIN_S)
        self._said.seek(0)
        said = self._said.read().decode("utf-8", "replace").split("\n")
        return next((line for line in reversed(said) if _ERROR.match(line)), f"it ended with {code}")


def _pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    if process.stdin is None or process.stdout is None:
        raise Broken("it was started without pipes")
    return process.stdin, process.stdout


def _environment(threads: int) -> dict[str, str]:
    paths = [*filter(None, [os.environ.get("PYTHONPATH")]), str(_ROOT)]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "OMP_NUM_THREADS": str(threads),
        "RAYON_NUM_THREADS": str(threads),
        "TOKENIZERS_PARALLELISM": "true" if threads > 1 else "false",
        "TRANSFORMERS_VERBOSITY": "error",
        "HF_HUB_OFFLINE": "1",
    }
