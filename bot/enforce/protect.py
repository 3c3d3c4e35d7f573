"""Who is never punished automatically, nor by a button."""

import discord

from bot.community import Community
from bot.ui.access import moderates


def protection(member: discord.Member, community: Community) -> str:
    """Return why nothing is done to a member, in words that end "not done: ...", or nothing where it may be.

    It names nobody: what is kept of an incident outlives the erasure of its author.
    """
    if member.guild.owner_id == member.id:
        return "the member owns the server"
    if member.guild_permissions.administrator:
        return "the member administers the server"
    if moderates(member, community):
        return "the member moderates here"
    return ""
