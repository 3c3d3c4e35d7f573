"""What is shown of growths: one table, what it means, and all of it as JSON."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.table import Table

from benchmarks.growth.laws import Finding, Growth, Unit
from benchmarks.machine import Machine
from benchmarks.shown import Row, table

COLUMNS = ("section", "operation", "size", "cost", "exponent", "verdict")
LIBRARIES = ("discord.py", "SQLAlchemy", "aiosqlite", "onnxruntime", "tokenizers")
MEANING = (
    "size: servers, authors, incidents, categories or characters, as the section says.",
    "cost: processor time of one operation, the middle of several; MB are what it holds in memory afterwards.",
    "exponent: how cost grows over the upper half of the sizes: 0 not at all, 1 as the size does, 2 as its square.",
    "verdict: flat; as its work, where something is done for each; else FASTER THAN ITS WORK, which is a bug.",
)


def growth_table(growths: Sequence[Growth]) -> Table:
    """Return the table of growths, a row for each size."""
    return table("Growth", COLUMNS, _rows(growths))


def notes(machine: Machine, said: Sequence[str], growths: Sequence[Growth]) -> Iterator[str]:
    """Yield what must be known to read the table."""
    yield f"machine: {machine.told()}"
    yield from MEANING
    yield from said
    faster = [f"{growth.section}, {growth.operation}" for growth in growths if growth.finding is Finding.FASTER]
    yield f"faster than its work: {'; '.join(faster) or 'nothing'}"


def as_values(machine: Machine, said: Sequence[str], growths: Sequence[Growth]) -> dict[str, Any]:
    """Return everything as JSON takes it; costs are in seconds or megabytes."""
    return {
        "machine": machine.as_values(),
        "notes": list(said),
        "growths": [
            {
                "section": growth.section,
                "operation": growth.operation,
                "unit": growth.unit.value,
                "work": growth.work,
                "points": [{"size": point.size, "cost": point.cost} for point in growth.points],
                "exponent": growth.exponent,
                "verdict": growth.finding.value,
            }
            for growth in growths
        ],
    }


def cost_words(cost: float, unit: Unit) -> str:
    """Return a cost with its unit, in three digits or so."""
    if unit is Unit.MEGABYTES:
        return f"{cost:,.2f} MB"
    for factor, name in ((1, "s"), (1e3, "ms")):
        if cost * factor >= 1:
            return f"{cost * factor:,.2f} {name}"
    return f"{cost * 1e6:,.1f} µs"


def _rows(growths: Sequence[Growth]) -> Iterator[Row]:
    before = ""
    for growth in growths:
        exponent = "-" if growth.exponent is None else f"{growth.exponent:.2f}"
        for place, point in enumerate(growth.points):
            first, last = place == 0, point is growth.points[-1]
            yield (
                growth.section if first and growth.section != before else "",
                growth.operation if first else "",
                f"{point.size:,}",
                cost_words(point.cost, growth.unit),
                exponent if last else "",
                growth.finding.value if last else "",
            )
        before = growth.section
