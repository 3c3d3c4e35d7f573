"""How often a member may report: enough for an honest one, too little to flood the moderators."""

from collections import OrderedDict
from datetime import datetime, timedelta

MOST, WINDOW = 5, timedelta(minutes=10)


class ReportLimit:
    """Count each member's reports of the last minutes; only those are remembered."""

    def __init__(self) -> None:
        self._taken: OrderedDict[tuple[str, str], tuple[datetime, ...]] = OrderedDict()

    def take(self, community: str, member: str, now: datetime) -> bool:
        """Count one more report, or return False where there were too many."""
        self._forget(now)
        key = (community, member)
        recent = self._recent(key, now)
        if len(recent) >= MOST:
            return False
        self._taken[key] = (*recent, now)
        self._taken.move_to_end(key)
        return True

    def give_back(self, community: str, member: str, at: datetime) -> None:
        """Leave out a report that came to nothing."""
        key = (community, member)
        kept = list(self._taken.get(key, ()))
        if at in kept:
            kept.remove(at)
            self._taken[key] = tuple(kept)

    def _recent(self, key: tuple[str, str], now: datetime) -> tuple[datetime, ...]:
        return tuple(at for at in self._taken.get(key, ()) if now - at < WINDOW)

    def _forget(self, now: datetime) -> None:
        """Drop who reported nothing lately; whoever reported last is at the end."""
        while self._taken:
            oldest = next(iter(self._taken))
            if self._recent(oldest, now):
                return
            del self._taken[oldest]
