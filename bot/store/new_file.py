"""A file that appears under its name only once it is whole."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.errors import InputError
from bot.store.failures import failures_of

_BESIDE = ("-wal", "-journal")


def require_free(path: Path, *, force: bool, kept: tuple[Path, ...] = ()) -> None:
    """Raise InputError where a file must not be written under that name; `kept` are never written over."""
    with failures_of(path):
        if path.is_dir():
            raise InputError(f"{path} is a folder. Name a file in it.")
        if any(path.exists() and other.exists() and path.samefile(other) for other in kept):
            raise InputError(f"{path} is the database itself or its key. Name another file.")
        for suffix in _BESIDE:
            if (log := path.with_name(path.name + suffix)).exists():
                # SQLite would take what is in such a log for a part of the new file.
                raise InputError(f"{log} lies there: {path} is a database in use, or was one. Name another file.")
        if path.exists() and not force:
            raise InputError(f"{path} is there already. Name another file, or replace it with --force.")


@contextmanager
def whole_file(path: Path, *, force: bool) -> Iterator[Path]:
    """Hand out the name of an empty file beside `path` that takes its place at the end, and is gone after a failure.

    Only its owner can read it. Raise InputError where a file of that name came to be meanwhile, unless `force`.
    """
    with failures_of(path):
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    os.close(handle)
    draft = Path(name)
    try:
        yield draft
        with failures_of(path):
            _sync(draft, os.O_RDWR)
            _put_in_place(draft, path, force=force)
            _sync(path.parent, os.O_RDONLY)
    finally:
        for leftover in (draft, *(draft.with_name(draft.name + suffix) for suffix in (*_BESIDE, "-shm"))):
            leftover.unlink(missing_ok=True)


def _put_in_place(draft: Path, path: Path, *, force: bool) -> None:
    if force:
        draft.replace(path)
        return
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        require_free(path, force=False)
    except OSError:
        # Some file systems have no hard links; there, only what exists by now is kept.
        require_free(path, force=False)
        draft.replace(path)


def _sync(path: Path, how: int) -> None:
    handle = os.open(path, how)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
