"""How often a member may report: enough for an honest one, too little to flood moderators or keep the bot busy."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

MOST, WINDOW = 5, timedelta(minutes=10)
MOST_TRIED = 20
"""Attempts in that time, those that came to nothing included: each of them looks into what is known of a message."""


@dataclass(frozen=True, slots=True)
class _Recent:
    """Hold when a member reported, and when they tried to."""

    kept: tuple[datetime, ...] = ()
    tried: tuple[datetime, ...] = ()


class ReportLimit:
    """Count each member's reports of the last minutes; only those are remembered."""

    def __init__(self) -> None:
        self._taken: OrderedDict[tuple[str, str], _Recent] = OrderedDict()

    def take(self, community: str, member: str, now: datetime) -> bool:
        """Count one more report, or return False where there were too many."""
        self._forget(now)
        key = (community, member)
        recent = self._recent(key, now)
        if len(recent.kept) >= MOST or len(recent.tried) >= MOST_TRIED:
            return False
        self._taken[key] = _Recent((*recent.kept, now), (*recent.tried, now))
        self._taken.move_to_end(key)
        return True

    def give_back(self, community: str, member: str, at: datetime) -> None:
        """Leave out a report that came to nothing; it stays one that was tried."""
        key = (community, member)
        recent = self._taken.get(key, _Recent())
        kept = list(recent.kept)
        if at in kept:
            kept.remove(at)
            self._taken[key] = _Recent(tuple(kept), recent.tried)

    def _recent(self, key: tuple[str, str], now: datetime) -> _Recent:
        held = self._taken.get(key, _Recent())
        kept, tried = (tuple(at for at in moments if now - at < WINDOW) for moments in (held.kept, held.tried))
        return _Recent(kept, tried)

    def _forget(self, now: datetime) -> None:
        """Drop who tried to report nothing lately; whoever did so last is at the end."""
        while self._taken:
            oldest = next(iter(self._taken))
            if self._recent(oldest, now).tried:
                return
            del self._taken[oldest]
