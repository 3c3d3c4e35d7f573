"""Ids in the order of their making, as Discord numbers everything."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

Payload = dict[str, Any]
"""One JSON object of the wire."""

EPOCH_MS = 1_420_070_400_000
_TIME_SHIFT = 22


class Snowflakes:
    """Make ids that carry their time and never repeat."""

    def __init__(self) -> None:
        self._last = 0
        self._old: set[int] = set()

    def next(self, age: timedelta = timedelta()) -> str:
        """Return a new id; with an age, one from that long ago."""
        wanted = (int((time.time() - age.total_seconds()) * 1000) - EPOCH_MS) << _TIME_SHIFT
        if age:
            while wanted in self._old:
                wanted += 1
            self._old.add(wanted)
            return str(wanted)
        self._last = max(wanted, self._last + 1)
        return str(self._last)


def made_at(snowflake: str) -> datetime:
    """Return when an id was made."""
    return datetime.fromtimestamp(((int(snowflake) >> _TIME_SHIFT) + EPOCH_MS) / 1000, UTC)
