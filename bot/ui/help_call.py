"""A call for a human where Referee stopped acting, with the button that lets it act again."""

import logging
from functools import partial
from re import Match
from typing import TYPE_CHECKING, Any, Self

import discord
from discord import ui

from bot.app.tree import tell
from bot.enforce.calls import ERRORS
from bot.ui import log_lines
from bot.ui.answering import Press, answer, moderator_of
from bot.ui.face import mention
from bot.ui.posting import place_of
from bot.ui.quote import cut

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

_log = logging.getLogger(__name__)
_MOST_ROLES = 20


class ReleaseButton(ui.DynamicItem[ui.Button[Any]], template=r"referee:brake:release:(?P<guild>[0-9]{1,20})"):
    """Let Referee act again in one server."""

    def __init__(self, guild: str) -> None:
        label = "Let Referee act again"
        style = discord.ButtonStyle.primary
        super().__init__(ui.Button(label=label, style=style, custom_id=f"referee:brake:release:{guild}"))
        self.guild = guild

    @classmethod
    async def from_custom_id(cls, interaction: Press, item: ui.Item[Any], match: Match[str], /) -> Self:
        """Return the button that an id stands for."""
        return cls(match["guild"])

    async def callback(self, interaction: Press) -> None:
        """Let go of the brake."""
        await answer(interaction, partial(_release, interaction, self.guild))


async def call(bot: "RefereeBot", community: str, text: str) -> bool:
    """Write to the moderators that a human is needed, and ping them; return whether it could be written anywhere.

    The review channel is tried first, then the log channel, then the server's own channel for such news.
    """
    settings = bot.services.communities.get(community)
    guild = bot.get_guild(int(community)) if community.isdigit() else None
    system = str(guild.system_channel.id) if guild is not None and guild.system_channel is not None else None
    for channel in dict.fromkeys((settings.review_channel, settings.log_channel, system)):
        place = place_of(bot, community, channel)
        if place is not None and await _send(place, text, community, settings.moderator_roles):
            return True
    _log.warning("nobody in community %s could be told that a human is needed", community)
    return False


def pings(roles: frozenset[str]) -> tuple[str, discord.AllowedMentions]:
    """Return mentions of the moderators' roles, and the permission to ping these and nobody else."""
    named = [discord.Object(int(role)) for role in sorted(roles) if role.isdigit()][:_MOST_ROLES]
    allowed = discord.AllowedMentions(everyone=False, users=False, roles=named, replied_user=False)
    return " ".join(f"<@&{role.id}>" for role in named), allowed


async def _send(place: discord.PartialMessageable, text: str, community: str, roles: frozenset[str]) -> bool:
    mentions, allowed = pings(roles)
    view = ui.View(timeout=None)
    view.add_item(ReleaseButton(community))
    try:
        await place.send(f"{mentions} {cut(text, 1500)}".strip(), view=view, allowed_mentions=allowed)
    except ERRORS:
        return False
    return True


async def _release(press: Press, guild: str) -> None:
    moderator = await moderator_of(press)
    if moderator is None:
        return
    if guild != str(press.guild_id):
        await tell(press, "This button is not one of this server.")
        return
    bot: RefereeBot = press.client
    was_on = bot.services.brake.is_on(guild)
    bot.services.brake.release(guild)
    await bot.services.communities.hold(guild, None)
    if press.message is not None:
        await press.edit_original_response(view=None)
    if not was_on:
        await tell(press, "Referee acts already: somebody was first.")
        return
    text = f"{mention(str(moderator.id))} let Referee act again."
    await press.followup.send(text, allowed_mentions=discord.AllowedMentions.none())
    await log_lines.note(bot, guild, text)
