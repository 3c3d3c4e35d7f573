"""`python -m benchmarks.end_to_end`: from a message to its deletion, and what the bot costs meanwhile and idle."""

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.arrivals import Arrival
from benchmarks.chat import Chat, chat
from benchmarks.end_to_end.measurement import Measured, Plan, measure, town_open
from benchmarks.end_to_end.report import Figures, notes, shown, where
from benchmarks.end_to_end.starting import first_start, idle, start, voice
from benchmarks.end_to_end.talk import Load
from benchmarks.end_to_end.town import Town
from benchmarks.machine import this_machine
from benchmarks.shown import show, show_json
from bot.console.failures import FAILED, expected, line_of

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

_RATES = (1.0, 10.0, 100.0, 300.0, 1000.0)
_LIBRARIES = ("discord.py", "aiohttp", "sqlalchemy", "aiosqlite", "onnxruntime", "uvloop", "orjson")
_CLIP = Path(__file__).parents[2] / "tests" / "clips" / "worthless.ogg"
_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Alone:
    """Hold what is measured beside the loads: how often the bot is started, how long it idles, whether it listens."""

    starts: int
    idle_s: float
    voice: bool


@app.command()
def end_to_end(
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="How long is talked under each load.")] = 15.0,
    rate: Annotated[
        list[float] | None, typer.Option(min=0.1, max=10_000, help="Messages a second; may be repeated. [1 to 1000]")
    ] = None,
    arrival: Annotated[list[Arrival] | None, typer.Option(help="How they come; may be repeated. [both]")] = None,
    toxic: Annotated[
        float, typer.Option(min=0, max=1, help="Which part is rude; of few messages more, at least 20.")
    ] = 0.05,
    threads: Annotated[
        int | None, typer.Option(min=1, max=256, help="The bot's REFEREE_THREADS. Unset: as the bot does by itself.")
    ] = None,
    servers: Annotated[int, typer.Option(min=1, max=2500, help="How many servers are talked in.")] = 8,
    channels: Annotated[
        int, typer.Option(min=1, max=400, help="How many channels of each; in fewer, more deletions are gathered.")
    ] = 20,
    starts: Annotated[
        int,
        typer.Option(min=0, max=100, help="How often the bot is started again, after once with a new database."),
    ] = 3,
    idle_s: Annotated[
        float, typer.Option("--idle", min=0, max=3600, help="How many seconds it idles; 0 leaves it out.")
    ] = 20.0,
    with_voice: Annotated[bool, typer.Option("--voice", help="Also load the speech model, and hear one clip.")] = False,
    lines: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Chat to say: a file or a folder of .jsonl. Unset: made lines.")
    ] = None,
    look: Annotated[
        bool, typer.Option("--where", help="Also say where the time went; looking costs a little of it.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure how long it takes from a message to its deletion, over a Discord of our own on this machine.

    The real bot runs as a process, in servers whose admins have it delete what is rude, and in every other server time
    its author out as well.
    """
    loads = [Load(how, each, seconds, toxic) for how in arrival or list(Arrival) for each in rate or _RATES]
    plan = Plan(loads, threads=threads, servers=servers, channels=channels, sample=look)
    figures, code = Figures(), 0
    try:
        spoken = chat(lines)
    except expected() as error:
        typer.echo(line_of(error), err=True)
        raise typer.Exit(FAILED) from None
    try:
        asyncio.run(measure_all(plan, Alone(starts, idle_s, with_voice), spoken, figures, _progress))
    except KeyboardInterrupt:
        code = _INTERRUPTED
    except AssertionError as error:
        # The loopback Discord tells in this way what did not come in time, and what the bot said.
        typer.echo(str(error), err=True)
        code = FAILED
    except expected() as error:
        typer.echo(line_of(error), err=True)
        code = FAILED
    # What was measured until then is worth seeing.
    if figures.starts or not code:
        _print(figures, spoken, as_json=as_json)
    raise typer.Exit(code)


async def measure_all(plan: Plan, alone: Alone, spoken: Chat, figures: Figures, tell: Callable[[str], None]) -> None:
    """Measure all of it into `figures`, so that what was measured is there when it ends early."""

    def note(measured: Measured) -> None:
        figures.loads.append(measured)
        done = f"{measured.acted.rude} of {measured.rude} rude lines acted on"
        tell(f"{measured.load.arrival}, {measured.load.rate:g} a second: {done}")

    with tempfile.TemporaryDirectory(prefix="end-to-end-") as folder:
        async with town_open(plan) as town:
            tell("starting the bot with a new database, and setting it up")
            figures.starts.append(await first_start(plan, town, Path(folder)))
            await _alone(plan, alone, town, Path(folder), figures, tell)
            await measure(plan, town, Path(folder), spoken.lines, note)


async def _alone(
    plan: Plan, alone: Alone, town: Town, folder: Path, figures: Figures, tell: Callable[[str], None]
) -> None:
    """Measure what is measured beside the loads; before them, since they leave the bot something to remember."""
    for number in range(alone.starts):
        tell(f"starting the bot again, {number + 1} of {alone.starts}")
        figures.starts.append(await start(plan, town, folder))
    if alone.idle_s:
        tell(f"saying nothing for {alone.idle_s:.0f} s")
        figures.idle = await idle(plan, town, folder, alone.idle_s)
    if alone.voice:
        tell("hearing a clip")
        figures.voice = await voice(plan, town, folder, _CLIP.read_bytes())


def _progress(text: str) -> None:
    typer.echo(text, err=True)


def _print(figures: Figures, spoken: Chat, *, as_json: bool) -> None:
    machine = this_machine(_LIBRARIES)
    if as_json:
        show_json({"machine": machine.as_values(), "lines": spoken.told(), **figures.as_values()})
        return
    looked = [line for each in figures.loads if each.samples for line in where(each)]
    show(shown(figures), *notes(figures, spoken.told(), machine.told()), *looked)


if __name__ == "__main__":
    app()
