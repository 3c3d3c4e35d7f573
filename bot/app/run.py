"""Run the bot until it is told to stop, and say in one line why it cannot."""

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress

import aiohttp
import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.app.client import RefereeBot
from bot.app.compose import compose
from bot.app.setup import STEPS
from bot.assembly import SystemClock, open_parts
from bot.errors import DiscordUnreachable, SettingsError
from bot.settings import Settings

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
    """Watch until a signal or Ctrl-C; `say` is told the milestones.

    Raise SettingsError, DiscordUnreachable or whatever stops the parts from being built.
    """
    token = settings.discord_token.get_secret_value().strip() if settings.discord_token else ""
    if not token:
        raise SettingsError(
            f"REFEREE_DISCORD_TOKEN is not set. Make a bot at {_PORTAL} and copy its token into .env; "
            "docs/discord.md leads through it."
        )
    point_at(settings)
    async with open_parts(settings) as parts:
        say(f"model {parts.classifier.version} is loaded; connecting to Discord")
        bot = await compose(settings, parts, SystemClock(), STEPS)
        try:
            with_milestones(bot, say)
            await _until_told(bot, token, settings)
        finally:
            await bot.services.fetcher.close()


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


async def _until_told(bot: RefereeBot, token: str, settings: Settings) -> None:
    running = asyncio.create_task(_connected(bot, token, settings))
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        # Windows has no such handlers; Ctrl-C still ends the loop there.
        with suppress(NotImplementedError):
            loop.add_signal_handler(name, lambda: loop.create_task(bot.close()))
    try:
        await running
    finally:
        await bot.close()


async def _connected(bot: RefereeBot, token: str, settings: Settings) -> None:
    """Log in and stay connected until the client is closed; raise what an operator can act on."""
    try:
        await _start(bot, token)
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
