"""Requests about guilds, their members, bans and AutoMod rules."""

from typing import TYPE_CHECKING, Any

from tests.loopback import payloads
from tests.loopback.calls import Call
from tests.loopback.faults import Refused
from tests.loopback.guild import Guild
from tests.loopback.snowflakes import Payload

if TYPE_CHECKING:
    from tests.loopback.state import State

_GUILD = r"/guilds/(\d+)"
_RULES = rf"{_GUILD}/auto-moderation/rules"


async def get_guild(state: "State", _call: Call, guild_id: str) -> Payload:
    """Return a guild."""
    return known_guild(state, guild_id).payload([])


async def get_channels(state: "State", _call: Call, guild_id: str) -> list[Payload]:
    """Return the channels."""
    return [{**one, "guild_id": guild_id} for one in known_guild(state, guild_id).channels.values()]


async def create_channel(state: "State", call: Call, guild_id: str) -> Payload:
    """Make a channel."""
    guild = known_guild(state, guild_id)
    fields = {key: value for key, value in call.body.items() if key not in ("name", "type")}
    made = payloads.channel(state.ids.next(), call.body.get("type") or 0, call.body["name"], len(guild.channels))
    guild.channels[made["id"]] = made | fields
    await state.gateway.dispatch("CHANNEL_CREATE", {**guild.channels[made["id"]], "guild_id": guild_id})
    return {**guild.channels[made["id"]], "guild_id": guild_id}


async def get_roles(state: "State", _call: Call, guild_id: str) -> list[Payload]:
    """Return the roles."""
    return list(known_guild(state, guild_id).roles.values())


async def active_threads(state: "State", _call: Call, guild_id: str) -> Payload:
    """Return the threads that are not archived."""
    threads = known_guild(state, guild_id).threads.values()
    return {"threads": [one for one in threads if not one["thread_metadata"]["archived"]], "members": []}


async def get_members(state: "State", call: Call, guild_id: str) -> list[Payload]:
    """Return members after an id."""
    after, limit = int(call.query.get("after", 0)), int(call.query.get("limit", 1))
    people = known_guild(state, guild_id).members
    return [people[key] for key in sorted(people, key=int) if int(key) > after][:limit]


async def get_member(state: "State", _call: Call, guild_id: str, user_id: str) -> Payload:
    """Return a member."""
    return known_member(state, guild_id, user_id)


async def change_member(state: "State", call: Call, guild_id: str, user_id: str) -> Payload:
    """Change a member: nickname, roles, or until when they are timed out."""
    own = state.bot["id"] if user_id == "@me" else user_id
    member = known_member(state, guild_id, own)
    member.update(call.body)
    await state.gateway.dispatch("GUILD_MEMBER_UPDATE", {**member, "guild_id": guild_id})
    return member


async def kick(state: "State", _call: Call, guild_id: str, user_id: str) -> None:
    """Remove a member."""
    member = known_member(state, guild_id, user_id)
    del known_guild(state, guild_id).members[user_id]
    await state.gateway.dispatch("GUILD_MEMBER_REMOVE", {"guild_id": guild_id, "user": member["user"]})


async def get_bans(state: "State", _call: Call, guild_id: str) -> list[Payload]:
    """Return the bans."""
    return list(known_guild(state, guild_id).bans.values())


async def get_ban(state: "State", _call: Call, guild_id: str, user_id: str) -> Payload:
    """Return one ban."""
    ban = known_guild(state, guild_id).bans.get(user_id)
    if ban is None:
        raise Refused(404, 10026, "Unknown Ban")
    return ban


async def ban(state: "State", call: Call, guild_id: str, user_id: str) -> None:
    """Ban a user, a member or not."""
    guild = known_guild(state, guild_id)
    people = {person["id"]: person for person in state.users.values()}
    if user_id not in people:
        raise Refused(404, 10013, "Unknown User")
    guild.bans[user_id] = {"user": people[user_id], "reason": call.reason}
    await state.gateway.dispatch("GUILD_BAN_ADD", {"guild_id": guild_id, "user": people[user_id]})
    if guild.members.pop(user_id, None) is not None:
        await state.gateway.dispatch("GUILD_MEMBER_REMOVE", {"guild_id": guild_id, "user": people[user_id]})


async def unban(state: "State", call: Call, guild_id: str, user_id: str) -> None:
    """Lift a ban."""
    lifted = await get_ban(state, call, guild_id, user_id)
    del known_guild(state, guild_id).bans[user_id]
    await state.gateway.dispatch("GUILD_BAN_REMOVE", {"guild_id": guild_id, "user": lifted["user"]})


async def bulk_ban(state: "State", call: Call, guild_id: str) -> Payload:
    """Ban several users."""
    known = {person["id"] for person in state.users.values()}
    asked = [str(one) for one in call.body["user_ids"]]
    banned = [one for one in asked if one in known]
    if not banned:
        raise Refused(400, 500000, "Failed to ban users")
    for user_id in banned:
        await ban(state, call, guild_id, user_id)
    return {"banned_users": banned, "failed_users": [one for one in asked if one not in known]}


async def get_rules(state: "State", _call: Call, guild_id: str) -> list[Payload]:
    """Return the AutoMod rules."""
    return list(known_guild(state, guild_id).automod_rules.values())


async def create_rule(state: "State", call: Call, guild_id: str) -> Payload:
    """Make an AutoMod rule."""
    usual = {"exempt_roles": [], "exempt_channels": [], "trigger_metadata": {}, "enabled": False}
    ids = {"id": state.ids.next(), "guild_id": guild_id, "creator_id": state.bot["id"]}
    made = {**usual, **call.body, **ids}
    known_guild(state, guild_id).automod_rules[made["id"]] = made
    await state.gateway.dispatch("AUTO_MODERATION_RULE_CREATE", made)
    return made


async def get_rule(state: "State", _call: Call, guild_id: str, rule_id: str) -> Payload:
    """Return one AutoMod rule."""
    rule = known_guild(state, guild_id).automod_rules.get(rule_id)
    if rule is None:
        raise Refused(404, 10066, "Unknown Auto Moderation Rule")
    return rule


async def change_rule(state: "State", call: Call, guild_id: str, rule_id: str) -> Payload:
    """Change an AutoMod rule."""
    rule = await get_rule(state, call, guild_id, rule_id)
    rule.update(call.body)
    await state.gateway.dispatch("AUTO_MODERATION_RULE_UPDATE", rule)
    return rule


async def delete_rule(state: "State", call: Call, guild_id: str, rule_id: str) -> None:
    """Delete an AutoMod rule."""
    rule = await get_rule(state, call, guild_id, rule_id)
    del known_guild(state, guild_id).automod_rules[rule_id]
    await state.gateway.dispatch("AUTO_MODERATION_RULE_DELETE", rule)


async def leave(state: "State", _call: Call, guild_id: str) -> None:
    """Let the bot leave."""
    known_guild(state, guild_id)
    del state.guilds[guild_id]
    await state.gateway.dispatch("GUILD_DELETE", {"id": guild_id})


def known_guild(state: "State", guild_id: str) -> Guild:
    """Return the guild, or refuse as Discord does."""
    if guild_id not in state.guilds:
        raise Refused(404, 10004, "Unknown Guild")
    return state.guilds[guild_id]


def known_member(state: "State", guild_id: str, user_id: str) -> Payload:
    """Return the member, or refuse as Discord does."""
    member = known_guild(state, guild_id).members.get(user_id)
    if member is None:
        raise Refused(404, 10007, "Unknown Member")
    return member


ROUTES: list[tuple[str, str, Any]] = [
    ("GET", _GUILD, get_guild),
    ("GET", rf"{_GUILD}/channels", get_channels),
    ("POST", rf"{_GUILD}/channels", create_channel),
    ("GET", rf"{_GUILD}/roles", get_roles),
    ("GET", rf"{_GUILD}/threads/active", active_threads),
    ("GET", rf"{_GUILD}/members", get_members),
    ("GET", rf"{_GUILD}/members/(\d+)", get_member),
    ("PATCH", rf"{_GUILD}/members/(\d+|@me)", change_member),
    ("DELETE", rf"{_GUILD}/members/(\d+)", kick),
    ("GET", rf"{_GUILD}/bans", get_bans),
    ("GET", rf"{_GUILD}/bans/(\d+)", get_ban),
    ("PUT", rf"{_GUILD}/bans/(\d+)", ban),
    ("DELETE", rf"{_GUILD}/bans/(\d+)", unban),
    ("POST", rf"{_GUILD}/bulk-ban", bulk_ban),
    ("GET", _RULES, get_rules),
    ("POST", _RULES, create_rule),
    ("GET", rf"{_RULES}/(\d+)", get_rule),
    ("PATCH", rf"{_RULES}/(\d+)", change_rule),
    ("DELETE", rf"{_RULES}/(\d+)", delete_rule),
    ("DELETE", r"/users/@me/guilds/(\d+)", leave),
]
