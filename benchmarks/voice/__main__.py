"""`python -m benchmarks.voice`: measure the voice path on this machine."""

import asyncio
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from benchmarks.voice.archive import Row, to_row
from benchmarks.voice.beside import open_beside
from benchmarks.voice.circumstances import circumstances, told
from benchmarks.voice.lines import pick, read_lines
from benchmarks.voice.measurement import Measured, Plan, measure, measure_beside
from benchmarks.voice.noise import SNRS_DB
from benchmarks.voice.recordings import read_recordings
from benchmarks.voice.report import lost_lines, notes, tables
from benchmarks.voice.trials import Speakers, Step
from benchmarks.voice.voices import find_voices, spoken
from benchmarks.voice.ways import open_ways
from bot.assembly import load_classifier
from bot.console.failures import FAILED, expected, line_of
from bot.console.options import settings_of
from bot.console.render import clean, console
from bot.settings import Settings

_TOLD_EVERY = 10
_QUICK_LINES = 20
_QUICK_WORDLESS = 8
_SPOKEN = 16
_INTERRUPTED = 130

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def voice(
    lines: Annotated[int, typer.Option(min=0, max=200, help="How many of the 200 lines are tried.")] = 200,
    snr: Annotated[
        list[float] | None,
        typer.Option(metavar="DB", help="Noise so far below speech; can be given again. Unset: 20, 10, 5 and 0."),
    ] = None,
    long_clips: Annotated[int, typer.Option(min=0, max=50, help="Clips of minutes with one abusive sentence.")] = 5,
    long_seconds: Annotated[float, typer.Option(min=5, max=600, help="How long these are, in seconds.")] = 180.0,
    wordless: Annotated[int, typer.Option(min=0, max=500, help="Clips in which nobody speaks.")] = 50,
    speech: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Real recordings, and transcripts.tsv with the columns file, transcript."),
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="The speech model, as REFEREE_SPEECH_MODEL takes it.")
    ] = None,
    voice: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this voice; can be given again. Unset: all.")
    ] = None,
    beside: Annotated[
        float,
        typer.Option(
            "--beside",
            min=0,
            max=600,
            metavar="SECONDS",
            help="How long clips are heard beside text under each of 14 loads, twice; 0 leaves that out.",
        ),
    ] = 5.0,
    quick: Annotated[
        bool, typer.Option("--quick", help="A few clips of each kind only: three minutes or so, and rough figures.")
    ] = False,
    load_only: Annotated[bool, typer.Option("--load-only", help="Only what clips beside text cost.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="List lines that were lost, and what was heard.")] = False,
    as_json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the figures and every clip to a file.")
    ] = None,
) -> None:
    """Measure the voice path: what it hears, finds and makes up, and how fast.

    The same clips are heard by Referee and the plain way, which is faster-whisper with default settings and the
    classifier on the whole text. The lines are also judged as text. Speech and noise are synthetic. At the end clips
    are heard while texts are scored, by themselves and beside each other. Interrupt it, and it shows what it has.
    """
    if load_only:
        lines = long_clips = wordless = 0
    elif quick:
        lines, long_clips, wordless = min(lines, _QUICK_LINES), min(long_clips, 1), min(wordless, _QUICK_WORDLESS)
        snr, long_seconds, beside = snr or [10.0], min(long_seconds, 60.0), min(beside, 2.0)
    settings = settings_of()
    if model is not None:
        settings = settings.model_copy(update={"speech_model": model})
    recordings = read_recordings(speech) if speech else ()
    voices, missing = find_voices(voice or ())
    for line in missing:
        typer.echo(line, err=True)
    everything = read_lines()
    plan = Plan(
        everything=everything,
        lines=pick(everything, lines),
        speakers=Speakers.of(voices),
        snrs=tuple(snr or SNRS_DB),
        long_clips=long_clips,
        long_seconds=long_seconds,
        wordless=wordless,
        recordings=recordings,
    )
    # Before the measurement takes half an hour: a file that cannot be written is better known now.
    if as_json is not None:
        as_json.touch()
    measured = Measured()
    facts = circumstances(settings.speech_model, load_classifier(settings).version, plan.speakers)
    interrupted = False
    try:
        asyncio.run(_measure(settings, plan, beside, measured))
    except KeyboardInterrupt:
        interrupted = True
        typer.echo("interrupted; this is what was measured until then", err=True)
    finally:
        # Also where it broke down after half an hour.
        if as_json is not None:
            as_json.write_text(json.dumps(to_row(measured, facts), indent=1), encoding="utf-8")
    _show(measured, facts, verbose=verbose)
    if interrupted:
        raise typer.Exit(_INTERRUPTED)


async def _measure(settings: Settings, plan: Plan, seconds: float, measured: Measured) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    shown = console(stderr=True)
    with Progress(*columns, console=shown, transient=True) as progress:
        follow = partial(_tracked, progress) if shown.is_terminal else _counted
        # Before the rest, which loads a second model of its own: the memory is that of one.
        if seconds:
            spoken_lines = [await spoken(line, plan.speakers.clear) for line in plan.everything[:_SPOKEN]]
            async with open_beside(settings, spoken_lines) as text_and_clips:
                await measure_beside(text_and_clips, seconds, follow, measured)
        if not seconds or plan.lines or plan.long_clips or plan.wordless or plan.recordings:
            async with open_ways(settings) as ways:
                await measure(ways, plan, follow, measured)


def _tracked(progress: Progress, steps: Sequence[Step], told: str) -> Iterable[Step]:
    return progress.track(steps, description=told)


def _counted(steps: Sequence[Step], told: str) -> Iterator[Step]:
    """Tell now and then how far it is: a log has no room for a bar that moves."""
    for number, step in enumerate(steps):
        if number % _TOLD_EVERY == 0:
            typer.echo(f"{told}: {number} of {len(steps)}", err=True)
        yield step


def _show(measured: Measured, facts: Row, *, verbose: bool) -> None:
    shown = console()
    for line in told(facts):
        shown.print(clean(line), soft_wrap=True)
    for table in tables(measured):
        shown.print()
        shown.print(table)
    for note in notes(measured):
        shown.print(clean(note), soft_wrap=True)
    if verbose:
        shown.print()
        for text in lost_lines(measured):
            shown.print(text, soft_wrap=True)


def main() -> None:
    """Run the command and exit: 0 done, 2 could not, 130 interrupted."""
    try:
        app()
    except expected() as error:
        typer.echo(line_of(error), err=True)
        sys.exit(FAILED)


if __name__ == "__main__":
    main()
