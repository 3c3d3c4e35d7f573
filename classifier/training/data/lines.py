"""Lines out of a file that may hold anything, plain or gzipped, each with what is wrong with its bytes."""

import codecs
import gzip
import io
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from classifier.errors import DataError

LONGEST_LINE = 8 << 20
"""How many bytes of a line are read; a longer one is told and passed over."""

_TOO_LONG = f"longer than {LONGEST_LINE >> 20} MB; cut it"
_UTF32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_WIDE = (*_UTF32, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_OTHER_FORMATS = {
    b"PK\x03\x04": "is a spreadsheet or an archive; save the table as CSV (UTF-8)",
    b"PAR1": "is a Parquet file; write it out as JSONL or CSV",
    b"\x1f\x8b": "is packed with gzip; let its name end in .gz",
}


class Line(NamedTuple):
    """Hold one line, its number from 1, and what is wrong with its bytes (empty: nothing)."""

    number: int
    text: str
    fault: str = ""


@contextmanager
def opened(path: Path) -> Iterator[io.BufferedReader]:
    """Open a file, unpacked where its name ends in .gz; raise DataError where that cannot be."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}; give a UTF-8 JSONL or CSV file") from error
    with file:
        yield io.BufferedReader(gzip.GzipFile(fileobj=file)) if path.suffix == ".gz" else file


def read_lines(path: Path, stream: io.BufferedReader) -> Iterator[Line]:
    """Yield the lines of a UTF-8 stream, or of one in UTF-16 or UTF-32 that says so in its first bytes.

    A line that is not UTF-8 keeps what can be read of it and has a fault. Raise DataError where the bytes are no text,
    and what the stream raises.
    """
    head = stream.peek(64)[:64]
    for magic, what in _OTHER_FORMATS.items():
        if head.startswith(magic):
            raise DataError(f"{path} {what}")
    if head.startswith(_WIDE):
        encoding = "utf-32" if head.startswith(_UTF32) else "utf-16"
        with io.TextIOWrapper(stream, encoding, newline="\n") as lines:
            yield from _wide_lines(lines)
    elif head.count(0) > len(head) // 4:
        raise DataError(f"{path} holds NUL bytes, as UTF-16 does that lacks its mark; save it as UTF-8")
    else:
        yield from _utf8_lines(stream)


def _wide_lines(lines: io.TextIOWrapper) -> Iterator[Line]:
    for number in itertools.count(1):
        text = lines.readline(LONGEST_LINE)
        if not text:
            return
        whole = len(text) < LONGEST_LINE or text.endswith("\n")
        while text and not whole and not text.endswith("\n"):
            text = lines.readline(LONGEST_LINE)
        yield Line(number, text) if whole else Line(number, "", _TOO_LONG)


def _utf8_lines(stream: io.BufferedReader) -> Iterator[Line]:
    for number in itertools.count(1):
        raw = stream.readline(LONGEST_LINE)
        if not raw:
            return
        if len(raw) < LONGEST_LINE or raw.endswith(b"\n"):
            yield _decoded(number, raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw)
            continue
        while raw and not raw.endswith(b"\n"):
            raw = stream.readline(LONGEST_LINE)
        yield Line(number, "", _TOO_LONG)


def _decoded(number: int, raw: bytes) -> Line:
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        fault = (
            f"byte {error.start + 1} (0x{raw[error.start]:02x}) is not UTF-8; save the file as UTF-8, "
            "for instance with iconv -f WINDOWS-1252 -t UTF-8"
        )
        # The rest of the line keeps its quotes and commas, so that the records around it are still told apart.
        return Line(number, raw.decode(errors="replace"), fault)
    return Line(number, text, "holds a NUL byte; the line is damaged" if "\0" in text else "")
