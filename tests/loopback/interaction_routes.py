"""Requests that answer interactions."""

from typing import TYPE_CHECKING, Any

from tests.loopback import writing
from tests.loopback.calls import Call
from tests.loopback.exchange import Exchange, Kind, Reply
from tests.loopback.faults import Refused
from tests.loopback.payloads import EPHEMERAL, LOADING
from tests.loopback.snowflakes import Payload

if TYPE_CHECKING:
    from tests.loopback.state import State

_WEBHOOK = r"/webhooks/\d+/([^/]+)"
_ORIGINAL = rf"{_WEBHOOK}/messages/@original"


async def callback(state: "State", call: Call, snowflake: str, token: str) -> Payload | None:
    """Take the first answer to an interaction, which is allowed once."""
    exchange = state.exchanges.get(token)
    if exchange is None or exchange.id != snowflake:
        raise Refused(404, 10062, "Unknown interaction")
    if exchange.callback is not None:
        raise Refused(400, 40060, "Interaction has already been acknowledged.")
    reply, data = Reply(call.body["type"]), call.body.get("data") or {}
    if reply in (Reply.MESSAGE, Reply.UPDATE):
        flags = (exchange.source or {}).get("flags", 0) if reply is Reply.UPDATE else 0
        writing.check(state, data, call.files, flags=flags)
    exchange.callback = call.body
    await _apply(state, exchange, reply, call)
    return _receipt(exchange, reply) if call.query.get("with_response") else None


async def _apply(state: "State", exchange: Exchange, reply: Reply, call: Call) -> None:
    data = call.body.get("data") or {}
    if reply in (Reply.UPDATE, Reply.DEFERRED_UPDATE):
        exchange.original = exchange.source
    if reply is Reply.UPDATE and exchange.source is not None:
        writing.rewritten(state, exchange.source, data, call.files)
        await _announce(state, "MESSAGE_UPDATE", exchange.source)
    if reply in (Reply.MESSAGE, Reply.DEFERRED):
        exchange.loading = reply is Reply.DEFERRED
        waiting = {"flags": int(data.get("flags") or 0) | (LOADING if exchange.loading else 0)}
        exchange.original = await _posted(state, exchange, {**data, **waiting}, call)


def _receipt(exchange: Exchange, reply: Reply) -> Payload:
    flags = (exchange.original or {}).get("flags", 0)
    about = {
        "id": exchange.id,
        "type": int(exchange.kind),
        "response_message_loading": exchange.loading,
        "response_message_ephemeral": bool(flags & EPHEMERAL),
    }
    if reply in (Reply.MODAL, Reply.CHOICES) or exchange.original is None:
        return {"interaction": about}
    about["response_message_id"] = exchange.original["id"]
    return {"interaction": about, "resource": {"type": int(reply), "message": exchange.original}}


async def follow_up(state: "State", call: Call, token: str) -> Payload:
    """Send a further message; the first one after a deferral takes its place."""
    exchange = _answered(state, token)
    writing.check(state, call.body, call.files)
    if exchange.loading and exchange.original is not None:
        return await _fill(state, exchange, call)
    message = await _posted(state, exchange, call.body, call)
    exchange.followups.append(message)
    return message


async def get_original(state: "State", _call: Call, token: str) -> Payload:
    """Return the first answer."""
    return _original(state, token)


async def edit_original(state: "State", call: Call, token: str) -> Payload:
    """Edit the first answer, or fill in a deferred one."""
    _original(state, token)
    return await _fill(state, _answered(state, token), call)


async def delete_original(state: "State", _call: Call, token: str) -> None:
    """Delete the first answer."""
    message = _original(state, token)
    _answered(state, token).deleted = True
    await _removed(state, message)


async def get_follow_up(state: "State", _call: Call, token: str, message_id: str) -> Payload:
    """Return a further message."""
    return _one(state, token, message_id)


async def edit_follow_up(state: "State", call: Call, token: str, message_id: str) -> Payload:
    """Edit a further message."""
    message = writing.rewritten(state, _one(state, token, message_id), call.body, call.files)
    await _announce(state, "MESSAGE_UPDATE", message)
    return message


async def delete_follow_up(state: "State", _call: Call, token: str, message_id: str) -> None:
    """Delete a further message."""
    message = _one(state, token, message_id)
    exchange = _answered(state, token)
    exchange.followups = [one for one in exchange.followups if one is not message]
    exchange.deleted = exchange.deleted or message is exchange.original
    await _removed(state, message)


async def _fill(state: "State", exchange: Exchange, call: Call) -> Payload:
    message = exchange.original
    assert message is not None
    kept = message["flags"] & ~LOADING
    writing.rewritten(state, message, call.body, call.files)
    message["flags"] = kept | (int(call.body.get("flags") or 0) & ~EPHEMERAL)
    exchange.loading, exchange.edited = False, True
    await _announce(state, "MESSAGE_UPDATE", message)
    return message


async def _posted(state: "State", exchange: Exchange, body: Payload, call: Call) -> Payload:
    about = {"id": exchange.id, "type": int(exchange.kind), "user": exchange.user}
    by = {"interaction_metadata": about | {"authorizing_integration_owners": {}}, "webhook_id": state.application_id}
    message = writing.written(state, exchange.channel_id, body, call.files, **by)
    message["type"] = 20 if exchange.kind is Kind.COMMAND else 0
    state.messages[message["id"]] = message
    await _announce(state, "MESSAGE_CREATE", message)
    return message


async def _announce(state: "State", event: str, message: Payload) -> None:
    # What only one person sees is no event of the channel.
    if not message["flags"] & EPHEMERAL:
        await state.announce(event, message)


async def _removed(state: "State", message: Payload) -> None:
    if message["flags"] & EPHEMERAL:
        state.messages.pop(message["id"], None)
    else:
        await state.forget([message["id"]], message["channel_id"])


def _answered(state: "State", token: str) -> Exchange:
    exchange = state.exchanges.get(token)
    if exchange is None or exchange.callback is None:
        raise Refused(404, 10015, "Unknown Webhook")
    return exchange


def _original(state: "State", token: str) -> Payload:
    exchange = _answered(state, token)
    if exchange.original is None or exchange.deleted:
        raise Refused(404, 10008, "Unknown Message")
    return exchange.original


def _one(state: "State", token: str, message_id: str) -> Payload:
    exchange = _answered(state, token)
    known = [*exchange.followups, *([exchange.original] if exchange.original and not exchange.deleted else [])]
    for message in known:
        if message["id"] == message_id:
            return message
    raise Refused(404, 10008, "Unknown Message")


ROUTES: list[tuple[str, str, Any]] = [
    ("POST", r"/interactions/(\d+)/([^/]+)/callback", callback),
    ("POST", _WEBHOOK, follow_up),
    ("GET", _ORIGINAL, get_original),
    ("PATCH", _ORIGINAL, edit_original),
    ("DELETE", _ORIGINAL, delete_original),
    ("GET", rf"{_WEBHOOK}/messages/(\d+)", get_follow_up),
    ("PATCH", rf"{_WEBHOOK}/messages/(\d+)", edit_follow_up),
    ("DELETE", rf"{_WEBHOOK}/messages/(\d+)", delete_follow_up),
]
