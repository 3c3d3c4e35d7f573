"""The figures as one table with notes, and as JSON."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.table import Table

from benchmarks.end_to_end.measurement import Measured
from benchmarks.end_to_end.starting import Idle, Start, Voice
from benchmarks.figures import Spread
from benchmarks.shown import table

_COLUMNS = (
    *(
        "arrival",
        "a second",
        "said",
        "rude",
        "acted on",
        "others",
        "flagged",
        "p50 ms",
        "p95 ms",
        "p99 ms",
        "longest",
        "gathered",
    ),
    *("not scored", "bot %", "server %", "rest %", "MB", "writes/msg", "SQL/msg", "stall ms", ">50 ms", "work ms"),
)
_SHOWN = 15
_NOTES = """\
p50 to longest: from MESSAGE_CREATE leaving the server to the request for the deletion arriving at it.
rude, acted on: how many lines were made to be rude, and how many of these were deleted; others: ordinary lines that
were deleted; flagged: all incidents, of which most are only shown to moderators.
gathered: deletions that the bot kept back on purpose, not in the times. Where 4 messages of a channel were deleted
within 2 s, it waits 0.75 s for others, to take them away with one request.
The brake, which stops automatic actions above a number a minute, is set so high that it stops none.
timeouts: in every other server the rude are timed out as well; their request follows the deletion.
not scored: shed and counted, by reason.
bot %, server %: of one core until all was done; the bot's with the probe's share; the server runs on the same machine.
rest %: what other programs took of the machine meanwhile, in percent of one core; where it is much, measure again.
writes/msg: transactions of the bot's database that wrote; SQL/msg: all statements; both for each message said.
stall ms, >50 ms: by how much the event loop was late at most, and how often by more than 50 ms, for whatever reason,
other processes included; work ms: what its own thread worked at most in a row where it was late."""


@dataclass(slots=True)
class Figures:
    """Hold whatever was measured until now."""

    loads: list[Measured] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)
    idle: Idle | None = None
    voice: Voice | None = None

    def as_values(self) -> dict[str, Any]:
        """Return it as JSON takes it."""
        return asdict(self)


def shown(figures: Figures) -> Table:
    """Return the table of the loads."""
    return table("From a message to its deletion", _COLUMNS, (_row(each) for each in figures.loads))


def _row(each: Measured) -> Sequence[str]:
    acted, loop = each.acted, each.loop
    return (
        each.load.arrival,
        f"{each.load.rate:g}" if each.offered > 0.9 * each.load.rate else f"{each.load.rate:g} ({each.offered:g})",
        str(each.said),
        str(each.rude),
        str(acted.rude),
        str(acted.others),
        str(each.incidents),
        *_times(acted.at_once),
        str(acted.gathered.count if acted.gathered else 0),
        ", ".join(f"{count} {reason}" for reason, count in each.not_scored.items()) or "0",
        f"{each.bot_percent:.0f}",
        f"{each.server_percent:.0f}",
        f"{each.elsewhere_percent:.0f}",
        f"{each.memory_mb:.0f}",
        f"{each.writing / max(1, each.said):.2f}",
        f"{each.statements / max(1, each.said):.1f}",
        f"{loop.longest_stall_ms:.0f}",
        str(loop.stalls_over_50ms),
        f"{loop.longest_work_ms:.0f}",
    )


def _times(times: Spread | None) -> Sequence[str]:
    if times is None:
        return ("-",) * 4
    return tuple(f"{ms:.1f}" if ms < 1000 else f"{ms:,.0f}" for ms in _all_ms(times))


def _all_ms(times: Spread) -> tuple[float, float, float, float]:
    return times.p50_ms, times.p95_ms, times.p99_ms, times.longest_ms


def notes(figures: Figures, about: str, machine: str) -> list[str]:
    """Return what must be known to read the table, and what was measured beside it."""
    return [
        *_alone(figures),
        "",
        *_gathered(figures.loads),
        *_timeouts(figures.loads),
        "",
        *_NOTES.splitlines(),
        about,
        machine,
    ]


def _alone(figures: Figures) -> Iterable[str]:
    for each in figures.starts:
        acted = f", first message acted on after {each.acted_s:.2f} s" if each.acted_s is not None else ""
        what = "with a new database" if each.new_database else "again"
        yield f"start {what}: connected after {each.online_s:.2f} s, ready after {each.ready_s:.2f} s{acted}"
    if figures.idle:
        each_idle = figures.idle
        yield (
            f"idle for {each_idle.seconds:.0f} s, without the probe: {each_idle.percent:.2f} % of one core, "
            f"{each_idle.memory_mb:.0f} MB"
        )
    if figures.voice:
        heard = figures.voice
        yield (
            f"with speech: {heard.before_mb:.0f} MB before the first clip, {heard.after_mb:.0f} MB after it "
            f"(acted on after {heard.acted_s:.1f} s)"
        )


def _gathered(loads: Iterable[Measured]) -> Iterable[str]:
    for each in loads:
        if (times := each.acted.gathered) is not None:
            yield f"gathered, {each.load.arrival} {each.load.rate:g}: {_spelled(times)}"


def _timeouts(loads: Iterable[Measured]) -> Iterable[str]:
    for each in loads:
        if (times := each.acted.timeouts) is not None:
            yield f"timeouts, {each.load.arrival} {each.load.rate:g}: {_spelled(times)}"


def _spelled(times: Spread) -> str:
    p50, p95, p99, longest = _all_ms(times)
    return f"{times.count}, p50/p95/p99/longest {p50:.0f}/{p95:.0f}/{p99:.0f}/{longest:.0f} ms"


def where(each: Measured) -> list[str]:
    """Return where the time of a load went: threads, parts of the way, statements, and the event loop's functions."""
    lines = [
        f"== {each.load.arrival} {each.load.rate:g}: {each.said} said, {each.lasted_s:.1f} s, {each.requests} requests"
    ]
    lines += [f"{share:6.1f} % of a core: thread {name}" for name, share in each.threads_percent.items()]
    lines += [
        f"{times['count']:6.0f} times, p50 {times['p50_ms']:8.1f} ms, p99 {times['p99_ms']:8.1f} ms: {name}"
        for name, times in each.stages.items()
    ]
    lines += [f"{count / each.said:6.2f} a message: {kind}" for kind, count in list(each.kinds.items())[:_SHOWN]]
    lines.append("(looks at the event loop fall more often where it waits for the interpreter, as after a system call)")
    for kind, said in (("ours", "somewhere under"), ("leaves", "in")):
        shares = list(each.samples.get(kind, {}).items())[: 2 * _SHOWN]
        lines += [f"{share:6.1f} % of what the event loop worked: {said} {name}" for name, share in shares]
    return [*lines, *(f"stood still: {place}" for place in each.where[:_SHOWN])]
