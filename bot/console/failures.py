"""An expected error as one line on stderr, and a log that holds neither content nor secrets."""

import errno
import logging
import os
import sys
import threading
from types import TracebackType
from typing import TYPE_CHECKING

from bot.console.log_format import JsonLines, TextLines
from bot.console.redaction import Redaction, secrets_of
from bot.console.render import clean
from bot.errors import RefereeError

if TYPE_CHECKING:
    from bot.settings import Settings

FAILED = 2
"""The exit code of a command that could not do what it was asked."""


def expected() -> tuple[type[Exception], ...]:
    """Return the errors that are told in one line; to be called once there is one, since it loads the classifier."""
    from classifier import ClassifierError

    return (RefereeError, ClassifierError, OSError)


def line_of(error: Exception) -> str:
    """Return the line that tells an error: what happened, to what, and what to do."""
    return Redaction()(f"referee: {clean(_told(error))}")


class _Stderr(logging.StreamHandler):  # type: ignore[type-arg]
    """Write records to stderr; one that cannot be written is told of without what is in it."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """Say which module wrote a record that cannot be formatted; the library would print its arguments."""
        if sys.stderr is not None:
            sys.stderr.write(f"referee: error: a log record of {record.name}:{record.lineno} cannot be written\n")


def log_to_stderr(settings: "Settings") -> None:
    """Log this program's records to stderr, as the settings say; libraries' own from warnings on."""
    for name in ("bot", "classifier"):
        logging.getLogger(name).setLevel(settings.log_level)
    root = logging.getLogger()
    if root.handlers:
        return
    redact = Redaction(secrets_of(settings))
    handler = _Stderr()
    handler.setFormatter(JsonLines(redact) if settings.log_format == "json" else TextLines(redact))
    root.addHandler(handler)
    # Whatever REFEREE_LOG_LEVEL says: at DEBUG, libraries log whole messages, statements and payloads.
    root.setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    sys.excepthook = _unexpected
    threading.excepthook = lambda told: _unexpected(told.exc_type, told.exc_value, told.exc_traceback)
    sys.unraisablehook = lambda told: _unexpected(told.exc_type, told.exc_value, told.exc_traceback)


def _unexpected(_kind: type[BaseException], error: BaseException | None, _trace: TracebackType | None) -> None:
    """Log what nobody expected, with every place that it came through; its text may hold content."""
    if error is not None and not isinstance(error, KeyboardInterrupt | SystemExit):
        logging.getLogger("bot").critical("this is a fault of Referee; please report it", exc_info=error)


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
