"""How a measurement is shown: one table, and its figures as JSON."""

import json
from collections.abc import Iterable, Sequence

from rich.table import Table

from bot.console.render import clean, console

Row = Sequence[str]


def table(title: str, columns: Row, rows: Iterable[Row]) -> Table:
    """Return a table whose first column is to the left and whose others are to the right."""
    made = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for place, column in enumerate(columns):
        made.add_column(column, justify="right" if place else "left")
    for row in rows:
        made.add_row(*row)
    return made


def show(shown: Table, *notes: str) -> None:
    """Print a table, and below it what must be known to read it."""
    terminal = console()
    terminal.print(shown)
    for note in notes:
        terminal.out(clean(note), highlight=False)


def show_json(values: object) -> None:
    """Print figures as JSON."""
    console().out(json.dumps(values, indent=1), highlight=False)
