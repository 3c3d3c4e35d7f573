"""Where the keys that encrypt content come from: the settings, or a file beside the database."""

import logging
import os
import stat
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet

from bot.errors import ContentKeyError
from bot.store.cipher import ContentKey
from bot.store.failures import failures_of

_log = logging.getLogger(__name__)
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def load_keys(given: str | None, key_file: Path, *, may_create: bool) -> tuple[ContentKey, ...]:
    """Return the keys, newest first: those given (Fernet keys separated by commas), else those in the key file.

    Where there is neither, write a new key file that only its owner can read, if `may_create`. Raise ContentKeyError
    where a key is damaged, or is missing and must not be made up. A key file that others may read is warned of.
    """
    if given is not None:
        return _parse(given, "The content key in the settings")
    with failures_of(key_file):
        there = key_file.exists()
    if not there:
        if not may_create:
            raise ContentKeyError(
                f"The key is missing: the database holds encrypted content, and there is no {key_file}. "
                "Put the key file back, or give the key in the settings."
            )
        _create(key_file)
    return _parse(_read(key_file), f"The key file {key_file}")


def generate_key() -> str:
    """Return a new key."""
    return Fernet.generate_key().decode("ascii")


def _parse(text: str, source: str) -> tuple[ContentKey, ...]:
    keys = text.replace(",", " ").split()
    try:
        parsed = tuple(ContentKey.parse(key) for key in keys)
    except ValueError:
        parsed = ()
    if not parsed:
        # The text itself stays out of the error: a nearly right key is still a secret.
        raise ContentKeyError(
            f"{source} is damaged or empty: a key is 44 characters of URL-safe base64, several are separated by "
            "commas. Put the right key there."
        )
    return parsed


def _read(key_file: Path) -> str:
    try:
        _warn_of_readers(key_file)
        return key_file.read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise ContentKeyError(
            f"The key file {key_file} cannot be read ({error.strerror}). Let Referee read it."
        ) from error


def _warn_of_readers(key_file: Path) -> None:
    # Windows tells nothing by the mode.
    if os.name == "posix" and key_file.stat().st_mode & _OTHERS:
        _log.warning("Other users of this machine may read the key file %s. Run: chmod 600 %s", key_file, key_file)


def _create(key_file: Path) -> None:
    with failures_of(key_file):
        key_file.parent.mkdir(parents=True, exist_ok=True)
        # mkstemp makes the file with mode 0600.
        handle, name = tempfile.mkstemp(dir=key_file.parent, prefix=f".{key_file.name}.")
        draft = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(Fernet.generate_key() + b"\n")
                file.flush()
                os.fsync(file.fileno())
            _put_in_place(draft, key_file)
        finally:
            draft.unlink(missing_ok=True)
    _log.info("Wrote a new content key to %s; without a copy of it a backup of the database is unreadable.", key_file)


def _put_in_place(draft: Path, key_file: Path) -> None:
    try:
        key_file.hardlink_to(draft)
    except FileExistsError:
        # Another process was first; its key is the one that counts.
        return
    except OSError:
        # Some file systems have no hard links. The database is locked for writing meanwhile, so nobody else is here.
        draft.replace(key_file)
