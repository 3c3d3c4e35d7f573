"""Rows of JSON, one a line, out of a file that may hold anything, in bounded memory."""

import gzip
import json
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bot.errors import InputError

STANDARD = "-"
"""The name that stands for standard input or output."""

_CHUNK = 1 << 16
_LONGEST_LINE = 8 << 20


class Readable(Protocol):
    """Give bytes."""

    def read(self, size: int, /) -> bytes | None:
        """Return up to so many bytes, none at the end."""


@dataclass(frozen=True, slots=True)
class Row:
    """Hold one JSON object and the number of its line, from 1."""

    number: int
    fields: dict[str, Any]


def shown_name(source: str) -> str:
    """Return what to call an input in a message."""
    return "standard input" if source == STANDARD else source


@contextmanager
def open_input(source: str) -> Iterator[Readable]:
    """Open a file, unpacked where its name ends in .gz, or standard input; raise OSError."""
    if source == STANDARD:
        # The raw file returns what is there; and a thread that waits in it does not hold up the end of the program.
        yield getattr(sys.stdin.buffer, "raw", sys.stdin.buffer)
        return
    path = Path(source)
    # Unbuffered, so that a named pipe hands over what there is.
    with path.open("rb", buffering=0) as file:
        if path.suffix == ".gz":
            with gzip.open(file) as unpacked:
                yield unpacked
        else:
            yield file


def read_lines(stream: Readable, name: str) -> Iterator[list[tuple[int, bytes]]]:
    """Yield the numbered lines as they arrive, several at a time; raise InputError or OSError."""
    number, rest = 1, b""
    while chunk := _read(stream, name):
        *whole, rest = (rest + chunk).split(b"\n")
        if len(rest) > _LONGEST_LINE:
            raise InputError(f"{name}, line {number + len(whole)}: longer than {_LONGEST_LINE >> 20} MB; cut it")
        yield list(enumerate(whole, start=number))
        number += len(whole)
    if rest:
        yield [(number, rest)]


def read_rows(stream: Readable, name: str) -> Iterator[list[Row]]:
    """Yield the rows as they arrive, several at a time, blank lines left out.

    Raise InputError at a line that is no JSON object, once the rows before it are handed out.
    """
    for lines in read_lines(stream, name):
        rows: list[Row] = []
        try:
            rows.extend(row for line in lines if (row := _row(*line, name)) is not None)
        except InputError:
            yield rows
            raise
        yield rows


def _read(stream: Readable, name: str) -> bytes:
    try:
        return stream.read(_CHUNK) or b""
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{name} is not a whole gzip file ({error}); get it again") from error


def _row(number: int, line: bytes, name: str) -> Row | None:
    try:
        text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
        if not text:
            return None
        fields = json.loads(text)
    except UnicodeDecodeError as error:
        raise InputError(f"{name}, line {number}: not UTF-8 (at byte {error.start + 1}); convert the file") from error
    except json.JSONDecodeError as error:
        raise InputError(f"{name}, line {number}: not JSON ({error.msg}, at character {error.pos + 1})") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name}, line {number}: no JSON that can be read ({error})") from error
    if not isinstance(fields, dict):
        raise InputError(f"{name}, line {number}: not a JSON object")
    return Row(number, fields)
