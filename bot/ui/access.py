"""Who may do what: checked on the server's side at every use, whatever Discord's own settings show."""

import discord

from bot.community import Community

LARGEST_ID = 2**31 - 1
"""The largest number that a store gives an incident or a card: whatever names a larger one, by hand, names nothing."""


def manages(member: discord.Member | discord.User) -> bool:
    """Tell whether somebody may change how the server is moderated: the owner, and whoever can manage the server."""
    if not isinstance(member, discord.Member):
        return False
    rights = member.guild_permissions
    return member.guild.owner_id == member.id or rights.administrator or rights.manage_guild


def moderates(member: discord.Member | discord.User, community: Community) -> bool:
    """Tell whether somebody works the review queue.

    That is whoever manages the server, and whoever has one of the roles that were set up; while there are none,
    whoever can manage messages or time members out.
    """
    if not isinstance(member, discord.Member):
        return False
    if manages(member):
        return True
    if community.moderator_roles:
        return any(str(role.id) in community.moderator_roles for role in member.roles)
    rights = member.guild_permissions
    return rights.manage_messages or rights.moderate_members
