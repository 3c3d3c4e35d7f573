"""`python -m benchmarks.overload`: say far more than can be scored, and see what becomes of it."""

import asyncio
from dataclasses import fields
from typing import Annotated, Any

import typer

from benchmarks.overload.measurement import QUIET, Measured, Plan, Server, measure
from bot.console.render import console, to_json

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def overload(
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="How long more is said than can be scored.")] = 30.0,
    factor: Annotated[float, typer.Option(min=0.1, max=100, help="How many times more.")] = 10.0,
    threads: Annotated[int, typer.Option(min=1, max=256, help="Processor threads of the model.")] = 1,
    slow_ms: Annotated[
        float, typer.Option(min=0, max=1000, help="Have the model take at least so long for a text; 0 is as it is.")
    ] = 0.0,
    where: Annotated[bool, typer.Option("--where", help="Say what the event loop did when it stood still.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure what the bot does with ten times the messages that it can score.

    The real bot runs as a process on a Discord of our own. What it can score in a second is measured first. Then five
    servers talk, of which one floods and one says two lines a second.
    """
    measured = asyncio.run(measure(Plan(seconds=seconds, factor=factor, threads=threads, slow_ms=slow_ms)))
    if as_json:
        console().out(to_json(as_values(measured)), highlight=False)
        return
    for line in (*lines_of(measured), *(measured.where if where else ())):
        console().out(line, highlight=False)


def as_values(measured: Measured) -> dict[str, Any]:
    """Return the figures as JSON takes them."""
    found = {each.name: getattr(measured, each.name) for each in fields(measured)}
    servers = {name: {f.name: getattr(s, f.name) for f in fields(s)} for name, s in measured.servers.items()}
    return {**found, "servers": servers}


def lines_of(measured: Measured) -> list[str]:
    """Return the figures as lines for people."""
    m = measured
    return [
        f"scored where there is always something to score: {m.capacity:.0f} lines/s; offered then: {m.offered:.0f}/s",
        *(_server(name, server) for name, server in m.servers.items()),
        f"memory: {m.memory_before:.0f} MB before, {m.memory_peak:.0f} at most, {m.memory_after:.0f} after; "
        f"{m.most_waiting} messages waited at most, {m.most_tasks} tasks",
        f"longest stall of the event loop: {m.longest_stall_s * 1000:.0f} ms, {m.stalls_over_100ms} over 100 ms; "
        f"most work between two turns {m.longest_work_s * 1000:.0f} ms, "
        f"longest collection of garbage {m.longest_collection_s * 1000:.0f} ms",
        f"heartbeats late by at most {m.beat_late_s * 1000:.0f} ms; sessions lost: {m.reconnected}",
        f"all judged or counted {m.recovery_s:.1f} s after the end",
    ]


def _server(name: str, server: Server) -> str:
    shed = ", ".join(f"{count} {reason}" for reason, count in sorted(server.not_scored.items())) or "nothing shed"
    times = " / ".join(f"{ms:.0f}" for ms in server.latency_ms) + " ms" if server.latency_ms else "-"
    mark = " <- the quiet one" if name == QUIET else ""
    return f"  {name:8} said {server.said:6}, scored {server.scored:6}, {shed}; p50/p95/p99 {times}{mark}"


if __name__ == "__main__":
    app()
