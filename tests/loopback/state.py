"""What a loopback Discord remembers, and who is who in it."""

from datetime import timedelta
from typing import Any

from tests.loopback import payloads
from tests.loopback.calls import CallLog
from tests.loopback.cdn import Cdn
from tests.loopback.exchange import Exchange
from tests.loopback.faults import Faults, Feature
from tests.loopback.gateway import Gateway
from tests.loopback.guild import Guild, found
from tests.loopback.oddities import DROPPED
from tests.loopback.permissions import BOT
from tests.loopback.snowflakes import Payload, Snowflakes

ADMISSION = "loopback-token"
PEOPLE = ("owner", "admin", "mod", "alice", "bob")


class State:
    """Hold users, guilds, messages and commands; payloads are live, so an edit shows in what a test holds."""

    def __init__(self, *, guild: str | None = "Arena", bot_permissions: int = BOT, token: str = ADMISSION) -> None:
        self.token = token
        self.port = 0
        self.ids = Snowflakes()
        self.log = CallLog()
        self.faults = Faults()
        self.gateway = Gateway(self)
        self.cdn = Cdn(self.ids, self.log, self.faults, lambda: self.origin)
        self.bot = payloads.user(self.ids.next(), "referee", bot=True)
        self.application_id = self.bot["id"]
        self.users = {name: payloads.user(self.ids.next(), name) for name in PEOPLE}
        self.guilds: dict[str, Guild] = {}
        self.messages: dict[str, Payload] = {}
        self.dms: dict[str, Payload] = {}
        self.closed_dms: set[str] = set()
        self.nonces: dict[str, str] = {}
        self.sent: list[Payload] = []
        """Every message that the bot posted, as it was then, also those that are gone."""
        self.commands: dict[str | None, list[Payload]] = {}
        self.exchanges: dict[str, Exchange] = {}
        self.forbidden_intents = 0
        self.missing_routes: set[Feature] = set()
        self.odd = False
        self.odd_drops = set(DROPPED)
        if guild is not None:
            self.new_guild(guild, bot_permissions)

    @property
    def origin(self) -> str:
        """Return where the server and its files are."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def api_url(self) -> str:
        """Return the base of the REST routes."""
        return f"{self.origin}/api/v10"

    @property
    def gateway_url(self) -> str:
        """Return where the websocket is."""
        return f"ws://127.0.0.1:{self.port}/gateway/"

    @property
    def guild(self) -> Guild:
        """Return the first guild."""
        return next(iter(self.guilds.values()))

    def new_guild(self, name: str, bot_permissions: int = BOT) -> Guild:
        """Add a guild of everybody, without telling the bot."""
        guild = found(self.ids, name, self.users, self.bot, bot_permissions)
        self.guilds[guild.id] = guild
        return guild

    def user(self, who: str | Payload) -> Payload:
        """Return a user by name, id or payload; the bot is `referee`."""
        if not isinstance(who, str):
            return who
        known: dict[str, Payload] = {**self.users, "referee": self.bot}
        by_id = {str(person["id"]): person for person in known.values()}
        person = known.get(who) or by_id.get(who)
        assert person is not None, f"nobody is called {who!r}: {sorted(known)}"
        return person

    def place(self, channel: str | Payload) -> Payload:
        """Return a channel, thread or direct message by payload, id, or name in the first guild."""
        if not isinstance(channel, str):
            return channel
        known = self.channel_by_id(channel)
        return known if known is not None else self.guild.channel(channel)

    def channel_by_id(self, snowflake: str) -> Payload | None:
        """Return a channel, thread or direct message, or None where there is none."""
        everywhere: list[dict[str, Payload]] = [self.dms]
        for guild in self.guilds.values():
            everywhere += [guild.channels, guild.threads]
        return next((places[snowflake] for places in everywhere if snowflake in places), None)

    def guild_of(self, channel_id: str) -> Guild | None:
        """Return the guild that a channel is in, or None for a direct message."""
        guilds = self.guilds.values()
        return next((guild for guild in guilds if channel_id in guild.channels or channel_id in guild.threads), None)

    def dm(self, who: str | Payload) -> Payload:
        """Return the direct message channel between the bot and a user, made when missing."""
        person = self.user(who)
        for channel in self.dms.values():
            if channel["recipients"][0]["id"] == person["id"]:
                return channel
        made: Payload = {"id": self.ids.next(), "type": 1, "recipients": [person], "last_message_id": None, "flags": 0}
        self.dms[made["id"]] = made
        return made

    def messages_in(self, channel: str | Payload) -> list[Payload]:
        """Return the messages of a channel that are still there, the oldest first; ephemeral ones are in none."""
        snowflake = self.place(channel)["id"]
        there = [message for message in self.messages.values() if message["channel_id"] == snowflake]
        return sorted((one for one in there if not one["flags"] & payloads.EPHEMERAL), key=lambda one: int(one["id"]))

    def draft(
        self,
        who: str | Payload,
        content: str = "",
        *,
        channel: str | Payload = "general",
        age: timedelta = timedelta(),
        **fields: Any,
    ) -> Payload:
        """Return a message that was not sent."""
        place = self.place(channel)
        return payloads.message(self.ids.next(age), place["id"], self.user(who), content, **fields)

    async def post(self, message: Payload, **event_fields: Any) -> Payload:
        """Keep a message and tell the bot."""
        self.messages[message["id"]] = message
        place = self.channel_by_id(message["channel_id"])
        if place is not None:
            place["last_message_id"] = message["id"]
        await self.announce("MESSAGE_CREATE", message, **event_fields)
        return message

    async def announce(self, event: str, message: Payload, **event_fields: Any) -> None:
        """Dispatch a message event, with the guild and the member that the gateway adds."""
        await self.gateway.dispatch(event, {**self.in_place(message), **event_fields})

    def in_place(self, message: Payload) -> Payload:
        """Return a message with the guild and the member that gateway events carry."""
        guild = self.guild_of(message["channel_id"])
        if guild is None:
            return message
        member = guild.members.get(message["author"]["id"])
        if member is None or "webhook_id" in message:
            return {**message, "guild_id": guild.id}
        person = {key: value for key, value in member.items() if key != "user"}
        return {**message, "guild_id": guild.id, "member": person}

    async def forget(self, message_ids: list[str], channel_id: str) -> None:
        """Delete messages of a channel and tell the bot, at once where there are several."""
        for snowflake in message_ids:
            self.messages.pop(snowflake, None)
        guild = self.guild_of(channel_id)
        where = {"channel_id": channel_id} | ({"guild_id": guild.id} if guild else {})
        if len(message_ids) == 1:
            await self.gateway.dispatch("MESSAGE_DELETE", {"id": message_ids[0], **where})
        else:
            await self.gateway.dispatch("MESSAGE_DELETE_BULK", {"ids": message_ids, **where})
