"""An enforcer that keeps a list."""

import asyncio

from bot.domain import Incident, Outcome
from bot.errors import RefereeError
from bot.ports import IncidentStore


class ListingEnforcer:
    """Note every incident beside what the store held at that moment; answer `outcome`, or raise `error`.

    While `gate` is not set, actions wait; `begun` is set by the first.
    """

    def __init__(self, store: IncidentStore) -> None:
        self._store = store
        self.outcome: tuple[Outcome, str] = (Outcome.DONE, "")
        self.error: RefereeError | None = None
        self.seen: list[Incident] = []
        self.stored: list[Incident] = []
        self.undone: list[Incident] = []
        self.again: list[bool] = []
        self.begun = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def enforce(self, incident: Incident, *, again: bool = False) -> tuple[Outcome, str]:
        """Note the incident."""
        self.seen.append(incident)
        self.again.append(again)
        self.stored.append(await self._store.get(incident.id))
        self.begun.set()
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return self.outcome

    async def undo(self, incident: Incident, *, again: bool = False) -> tuple[Outcome, str]:
        """Note that the incident's action was taken back."""
        self.undone.append(incident)
        if self.error is not None:
            raise self.error
        return Outcome.UNDONE, ""
