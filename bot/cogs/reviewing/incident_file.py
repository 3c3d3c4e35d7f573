"""A server's incidents as a file for its moderators: CSV or JSON, bounded."""

import csv
import io
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from bot.csv_cells import guarded
from bot.domain import Incident

MOST_ROWS, MOST_BYTES = 5000, 8_000_000
NOTICE = (
    "Content from Discord, for moderators to review. Discord's Developer Policy forbids training models on it. "
    "Keep it no longer than needed."
)
"""What whoever opens such a file has to know."""

_COLUMNS = (
    *(
        "id",
        "at",
        "author",
        "channel",
        "message",
        "surface",
        "clip_at",
        "text",
        "category",
        "confidence",
        "toxic",
        "words",
    ),
    *("policy_action", "policy_would", "outcome", "outcome_detail", "state", "model"),
)


class FileFormat(StrEnum):
    """How a file is written."""

    CSV = "csv"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Written:
    """Hold a finished file; `cut` is true where older incidents are missing."""

    data: bytes
    rows: int
    cut: bool


async def write(
    incidents: AsyncIterator[Incident],
    form: FileFormat,
    *,
    most_rows: int = MOST_ROWS,
    most_bytes: int = MOST_BYTES,
) -> Written:
    """Write a row for each incident, in their order, until the file is full."""
    head, between, foot = _frame(form)
    rows: list[bytes] = []
    size, cut = len(head) + len(foot), False
    async for incident in incidents:
        row = _csv_line(_cells(incident)) if form is FileFormat.CSV else _json(row_of(incident))
        size += len(row) + len(between)
        if len(rows) == most_rows or size > most_bytes:
            cut = True
            break
        rows.append(row)
    return Written(head + between.join(rows) + foot, len(rows), cut)


def row_of(incident: Incident) -> Mapping[str, object]:
    """Return an incident as a row; who gave which verdict is left out. `clip_at` is in seconds."""
    key, decision = incident.key, incident.decision
    return {
        "id": incident.id,
        "at": incident.at.isoformat(),
        "author": incident.author,
        "channel": key.channel,
        "message": key.message,
        "surface": incident.surface.value,
        "clip_at": None if incident.clip_at is None else round(incident.clip_at, 2),
        "text": incident.text,
        "category": incident.category,
        "confidence": round(decision.confidence, 4),
        "toxic": round(incident.toxic, 4),
        "words": ", ".join(incident.words),
        "policy_action": decision.action.value,
        "policy_would": decision.would.value,
        "outcome": incident.outcome.value,
        "outcome_detail": incident.outcome_detail,
        "state": incident.state.value,
        "model": incident.model_version,
    }


def _frame(form: FileFormat) -> tuple[bytes, bytes, bytes]:
    if form is FileFormat.CSV:
        # Without the mark in front, the usual spreadsheet takes UTF-8 for something older.
        return b"\xef\xbb\xbf" + _csv_line(_COLUMNS), b"", b""
    return b'{"notice": ' + _json(NOTICE) + b', "incidents": [\n', b",\n", b"\n]}\n"


def _cells(incident: Incident) -> tuple[object, ...]:
    row = row_of(incident)
    return tuple(guarded(cell) if isinstance(cell := row[name], str) else cell for name in _COLUMNS)


def _csv_line(cells: tuple[object, ...]) -> bytes:
    held = io.StringIO()
    csv.writer(held).writerow(cells)
    return held.getvalue().encode("utf-8", "replace")


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
