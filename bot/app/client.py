"""The Discord client: what is asked of the gateway, and what every handler finds on it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

import discord
from discord.ext import commands

from bot.app.pulse import GatewayPulse
from bot.app.tree import RefereeTree
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.enforce.enforcer import DiscordEnforcer
    from bot.services import Services
    from bot.ui.cards import Cards

_LONGEST_WAIT_S = 60.0
"""A rate limit that asks for more than this is an error for the caller instead of a silent wait."""


class RefereeBot(commands.Bot):
    """Connect Referee to Discord; `attach` gives it the rest before it is started."""

    services: "Services"
    enforcer: "DiscordEnforcer"
    cards: "Cards"

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            command_prefix=(),
            help_command=None,
            intents=intents_for(settings),
            # Nobody is pinged by what is quoted; the few messages that may ping say so themselves.
            allowed_mentions=discord.AllowedMentions.none(),
            chunk_guilds_at_startup=False,
            tree_cls=RefereeTree,
            max_ratelimit_timeout=_LONGEST_WAIT_S,
        )
        self._setup: Sequence[Callable[[RefereeBot], Awaitable[None]]] = ()
        self.pulse = GatewayPulse()

    def attach(
        self,
        services: "Services",
        enforcer: "DiscordEnforcer",
        cards: "Cards",
        setup: "Sequence[Callable[[RefereeBot], Awaitable[None]]]",
    ) -> None:
        """Give the client what its handlers need; each of `setup` is awaited after login, before events arrive."""
        self.services, self.enforcer, self.cards = services, enforcer, cards
        self._setup = setup

    async def setup_hook(self) -> None:
        """Add handlers and commands, once, after the login."""
        for step in self._setup:
            await step(self)

    def dispatch(self, event_name: str, /, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - the library's signature
        """Note the event, and tell it to whoever listens; a listener would cost a task for every event."""
        self.pulse.note(event_name)
        super().dispatch(event_name, *args, **kwargs)

    async def on_message(self, message: discord.Message) -> None:
        """Leave messages to the listeners: there are no commands in plain text."""


def intents_for(settings: Settings) -> discord.Intents:
    """Return exactly the intents that are needed; members is asked for only where names are watched."""
    intents = discord.Intents.none()
    intents.guilds = True
    intents.guild_messages = True
    intents.message_content = True
    intents.auto_moderation_execution = True
    intents.members = settings.watch_names
    return intents
