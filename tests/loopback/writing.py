"""What the bot may write: the rules of Discord for a message, and the message that comes of it."""

import re
from typing import TYPE_CHECKING, Any

from tests.loopback import payloads
from tests.loopback.answers import components, text_of
from tests.loopback.calls import SentFile
from tests.loopback.faults import Feature, Refused
from tests.loopback.payloads import COMPONENTS_V2
from tests.loopback.snowflakes import Payload

if TYPE_CHECKING:
    from tests.loopback.state import State

_KEPT = ("content", "embeds", "components", "flags", "sticker_items", "poll")
_NOT_WITH_V2 = ("content", "embeds", "poll", "sticker_ids")
_SOMETHING = ("content", "embeds", "components", "sticker_ids", "sticker_items", "poll", "attachments")
_LONGEST_CONTENT = 2000
_LONGEST_V2 = 4000
_MOST_COMPONENTS = 40
_LONGEST_CUSTOM_ID = 100
_FIRST_V2_TYPE = 9


def check(state: "State", body: Payload, files: tuple[SentFile, ...] = (), *, flags: int = 0) -> None:
    """Refuse a message as Discord does; `flags` are those it had before an edit."""
    v2 = bool((int(body.get("flags") or 0) | flags) & COMPONENTS_V2)
    if len(body.get("content") or "") > _LONGEST_CONTENT:
        raise invalid("content", "Must be 2000 or fewer in length.")
    if v2 and Feature.COMPONENTS_V2 in state.missing_routes:
        raise invalid("flags", "This server knows no components of that kind.")
    forbidden = [key for key in _NOT_WITH_V2 if body.get(key)]
    if v2 and forbidden:
        raise invalid(forbidden[0], f"The '{forbidden[0]}' field cannot be used with MessageFlags.IS_COMPONENTS_V2")
    _check_components(body, v2=v2)
    if not files and not any(body.get(key) for key in _SOMETHING):
        raise Refused(400, 50006, "Cannot send an empty message")


def invalid(field: str, why: str) -> Refused:
    """Return Discord's answer to a field that it does not accept."""
    details = {field: {"_errors": [{"code": "BASE_TYPE_BAD", "message": why}]}}
    return Refused(400, 50035, "Invalid Form Body", errors=details)


def _check_components(body: Payload, *, v2: bool) -> None:
    inside = list(components(body))
    names = [component["custom_id"] for component in inside if "custom_id" in component]
    if any(component["type"] >= _FIRST_V2_TYPE for component in inside) and not v2:
        raise invalid("components", 'Value of field "type" must be one of (1,).')
    if len(inside) > _MOST_COMPONENTS:
        raise invalid("components", "The total number of components is more than 40.")
    if sum(len(component.get("content") or "") for component in inside) > _LONGEST_V2:
        raise invalid("components", "The total text is more than 4000 characters.")
    if len(names) != len(set(names)):
        raise invalid("components", "Component custom id cannot be duplicated")
    if any(not 1 <= len(name) <= _LONGEST_CUSTOM_ID for name in names):
        raise invalid("components", "Must be between 1 and 100 in length.")
    if any(component["type"] == 1 and not component.get("components") for component in inside):
        raise invalid("components", "This field is required")


def written(state: "State", channel_id: str, body: Payload, files: tuple[SentFile, ...] = (), **fields: Any) -> Payload:
    """Return the bot's message with this body, its files kept on the CDN; it is not kept or announced yet."""
    kept = {key: body[key] for key in _KEPT if body.get(key) is not None}
    message = payloads.message(state.ids.next(), channel_id, state.bot, **{"content": "", **kept, **fields})
    message["attachments"] = attached(state, channel_id, body, files)
    reference = body.get("message_reference")
    if reference:
        message |= {"message_reference": reference, "type": 19}
    message |= _pings(body, text_of(message))
    return message


def rewritten(state: "State", message: Payload, body: Payload, files: tuple[SentFile, ...] = ()) -> Payload:
    """Change a message of the bot to what an edit says."""
    after = {key: message[key] for key in (*_KEPT, "attachments") if key in message} | body
    check(state, after, files, flags=message["flags"])
    for key in _KEPT:
        if key in body:
            message[key] = body[key] if body[key] is not None else {"content": "", "flags": 0}.get(key, [])
    # Discord keeps the flag through every edit.
    message["flags"] |= int(body.get("flags") or 0)
    if "attachments" in body or files:
        kept = {str(one["id"]) for one in body.get("attachments") or ()}
        old = [one for one in message["attachments"] if one["id"] in kept]
        message["attachments"] = old + attached(state, message["channel_id"], body, files)
    return message


def attached(state: "State", channel_id: str, body: Payload, files: tuple[SentFile, ...]) -> list[Payload]:
    """Keep the files of a message and return them as attachments; an alternative text comes from the body."""
    described = {str(one["id"]): one.get("description") for one in body.get("attachments") or ()}
    made = []
    for sent in files:
        number = "".join(re.findall(r"\d+", sent.field))
        more = {"description": described[number]} if described.get(number) else {}
        made.append(state.cdn.keep(channel_id, sent.filename, sent.data, sent.content_type, **more))
    return made


def _pings(body: Payload, text: str) -> Payload:
    """Return who is pinged: what the text mentions, as far as `allowed_mentions` lets it."""
    allowed = body.get("allowed_mentions")
    parse = allowed.get("parse", []) if allowed is not None else ["users", "roles", "everyone"]
    named = allowed or {}

    def let(kind: str, found: list[str]) -> list[str]:
        return [one for one in dict.fromkeys(found) if kind in parse or one in map(str, named.get(kind) or ())]

    people = let("users", re.findall(r"<@!?(\d+)>", text))
    return {
        "mentions": [{"id": one, "username": one, "discriminator": "0", "avatar": None} for one in people],
        "mention_roles": let("roles", re.findall(r"<@&(\d+)>", text)),
        "mention_everyone": "everyone" in parse and bool(re.search(r"@(everyone|here)", text)),
    }
