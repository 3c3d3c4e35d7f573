"""A recorded chat: rows of `match`, `t`, `player` and `text` or `audio`, to excerpts that are the same every time."""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.console.rows import STANDARD, Row, open_input, read_rows, shown_name
from bot.domain import Clip, Excerpt, Platform, SourceKey
from bot.errors import InputError

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
"""The moment of `t` 0: fixed, so that what comes out does not depend on the day of the replay."""

_LONGEST_T = 1e9
_MOST_REMEMBERED = 50_000


@dataclass(frozen=True, slots=True)
class LogLine:
    """Hold one row that makes sense; `t` is in seconds, `audio` the clip's path where it is no text."""

    number: int
    match: str
    t: float
    player: str
    text: str = ""
    audio: Path | None = None


class ChatLog:
    """Read one log; a clip longer than `clip_bytes` is read one byte too far.

    Where no community is named each match is one of its own: "p1" is somebody else in the next.
    """

    def __init__(self, source: str, community: str | None, *, clip_bytes: int) -> None:
        self.name = shown_name(source)
        self._source = source
        self._folder = Path() if source == STANDARD else Path(source).parent
        self._community = community
        self._clip_bytes = clip_bytes
        self._times_seen: OrderedDict[bytes, int] = OrderedDict()

    def batches(self) -> Iterator[list[LogLine]]:
        """Yield the lines as they arrive; raise InputError, naming the line, once those before it are handed out."""
        with open_input(self._source) as stream:
            for rows in read_rows(stream, self.name):
                lines: list[LogLine] = []
                try:
                    lines.extend(self._line(row) for row in rows)
                except InputError:
                    yield lines
                    raise
                yield lines

    def excerpt(self, line: LogLine) -> Excerpt:
        """Return the excerpt of a line, its clip read; raise InputError where the clip cannot be."""
        clip = None if line.audio is None else self._clip(line, line.audio)
        content = clip.data if clip else line.text.encode("utf-8", "surrogatepass")
        return Excerpt(
            key=SourceKey(
                Platform.LOG, self._community or f"match {line.match}", line.match, self._message(line, content)
            ),
            author=line.player,
            at=EPOCH + timedelta(seconds=line.t),
            text=line.text,
            clip=clip,
        )

    def _message(self, line: LogLine, content: bytes) -> str:
        """Return an identity that the same line has in every run and in every file that holds the match.

        The same said again at the same moment is told apart by counting; the count begins anew in each file.
        """
        said = hashlib.sha256(content).hexdigest()
        key = hashlib.sha256(json.dumps([line.match, line.t, line.player, said]).encode()).digest()
        times = self._times_seen.pop(key, 0) + 1
        self._times_seen[key] = times
        if len(self._times_seen) > _MOST_REMEMBERED:
            self._times_seen.popitem(last=False)
        return f"{key.hex()[:32]}-{times}"

    def _line(self, row: Row) -> LogLine:
        where = f"{self.name}, line {row.number}"
        fields = row.fields
        match, player = _name(fields, "match", where), _name(fields, "player", where)
        t = fields.get("t")
        if isinstance(t, bool) or not isinstance(t, (int, float)) or not _sensible(t):
            raise InputError(f"{where}: `t` is not a number of seconds")
        if ("text" in fields) == ("audio" in fields):
            raise InputError(f"{where}: give it `text` or `audio`, one of the two")
        content = fields["text"] if "text" in fields else fields["audio"]
        if not isinstance(content, str):
            raise InputError(f"{where}: `{'text' if 'text' in fields else 'audio'}` is not a string")
        if "text" in fields:
            return LogLine(row.number, match, float(t), player, content)
        return LogLine(row.number, match, float(t), player, audio=self._inside(content, where))

    def _inside(self, name: str, where: str) -> Path:
        """Return the path of a clip in the log's folder: a log may be a stranger's, and must not read elsewhere."""
        folder = self._folder.resolve()
        try:
            path = (folder / name).resolve()
        except (OSError, ValueError, RuntimeError) as error:
            raise InputError(f"{where}: {name!r} names no clip ({error})") from error
        if Path(name).is_absolute() or not path.is_relative_to(folder) or path == folder:
            raise InputError(f"{where}: the clip {name!r} is outside the log's folder; put it there")
        return path

    def _clip(self, line: LogLine, path: Path) -> Clip:
        if path.exists() and not path.is_file():
            raise InputError(f"{self.name}, line {line.number}: the clip {path} is no file")
        try:
            with path.open("rb") as file:
                return Clip(path.name, file.read(self._clip_bytes + 1))
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise InputError(f"{self.name}, line {line.number}: the clip {path} cannot be read: {reason}") from error


def _name(fields: dict[str, Any], name: str, where: str) -> str:
    value = fields.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value:
        raise InputError(f"{where}: `{name}` is missing or no name")
    # A lone surrogate cannot be stored as a name.
    return value.encode("utf-8", "replace").decode()


def _sensible(t: float) -> bool:
    # False for what is no number too, and for an integer too large to become a float.
    return abs(t) <= _LONGEST_T
