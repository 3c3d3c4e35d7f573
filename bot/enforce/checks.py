"""What stands in the way of an action, known before Discord is asked."""

import discord

from bot.domain import Action, Incident
from bot.enforce.permissions import LABELS
from bot.enforce.target import Channel, Kind, Target

RIGHTS = {Action.TIMEOUT: "moderate_members", Action.KICK: "kick_members", Action.BAN: "ban_members"}
"""The permission that each action on a member needs."""

_PAST = {
    Action.WARN: "warned",
    Action.TIMEOUT: "timed out",
    Action.KICK: "kicked",
    Action.BAN: "banned",
}
_HIDDEN = "the channel is gone, or hidden from Referee"
_TITLE = "a title is left to the moderators: rename or delete the thread by hand"
_OWN_NAME = "the name is the account's own: it cannot be changed from here"


def removes(target: Target, action: Action) -> bool:
    """Tell whether an action also takes away what was flagged; a name leaves with whoever is kicked or banned."""
    if target.kind is Kind.NAME:
        return action in (Action.DELETE, Action.TIMEOUT)
    return action.strictness >= Action.DELETE.strictness


def nothing_possible(target: Target, action: Action, by: discord.Member | None = None) -> str:
    """Return why no part of an action can be done, nothing where some can; `by` is who asks for it."""
    if action is Action.DELETE:
        return removal_obstacle(target, by)
    why = obstacle(target, action, by)
    if why and removes(target, action) and not removal_obstacle(target, by):
        return ""
    return why


def obstacle(target: Target, action: Action, by: discord.Member | None = None) -> str:
    """Return why a member cannot be warned, timed out, kicked or banned, or nothing."""
    if target.is_bot:
        return f"a {'webhook' if target.webhook else 'bot'} cannot be {_PAST[action]}"
    if target.member is None and action is not Action.BAN:
        return "the member has left the server"
    right = RIGHTS.get(action)
    if right is None:
        return ""
    return _for_both(target, by, right) or _rank(target, by)


def removal_obstacle(target: Target, by: discord.Member | None = None) -> str:
    """Return why what was flagged cannot be taken away, or nothing."""
    if target.kind is Kind.TITLE:
        return _TITLE
    if target.kind is Kind.NAME:
        return _name_obstacle(target, by)
    if target.channel is None:
        return _HIDDEN
    if not rights_in(target.channel, target.guild.me).view_channel:
        return f"Referee lacks the permission {LABELS['view_channel']} in the channel"
    return _for_both(target, by, "manage_messages", target.channel)


def renamed(target: Target, incident: Incident) -> bool:
    """Tell whether a member no longer has the nickname that was flagged, reset or changed."""
    if target.kind is not Kind.NAME or target.member is None:
        return False
    return (target.member.nick or "").strip() != (incident.text or "").strip()


def rights_in(channel: Channel, member: discord.Member) -> discord.Permissions:
    """Return what a member may do in a channel; in a thread whose channel is not known, what it may in the server."""
    if isinstance(channel, discord.Thread) and channel.parent is None:
        return member.guild_permissions
    return channel.permissions_for(member)


def _name_obstacle(target: Target, by: discord.Member | None) -> str:
    if target.member is None:
        return "the member has left the server"
    if target.member.nick is None:
        return _OWN_NAME
    return _for_both(target, by, "manage_nicknames") or _rank(target, by)


def _for_both(target: Target, by: discord.Member | None, right: str, channel: Channel | None = None) -> str:
    """Return whether Referee, or who asks for it, lacks a permission."""
    where = " in the channel" if channel is not None else ""
    for member, who in ((target.guild.me, "Referee lacks"), (by, "you lack")):
        if member is None:
            continue
        rights = member.guild_permissions if channel is None else rights_in(channel, member)
        if not getattr(rights, right):
            return f"{who} the permission {LABELS[right]}{where}"
    return ""


def _rank(target: Target, by: discord.Member | None) -> str:
    if target.member is None:
        return ""
    if target.guild.me.top_role <= target.member.top_role:
        return "the highest role of the member is not below Referee's: move the role of Referee up"
    if by is not None and target.guild.owner_id != by.id and by.top_role <= target.member.top_role:
        return "the highest role of the member is not below yours"
    return ""
