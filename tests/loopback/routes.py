"""Which request is answered by what."""

import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from tests.loopback import guild_routes, interaction_routes, message_routes
from tests.loopback.calls import Call
from tests.loopback.faults import Feature, Refused
from tests.loopback.snowflakes import Payload

if TYPE_CHECKING:
    from tests.loopback.state import State

Handler = Callable[..., Awaitable[Any]]
_COMMANDS = r"/applications/\d+(?:/guilds/(\d+))?/commands"
_MISSING = (
    (Feature.COMMANDS, re.compile(r"/applications/.*")),
    (Feature.AUTOMOD, re.compile(r"/guilds/\d+/auto-moderation/.*")),
    (Feature.BULK_DELETE, re.compile(r"/channels/\d+/messages/bulk-delete")),
    (Feature.BULK_BAN, re.compile(r"/guilds/\d+/bulk-ban")),
)


async def handle(state: "State", call: Call) -> Any:
    """Do what a request asks and return the JSON of its answer, None where it is empty."""
    lacking = any(feature in state.missing_routes and path.fullmatch(call.path) for feature, path in _MISSING)
    for method, pattern, handler in _TABLE if not lacking else ():
        found = pattern.fullmatch(call.path) if method == call.method else None
        if found:
            return await handler(state, call, *found.groups())
    raise Refused(404, 0, "404: Not Found")


async def _me(state: "State", _call: Call) -> Payload:
    return state.bot


async def _application(state: "State", _call: Call) -> Payload:
    return {
        "id": state.application_id,
        "name": "Referee",
        "icon": None,
        "description": "",
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": "",
        "flags": 0,
        "owner": state.users["owner"],
        "team": None,
        "summary": "",
    }


async def _gateway(state: "State", _call: Call) -> Payload:
    limit = {"total": 1000, "remaining": 999, "reset_after": 0, "max_concurrency": 1}
    return {"url": state.gateway_url, "shards": 1, "session_start_limit": limit}


async def _user(state: "State", _call: Call, user_id: str) -> Payload:
    for person in (state.bot, *state.users.values()):
        if person["id"] == user_id:
            return person
    raise Refused(404, 10013, "Unknown User")


async def _registered(state: "State", _call: Call, guild_id: str | None) -> list[Payload]:
    return state.commands.get(guild_id, [])


async def _register(state: "State", call: Call, guild_id: str | None) -> list[Payload]:
    known = {(one["type"], one["name"]): one["id"] for one in state.commands.get(guild_id, ())}
    state.commands[guild_id] = [_command(state, one, known, guild_id) for one in call.body["items"]]
    return state.commands[guild_id]


def _command(state: "State", sent: Payload, known: dict[tuple[int, str], str], guild_id: str | None) -> Payload:
    kind = sent.get("type", 1)
    usual: Payload = {"description": "", "default_member_permissions": None, "nsfw": False, "options": []}
    place = {"guild_id": guild_id} if guild_id else {}
    # A command keeps its id when it is sent again under its name.
    ids = {"id": known.get((kind, sent["name"])) or state.ids.next(), "version": state.ids.next()}
    return {**usual, **sent, **ids, **place, "type": kind, "application_id": state.application_id}


async def _open_dm(state: "State", call: Call) -> Payload:
    return state.dm(str(call.body["recipient_id"]))


_ROUTES: list[tuple[str, str, Handler]] = [
    ("GET", "/users/@me", _me),
    ("GET", r"/users/(\d+)", _user),
    ("POST", "/users/@me/channels", _open_dm),
    ("GET", "/oauth2/applications/@me", _application),
    ("GET", "/applications/@me", _application),
    ("GET", "/gateway/bot", _gateway),
    ("GET", "/gateway", _gateway),
    ("GET", _COMMANDS, _registered),
    ("PUT", _COMMANDS, _register),
    *message_routes.ROUTES,
    *guild_routes.ROUTES,
    *interaction_routes.ROUTES,
]
_TABLE = [(method, re.compile(pattern), handler) for method, pattern, handler in _ROUTES]
