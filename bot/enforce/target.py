"""What an incident is about, as Discord knows it now: the server, the channel, the member."""

from dataclasses import dataclass
from enum import StrEnum

import discord

from bot.domain import Action, Incident, Outcome
from bot.enforce.calls import Answer, Calls

Channel = discord.abc.GuildChannel | discord.Thread

_LONGEST_ID = 20


class Kind(StrEnum):
    """What was flagged: a message, somebody's name, or the title of a thread."""

    MESSAGE = "message"
    NAME = "member"
    TITLE = "thread"


@dataclass(frozen=True, slots=True)
class Target:
    """Hold what can be acted on.

    `message` is the id of the message, member or thread, as `kind` says. `channel` is None where it is gone or hidden,
    `member` where the author is no member; `webhook` then tells that it never was one.
    """

    community: str
    guild: discord.Guild
    kind: Kind
    message: int
    author: int
    channel: Channel | None
    member: discord.Member | None
    webhook: bool = False

    @property
    def is_bot(self) -> bool:
        """Tell whether no human wrote it."""
        return self.webhook or (self.member is not None and self.member.bot)


async def find(
    client: discord.Client, calls: Calls, incident: Incident, action: Action, *, afresh: bool = False
) -> Target | Answer:
    """Return what an incident is about, as an action on it needs to know, or why nothing can be done.

    A member that is not known is asked for once. For a deletion and a warning the author will do as the message
    showed them: a raid is not asked about one by one. With `afresh` Discord is asked in any case: what is in memory may
    be older than what an earlier process did. Raise one of ERRORS.
    """
    guild = guild_of(client, incident)
    if isinstance(guild, tuple):
        return guild
    kind, message = _subject(incident.key.message)
    author = number(incident.author)
    if message is None or author is None:
        return Outcome.REFUSED, "nothing is known any more of who wrote it, or where"
    channel = await _channel(guild, calls, number(incident.key.channel))
    seen = _seen(client, message, author)
    member = None if afresh else guild.get_member(author)
    if member is None and not afresh and action in (Action.WARN, Action.DELETE) and seen is not None:
        member = seen.author if isinstance(seen.author, discord.Member) else None
    webhook = seen is not None and seen.webhook_id is not None
    if member is None and not webhook:
        member = await _member(guild, calls, author)
        if member is None and kind is Kind.MESSAGE and action is not Action.DELETE:
            webhook = await _from_webhook(channel, calls, message, author)
    return Target(incident.key.community, guild, kind, message, author, channel, member, webhook)


def number(text: str) -> int | None:
    """Return an id of Discord, None where the text is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _LONGEST_ID else None


def guild_of(client: discord.Client, incident: Incident) -> discord.Guild | Answer:
    """Return the server of an incident, or why nothing can be done there."""
    guild = client.get_guild(number(incident.key.community) or 0)
    if guild is None:
        return Outcome.REFUSED, "Referee is no longer in the server"
    if guild.unavailable:
        return Outcome.FAILED, "Discord does not serve the server at the moment; do it by hand"
    return guild


def _subject(message: str) -> tuple[Kind, int | None]:
    prefix, colon, rest = message.partition(":")
    if not colon:
        return Kind.MESSAGE, number(message)
    return (Kind(prefix), number(rest)) if prefix in (Kind.NAME, Kind.TITLE) else (Kind.MESSAGE, None)


def _seen(client: discord.Client, message: int, author: int) -> discord.Message | None:
    """Return the message where it is in memory; another author means that a member had an app write it."""
    seen = discord.utils.get(reversed(client.cached_messages), id=message)
    return seen if seen is not None and seen.author.id == author else None


async def _channel(guild: discord.Guild, calls: Calls, channel: int | None) -> Channel | None:
    if channel is None:
        return None
    known = guild.get_channel_or_thread(channel)
    if known is not None:
        return known
    try:
        # An archived thread is not in memory after a restart.
        return await calls.make(str(guild.id), guild.fetch_channel(channel), proves=False)
    except (discord.NotFound, discord.Forbidden, discord.InvalidData):
        return None


async def _member(guild: discord.Guild, calls: Calls, author: int) -> discord.Member | None:
    try:
        return await calls.make(str(guild.id), guild.fetch_member(author), proves=False)
    except discord.NotFound:
        return None


async def _from_webhook(channel: Channel | None, calls: Calls, message: int, author: int) -> bool:
    """Tell whether a webhook wrote it: its id is nobody's, as is that of somebody who has left."""
    if not isinstance(channel, discord.abc.Messageable):
        return False
    try:
        found = await calls.make(str(channel.guild.id), channel.fetch_message(message), proves=False)
    except (discord.NotFound, discord.Forbidden):
        return False
    return found.webhook_id is not None and found.author.id == author
