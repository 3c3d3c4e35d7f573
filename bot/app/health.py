"""Whether the bot is well, for those who ask it: switched on by REFEREE_STATUS_PORT."""

import ipaddress
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from bot.app.observation import Observation, Observer
from bot.app.pulse import LoopPulse
from bot.app.status_server import StatusServer, listen
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

_log = logging.getLogger(__name__)


class Health:
    """Know how far the start has come, and from then on look at the bot."""

    def __init__(self) -> None:
        self.pulse = LoopPulse()
        self._stage = "model: it is being loaded"
        self._observer: Observer | None = None

    def stage(self, missing: str) -> None:
        """Say what is missing now, as in `model: it is being loaded`; a bot that was looked at is over."""
        self._stage, self._observer = missing, None

    def attach(self, bot: "RefereeBot") -> None:
        """Look at this bot from now on."""
        self._observer = Observer(bot, self.pulse)

    async def look(self) -> Observation | str:
        """Return what there is to see, or why there is nothing yet."""
        return self._stage if self._observer is None else await self._observer.look()


@asynccontextmanager
async def health_served(settings: Settings) -> AsyncIterator[Health]:
    """Serve the health of what runs in the block, where a port is set; raise SettingsError where it is taken."""
    health = Health()
    if settings.status_port is None:
        yield health
        return
    if not is_loopback(settings.status_host):
        _log.warning(
            "REFEREE_STATUS_HOST is not a loopback address: whoever reaches port %d may read the counts of this bot",
            settings.status_port,
        )
    server = StatusServer(listen(settings.status_host, settings.status_port), health.look, health.pulse)
    health.pulse.start()
    try:
        await server.start()
        yield health
    finally:
        await server.stop()
        await health.pulse.stop()


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
