"""What a server that only resembles Discord sends: fields nobody knows, and optional ones left out."""

from typing import Any

UNKNOWN_FIELD = "x_not_discord"
DROPPED = frozenset(
    {
        "global_name",
        "premium_since",
        "communication_disabled_until",
        "public_flags",
        "guild_locale",
        "entitlements",
        "context",
        "content_type",
        "mention_roles",
        "colors",
        "soundboard_sounds",
        "premium_progress_bar_enabled",
        "rate_limit_per_user",
        "total_message_sent",
    }
)
UNKNOWN_EVENT = "X_NOT_DISCORD_UPDATE"


def oddly(value: Any, dropped: frozenset[str] | set[str] = DROPPED) -> Any:
    """Return the value without the dropped fields, and with an unknown one in every object that has an id."""
    if isinstance(value, list):
        return [oddly(item, dropped) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {key: oddly(item, dropped) for key, item in value.items() if key not in dropped}
    return kept | {UNKNOWN_FIELD: {"made": ["up"]}} if "id" in value else kept
