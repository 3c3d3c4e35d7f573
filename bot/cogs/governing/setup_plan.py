"""What an admin asks for in the set-up, what is wrong with it, and what it changes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import discord

from bot.community import Community
from bot.policy_presets import Preset

_NEEDED = {"view_channel": "View Channel", "send_messages": "Send Messages"}


@dataclass(frozen=True, slots=True)
class Plan:
    """Hold what shall be set; None leaves a thing as it is, and an empty channel means that there is none."""

    review_channel: str | None = None
    log_channel: str | None = None
    moderator_roles: frozenset[str] | None = None
    preset: Preset | None = None

    def settings(self, community: Community) -> Community:
        """Return a community's settings with the plan carried out."""
        review, log, roles = self.review_channel, self.log_channel, self.moderator_roles
        return replace(
            community,
            review_channel=community.review_channel if review is None else review or None,
            log_channel=community.log_channel if log is None else log or None,
            moderator_roles=community.moderator_roles if roles is None else roles,
            is_set_up=True,
        )


def faults(guild: discord.Guild, wanted: Community) -> list[str]:
    """Return what has to be put right before settings can be saved."""
    found = []
    if wanted.review_channel is None:
        found.append("There is no review channel: choose where what Referee flags shall be shown.")
    channels = {"review": wanted.review_channel, "log": wanted.log_channel}
    found += [_unusable(guild, kind, one) for kind, one in channels.items() if one is not None]
    if str(guild.id) in wanted.moderator_roles:
        found.append("Everybody has the role @everyone, so that everybody would moderate: choose another one.")
    return [fault for fault in found if fault]


def warnings(guild: discord.Guild, wanted: Community) -> list[str]:
    """Return what settings will do that an admin may not expect."""
    channel = guild.get_channel(int(wanted.review_channel or 0))
    roles = [role for role in guild.roles if str(role.id) in wanted.moderator_roles]
    found = []
    if channel is not None and channel.permissions_for(guild.default_role).view_channel:
        found.append(f"Everybody can see {channel.mention}, and what is shown there quotes abuse: make it private.")
    blind = [role for role in roles if channel is not None and not channel.permissions_for(role).view_channel]
    if channel is not None and blind:
        found.append(f"{_mentions(blind)} cannot see {channel.mention}.")
    return found


def changed(before: Community, after: Community, names: Mapping[str, str]) -> list[str]:
    """Return what is different between two settings, a line for each."""
    entries = {
        "review channel": (_named([before.review_channel], names), _named([after.review_channel], names)),
        "log channel": (_named([before.log_channel], names), _named([after.log_channel], names)),
        "moderators": (_named(before.moderator_roles, names), _named(after.moderator_roles, names)),
    }
    return [f"{what}: {old} -> {new}" for what, (old, new) in entries.items() if old != new]


def _unusable(guild: discord.Guild, kind: str, channel_id: str) -> str:
    """Return why the bot cannot show anything in a channel, nothing where it can."""
    channel = guild.get_channel(int(channel_id))
    if channel is None:
        return f"The {kind} channel is gone: choose another one."
    rights = channel.permissions_for(guild.me)
    lacking = [name for right, name in _NEEDED.items() if not getattr(rights, right)]
    if not lacking:
        return ""
    return f"Referee cannot write in {channel.mention}: give it {', '.join(lacking)} there, or choose another channel."


def _mentions(roles: Iterable[discord.Role]) -> str:
    return ", ".join(role.mention for role in roles)


def _named(ids: Iterable[str | None], names: Mapping[str, str]) -> str:
    return ", ".join(sorted(names.get(one, one) for one in ids if one)) or "none"
