"""The bot with a probe in it: `python -m benchmarks.end_to_end.probe FILE [sample]` runs it as `referee run` does.

On SIGUSR1 the probe writes to FILE what it has seen so far, and nothing in between, so that it costs little: how long
the event loop stood still and where, what each thread took of the processor, what was asked of the database, and what
was counted. On SIGUSR2 it writes only how many messages were seen and are left to do. With `sample` it also looks every
5 ms at what the event loop's thread does, and times some of the bot's methods.
"""

import asyncio
import json
import re
import signal
import sys
import threading
import time
from collections import Counter, deque
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import psutil
from sqlalchemy import Connection, event
from sqlalchemy.engine import Engine
from sqlalchemy.pool import ConnectionPoolEntry, Pool

from benchmarks.end_to_end.stages import Stages
from benchmarks.probe import LoopWatch, run_with
from bot.tally import Tally

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

_TICK_S = 0.01
_SAMPLED_EVERY_S = 0.005
_WROTE, _WRITING, _SINCE = "end_to_end_wrote", "end_to_end_writing", "end_to_end_since"
_MOST = 20_000
_WRITES = re.compile(r"\s*(?:insert|update|delete|replace|create|alter|drop)\b", re.IGNORECASE)
_LIBRARIES = ("/site-packages/", "/lib/python")
_IDLE = ("select", "poll")


class Statements:
    """Count what is asked of every database of this process."""

    def __init__(self) -> None:
        self.statements = self.transactions = self.writing = 0
        self.kinds: Counter[str] = Counter()
        self.held: deque[tuple[float, float]] = deque(maxlen=_MOST)
        """When each connection was taken that then wrote, as a monotonic time, and for how many seconds."""
        self._heard = (
            (Engine, "before_cursor_execute", self._executed),
            (Engine, "commit", self._committed),
            (Engine, "rollback", self._forgotten),
            (Pool, "checkout", self._taken),
            (Pool, "checkin", self._given_back),
        )
        for each in self._heard:
            event.listen(*each)

    def end(self) -> None:
        """Count no more."""
        for each in self._heard:
            event.remove(*each)

    def _executed(self, connection: Connection, _cursor: object, statement: str, *_rest: object) -> None:
        self.statements += 1
        self.kinds[_kind(statement)] += 1
        if _WRITES.match(statement):
            connection.info[_WROTE] = connection.info[_WRITING] = True

    def _committed(self, connection: Connection) -> None:
        self.transactions += 1
        self.writing += bool(connection.info.pop(_WROTE, False))

    def _forgotten(self, connection: Connection) -> None:
        connection.info.pop(_WROTE, None)

    def _taken(self, _driver: object, record: ConnectionPoolEntry, _proxy: object) -> None:
        record.info[_SINCE] = time.monotonic()

    def _given_back(self, _driver: object, record: ConnectionPoolEntry) -> None:
        since = record.info.pop(_SINCE, None)
        if record.info.pop(_WRITING, False) and since is not None:
            self.held.append((since, time.monotonic() - since))


class Samples:
    """Look again and again at what a thread does: which function it is in, and which of ours led there."""

    def __init__(self) -> None:
        self.looked = 0
        self.leaves: Counter[str] = Counter()
        self.ours: Counter[str] = Counter()

    def look_at(self, thread: int) -> None:
        """Begin to look at a thread; there is no end, as the process ends."""
        threading.Thread(target=self._look, args=(thread,), name="probe-samples", daemon=True).start()

    def _look(self, thread: int) -> None:
        while True:
            time.sleep(_SAMPLED_EVERY_S)
            frame = sys._current_frames().get(thread)
            if frame is not None and frame.f_code.co_name not in _IDLE:
                self.note(frame)

    def note(self, frame: FrameType) -> None:
        """Count one look."""
        self.looked += 1
        self.leaves[place(frame)] += 1
        seen: set[str] = set()
        each: FrameType | None = frame
        while each is not None:
            if is_ours(each):
                seen.add(place(each))
            each = each.f_back
        self.ours.update(seen)

    def as_values(self) -> dict[str, Any]:
        """Return it as JSON takes it."""
        return {"looked": self.looked, "leaves": dict(self.leaves), "ours": dict(self.ours)}


def is_ours(frame: FrameType) -> bool:
    """Tell whether it is code of this project that runs."""
    return not any(part in frame.f_code.co_filename for part in (*_LIBRARIES, "<frozen"))


def place(frame: FrameType) -> str:
    """Return the function that runs, by the end of its file's path."""
    return f"{'/'.join(Path(frame.f_code.co_filename).parts[-3:])}:{frame.f_code.co_qualname}"


def _kind(statement: str) -> str:
    words = statement.split()
    verb = words[0].upper() if words else ""
    named = {"SELECT": "FROM", "INSERT": "INTO", "DELETE": "FROM", "UPDATE": "UPDATE", "WITH": "FROM"}.get(verb)
    upper = [word.upper() for word in words]
    table = words[upper.index(named) + 1] if named in upper[:-1] else ""
    return f"{verb} {table}".strip()


class Probe:
    """Watch a bot from inside, and write what was seen when told to."""

    def __init__(self, referee: "RefereeBot", path: Path, statements: Statements, *, sample: bool) -> None:
        self._bot, self._path, self._statements = referee, path, statements
        self._loop = LoopWatch(_TICK_S)
        self._samples = Samples() if sample else None
        self._stages = Stages() if sample else None
        if self._samples:
            self._samples.look_at(threading.get_ident())
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, lambda: self._write(self._state()))
        loop.add_signal_handler(signal.SIGUSR2, lambda: self._write(self._progress()))

    def _write(self, state: dict[str, Any]) -> None:
        written = self._path.with_suffix(".new")
        written.write_text(json.dumps(state))
        written.replace(self._path)

    def _progress(self) -> dict[str, Any]:
        room = self._bot.services.room
        return {
            "seen": sum(tally.seen for tally in self._tallies()),
            "left": room.waiting + room.judging + room.acting,
        }

    def _tallies(self) -> list[Tally]:
        return [self._bot.services.pipeline.tally_of(str(guild.id)) for guild in self._bot.guilds]

    def _state(self) -> dict[str, Any]:
        counted = self._tallies()
        not_scored: Counter[str] = Counter()
        for tally in counted:
            not_scored.update(tally.not_scored)
        return {
            "at": time.monotonic(),
            **self._progress(),
            "scored": sum(tally.scored for tally in counted),
            "incidents": sum(tally.incidents for tally in counted),
            "not_scored": dict(not_scored),
            "threads": threads(),
            "statements": self._statements.statements,
            "kinds": dict(self._statements.kinds),
            "transactions": self._statements.transactions,
            "writing": self._statements.writing,
            "stages": {
                **(self._stages.as_values() if self._stages else {}),
                "a connection kept to write, once it is their turn": list(self._statements.held),
            },
            "samples": self._samples.as_values() if self._samples else None,
            **self._loop.seen.as_values(),
        }


def threads() -> dict[str, float]:
    """Return the processor seconds of this process's threads by name, numbers left out."""
    names = {thread.native_id: thread.name for thread in threading.enumerate()}
    found: Counter[str] = Counter()
    for each in psutil.Process().threads():
        name = names.get(each.id, "not Python's")
        found[re.sub(r"[-_ ]?\d+", "", name)] += each.user_time + each.system_time
    return dict(found)


def main() -> None:
    """Run the bot with the probe in it."""
    path, sample = Path(sys.argv[1]), sys.argv[2:] == ["sample"]
    # Before the bot opens its database, so that nothing is missed.
    statements = Statements()
    run_with(lambda referee: Probe(referee, path, statements, sample=sample))


if __name__ == "__main__":
    main()
