"""`python -m benchmarks.latency`: how long one message waits for its score, under loads from light to too much."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.arrivals import Arrival
from benchmarks.chat import Chat, chat
from benchmarks.latency.measurement import Load, Measured, limits_for, lines_for, measure, seconds_for, warm
from benchmarks.latency.report import NOTES, as_values, cache_note, table_of
from benchmarks.machine import Machine, this_machine
from benchmarks.shown import show, show_json
from bot.console.failures import FAILED, expected, line_of
from bot.settings import read_settings
from classifier import BatcherLimits, Classifier, load

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

RATES = (1.0, 10.0, 100.0, 300.0, 1000.0)
_LIBRARIES = ("onnxruntime", "tokenizers", "numpy")


@dataclass(frozen=True, slots=True)
class Plan:
    """Say what is measured, and with what."""

    loads: tuple[Load, ...]
    seconds: float
    cache: bool
    limits: BatcherLimits
    classifier: Classifier
    lines: Chat


@app.command()
def latency(
    lines: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Chat to say: a .jsonl with `text`, a folder of them. Unset: made lines."),
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=0.1, max=3600, help="How long each load lasts; low rates take as long as they need.")
    ] = 10.0,
    rate: Annotated[
        list[float] | None,
        typer.Option(min=0.1, max=100_000, help="Messages a second; may be repeated. [1 10 100 300 1000]"),
    ] = None,
    arrival: Annotated[list[Arrival] | None, typer.Option(help="How they come; may be repeated. [both]")] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, max=256, help="Processor threads of the model. Unset: as REFEREE_THREADS says.")
    ] = None,
    cache: Annotated[
        bool, typer.Option("--cache/--no-cache", help="Say lines as often as they were said, and know them again.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure how long one message takes to be scored, with what it waits for its pass shown apart.

    Messages come whether or not the last ones have their answer, so that what cannot keep up is seen to be late.
    """
    loads = tuple(Load(each, a_second) for a_second in rate or RATES for each in arrival or Arrival)
    try:
        plan = _plan(loads, seconds, lines, threads, cache=cache)
    except expected() as error:
        typer.echo(line_of(error), err=True)
        raise typer.Exit(FAILED) from None
    measured: list[Measured] = []
    # Whoever has seen enough gets what there is by then.
    with suppress(KeyboardInterrupt):
        measured.extend(_measured(plan))
    _print(plan, measured, this_machine(_LIBRARIES), as_json=as_json)


def _plan(loads: tuple[Load, ...], seconds: float, path: Path | None, threads: int | None, *, cache: bool) -> Plan:
    settings = read_settings()
    lines = chat(path)
    classifier = load(settings.model, threads=threads or settings.threads)
    limits = BatcherLimits(waiting=settings.waiting_texts, deadline_s=settings.deadline_s)
    return Plan(loads, seconds, cache, limits_for(limits, cache=cache), classifier, lines)


def _measured(plan: Plan) -> Iterator[Measured]:
    lines = lines_for(plan.lines.lines, cache=plan.cache)
    warm(plan.classifier, lines)
    for number, each in enumerate(plan.loads, 1):
        seconds = seconds_for(each.rate, plan.seconds)
        typer.echo(
            f"{number} of {len(plan.loads)}: {each.arrival}, {each.rate:g} messages a second for {seconds:.0f} s",
            err=True,
        )
        yield asyncio.run(measure(each, lines, plan.classifier, plan.limits, seconds))


def _print(plan: Plan, measured: list[Measured], machine: Machine, *, as_json: bool) -> None:
    limits = plan.limits
    if as_json:
        about = {"machine": machine.as_values(), "threads": plan.classifier.threads, "cache": plan.cache}
        bounds = {"batch": limits.batch, "waiting": limits.waiting, "deadline_s": limits.deadline_s}
        show_json({**about, **bounds, "lines": plan.lines.told(), "loads": [as_values(each) for each in measured]})
        return
    show(
        table_of(measured),
        *NOTES,
        cache_note(measured, cache=plan.cache),
        f"{plan.classifier.threads} passes at once, of {limits.batch} texts at most; {limits.waiting:,} may wait, "
        f"for {limits.deadline_s:g} s; {plan.lines.told()}",
        machine.told(),
    )


if __name__ == "__main__":
    app()
