"""The file of an export, packed where its name ends in .gz, in bounded memory and time."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from bot.errors import InputError
from bot.store.failures import failures_of

_MOST_UNPACKED = 200
"""Times its own size that a file may unpack to: what is sealed hardly packs at all."""

_UNPACKED_FREELY = 16 << 20
_PACKED = ".gz"


class Source(Protocol):
    """Give bytes."""

    def read(self, size: int, /) -> bytes:
        """Return so many bytes, fewer at the end."""

    def readline(self, size: int, /) -> bytes:
        """Return one line of at most so many bytes."""


class Target(Protocol):
    """Take bytes."""

    def write(self, data: bytes, /) -> int:
        """Write it all."""


@contextmanager
def archive_to(draft: Path, name: Path) -> Iterator[Target]:
    """Open a draft for an export of that name; raise StoreError, of which the name is told."""
    with failures_of(name), draft.open("wb") as file:
        if name.suffix != _PACKED:
            yield file
            return
        with gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=5, mtime=0) as packed:
            yield packed


@contextmanager
def archive_from(path: Path) -> Iterator[Source]:
    """Open an export; raise InputError where it is no whole gzip file, or one that unpacks to far too much."""
    with path.open("rb") as file:
        if path.suffix != _PACKED:
            yield file
            return
        try:
            with gzip.open(file) as packed:
                yield _Bounded(packed, path)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise InputError(
                f"{path} is not a whole gzip file ({error}). Nothing was changed; get it again."
            ) from error


class _Bounded:
    """Read a packed file up to a size that an export can have."""

    def __init__(self, packed: Source, path: Path) -> None:
        self._packed = packed
        self._path = path
        self._left = max(_UNPACKED_FREELY, _MOST_UNPACKED * path.stat().st_size)

    def read(self, size: int, /) -> bytes:
        return self._counted(self._packed.read(size))

    def readline(self, size: int, /) -> bytes:
        return self._counted(self._packed.readline(size))

    def _counted(self, data: bytes) -> bytes:
        self._left -= len(data)
        if self._left < 0:
            raise InputError(f"{self._path} unpacks to more than {_MOST_UNPACKED} times its size: it is no export.")
        return data
