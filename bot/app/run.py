"""Run the bot until it is told to stop, and say in one line why it cannot."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

import aiohttp
import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.app.client import RefereeBot
from bot.app.compose import compose
from bot.app.evenness import give_way, spare_the_heap
from bot.app.health import Health, health_served
from bot.app.setup import STEPS
from bot.app.stop import Stop, until_told
from bot.assembly import Parts, SystemClock, open_parts
from bot.errors import DiscordUnreachable, SettingsError
from bot.settings import Settings
from bot.store import Watch

_PORTAL = "https://discord.com/developers/applications"
_BAD_TOKEN = (
    f"Discord does not accept the token in REFEREE_DISCORD_TOKEN. Copy it anew: {_PORTAL}, your application, Bot, "
    "Reset Token."
)
_REFUSALS = {
    4004: _BAD_TOKEN,
    4013: "Discord does not know an intent that Referee asked for; a newer Referee is needed.",
    4011: "The bot is in more servers than one connection may serve; this Referee does not shard.",
}


async def run(settings: Settings, say: Callable[[str], None]) -> None:
    """Watch until a signal or Ctrl-C, and stand by while another process does; `say` is told the milestones.

    Raise SettingsError, DiscordUnreachable or whatever stops the parts from being built.
    """
    if not token_of(settings):
        raise SettingsError(
            f"REFEREE_DISCORD_TOKEN is not set. Make a bot at {_PORTAL} and copy its token into .env; "
            "docs/discord.md leads through it."
        )
    point_at(settings)
    give_way()
    with until_told() as stop:
        async with health_served(settings) as health, AsyncExitStack() as stack:
            # Loading takes seconds, in which a service manager may change its mind.
            parts = await stop.unless(stack.enter_async_context(open_parts(settings)))
            while parts is not None and not stop.is_told:
                await _take_turn(settings, parts, health, stop, say)


async def _take_turn(settings: Settings, parts: Parts, health: Health, stop: Stop, say: Callable[[str], None]) -> None:
    """Stand by while another process watches, then watch until it is enough or another one does."""

    def standing_by() -> None:
        health.stage("watch: another process watches, this one stands by")
        say(f"another process watches with {parts.stores.label}; standing by until it ends; Ctrl-C stops it")

    async with AsyncExitStack() as stack:
        watch = await stop.unless(stack.enter_async_context(parts.stores.watch(standing_by)))
        if watch is None:
            return
        say(f"model {parts.classifier.version} is loaded; connecting to Discord")
        bot = await compose(settings, parts, SystemClock(), STEPS)
        try:
            with_milestones(bot, say)
            spare_the_heap(bot)
            health.attach(bot)
            await _connected_until(bot, settings, stop, watch)
        finally:
            await bot.services.fetcher.close()


def token_of(settings: Settings) -> str:
    """Return the bot's token, nothing where none is set."""
    return settings.discord_token.get_secret_value().strip() if settings.discord_token else ""


def point_at(settings: Settings) -> None:
    """Make discord.py speak to the API and the gateway that the settings name; class attributes are its only seam."""
    Route.BASE = settings.discord_api.rstrip("/")
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(settings.discord_gateway)
    # The operator is not to be told that libraries for voice calls are missing: nothing here joins a call.
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False


def with_milestones(bot: RefereeBot, say: Callable[[str], None]) -> None:
    """Tell when the bot is ready, and how many servers it watches."""

    async def on_ready() -> None:
        servers = "1 server" if len(bot.guilds) == 1 else f"{len(bot.guilds)} servers"
        say(f"ready as {bot.user}: watching {servers}; Ctrl-C stops it")

    bot.add_listener(on_ready)


async def _connected_until(bot: RefereeBot, settings: Settings, stop: Stop, watch: Watch) -> None:
    """Stay connected until it is enough, or another process watches; raise what an operator can act on."""
    running = asyncio.create_task(_connected(bot, settings))
    enough = [asyncio.create_task(waiting) for waiting in (stop.wait(), watch.lost())]
    try:
        await asyncio.wait([running, *enough], return_when=asyncio.FIRST_COMPLETED)
        await bot.close()
        await running
    finally:
        for each in enough:
            each.cancel()
        await bot.close()


async def _connected(bot: RefereeBot, settings: Settings) -> None:
    """Log in and stay connected until the client is closed; raise what an operator can act on."""
    try:
        await _start(bot, token_of(settings))
    except discord.LoginFailure as error:
        raise SettingsError(_BAD_TOKEN) from error
    except discord.PrivilegedIntentsRequired as error:
        raise SettingsError(missing_intents(bot)) from error
    except discord.ConnectionClosed as error:
        told = _REFUSALS.get(error.code or 0, f"Discord closed the connection (code {error.code}).")
        raise SettingsError(told) from error
    except discord.RateLimited as error:
        raise DiscordUnreachable(
            f"{settings.discord_api} asks to wait {error.retry_after:.0f} s. Start again after that."
        ) from error
    except discord.HTTPException as error:
        raise DiscordUnreachable(
            f"{settings.discord_api} answered {error.status}: {error.text or 'nothing'}."
        ) from error
    except (aiohttp.ClientError, OSError, discord.GatewayNotFound) as error:
        raise DiscordUnreachable(
            f"{settings.discord_api} cannot be reached ({error}). Check the network and start again."
        ) from error


async def _start(bot: RefereeBot, token: str) -> None:
    """Start the client; what a stop breaks off in the middle is no trouble to tell of."""
    try:
        await bot.start(token)
    except (aiohttp.ClientError, OSError, discord.DiscordException):
        if not bot.is_closed():
            raise


def missing_intents(bot: RefereeBot) -> str:
    """Return which privileged intents have to be switched on, and where; those that are on are left out."""
    flags = bot.application_flags
    asked = {
        "Message Content Intent": (
            bot.intents.message_content,
            flags.gateway_message_content or flags.gateway_message_content_limited,
        ),
        "Server Members Intent": (
            bot.intents.members,
            flags.gateway_guild_members or flags.gateway_guild_members_limited,
        ),
    }
    wanted = [name for name, (needed, on) in asked.items() if needed and not on]
    wanted = wanted or [name for name, (needed, _) in asked.items() if needed]
    where = f"{_PORTAL}/{bot.application_id}/bot"
    return (
        f"Discord refuses an intent. Switch on {' and '.join(wanted)} under Privileged Gateway Intents at {where} "
        "and start again."
    )
