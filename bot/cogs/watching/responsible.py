"""Whether a message is judged at all, and as whose."""

import discord

from bot.community import Community
from bot.settings import Settings

_SAID = (
    discord.MessageType.default,
    discord.MessageType.reply,
    discord.MessageType.chat_input_command,
    discord.MessageType.context_menu_command,
)
"""The types of message that somebody wrote; the others announce, or quote what was judged where it was written."""


def responsible(message: discord.Message, settings: Settings, own: frozenset[int]) -> discord.abc.User | None:
    """Return whose a message is, None where it is not to be judged; `own` are the ids of our application and its user.

    What an app wrote because somebody used it is that person's: else every app would be a way around.
    """
    author: discord.abc.User | None = getattr(message, "author", None)
    if author is None or message.type not in _SAID or not own.isdisjoint((author.id, message.application_id)):
        return None
    if message.interaction_metadata is not None:
        return message.interaction_metadata.user
    if message.webhook_id is not None and message.webhook_id != message.application_id:
        return author if settings.watch_webhooks else None
    return author if settings.watch_bots or not author.bot else None


def places(channel: object) -> frozenset[str]:
    """Return the ids under which a channel may be named: its own, that of a thread's channel, that of the category.

    The names of channels count too, those of threads do not: anybody can give a thread any name.
    """
    parent = channel.parent if isinstance(channel, discord.Thread) else channel
    ids = {getattr(channel, "id", None), getattr(channel, "parent_id", None), getattr(parent, "category_id", None)}
    names = {getattr(parent, "name", None), getattr(getattr(parent, "category", None), "name", None)}
    return frozenset(str(found) for found in ids | names if found is not None)


def is_ours(channel: object, community: Community) -> bool:
    """Tell whether moderators are shown our cards or our log there, which quote what was judged already."""
    return not places(channel).isdisjoint(filter(None, (community.review_channel, community.log_channel)))
