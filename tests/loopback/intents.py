"""Which events a session is sent, by the intents it asked for."""

from enum import IntFlag
from typing import Any

from tests.loopback.snowflakes import Payload


class Intent(IntFlag):
    """Name the bits of the intents field."""

    GUILDS = 1 << 0
    MEMBERS = 1 << 1
    MODERATION = 1 << 2
    EXPRESSIONS = 1 << 3
    VOICE_STATES = 1 << 7
    PRESENCES = 1 << 8
    GUILD_MESSAGES = 1 << 9
    DM_MESSAGES = 1 << 12
    MESSAGE_CONTENT = 1 << 15
    AUTOMOD_CONFIGURATION = 1 << 20
    AUTOMOD_EXECUTION = 1 << 21


_PREFIXES = (
    ("GUILD_MEMBERS_CHUNK", Intent(0)),
    ("GUILD_MEMBER_", Intent.MEMBERS),
    ("GUILD_BAN_", Intent.MODERATION),
    ("GUILD_AUDIT_LOG_", Intent.MODERATION),
    ("GUILD_EMOJIS", Intent.EXPRESSIONS),
    ("GUILD_STICKERS", Intent.EXPRESSIONS),
    ("GUILD_", Intent.GUILDS),
    ("CHANNEL_", Intent.GUILDS),
    ("THREAD_", Intent.GUILDS),
    ("VOICE_", Intent.VOICE_STATES),
    ("AUTO_MODERATION_ACTION_", Intent.AUTOMOD_EXECUTION),
    ("AUTO_MODERATION_RULE_", Intent.AUTOMOD_CONFIGURATION),
)
_CONTENT: Payload = {"content": "", "embeds": [], "attachments": [], "components": []}


def wanted(event: str, data: Payload, intents: int) -> bool:
    """Tell whether a session with these intents is sent the event."""
    if event.startswith("MESSAGE_"):
        return bool(intents & (Intent.GUILD_MESSAGES if "guild_id" in data else Intent.DM_MESSAGES))
    needed = next((intent for prefix, intent in _PREFIXES if event.startswith(prefix)), Intent(0))
    return not needed or bool(intents & needed)


def readable(event: str, data: Payload, intents: int, own_id: str) -> Payload:
    """Return the event's data, without content where the session may not read it."""
    if intents & Intent.MESSAGE_CONTENT or "guild_id" not in data:
        return data
    if event == "AUTO_MODERATION_ACTION_EXECUTION":
        return {**data, "content": "", "matched_content": ""}
    if event not in ("MESSAGE_CREATE", "MESSAGE_UPDATE") or _concerns(data, own_id):
        return data
    return {key: value for key, value in data.items() if key not in ("poll", "message_snapshots")} | _CONTENT


def _concerns(message: dict[str, Any], own_id: str) -> bool:
    return message["author"]["id"] == own_id or any(person["id"] == own_id for person in message["mentions"])
