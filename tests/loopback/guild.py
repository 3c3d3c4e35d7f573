"""One guild: its roles, channels, members and bans."""

from dataclasses import dataclass, field

from tests.loopback import payloads
from tests.loopback.payloads import JOINED, ChannelType
from tests.loopback.permissions import BOT, EVERY, EVERYONE, MODERATOR, Permission, combined
from tests.loopback.snowflakes import Payload, Snowflakes

CHANNELS = (
    ("general", ChannelType.TEXT),
    ("mod-review", ChannelType.TEXT),
    ("mod-log", ChannelType.TEXT),
    ("voice", ChannelType.VOICE),
    ("forum", ChannelType.FORUM),
)
BOT_ROLE = "Referee"
_ABSENT = (
    *("icon", "splash", "discovery_splash", "afk_channel_id", "application_id", "system_channel_id"),
    *("rules_channel_id", "vanity_url_code", "description", "banner", "public_updates_channel_id"),
)
_ZERO = (
    *("verification_level", "default_message_notifications", "explicit_content_filter", "mfa_level"),
    *("system_channel_flags", "premium_tier", "premium_subscription_count", "nsfw_level"),
)
_EMPTY = (
    *("emojis", "stickers", "features", "voice_states", "presences", "stage_instances"),
    *("guild_scheduled_events", "soundboard_sounds"),
)


@dataclass(slots=True)
class Guild:
    """Hold a guild's state; every value is a payload under its id."""

    id: str
    name: str
    owner_id: str
    roles: dict[str, Payload] = field(default_factory=dict)
    channels: dict[str, Payload] = field(default_factory=dict)
    threads: dict[str, Payload] = field(default_factory=dict)
    members: dict[str, Payload] = field(default_factory=dict)
    bans: dict[str, Payload] = field(default_factory=dict)
    automod_rules: dict[str, Payload] = field(default_factory=dict)

    def role(self, name: str) -> Payload:
        """Return the role of that name."""
        return _named(self.roles, name, f"role of {self.name}")

    def channel(self, name: str) -> Payload:
        """Return the channel or thread of that name."""
        return _named(self.channels | self.threads, name, f"channel of {self.name}")

    def permissions(self, user_id: str, channel: Payload | None = None) -> int:
        """Return what a member may do, in a channel where one is given."""
        if user_id == self.owner_id:
            return int(EVERY)
        held = {self.id, *self.members[user_id]["roles"]}
        place = channel or {}
        source = self.channels.get(place.get("parent_id") or "", place) if self.is_thread(place) else place
        return combined(self.roles.values(), held, source.get("permission_overwrites", ()), user_id)

    def is_thread(self, channel: Payload) -> bool:
        """Tell whether the channel is one of the guild's threads."""
        return channel.get("id") in self.threads

    def payload(self, members: list[Payload]) -> Payload:
        """Return the guild as GUILD_CREATE carries it, with the members that this bot may see."""
        return {
            **dict.fromkeys(_ABSENT),
            **dict.fromkeys(_ZERO, 0),
            **{key: [] for key in _EMPTY},
            "id": self.id,
            "name": self.name,
            "owner_id": self.owner_id,
            "region": "x",
            "afk_timeout": 300,
            "preferred_locale": "en-US",
            "joined_at": JOINED,
            "large": False,
            "unavailable": False,
            "premium_progress_bar_enabled": False,
            "member_count": len(self.members),
            "roles": list(self.roles.values()),
            "channels": list(self.channels.values()),
            "threads": list(self.threads.values()),
            "members": members,
        }


def found(ids: Snowflakes, name: str, users: dict[str, Payload], bot: Payload, permissions: int = BOT) -> Guild:
    """Return a guild of these users, by name: `owner`, `admin` and `mod` get their standing, the rest none."""
    guild = Guild(ids.next(), name, users["owner"]["id"])
    guild.roles[guild.id] = payloads.role(guild.id, "@everyone", EVERYONE, 0)
    ranks = (("Moderator", MODERATOR, "mod"), ("Admin", Permission.ADMINISTRATOR, "admin"))
    standing: dict[str, list[str]] = {}
    for position, (title, allowed, holder) in enumerate(ranks, start=1):
        made = payloads.role(ids.next(), title, allowed, position)
        guild.roles[made["id"]] = made
        standing[holder] = [made["id"]]
    own = payloads.role(ids.next(), BOT_ROLE, permissions, 3, managed=True, tags={"bot_id": bot["id"]})
    guild.roles[own["id"]] = own
    for position, (title, kind) in enumerate(CHANNELS):
        place = payloads.channel(ids.next(), kind, title, position)
        guild.channels[place["id"]] = place
    people = {person["id"]: payloads.member(person, standing.get(key, ())) for key, person in users.items()}
    guild.members = people | {bot["id"]: payloads.member(bot, [own["id"]])}
    return guild


def _named(things: dict[str, Payload], name: str, what: str) -> Payload:
    for thing in things.values():
        if thing["name"] == name:
            return thing
    raise AssertionError(f"no {what} is called {name!r}: {[thing['name'] for thing in things.values()]}")
