"""Real recordings: a folder of sound files, and a table of what is said in them."""

import csv
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import av

from benchmarks.voice.trials import Follow, hear_both
from benchmarks.voice.ways import Finding, Way, Ways
from bot.errors import InputError

TABLE = "transcripts.tsv"
"""The table of a folder: columns separated by tabs, `file` and `transcript` among them."""


@dataclass(frozen=True, slots=True)
class Recording:
    """Hold one recording, what is said in it, and how many seconds it is long."""

    name: str
    said: str
    data: bytes
    seconds: float


@dataclass(frozen=True, slots=True)
class RecordingTrial:
    """Hold what the ways made of a recording."""

    recording: Recording
    findings: Mapping[Way, Finding]


def read_recordings(folder: Path, most: int | None = None) -> tuple[Recording, ...]:
    """Read a folder of recordings, the first `most` of them; raise InputError where it is not one."""
    table = folder / TABLE
    try:
        with table.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    except FileNotFoundError as error:
        raise InputError(
            f"{table} is not there; write one line a file, with the columns file and transcript"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{table} is no UTF-8 text: {error}") from error
    if not rows:
        raise InputError(f"{table} names no recording; write one line a file, with the columns file and transcript")
    return tuple(_recording(folder, table, number, row) for number, row in enumerate(rows[:most], 2))


async def try_recordings(ways: Ways, recordings: Sequence[Recording], follow: Follow) -> AsyncIterator[RecordingTrial]:
    """Yield what the ways make of each recording, taking turns in who begins."""
    for number, recording in enumerate(follow(recordings, "recordings")):
        yield RecordingTrial(recording, await hear_both(ways, recording.data, number))


def _recording(folder: Path, table: Path, number: int, row: Mapping[str, str | None]) -> Recording:
    name, said = row.get("file"), row.get("transcript")
    if not name or said is None:
        raise InputError(f"{table}, line {number}: the columns file and transcript are needed")
    path = folder / name
    try:
        return Recording(name, said, path.read_bytes(), _seconds(path))
    except (OSError, av.FFmpegError) as error:
        raise InputError(f"{table}, line {number}: {name} cannot be read: {error}") from error


def _seconds(path: Path) -> float:
    """Return how long the sound is, counted rather than claimed by the file."""
    with av.open(path) as file:
        return sum(frame.samples / frame.sample_rate for frame in file.decode(audio=0))
