"""What can be done about a recorded log: nothing, and nobody is told that it was."""

from bot.domain import Excerpt, Incident, Outcome


class LogEnforcer:
    """Answer for every action that it was not carried out."""

    async def enforce(self, incident: Incident, *, again: bool = False) -> tuple[Outcome, str]:
        """Return that the action was only worked out."""
        return Outcome.SIMULATED, "a recorded log cannot be acted on"

    async def undo(self, incident: Incident, *, again: bool = False) -> tuple[Outcome, str]:
        """Return that there is nothing to take back."""
        return Outcome.SIMULATED, "nothing was done"


class SilentNotifier:
    """Show nothing: the terminal prints what it needs as it goes."""

    async def notify(self, excerpt: Excerpt, incident: Incident) -> None:
        """Leave the incident to the review queue."""
