"""The permissions that Referee asks for and why, and what it cannot do where they are missing."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

import discord

from bot.community import Community
from bot.enforce.target import number

REASONS: Mapping[str, str] = MappingProxyType(
    {
        "view_channel": "read what is written, in the channels that Referee watches",
        "read_message_history": "catch up on what was written while Referee was away",
        "send_messages": "show review cards, and warn members who take no direct messages",
        "send_messages_in_threads": "the same in threads",
        "manage_messages": "delete messages, several at once in a raid",
        "manage_threads": "read private threads",
        "moderate_members": "time members out",
        "kick_members": "kick, where the policy says so",
        "ban_members": "ban, where the policy says so, and take a ban back",
        "manage_nicknames": "reset a nickname, where names are watched",
    }
)
"""Each permission as the API names it, with what it is for; manage_nicknames only where names are watched.

Embed Links and Attach Files are not among them: cards have no embeds, and files come as answers to commands.
"""

LABELS: Mapping[str, str] = MappingProxyType(
    {
        "view_channel": "View Channels",
        "read_message_history": "Read Message History",
        "send_messages": "Send Messages",
        "send_messages_in_threads": "Send Messages in Threads",
        "manage_messages": "Manage Messages",
        "manage_threads": "Manage Threads",
        "moderate_members": "Time out members",
        "kick_members": "Kick Members",
        "ban_members": "Ban Members",
        "manage_nicknames": "Manage Nicknames",
    }
)
"""Each permission as Discord's settings show it."""

REQUIRED = discord.Permissions(**{name: True for name in REASONS if name != "manage_nicknames"})
"""What a server is asked for where names are not watched."""

_MOST_LINES = 10
_MOST_NAMED = 3
_Watched = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.ForumChannel
_SERVER_WIDE = {
    "moderate_members": "time members out",
    "kick_members": "kick",
    "ban_members": "ban",
    "manage_threads": "read private threads",
}


def missing_permissions(guild: discord.Guild, community: Community) -> list[str]:
    """Return what Referee cannot do there, the gravest first, at most ten lines; names in them are the server's own."""
    lines = [
        *_itself(guild),
        *_own_channel(guild, community.review_channel, "review channel"),
        *_own_channel(guild, community.log_channel, "log channel"),
        *_channels(guild),
        *_server_wide(guild),
        *_roles_above(guild, community),
    ]
    if len(lines) > _MOST_LINES:
        return [*lines[: _MOST_LINES - 1], f"and {len(lines) - _MOST_LINES + 1} more"]
    return lines


def _itself(guild: discord.Guild) -> Iterable[str]:
    if guild.me.is_timed_out():
        yield "can do nothing: Referee itself is timed out"


def _own_channel(guild: discord.Guild, channel_id: str | None, name: str) -> Iterable[str]:
    if channel_id is None:
        return
    channel = guild.get_channel_or_thread(number(channel_id) or 0)
    if channel is None:
        yield f"the {name} is gone"
        return
    rights = channel.permissions_for(guild.me)
    sends = rights.send_messages_in_threads if isinstance(channel, discord.Thread) else rights.send_messages
    if not rights.view_channel:
        yield f"cannot see the {name}"
    elif not sends:
        yield f"cannot send in the {name}"


def _channels(guild: discord.Guild) -> Iterable[str]:
    watched = [channel for channel in guild.channels if isinstance(channel, _Watched)]
    seen = [channel for channel in watched if channel.permissions_for(guild.me).view_channel]
    yield from _where(guild, seen, "delete messages", lambda rights: rights.manage_messages)
    yield from _where(guild, seen, "catch up on messages", lambda rights: rights.read_message_history)
    if hidden := len(watched) - len(seen):
        yield f"cannot see {hidden} channel{'s' if hidden > 1 else ''}"


def _where(
    guild: discord.Guild, seen: Sequence[_Watched], what: str, may: Callable[[discord.Permissions], bool]
) -> Iterable[str]:
    lacking = [channel.name for channel in seen if not may(channel.permissions_for(guild.me))]
    if lacking and len(lacking) == len(seen) > 1:
        yield f"cannot {what} in any channel"
    elif lacking:
        yield f"cannot {what} in {_listed(lacking, '#')}"


def _server_wide(guild: discord.Guild) -> Iterable[str]:
    for right, what in _SERVER_WIDE.items():
        if not getattr(guild.me.guild_permissions, right):
            yield f"cannot {what}: the permission {LABELS[right]} is missing"


def _roles_above(guild: discord.Guild, community: Community) -> Iterable[str]:
    """Tell which roles shield their members, those of moderators and of bots left out: they are never punished."""
    names = [role.name for role in reversed(guild.roles) if role > guild.me.top_role and _is_ordinary(role, community)]
    if names:
        yield f"cannot punish members with {_listed(names, '@')}: move the role of Referee above"


def _is_ordinary(role: discord.Role, community: Community) -> bool:
    rights = role.permissions
    if role.managed or rights.administrator or rights.manage_guild:
        return False
    if community.moderator_roles:
        return str(role.id) not in community.moderator_roles
    return not (rights.manage_messages or rights.moderate_members)


def _listed(names: Sequence[str], sign: str) -> str:
    shown = ", ".join(f"{sign}{name}" for name in names[:_MOST_NAMED])
    return f"{shown} and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else shown
