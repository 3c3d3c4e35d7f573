"""Incidents as labelled rows: JSONL or CSV, one at a time."""

import csv
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.console.render import clean
from bot.console.sink import Sink, json_line
from bot.csv_cells import guarded
from bot.domain import UNCHECKED, Incident, Platform, ReviewState

_LABEL_OF_DISMISSED = "non_toxic"
_OPERATORS_OWN = frozenset({Platform.LOG})
"""The platforms whose content belongs to the operator; no other content may become training rows."""

_COLUMNS = ("id", "text", "label", "state", "author", "community", "channel", "at", "score", "model")


class Format(StrEnum):
    """How rows are written."""

    JSONL = "jsonl"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class Exported:
    """Count the rows written, and the incidents that make none."""

    written: int
    left_out: int


async def export(incidents: AsyncIterator[Incident], sink: Sink, form: Format) -> Exported:
    """Write a row for each incident that has a text and a label; raise OSError where the output cannot take it."""
    written = left_out = 0
    if form is Format.CSV:
        sink.write(_csv_line(_COLUMNS))
    async for incident in incidents:
        row = training_row(incident)
        if row is None:
            left_out += 1
            continue
        if form is Format.CSV:
            sink.write(_csv_line([_cell(row[name], terminal=sink.terminal) for name in _COLUMNS]))
        else:
            sink.write(json_line(row, escaped=sink.escaped))
        written += 1
    return Exported(written, left_out)


def training_row(incident: Incident) -> Mapping[str, object] | None:
    """Return the labelled row of an incident, None where it may not or cannot be one."""
    label = _LABEL_OF_DISMISSED if incident.state is ReviewState.DISMISSED else incident.category
    if incident.key.platform not in _OPERATORS_OWN or not (incident.text or "").strip() or label == UNCHECKED:
        return None
    return {
        "id": incident.id,
        "text": incident.text,
        "label": label,
        "state": incident.state.value,
        "author": incident.author,
        "community": incident.key.community,
        "channel": incident.key.channel,
        "at": incident.at.isoformat(),
        "score": round(incident.toxic, 6),
        "model": incident.model_version,
    }


def _csv_line(cells: Sequence[object]) -> bytes:
    held = io.StringIO()
    csv.writer(held).writerow(cells)
    return held.getvalue().encode("utf-8", "replace")


def _cell(value: object, *, terminal: bool) -> object:
    """Return a cell that no spreadsheet runs as a formula, and no terminal as an order."""
    if not isinstance(value, str):
        return value
    cell = guarded(value)
    return clean(cell) if terminal else cell
