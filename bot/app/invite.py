"""The link by which a server's owner invites the bot."""

import base64
import binascii

import discord

from bot.enforce.permissions import LABELS, REASONS
from bot.errors import InputError
from bot.settings import Settings


def application_id(settings: Settings, given: str | None) -> int:
    """Return the bot's application id: the one given, or what the token begins with; raise InputError."""
    if given is not None:
        if not (given.isascii() and given.isdigit() and 15 <= len(given) <= 20):
            raise InputError(f"{given!r:.60} is no application id; copy it from the portal, General Information")
        return int(given)
    token = settings.discord_token.get_secret_value().strip() if settings.discord_token else ""
    first = token.split(".")[0]
    try:
        found = base64.b64decode(first + "=" * (-len(first) % 4), validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        found = ""
    if not (found.isdigit() and 15 <= len(found) <= 20):
        raise InputError("the application is unknown; set REFEREE_DISCORD_TOKEN, or name it with --application")
    return int(found)


def invite_link(application: int, settings: Settings) -> str:
    """Return the link that asks for what is needed and no more."""
    permissions = discord.Permissions(**{name: True for name in _names(settings)})
    return discord.utils.oauth_url(application, permissions=permissions, scopes=("bot", "applications.commands"))


def wanted(settings: Settings) -> dict[str, str]:
    """Return the permissions that are asked for, as Discord shows them, each with why it is needed."""
    return {LABELS[name]: REASONS[name] for name in _names(settings)}


def _names(settings: Settings) -> list[str]:
    return [name for name in REASONS if name != "manage_nicknames" or settings.watch_names]
