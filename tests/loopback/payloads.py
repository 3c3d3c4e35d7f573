"""The JSON objects that Discord sends, at their smallest."""

from collections.abc import Iterable
from enum import IntEnum

from tests.loopback.snowflakes import Payload, made_at

JOINED = "2026-01-01T00:00:00+00:00"
EPHEMERAL = 1 << 6
LOADING = 1 << 7
VOICE_MESSAGE = 1 << 13
HAS_SNAPSHOT = 1 << 14
COMPONENTS_V2 = 1 << 15


class ChannelType(IntEnum):
    """Number the kinds of channel."""

    TEXT = 0
    DM = 1
    VOICE = 2
    PUBLIC_THREAD = 11
    PRIVATE_THREAD = 12
    STAGE = 13
    FORUM = 15


THREADS = (ChannelType.PUBLIC_THREAD, ChannelType.PRIVATE_THREAD)


def user(snowflake: str, name: str, *, bot: bool = False) -> Payload:
    """Return a user."""
    return {
        "id": snowflake,
        "username": name,
        "discriminator": "0",
        "global_name": name.title(),
        "avatar": None,
        "bot": bot,
        "public_flags": 0,
    }


def member(person: Payload, roles: Iterable[str] = (), nick: str | None = None) -> Payload:
    """Return a member of a guild."""
    return {
        "user": person,
        "nick": nick,
        "roles": list(roles),
        "joined_at": JOINED,
        "deaf": False,
        "mute": False,
        "flags": 0,
        "avatar": None,
        "pending": False,
        "communication_disabled_until": None,
        "premium_since": None,
    }


def role(snowflake: str, name: str, permissions: int, position: int, **fields: object) -> Payload:
    """Return a role."""
    return {
        "id": snowflake,
        "name": name,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "position": position,
        "permissions": str(int(permissions)),
        "managed": False,
        "mentionable": False,
        "flags": 0,
        **fields,
    }


def channel(snowflake: str, kind: int, name: str, position: int = 0, **fields: object) -> Payload:
    """Return a channel of a guild; voice and forum channels carry the fields of their kind."""
    common: Payload = {
        "id": snowflake,
        "type": int(kind),
        "name": name,
        "position": position,
        "permission_overwrites": [],
        "nsfw": False,
        "parent_id": None,
        "last_message_id": None,
        "rate_limit_per_user": 0,
        "flags": 0,
    }
    of_kind: dict[int, Payload] = {
        ChannelType.TEXT: {"topic": None},
        ChannelType.VOICE: {"bitrate": 64000, "user_limit": 0, "rtc_region": None},
        ChannelType.STAGE: {"bitrate": 64000, "user_limit": 0, "rtc_region": None, "topic": None},
        ChannelType.FORUM: {"topic": None, "available_tags": [], "default_reaction_emoji": None},
    }
    return common | of_kind.get(kind, {}) | fields


def thread(snowflake: str, guild: str, parent: str, owner: str, name: str) -> Payload:
    """Return a public thread."""
    return {
        "id": snowflake,
        "guild_id": guild,
        "parent_id": parent,
        "owner_id": owner,
        "name": name,
        "type": int(ChannelType.PUBLIC_THREAD),
        "last_message_id": None,
        "message_count": 0,
        "member_count": 1,
        "total_message_sent": 0,
        "rate_limit_per_user": 0,
        "flags": 0,
        "applied_tags": [],
        "thread_metadata": {
            "archived": False,
            "auto_archive_duration": 1440,
            "archive_timestamp": made_at(snowflake).isoformat(),
            "locked": False,
            "create_timestamp": made_at(snowflake).isoformat(),
        },
    }


def message(snowflake: str, channel_id: str, author: Payload, content: str = "", **fields: object) -> Payload:
    """Return a message."""
    return {
        "id": snowflake,
        "channel_id": channel_id,
        "author": author,
        "content": content,
        "timestamp": made_at(snowflake).isoformat(),
        "edited_timestamp": None,
        "tts": False,
        "mention_everyone": False,
        "mentions": [],
        "mention_roles": [],
        "attachments": [],
        "embeds": [],
        "pinned": False,
        "type": 0,
        "flags": 0,
        "components": [],
        **fields,
    }
