"""The permission bits that moderation meets, and who ends up with which."""

from collections.abc import Iterable
from enum import IntFlag

from tests.loopback.snowflakes import Payload


class Permission(IntFlag):
    """Name the bits of Discord's permission field."""

    KICK_MEMBERS = 1 << 1
    BAN_MEMBERS = 1 << 2
    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    MANAGE_GUILD = 1 << 5
    ADD_REACTIONS = 1 << 6
    VIEW_AUDIT_LOG = 1 << 7
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    CONNECT = 1 << 20
    SPEAK = 1 << 21
    MUTE_MEMBERS = 1 << 22
    MOVE_MEMBERS = 1 << 24
    CHANGE_NICKNAME = 1 << 26
    MANAGE_NICKNAMES = 1 << 27
    MANAGE_ROLES = 1 << 28
    USE_APPLICATION_COMMANDS = 1 << 31
    MANAGE_THREADS = 1 << 34
    CREATE_PUBLIC_THREADS = 1 << 35
    SEND_MESSAGES_IN_THREADS = 1 << 38
    MODERATE_MEMBERS = 1 << 40


P = Permission
EVERY = Permission((1 << 53) - 1)
EVERYONE = (
    P.VIEW_CHANNEL
    | P.SEND_MESSAGES
    | P.EMBED_LINKS
    | P.ATTACH_FILES
    | P.READ_MESSAGE_HISTORY
    | P.ADD_REACTIONS
    | P.CONNECT
    | P.SPEAK
    | P.CHANGE_NICKNAME
    | P.USE_APPLICATION_COMMANDS
    | P.CREATE_PUBLIC_THREADS
    | P.SEND_MESSAGES_IN_THREADS
)
MODERATOR = P.MANAGE_MESSAGES | P.KICK_MEMBERS | P.BAN_MEMBERS | P.MODERATE_MEMBERS | P.MANAGE_THREADS
BOT = (
    P.VIEW_CHANNEL
    | P.READ_MESSAGE_HISTORY
    | P.SEND_MESSAGES
    | P.SEND_MESSAGES_IN_THREADS
    | P.EMBED_LINKS
    | P.ATTACH_FILES
    | P.MANAGE_MESSAGES
    | P.MODERATE_MEMBERS
    | P.KICK_MEMBERS
    | P.BAN_MEMBERS
    | P.MANAGE_THREADS
    | P.MANAGE_NICKNAMES
    | P.VIEW_AUDIT_LOG
)


def combined(roles: Iterable[Payload], held: set[str], overwrites: Iterable[Payload], user: str) -> int:
    """Return what the holder of these roles may do where these overwrites apply.

    The order is Discord's: @everyone (the role with the guild's id), the roles together, then the member.
    """
    known = [role for role in roles if role["id"] in held]
    base = 0
    for role in known:
        base |= int(role["permissions"])
    if base & P.ADMINISTRATOR:
        return int(EVERY)
    everyone = {role["id"] for role in known if role["name"] == "@everyone"}
    for group in (everyone, held - everyone, {user}):
        matching = [overwrite for overwrite in overwrites if overwrite["id"] in group]
        for overwrite in matching:
            base &= ~int(overwrite["deny"])
        for overwrite in matching:
            base |= int(overwrite["allow"])
    return base
