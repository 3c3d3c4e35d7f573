"""What the audit log of a server says of each action."""

from urllib.parse import quote

import discord

from bot.domain import Incident

_MOST_QUOTED = 512
"""Discord counts the characters of a reason as they travel, URL-quoted."""


def audit_reason(incident: Incident, moderator: discord.Member | None = None) -> str:
    """Return the reason for an action: the incident, and the moderator by whose hand it is done."""
    by = f", by {moderator.name} ({moderator.id})" if moderator is not None else ""
    return fitted(f"Referee incident {incident.id}: {incident.category} ({incident.decision.confidence:.2f}){by}")


def undo_reason(incident: Incident) -> str:
    """Return the reason for taking an action back."""
    return fitted(f"Referee incident {incident.id}: a false alarm, taken back")


def fitted(text: str) -> str:
    """Return the text, cut to what Discord takes: a character outside ASCII counts up to twelve times."""
    sendable = text.encode("utf-8", "replace").decode("utf-8")
    length = 0
    for index, character in enumerate(sendable):
        length += len(quote(character, safe=""))
        if length > _MOST_QUOTED:
            return sendable[:index]
    return sendable
