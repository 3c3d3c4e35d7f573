"""The measurement: every contender in turn, round after round, so that a busy machine harms all alike."""

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from benchmarks.chat import made_lines
from benchmarks.throughput.contenders import Contender, Entry
from benchmarks.throughput.processes import Broken, Missing, Process

_WARM_UP = 16
_FEWEST = 8
_LIMIT_S = 0.06
"""How long each of the machine's own limits is measured in a round."""

Tell = Callable[[str], None]
_Key = tuple[Contender, int]


@dataclass(frozen=True, slots=True)
class Plan:
    """Say what is measured: rows, in how many rounds, and for about how many seconds each row's turn may last."""

    entries: Sequence[Entry]
    rounds: int
    seconds: float


@dataclass(slots=True)
class Row:
    """Hold what was measured of one entry, round by round; where that is nothing, `fault` says why."""

    entry: Entry
    lines: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    processor_s: list[float] = field(default_factory=list)
    memory_mb: float = 0.0
    fault: str = ""

    @property
    def rates(self) -> list[float]:
        """Return messages a second of each round."""
        return [lines / seconds for lines, seconds in zip(self.lines, self.seconds, strict=True)]

    @property
    def rate(self) -> float | None:
        """Return messages a second, the median of the rounds."""
        return statistics.median(self.rates) if self.rates else None

    @property
    def processor_ms(self) -> float | None:
        """Return the processor time of one message in milliseconds, all threads together."""
        return sum(self.processor_s) / sum(self.lines) * 1000 if self.lines else None


@dataclass(slots=True)
class Figures:
    """Hold what was measured until now; `limits` has an answer of `limit` for each round and number of threads.

    `others` is how many processors other programs kept busy meanwhile.
    """

    rows: list[Row] = field(default_factory=list)
    limits: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    limit_fault: str = ""
    others: float | None = None
    profile: dict[str, Any] | None = None

    @property
    def rounds(self) -> int:
        """Return how many rounds were measured."""
        return max((len(row.lines) for row in self.rows), default=0)


def ratio(row: Row, to: Row | None) -> float | None:
    """Return how many times as fast one row is as another: the median over the rounds, each compared within itself."""
    if to is None or not row.rates or not to.rates:
        return None
    return statistics.median(mine / other for mine, other in zip(row.rates, to.rates, strict=False))


def measure(plan: Plan, lines: Sequence[str], layers: Sequence[int], figures: Figures, tell: Tell) -> None:
    """Measure all rows and the machine's limits into `figures`, so that what was measured is there if it ends early."""
    figures.rows = [Row(entry) for entry in plan.entries]
    with tempfile.TemporaryDirectory(prefix="throughput-") as folder, ExitStack() as open_until:
        running = _Running(figures, plan, Path(folder), open_until, tell)
        running.start()
        for number in range(plan.rounds):
            tell(f"round {number + 1} of {plan.rounds}")
            running.round(number, _slice(lines, number, plan.rounds), layers)
            running.weigh()


def _slice(lines: Sequence[str], number: int, rounds: int) -> Sequence[str]:
    """Return a round's part of the lines, in their order; with few lines all rounds have all of them."""
    if len(lines) < rounds * _FEWEST:
        return lines
    return lines[len(lines) * number // rounds : len(lines) * (number + 1) // rounds]


def sample(lines: Sequence[str], count: int) -> list[str]:
    """Return so many of the lines, from all over them."""
    count = min(count, len(lines))
    return [lines[len(lines) * i // count] for i in range(count)]


@dataclass(frozen=True, slots=True)
class _Busy:
    """Hold a moment, and how many processor seconds other programs had taken then since the machine's start."""

    moment: float
    of_others: float


class _Running:
    """Hold the contenders' processes while they are measured."""

    def __init__(self, figures: Figures, plan: Plan, folder: Path, open_until: ExitStack, tell: Tell) -> None:
        self._figures = figures
        self._seconds = plan.seconds
        self._folder = folder
        self._open = open_until
        self._tell = tell
        self._processes: dict[_Key, Process] = {}
        self._limits: dict[int, Process] = {}
        self._expected: dict[Entry, float] = {}
        self._began = self._busy()

    def start(self) -> None:
        """Start all processes, and see how fast about each is."""
        threads = sorted({row.entry.threads for row in self._figures.rows})
        for key in dict.fromkeys((row.entry.contender, row.entry.threads) for row in self._figures.rows):
            self._tell(f"starting: {key[0].told}, {_threads(key[1])}")
            self._guarded(key, partial(self._start, key))
        try:
            for count in threads:
                self._limits[count] = self._open.enter_context(Process("limit", count))
        except (Missing, Broken) as error:
            self._figures.limit_fault = str(error)
        self._began = self._busy()

    def round(self, number: int, lines: Sequence[str], layers: Sequence[int]) -> None:
        """Measure every row once; who is first is another one each round."""
        rows = self._figures.rows
        first = number * len(rows) // 3 % len(rows)
        for row in (*rows[first:], *rows[:first]):
            key = row.entry.contender, row.entry.threads
            if not row.fault:
                self._guarded(key, partial(self._measure, row, lines))
        self._measure_limits(layers)

    def weigh(self) -> None:
        """Note how much memory each process has now, and how busy other programs were since the start."""
        for row in self._figures.rows:
            process = self._processes.get((row.entry.contender, row.entry.threads))
            if process is not None and not row.fault:
                row.memory_mb = process.taken.memory_mb
        now = self._busy()
        self._figures.others = max(0.0, (now.of_others - self._began.of_others) / (now.moment - self._began.moment))

    def _busy(self) -> "_Busy":
        times = psutil.cpu_times()
        own = sum(each.taken.processor_s for each in (*self._processes.values(), *self._limits.values()))
        return _Busy(time.monotonic(), sum(times) - times.idle - getattr(times, "iowait", 0.0) - own)

    def _guarded(self, key: _Key, work: Callable[[], None]) -> None:
        """Do it; where the contender fails, say so in its rows and leave it out from then on."""
        try:
            work()
        except Missing:
            self._leave_out(key, key[0].advice)
        except Broken as error:
            self._leave_out(key, f"failed: {error}")

    def _leave_out(self, key: _Key, fault: str) -> None:
        for row in self._figures.rows:
            if (row.entry.contender, row.entry.threads) == key:
                row.fault = fault
        process = self._processes.pop(key, None)
        if process is not None:
            process.close()

    def _start(self, key: _Key) -> None:
        contender, threads = key
        if contender is Contender.ONNX:
            self._export()
        process = self._open.enter_context(Process(contender, threads, self._folder))
        self._processes[key] = process
        warm_up = made_lines(_WARM_UP, seed=1)
        for row in self._figures.rows:
            if (row.entry.contender, row.entry.threads) == key:
                process.ask(texts=warm_up, batch=row.entry.batch)
                took = process.ask(texts=warm_up, batch=row.entry.batch)["seconds"]
                self._expected[row.entry] = _WARM_UP / took

    def _export(self) -> None:
        if any(self._folder.iterdir()):
            return
        self._tell("exporting a model of BERTweet's size")
        with Process("export") as process:
            process.ask(folder=str(self._folder))

    def _measure(self, row: Row, lines: Sequence[str]) -> None:
        entry = row.entry
        if not entry.reads_all:
            lines = sample(lines, max(int(self._expected[entry] * self._seconds), entry.batch or 0, _FEWEST))
        answer = self._processes[entry.contender, entry.threads].ask(texts=list(lines), batch=entry.batch)
        row.lines.append(len(lines))
        row.seconds.append(answer["seconds"])
        row.processor_s.append(answer["processor_s"])
        self._expected[entry] = row.rates[-1]

    def _measure_limits(self, layers: Sequence[int]) -> None:
        try:
            for count, process in self._limits.items():
                found = process.ask(layers=list(layers), seconds=_LIMIT_S)["found"]
                self._figures.limits.setdefault(count, []).append(found)
        except (Missing, Broken) as error:
            self._limits.clear()
            self._figures.limit_fault = str(error)


def _threads(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"
