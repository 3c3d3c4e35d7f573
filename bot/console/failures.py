"""An expected error as one line on stderr."""

import errno
import logging
import os

from bot.console.render import clean
from bot.errors import RefereeError

FAILED = 2
"""The exit code of a command that could not do what it was asked."""


def expected() -> tuple[type[Exception], ...]:
    """Return the errors that are told in one line; to be called once there is one, since it loads the classifier."""
    from classifier import ClassifierError

    return (RefereeError, ClassifierError, OSError)


def line_of(error: Exception) -> str:
    """Return the line that tells an error: what happened, to what, and what to do."""
    return f"referee: {clean(_told(error))}"


class _OneLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """Return the record without its traceback, which no log of a command line needs."""
        told = f"referee: {record.levelname.lower()}: {record.name}: {record.getMessage()}"
        cause = record.exc_info[1] if record.exc_info else None
        return clean(told if cause is None else f"{told}: {type(cause).__name__}: {cause}")


def log_to_stderr(level: str) -> None:
    """Log this program's records to stderr, from `level` on."""
    for name in ("bot", "classifier"):
        logging.getLogger(name).setLevel(level)
    root = logging.getLogger()
    if not root.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(_OneLine())
        root.addHandler(handler)


def _told(error: Exception) -> str:
    if not isinstance(error, OSError):
        return str(error)
    name = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else "the output"
    advice = {
        errno.ENOSPC: "; free some space, or write elsewhere",
        errno.ENOENT: "; check the name",
        errno.EACCES: "; check its permissions",
        errno.EISDIR: "; name a file",
    }.get(error.errno or 0, "")
    return f"{name}: {error.strerror or error}{advice}"
