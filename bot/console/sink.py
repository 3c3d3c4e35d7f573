"""Where rows go: a file or standard output, each row whole once it is written."""

import errno
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from bot.console.rows import STANDARD


class _Writable(Protocol):
    def write(self, data: memoryview, /) -> int: ...

    def flush(self) -> None: ...


class Sink:
    """Write bytes to a named output.

    `escaped` is true where JSON has to be in ASCII; `terminal` where the bytes meet a terminal, which text must not
    steer.
    """

    def __init__(self, stream: _Writable, name: str, *, escaped: bool, terminal: bool = False) -> None:
        self._stream = stream
        self._name = name
        self.escaped = escaped
        self.terminal = terminal

    def write(self, data: bytes) -> None:
        """Write it all; raise OSError, with the output's name, where it does not fit."""
        view = memoryview(data)
        try:
            while view:
                view = view[self._stream.write(view) :]
            self._stream.flush()
        except OSError as error:
            raise OSError(error.errno or errno.EIO, error.strerror, self._name) from error


@contextmanager
def open_sink(output: str) -> Iterator[Sink]:
    """Open a file anew, or standard output; raise OSError."""
    if output == STANDARD:
        yield Sink(sys.stdout.buffer, "standard output", escaped=True, terminal=sys.stdout.isatty())
        return
    # Unbuffered: what is written is in the file, and closing it has nothing left to fail on.
    with Path(output).open("wb", buffering=0) as file:
        yield Sink(file, output, escaped=False)


def json_line(row: Mapping[str, object], *, escaped: bool) -> bytes:
    """Return a row as one line of JSON, in UTF-8 unless `escaped`."""
    if not escaped:
        try:
            return json.dumps(row, ensure_ascii=False).encode() + b"\n"
        except UnicodeEncodeError:
            # A lone surrogate has no place in UTF-8; escaped it stays what it was.
            return json_line(row, escaped=True)
    return json.dumps(row).encode() + b"\n"
