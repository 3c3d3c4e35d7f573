"""Where something was said that was not read, and where something read may have been changed since."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import discord

Readable = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread

_CHANGED_WITHIN = timedelta(hours=1)
"""How long before Referee left something may have been written whose change it did not finish."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Hold a channel and the message up to which it had been read."""

    channel: Readable
    after: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """Hold a channel and between which of its messages something may have been changed unseen, the ends included."""

    channel: Readable
    first: int
    last: int


def find_gaps(guild: discord.Guild, seen: Mapping[str, str], since: datetime, started: datetime) -> Iterator[Gap]:
    """Yield the channels in which something was said after what was seen last.

    One of which nothing was seen yet is read from when the server was first watched, `since`, or from its beginning
    where it is younger. Where that is not before this process has `started`, nothing older was missed. One whose last
    message the server leaves out is read too: there may be something.
    """
    begun = discord.utils.time_snowflake(max(since, _joined(guild) or since))
    for channel in readable(guild):
        known = seen.get(str(channel.id))
        after = int(known) if known is not None else max(channel.id - 1, begun)
        if known is None and channel.id <= begun and begun >= discord.utils.time_snowflake(started):
            continue
        if (channel.last_message_id is None or after < channel.last_message_id) and _may_read(channel):
            yield Gap(channel, after)


def find_stretches(guild: discord.Guild, seen: Mapping[str, str]) -> Iterator[Stretch]:
    """Yield what was read shortly before Referee left: the change of a message there may have been cut off.

    Channels in which nothing was said at that time are left out.
    """
    left = discord.utils.snowflake_time(max(map(int, seen.values()), default=0))
    first = discord.utils.time_snowflake(left - _CHANGED_WITHIN)
    for channel in readable(guild):
        known = int(seen.get(str(channel.id), 0))
        if known > first and channel.last_message_id is not None and _may_read(channel):
            yield Stretch(channel, first, known)


def readable(guild: discord.Guild) -> Iterable[Readable]:
    """Return the channels and threads of a server that hold messages."""
    return (*guild.text_channels, *guild.voice_channels, *guild.stage_channels, *guild.threads)


def may_have_changed(message: discord.Message) -> bool:
    """Tell whether a message is other than when it was sent: edited, or with a preview that came later."""
    return message.edited_at is not None or bool(message.embeds)


def _joined(guild: discord.Guild) -> datetime | None:
    # A server that is not Discord may leave our own member out.
    me: discord.Member | None = guild.me
    return me.joined_at if me is not None else None


def _may_read(channel: Readable) -> bool:
    try:
        allowed = channel.permissions_for(channel.guild.me)
    except discord.ClientException:
        # A thread whose channel is not known.
        return False
    return allowed.view_channel and allowed.read_message_history
