"""Who is in which guild, under which name and with which rights."""

from datetime import UTC, datetime
from typing import Any

from tests.loopback import payloads
from tests.loopback.guild import BOT_ROLE, Guild
from tests.loopback.permissions import BOT
from tests.loopback.snowflakes import Payload
from tests.loopback.state import State


class Membership(State):
    """Join, leave, rename and promote."""

    async def add_guild(self, name: str, bot_permissions: int = BOT) -> Guild:
        """Invite the bot to a new guild while it runs."""
        guild = self.new_guild(name, bot_permissions)
        # A guild that is new carries no `unavailable`; one that only comes back does.
        joined = {key: value for key, value in self.gateway.guild_payload(guild.id).items() if key != "unavailable"}
        await self.gateway.dispatch("GUILD_CREATE", joined)
        return guild

    async def remove_guild(self, guild: Guild) -> None:
        """Throw the bot out of a guild."""
        del self.guilds[guild.id]
        await self.gateway.dispatch("GUILD_DELETE", {"id": guild.id})

    async def join_member(self, name: str, guild: Guild | None = None, *, nick: str | None = None) -> Payload:
        """Let a person, new or known, join a guild; from then on the name works everywhere."""
        place = guild or self.guild
        if name not in self.users:
            self.users[name] = payloads.user(self.ids.next(), name)
        member = payloads.member(self.users[name], nick=nick)
        member["joined_at"] = datetime.now(UTC).isoformat()
        place.members[self.users[name]["id"]] = member
        await self.gateway.dispatch("GUILD_MEMBER_ADD", {**member, "guild_id": place.id})
        return member

    async def leave_member(self, who: str | Payload, guild: Guild | None = None) -> None:
        """Let a member leave."""
        place = guild or self.guild
        person = self.user(who)
        place.members.pop(person["id"], None)
        await self.gateway.dispatch("GUILD_MEMBER_REMOVE", {"guild_id": place.id, "user": person})

    async def change_nick(self, who: str | Payload, nick: str | None, guild: Guild | None = None) -> Payload:
        """Give a member another nickname."""
        return await self.change_member(who, guild, nick=nick)

    async def change_name(self, who: str | Payload, global_name: str) -> None:
        """Give a user another display name; every guild is told."""
        self.user(who)["global_name"] = global_name
        for guild in self.guilds.values():
            await self.change_member(who, guild)

    async def change_member(self, who: str | Payload, guild: Guild | None = None, **fields: Any) -> Payload:
        """Change a member's fields, as a moderator does by hand."""
        place = guild or self.guild
        member = place.members[self.user(who)["id"]]
        member.update(fields)
        await self.gateway.dispatch("GUILD_MEMBER_UPDATE", {**member, "guild_id": place.id})
        return member

    async def change_role(self, name: str = BOT_ROLE, guild: Guild | None = None, **fields: Any) -> Payload:
        """Change a role, the bot's own one unless named: its `permissions` (a number) or `position`."""
        place = guild or self.guild
        role = place.role(name)
        role.update({key: str(int(str(value))) if key == "permissions" else value for key, value in fields.items()})
        await self.gateway.dispatch("GUILD_ROLE_UPDATE", {"guild_id": place.id, "role": role})
        return role

    async def change_channel(self, channel: str | Payload, **fields: Any) -> Payload:
        """Change a channel, its `permission_overwrites` for one."""
        place = self.place(channel)
        place.update(fields)
        guild = self.guild_of(place["id"])
        assert guild is not None, "a direct message cannot be changed"
        await self.gateway.dispatch("CHANNEL_UPDATE", {**place, "guild_id": guild.id})
        return place

    async def delete_channel(self, channel: str | Payload) -> None:
        """Delete a channel."""
        place = self.place(channel)
        guild = self.guild_of(place["id"])
        assert guild is not None, "a direct message cannot be deleted"
        guild.channels.pop(place["id"], None)
        await self.gateway.dispatch("CHANNEL_DELETE", {**place, "guild_id": guild.id})

    async def audit(self, who: str | Payload, action: int, target: str | Payload, **fields: Any) -> None:
        """Write into the audit log what a person did by hand, in the first guild."""
        entry = {
            "id": self.ids.next(),
            "user_id": self.user(who)["id"],
            "target_id": self.user(target)["id"],
            "action_type": action,
            "changes": [],
            "guild_id": self.guild.id,
            **fields,
        }
        await self.gateway.dispatch("GUILD_AUDIT_LOG_ENTRY_CREATE", entry)
