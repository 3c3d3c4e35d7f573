"""Tell Discord which commands there are, when they changed."""

import hashlib
import json
import logging
from typing import TYPE_CHECKING

import discord
from discord.http import Route

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

_log = logging.getLogger(__name__)
_NOTE = "commands"


async def setup(bot: "RefereeBot") -> None:
    """Send the commands where they differ from those sent last; a server that refuses them is got along without."""
    digest = await _digest(bot)
    communities = bot.services.stores.communities
    if await communities.recall(_NOTE) == digest:
        return
    try:
        await bot.tree.sync()
    except (discord.HTTPException, discord.RateLimited) as error:
        # A rate limit of many seconds is told instead of waited out: commands of an earlier start still work.
        _log.warning("the commands could not be sent (%s); messages are watched without them", error)
        return
    await communities.remember(_NOTE, digest)


async def _digest(bot: "RefereeBot") -> str:
    """Return what tells one set of commands for one application on one server from another."""
    translator = bot.tree.translator
    commands = bot.tree.get_commands()
    if translator is None:
        payload = [command.to_dict(bot.tree) for command in commands]
    else:
        payload = [await command.get_translated_payload(bot.tree, translator) for command in commands]
    told = json.dumps([Route.BASE, bot.application_id, payload], sort_keys=True, default=str)
    return hashlib.sha256(told.encode()).hexdigest()
