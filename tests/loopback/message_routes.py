"""Requests about messages and channels."""

import copy
from typing import TYPE_CHECKING, Any

from tests.loopback import payloads, writing
from tests.loopback.calls import Call
from tests.loopback.faults import Refused
from tests.loopback.payloads import ChannelType
from tests.loopback.snowflakes import Payload, made_at

if TYPE_CHECKING:
    from tests.loopback.state import State

_MOST_DELETED = 100
_OLDEST_DELETED_DAYS = 14
_MESSAGES = r"/channels/(\d+)/messages"


async def send(state: "State", call: Call, channel_id: str) -> Payload:
    """Post a message of the bot, once for each nonce that is remembered; a member may take no direct messages."""
    _check_open(state, known_channel(state, channel_id))
    nonce = str(call.body.get("nonce", ""))
    earlier = state.messages.get(state.nonces.get(nonce, "")) if call.body.get("enforce_nonce") else None
    if earlier is not None:
        return earlier
    writing.check(state, call.body, call.files)
    message = writing.written(state, channel_id, call.body, call.files)
    if nonce:
        state.nonces[nonce] = message["id"]
    state.sent.append(copy.deepcopy(message))
    return await state.post(message, **({"nonce": nonce} if nonce else {}))


def _check_open(state: "State", place: Payload) -> None:
    closed = {state.user(who)["id"] for who in state.closed_dms}
    if place["type"] == ChannelType.DM and place["recipients"][0]["id"] in closed:
        raise Refused(403, 50007, "Cannot send messages to this user")


async def edit(state: "State", call: Call, channel_id: str, message_id: str) -> Payload:
    """Edit a message of the bot."""
    message = known_message(state, channel_id, message_id)
    if message["author"]["id"] != state.bot["id"]:
        raise Refused(403, 50005, "Cannot edit a message authored by another user")
    writing.rewritten(state, message, call.body, call.files)
    message["edited_timestamp"] = made_at(state.ids.next()).isoformat()
    await state.announce("MESSAGE_UPDATE", message)
    return message


async def get(state: "State", _call: Call, channel_id: str, message_id: str) -> Payload:
    """Return a message."""
    return known_message(state, channel_id, message_id)


async def history(state: "State", call: Call, channel_id: str) -> list[Payload]:
    """Return messages before, after or around an id, the newest first."""
    known_channel(state, channel_id)
    there = state.messages_in(channel_id)
    limit = min(int(call.query.get("limit", 50)), 100)
    if "after" in call.query:
        return [one for one in there if int(one["id"]) > int(call.query["after"])][:limit][::-1]
    if "around" in call.query:
        middle = int(call.query["around"])
        nearest = sorted(there, key=lambda one: abs(int(one["id"]) - middle))[:limit]
        return sorted(nearest, key=lambda one: -int(one["id"]))
    before = int(call.query.get("before", 1 << 63))
    return [one for one in there[::-1] if int(one["id"]) < before][:limit]


async def delete(state: "State", _call: Call, channel_id: str, message_id: str) -> None:
    """Delete a message."""
    known_message(state, channel_id, message_id)
    await state.forget([message_id], channel_id)


async def bulk_delete(state: "State", call: Call, channel_id: str) -> None:
    """Delete 2 to 100 messages, none of them old or named twice; unknown ones are passed over."""
    known_channel(state, channel_id)
    ids = [str(one) for one in call.body["messages"]]
    if not 2 <= len(ids) <= _MOST_DELETED or len(set(ids)) != len(ids):
        raise writing.invalid("messages", "Must be between 2 and 100 different ids.")
    newest = made_at(state.ids.next())
    if any((newest - made_at(one)).days >= _OLDEST_DELETED_DAYS for one in ids):
        raise Refused(400, 50034, "You can only bulk delete messages that are under 14 days old.")
    await state.forget(ids, channel_id)


async def get_channel(state: "State", _call: Call, channel_id: str) -> Payload:
    """Return a channel."""
    place = known_channel(state, channel_id)
    guild = state.guild_of(channel_id)
    return {**place, "guild_id": guild.id} if guild else place


async def change_channel(state: "State", call: Call, channel_id: str) -> Payload:
    """Change a channel or thread."""
    place = known_channel(state, channel_id)
    thread_fields = ("archived", "locked", "auto_archive_duration")
    settings = {key: value for key, value in call.body.items() if key in thread_fields}
    place.update({key: value for key, value in call.body.items() if key not in thread_fields})
    guild = state.guild_of(channel_id)
    assert guild is not None, "a direct message cannot be changed"
    if guild.is_thread(place):
        place["thread_metadata"].update(settings)
        await state.gateway.dispatch("THREAD_UPDATE", place)
    else:
        await state.gateway.dispatch("CHANNEL_UPDATE", {**place, "guild_id": guild.id})
    return {**place, "guild_id": guild.id}


async def delete_channel(state: "State", _call: Call, channel_id: str) -> Payload:
    """Delete a channel or thread."""
    place = known_channel(state, channel_id)
    guild = state.guild_of(channel_id)
    assert guild is not None, "a direct message cannot be deleted"
    event = "THREAD_DELETE" if guild.is_thread(place) else "CHANNEL_DELETE"
    (guild.threads if guild.is_thread(place) else guild.channels).pop(channel_id)
    await state.gateway.dispatch(event, {**place, "guild_id": guild.id})
    return place


async def overwrite(state: "State", call: Call, channel_id: str, target: str) -> None:
    """Set what a role or member may do in a channel."""
    place = known_channel(state, channel_id)
    others = [one for one in place["permission_overwrites"] if one["id"] != target]
    place["permission_overwrites"] = [*others, {"id": target, "allow": "0", "deny": "0", **call.body}]


async def start_thread(state: "State", call: Call, channel_id: str, message_id: str | None = None) -> Payload:
    """Open a thread of the bot, on a message where one is named."""
    guild = state.guild_of(channel_id)
    assert guild is not None, "a direct message has no threads"
    snowflake = message_id or state.ids.next()
    made = payloads.thread(snowflake, guild.id, channel_id, state.bot["id"], call.body["name"])
    guild.threads[snowflake] = made
    await state.gateway.dispatch("THREAD_CREATE", {**made, "newly_created": True})
    return made


async def typing(_state: "State", _call: Call, _channel_id: str) -> None:
    """Show the bot typing."""


def known_channel(state: "State", channel_id: str) -> Payload:
    """Return the channel, or refuse as Discord does."""
    place = state.channel_by_id(channel_id)
    if place is None:
        raise Refused(404, 10003, "Unknown Channel")
    return place


def known_message(state: "State", channel_id: str, message_id: str) -> Payload:
    """Return the message of that channel, or refuse as Discord does."""
    known_channel(state, channel_id)
    message = state.messages.get(message_id)
    if message is None or message["channel_id"] != channel_id or message["flags"] & payloads.EPHEMERAL:
        raise Refused(404, 10008, "Unknown Message")
    return message


ROUTES: list[tuple[str, str, Any]] = [
    ("GET", _MESSAGES, history),
    ("POST", _MESSAGES, send),
    ("POST", rf"{_MESSAGES}/bulk-delete", bulk_delete),
    ("GET", rf"{_MESSAGES}/(\d+)", get),
    ("PATCH", rf"{_MESSAGES}/(\d+)", edit),
    ("DELETE", rf"{_MESSAGES}/(\d+)", delete),
    ("POST", rf"{_MESSAGES}/(\d+)/threads", start_thread),
    ("POST", r"/channels/(\d+)/threads", start_thread),
    ("POST", r"/channels/(\d+)/typing", typing),
    ("PUT", r"/channels/(\d+)/permissions/(\d+)", overwrite),
    ("GET", r"/channels/(\d+)", get_channel),
    ("PATCH", r"/channels/(\d+)", change_channel),
    ("DELETE", r"/channels/(\d+)", delete_channel),
]
