"""How log records are written: one line for people, or one JSON object; neither holds content or secrets.

Our own records carry ids by discipline. Those of libraries may hold anything, such as the arguments of a call or the
URL with an interaction's token: of them the template is kept, with numbers filled in and little else. Of an exception
the type and the places are kept; its text only where we wrote it ourselves, since that of a library may quote what it
choked on.
"""

import logging
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from pythonjsonlogger.json import JsonFormatter

from bot.console.render import clean
from bot.log_ids import IDS, found_in

_OWN = ("bot", "classifier")
_TALKATIVE = ("discord.client", "discord.ext.tasks")
"""Loggers of libraries whose words are names of functions."""

_WARNINGS = "py.warnings"
_WARNING = re.compile(r"(?P<file>[^\n]{1,500}):(?P<line>\d+): (?P<kind>\w+):")
_NAME = re.compile(r"[A-Za-z_][\w.]{0,80}")
_LEFT_OUT = "..."
_LONGEST = 2000
_MOST_FRAMES = 30
_ROOT = Path(__file__).parents[2]

Redact = Callable[[str], str]


class TextLines(logging.Formatter):
    """Write a record as one line for people."""

    def __init__(self, redact: Redact) -> None:
        super().__init__()
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        """Return the record; of an exception its kind and where it came from, of a fatal one each place on a line."""
        told = f"referee: {record.levelname.lower()}: {record.name}: {message_of(record)}"
        cause = record.exc_info[1] if record.exc_info else None
        if cause is not None:
            told = f"{told}: {type(cause).__name__}: {described(cause)}"
            places = list(frames_of(cause))
            if record.levelno >= logging.CRITICAL:
                return "\n  ".join(self._redact(clean(line)) for line in (told, *places))
            told += f" ({places[-1]})" if places else ""
        return self._redact(clean(told))


class JsonLines(JsonFormatter):
    """Write a record as one JSON object: time, level, logger, message, its ids, and of an exception kind and places."""

    def __init__(self, redact: Redact) -> None:
        super().__init__([], json_ensure_ascii=True)
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        """Return the record; the library's own way formats the message as it came."""
        told: dict[str, Any] = {}
        self.add_fields(told, record, {})
        return self.serialize_log_record(told)

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        """Fill in the fields; nothing else that a record carries is written."""
        log_data["time"] = datetime.fromtimestamp(record.created, tz=UTC).isoformat(timespec="milliseconds")
        log_data["level"], log_data["logger"] = record.levelname.lower(), record.name
        log_data["message"] = self._redact(clean(message_of(record)))
        log_data.update({name: self._redact(clean(value)) for name, value in _ids(record).items()})
        cause = record.exc_info[1] if record.exc_info else None
        if cause is not None:
            log_data["error"] = type(cause).__name__
            log_data["error_text"] = self._redact(clean(described(cause)))
            log_data["traceback"] = [self._redact(frame) for frame in frames_of(cause)]


def message_of(record: logging.LogRecord) -> str:
    """Return what a record says, with nothing in it that its logger is not trusted with."""
    if record.name.split(".")[0] in _OWN:
        return _filled(record, _own_argument)[:_LONGEST]
    if record.name == _WARNINGS:
        found = _WARNING.match(str(record.args[0])) if isinstance(record.args, tuple) and record.args else None
        return f"{found['kind']} at {_short(found['file'])}:{found['line']}" if found else "a warning of Python"
    if not record.args:
        # asyncio puts the repr of what it was doing, arguments and all, behind the first words.
        return re.split(r"[\n(<:'\"{]", str(record.msg), maxsplit=1)[0].strip()[:200]
    trusted = record.name in _TALKATIVE
    return _filled(record, lambda value: _foreign_argument(value, trusted=trusted))[:_LONGEST]


def described(error: BaseException) -> str:
    """Return what an exception says, where nobody else wrote it; else nothing but numbers."""
    from bot.errors import DiscordUnreachable, SettingsError, SpeechModelMissing, StoreError
    from classifier.errors import ClassifierError, TextError

    ours = (DiscordUnreachable, SettingsError, SpeechModelMissing, StoreError, ClassifierError)
    # Those of Python name parts of the program.
    if isinstance(error, (*ours, ImportError, NameError, AttributeError)) and not isinstance(error, TextError):
        return str(error)
    status, code = getattr(error, "status", None), getattr(error, "code", None)
    if isinstance(status, int):
        return f"status {status}, code {code}" if isinstance(code, int) else f"status {status}"
    if isinstance(error, OSError) and error.strerror is not None and isinstance(error.errno, int):
        return error.strerror
    return "its text is left out, since it may hold content"


def frames_of(error: BaseException) -> Iterator[str]:
    """Yield where an exception came from, the place that raised it last, and then those of its causes."""
    yield from _places(error.__traceback__)
    cause, seen = error.__cause__ or error.__context__, {id(error)}
    while cause is not None and id(cause) not in seen:
        yield f"because of {type(cause).__name__}:"
        yield from _places(cause.__traceback__)
        seen.add(id(cause))
        cause = cause.__cause__ or cause.__context__


def _places(trace: TracebackType | None) -> Iterator[str]:
    for frame, line in islice(traceback.walk_tb(trace), _MOST_FRAMES):
        yield f"{_short(frame.f_code.co_filename)}:{line} in {frame.f_code.co_name}"


def _short(name: str) -> str:
    path = Path(name)
    for root in (_ROOT, *map(Path, sys.path)):
        if path != root and root.is_absolute() and path.is_relative_to(root):
            return str(path.relative_to(root))
    return path.name


def _filled(record: logging.LogRecord, shown: Callable[[object], object]) -> str:
    """Return the template with its arguments; one that does not fit them alone."""
    template, given = str(record.msg), record.args
    try:
        if isinstance(given, Mapping):
            return template % {key: shown(value) for key, value in given.items()}
        return template % tuple(map(shown, given)) if given else template
    except (TypeError, ValueError, KeyError):
        return template


def _own_argument(value: object) -> object:
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {described(value)}"
    return value if value is None or isinstance(value, str | int | float | Path) else f"<{type(value).__name__}>"


def _foreign_argument(value: object, *, trusted: bool) -> object:
    if isinstance(value, bool | int | float) or value is None:
        return value
    if isinstance(value, str):
        if value.startswith(("http://", "https://")):
            return urlsplit(value).path
        return value if trusted and _NAME.fullmatch(value) else _LEFT_OUT
    return f"<{type(value).__name__}>"


def _ids(record: logging.LogRecord) -> dict[str, str]:
    given = getattr(record, IDS, None)
    said = found_in(record.msg, record.args) if record.name.split(".")[0] in _OWN else {}
    return {**said, **given} if isinstance(given, Mapping) else said
