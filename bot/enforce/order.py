"""What shall be done about an incident, by whose hand, and until when."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import discord

from bot.domain import Action, Incident

_LONGEST = timedelta(days=28) - timedelta(minutes=1)
"""Discord takes 28 days by its own clock."""

_UNSAID = timedelta(minutes=10)

SHORTEST = timedelta(minutes=1)
"""A timeout is not worth a call for less."""


@dataclass(frozen=True, slots=True)
class Order:
    """Hold what shall be done about an incident, and how the audit log explains it; `by` is whose hand does it.

    `again` says that an earlier process may have done it already, or part of it, and was killed before it said so.
    """

    incident: Incident
    action: Action
    duration: timedelta | None
    reason: str
    by: discord.Member | None = None
    again: bool = False

    def end(self, now: datetime) -> datetime:
        """Return when a timeout that is ordered ends: by hand it begins now, else with the incident.

        However often it is tried, a timeout of an incident has the same end; a first attempt that comes late sets the
        shortest one.
        """
        if self.by is not None:
            return now + timeout_length(self.duration)
        end = end_of(self.incident)
        return end if self.again else max(end, now + SHORTEST)


def timeout_length(asked: timedelta | None) -> timedelta:
    """Return how long a timeout lasts of which a rule, or a moderator, says this."""
    return min(max(asked or _UNSAID, SHORTEST), _LONGEST)


def end_of(incident: Incident) -> datetime:
    """Return when the timeout of an incident ends."""
    return (incident.created_at or incident.at) + timeout_length(incident.decision.duration)
