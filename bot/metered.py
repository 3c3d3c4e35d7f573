"""Parts of a live front end with a meter on: what they did, how long it took, and a line in the log for each step."""

import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.domain import Excerpt, Incident, Outcome
from bot.errors import RefereeError
from bot.latency import Latency
from bot.log_ids import ids_of
from bot.ports import Enforcer, Notifier, Scorer
from classifier import NotScored, Verdict, WordWeight

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Meters:
    """Count what was done, since the start and in all communities together.

    `acting` is from the asking for an action to its outcome, `scoring` from the asking for a verdict to it, waiting
    included. `actions` are counted by action and outcome; `scoring_since` holds since when each text waits that does.
    """

    acting: Latency = field(default_factory=Latency)
    scoring: Latency = field(default_factory=Latency)
    actions: Counter[tuple[str, str]] = field(default_factory=Counter)
    undone: Counter[str] = field(default_factory=Counter)
    acting_now: int = 0
    scoring_since: dict[int, float] = field(default_factory=dict)

    def oldest_s(self, now: float) -> float:
        """Return how long the text has waited for its verdict that waits longest; `now` is a monotonic time."""
        # They are in the order in which they began.
        return max(0.0, now - next(iter(self.scoring_since.values()), now))


class MeteredScorer:
    """Score through another, and note how long that takes."""

    def __init__(self, scorer: Scorer, meters: Meters, clock: Callable[[], float] = time.monotonic) -> None:
        self._scorer, self._meters, self._clock = scorer, meters, clock
        self._number = 0

    async def score(self, text: str, *, turn: str = "") -> Verdict | NotScored:
        """Return the verdict on one text, or why there is none; `turn` is whose turn it takes."""
        self._number += 1
        number, began = self._number, self._clock()
        self._meters.scoring_since[number] = began
        try:
            return await self._scorer.score(text, turn=turn)
        finally:
            del self._meters.scoring_since[number]
            self._meters.scoring.note(self._clock() - began)

    async def explain(self, text: str) -> tuple[WordWeight, ...]:
        """Return the words that made the score, heaviest first; empty where it cannot be told."""
        return await self._scorer.explain(text)


class MeteredEnforcer:
    """Act through another; note what became of it, and how long it took."""

    def __init__(self, enforcer: Enforcer, meters: Meters, clock: Callable[[], float] = time.monotonic) -> None:
        self._enforcer, self._meters, self._clock = enforcer, meters, clock

    async def enforce(self, incident: Incident, *, again: bool = False) -> tuple[Outcome, str]:
        """Carry out the incident's action; return what became of it and a detail for the moderators."""
        about, action, began = ids_of(incident.key, incident=incident.id), incident.decision.action, self._clock()
        _log.info("incident %d: %s (%s)", incident.id, action, incident.decision.category, extra=about)
        self._meters.acting_now += 1
        try:
            outcome, detail = await self._enforcer.enforce(incident, again=again)
        except RefereeError:
            self._meters.actions[action, Outcome.FAILED] += 1
            raise
        finally:
            self._meters.acting_now -= 1
        self._meters.acting.note(self._clock() - began)
        self._meters.actions[action, outcome] += 1
        _log.info("incident %d: %s is %s", incident.id, action, outcome, extra=about)
        return outcome, detail

    async def undo(self, incident: Incident, *, again: bool = False) -> tuple[Outcome, str]:
        """Take back what can be taken back of a carried-out action; return the outcome then, and what remains."""
        outcome, detail = await self._enforcer.undo(incident, again=again)
        self._meters.undone[outcome] += 1
        _log.info("incident %d: undone, now %s", incident.id, outcome, extra=ids_of(incident.key, incident=incident.id))
        return outcome, detail


class MeteredNotifier:
    """Show incidents through another, and say in the log that they were handed on."""

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier

    async def notify(self, excerpt: Excerpt, incident: Incident) -> None:
        """Show one incident."""
        await self._notifier.notify(excerpt, incident)
        _log.info("incident %d was handed to its card", incident.id, extra=ids_of(incident.key, incident=incident.id))
