"""The brake: too many automatic actions within a minute stop all of them in that community, until a human lets go."""

from collections import OrderedDict, deque
from datetime import UTC, datetime, timedelta

_WINDOW = timedelta(minutes=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Brake:
    """Count the automatic actions of each community, and stop those of one that exceeds `per_minute` of them.

    Every moment given has a time zone. Raise ValueError where `per_minute` is below one.
    """

    def __init__(self, per_minute: int) -> None:
        if per_minute < 1:
            raise ValueError(f"the brake allows {per_minute} actions a minute; at least 1 is needed")
        self._most = per_minute
        self._tripped: dict[str, datetime] = {}
        self._taken: OrderedDict[str, deque[timedelta]] = OrderedDict()
        """When each community's last actions were, the community that acted last at the end."""
        self._latest = datetime.min.replace(tzinfo=UTC) - _EPOCH
        self._set_back = timedelta()

    def take(self, community: str, now: datetime) -> bool:
        """Tell whether an action may be done now, and count it; where it is one too many, put the brake on.

        Of the actions in any 60 seconds, the end left out, `per_minute` are allowed.
        """
        moment = self._moment(now)
        self._forget_before(moment - _WINDOW)
        if community in self._tripped:
            return False
        taken = self._taken.setdefault(community, deque())
        while taken and taken[0] <= moment - _WINDOW:
            taken.popleft()
        if len(taken) >= self._most:
            self.pull(community, now)
            return False
        taken.append(moment)
        self._taken.move_to_end(community)
        return True

    def pull(self, community: str, now: datetime) -> None:
        """Put the brake on, by hand or as it was before a restart; where it is on, it keeps its moment."""
        self._tripped.setdefault(community, now)
        self._taken.pop(community, None)

    def release(self, community: str) -> None:
        """Let go of the brake and count from nothing: a human has seen the actions before it and wants more."""
        self._tripped.pop(community, None)
        self._taken.pop(community, None)

    def is_on(self, community: str) -> bool:
        """Tell whether the brake is on."""
        return community in self._tripped

    def tripped_at(self, community: str) -> datetime | None:
        """Return when the brake went on, None where it is off."""
        return self._tripped.get(community)

    def _moment(self, now: datetime) -> timedelta:
        """Return the present as a time that never runs backwards.

        What is late by less than the window counts as of the latest moment. More means that the clock was set back:
        were it waited for, an hour of ordinary actions would count as one minute's.
        """
        moment = now - _EPOCH + self._set_back
        if self._latest - moment > _WINDOW:
            self._set_back += self._latest - moment
            moment = self._latest
        self._latest = max(self._latest, moment)
        return self._latest

    def _forget_before(self, moment: timedelta) -> None:
        """Drop the communities whose last action was then or earlier."""
        while self._taken:
            community, taken = next(iter(self._taken.items()))
            if taken and taken[-1] > moment:
                return
            del self._taken[community]
