"""`python -m benchmarks.growth`: how cost grows, and whether anything grows faster than what is done."""

import asyncio
import contextlib
import gc
import logging
import sys
import tempfile
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.growth import categories as of_categories
from benchmarks.growth import incidents as of_incidents
from benchmarks.growth import length as of_length
from benchmarks.growth import members as of_members
from benchmarks.growth import servers as of_servers
from benchmarks.growth.laws import Growth
from benchmarks.growth.report import LIBRARIES, as_values, growth_table, notes
from benchmarks.machine import this_machine
from benchmarks.shown import show, show_json
from bot.console.failures import FAILED, expected, line_of
from bot.errors import InputError
from classifier import Classifier, load
from classifier.model import MOST_CHARACTERS

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

Say = Callable[[str], None]
_SIZES = {
    "servers": "1,10,100,1000,2500",
    "members": "10,100,1000,10000,100000",
    "incidents": "1000,10000,100000",
    "categories": "2,4,8,16,32,64",
    "length": "1,100,1000,4000,12000",
}
_FEWEST_INCIDENTS = 100
_Sizes = Annotated[str, typer.Option(metavar="SIZES", help="Sizes, separated by commas, rising.")]


class Section(StrEnum):
    """What cost may grow with."""

    SERVERS = "servers"
    MEMBERS = "members"
    INCIDENTS = "incidents"
    CATEGORIES = "categories"
    LENGTH = "length"


@dataclass(frozen=True, slots=True)
class Plan:
    """Hold what is measured, in its order, and at which sizes."""

    sizes: dict[Section, tuple[int, ...]]
    folder: Path


@app.command()
def growth(
    only: Annotated[
        list[Section] | None, typer.Option("--only", help="Measure this section alone; may be given again for another.")
    ] = None,
    servers: _Sizes = _SIZES["servers"],
    members: _Sizes = _SIZES["members"],
    incidents: Annotated[
        str, typer.Option(metavar="SIZES", help="Sizes as above, or one size up to which each is ten times the last.")
    ] = _SIZES["incidents"],
    categories: _Sizes = _SIZES["categories"],
    length: _Sizes = _SIZES["length"],
    folder: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where databases are made. Unset: the folder of such files.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure how the cost of each part grows with servers, members, incidents, categories and message length.

    Ctrl-C ends it early, and what was measured until then is shown.
    """
    given = dict(zip(Section, (servers, members, incidents, categories, length), strict=True))
    try:
        sizes = {section: sizes_of(section, given[section]) for section in only or Section}
        with tempfile.TemporaryDirectory(dir=folder, prefix="growth-") as place:
            found = measured(Plan(sizes, Path(place)), _progress)
    except expected() as error:
        typer.echo(line_of(error), err=True)
        raise typer.Exit(FAILED) from None
    said = [_NOTES[section]() for section in sizes]
    machine = this_machine(LIBRARIES)
    if as_json:
        show_json(as_values(machine, said, found))
    else:
        show(growth_table(found), "", *notes(machine, said, found))


def sizes_of(section: Section, given: str) -> tuple[int, ...]:
    """Return the sizes that somebody typed; raise InputError."""
    parts = [part.strip().replace("_", "") for part in given.split(",")]
    if not all(part.isascii() and part.isdecimal() and 0 < int(part) < 10**9 for part in parts):
        raise InputError(f"--{section} {given!r:.60} are no sizes; give whole numbers with commas, such as 10,100,1000")
    sizes = tuple(sorted({int(part) for part in parts}))
    if section is Section.INCIDENTS:
        return _up_to(sizes)
    if section is Section.LENGTH and sizes[-1] > MOST_CHARACTERS:
        raise InputError(f"--length goes up to {MOST_CHARACTERS:,}: of a longer text the rest is not read")
    return sizes


def measured(plan: Plan, say: Say) -> list[Growth]:
    """Return what grew how; what was measured so far where it is interrupted."""
    found: dict[Section, list[Growth]] = {}
    log = logging.getLogger("bot")
    level = log.level
    # The bot logs what it was not told to keep quiet about; a table is asked for here.
    log.setLevel(logging.CRITICAL)
    try:
        asyncio.run(_measure(plan, say, found))
    except KeyboardInterrupt:
        say("interrupted: what follows was measured until then")
    finally:
        log.setLevel(level)
        gc.unfreeze()
    return [growth for growths in found.values() for growth in growths]


async def _measure(plan: Plan, say: Say, found: dict[Section, list[Growth]]) -> None:
    classifier = load(threads=1)
    # What is there already stays, and is not to be looked through each time that something is measured.
    gc.collect()
    gc.freeze()
    for section, sizes in plan.sizes.items():
        async with contextlib.aclosing(_section(section, classifier, sizes, plan.folder, say)) as steps:
            async for growths in steps:
                found[section] = growths


async def _section(
    section: Section, classifier: Classifier, sizes: Sequence[int], folder: Path, say: Say
) -> AsyncGenerator[list[Growth], None]:
    steps: AsyncGenerator[list[Growth], None] | Iterator[list[Growth]]
    match section:
        case Section.SERVERS:
            steps = of_servers.measure(classifier, sizes, folder, say)
        case Section.MEMBERS:
            steps = of_members.measure(classifier, sizes, folder, say)
        case Section.INCIDENTS:
            steps = of_incidents.measure(sizes, folder, say)
        case Section.CATEGORIES:
            steps = of_categories.measure(sizes, say)
        case Section.LENGTH:
            steps = of_length.measure(classifier, sizes, folder, say)
    if isinstance(steps, Iterator):
        for growths in steps:
            yield growths
    else:
        async for growths in steps:
            yield growths


_NOTES: dict[Section, Callable[[], str]] = {
    Section.SERVERS: lambda: of_servers.NOTE,
    Section.MEMBERS: of_members.note,
    Section.INCIDENTS: lambda: of_incidents.NOTE,
    Section.CATEGORIES: lambda: of_categories.NOTE,
    Section.LENGTH: lambda: of_length.NOTE,
}


def _up_to(sizes: tuple[int, ...]) -> tuple[int, ...]:
    if sizes[0] < _FEWEST_INCIDENTS:
        raise InputError(f"--incidents begins at {_FEWEST_INCIDENTS:,}: fewer say nothing of a database")
    if len(sizes) > 1:
        return sizes
    steps = [10**power for power in range(3, 9) if 10**power < sizes[0]]
    return (*steps, sizes[0])


def _progress(what: str) -> None:
    typer.echo(f"measuring: {what}", err=True)


if __name__ == "__main__":
    sys.exit(app())
