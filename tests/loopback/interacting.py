"""What people do with the bot's commands, buttons and forms."""

from typing import Any

from tests.loopback.answers import Answer, components, text_of
from tests.loopback.exchange import Exchange, Kind
from tests.loopback.forms import ComponentType, filled_in, picked
from tests.loopback.guild import Guild
from tests.loopback.options import Resolved, focused, registered, typed
from tests.loopback.snowflakes import Payload
from tests.loopback.state import State

_USER_MENU, _MESSAGE_MENU = 2, 3
_SELECTS = range(ComponentType.STRING_SELECT, ComponentType.CHANNEL_SELECT + 1)


class Interacting(State):
    """Click, select, call commands and submit forms; each returns the answer to follow."""

    async def slash(
        self, who: str | Payload, path: str, /, *, channel: str | Payload = "general", **options: Any
    ) -> Answer:
        """Call a command: `slash("mod", "policy set", category="insult")`.

        Options are checked against what the bot registered; users, roles and channels are given by name, files as
        uploaded. An option called `channel` or `who` is passed with an underscore after its name.
        """
        place = self.place(channel)
        name, *rest = path.split()
        command = registered(self, self._home(place), name)
        resolved = Resolved(self, self._home(place))
        chosen = {key.rstrip("_"): value for key, value in options.items()}
        data = {"options": typed(command, rest, chosen, resolved), "resolved": resolved.data}
        return await self._interact(who, place, Kind.COMMAND, self._calling(command, data))

    async def autocomplete(
        self,
        who: str | Payload,
        path: str,
        option: str,
        written: str = "",
        /,
        *,
        channel: str | Payload = "general",
        **options: Any,
    ) -> Answer:
        """Type into an option of a command; the answer's `choices` are what the bot proposes."""
        place = self.place(channel)
        name, *rest = path.split()
        command = registered(self, self._home(place), name)
        resolved = Resolved(self, self._home(place))
        given = typed(_all_optional(command), rest, options, resolved)
        data = {"options": focused(given, option, written), "resolved": resolved.data}
        return await self._interact(who, place, Kind.AUTOCOMPLETE, self._calling(command, data))

    async def message_menu(self, who: str | Payload, name: str, message: Payload) -> Answer:
        """Pick an entry of the menu of a message."""
        place = self.place(message["channel_id"])
        resolved = Resolved(self, self._home(place))
        command = registered(self, resolved.guild, name, _MESSAGE_MENU)
        data = {"target_id": resolved.message(message), "resolved": resolved.data}
        return await self._interact(who, place, Kind.COMMAND, self._calling(command, data))

    async def user_menu(
        self, who: str | Payload, name: str, target: str | Payload, channel: str | Payload = "general"
    ) -> Answer:
        """Pick an entry of the menu of a user."""
        place = self.place(channel)
        resolved = Resolved(self, self._home(place))
        command = registered(self, resolved.guild, name, _USER_MENU)
        data = {"target_id": resolved.user(target), "resolved": resolved.data}
        return await self._interact(who, place, Kind.COMMAND, self._calling(command, data))

    async def click(self, who: str | Payload, message: Payload, custom_id: str, *, stale: bool = False) -> Answer:
        """Press the button with this custom id, or this label; `stale` presses one that is not there.

        The bot is shown the message as it is now. To press a button of how it was, pass a deep copy made then.
        """
        shown = _with_button(message, custom_id) if stale else message
        data = {"custom_id": _pressable(shown, custom_id)["custom_id"], "component_type": int(ComponentType.BUTTON)}
        return await self._interact(who, self._place_of(message), Kind.COMPONENT, data, shown)

    async def select(self, who: str | Payload, message: Payload, custom_id: str, *values: Any) -> Answer:
        """Pick values in a select: strings, or users, roles and channels by name."""
        place = self._place_of(message)
        found = _usable(message, custom_id, _SELECTS)
        resolved = Resolved(self, self._home(place))
        chosen = picked(found["type"], list(values), resolved)
        data = {"custom_id": found["custom_id"], "component_type": found["type"], "values": chosen}
        return await self._interact(who, place, Kind.COMPONENT, data | {"resolved": resolved.data}, message)

    async def modal_submit(
        self, who: str | Payload, answer: Answer, values: dict[str, Any] | None = None, /, **more: Any
    ) -> Answer:
        """Send the form that an interaction opened, filled in by custom id."""
        place = self.place(answer.exchange.channel_id)
        resolved = Resolved(self, self._home(place))
        filled = filled_in(answer.modal, {**(values or {}), **more}, resolved)
        data = {"custom_id": answer.modal["custom_id"], "components": filled, "resolved": resolved.data}
        return await self._interact(who, place, Kind.MODAL, data, answer.exchange.source)

    def _home(self, place: Payload) -> Guild:
        return self.guild_of(place["id"]) or self.guild

    def _place_of(self, message: Payload) -> Payload:
        return self.place(message["channel_id"])

    def _calling(self, command: Payload, data: Payload) -> Payload:
        return {"id": command["id"], "name": command["name"], "type": command["type"], **data}

    async def _interact(
        self, who: str | Payload, place: Payload, kind: Kind, data: Payload, message: Payload | None = None
    ) -> Answer:
        # A person is never so fast that the bot has not yet read the answer to what it sent last.
        await self.gateway.settle()
        snowflake = self.ids.next()
        exchange = Exchange(snowflake, f"token-{snowflake}", kind, self.user(who), place["id"], message)
        self.exchanges[exchange.token] = exchange
        event = {
            "id": snowflake,
            "application_id": self.application_id,
            "type": int(kind),
            "token": exchange.token,
            "version": 1,
            "channel_id": place["id"],
            "channel": place,
            "data": data,
            "locale": "en-US",
            "entitlements": [],
            "attachment_size_limit": 10_485_760,
            **self._asker(who, place),
        }
        shown = {} if message is None else {"message": message}
        await self.gateway.dispatch("INTERACTION_CREATE", event | shown)
        return Answer(exchange, self.log)

    def _asker(self, who: str | Payload, place: Payload) -> Payload:
        person = self.user(who)
        guild = self.guild_of(place["id"])
        if guild is None:
            return {"user": person, "context": 1, "authorizing_integration_owners": {}, "app_permissions": "0"}
        allowed = str(guild.permissions(person["id"], place))
        return {
            "guild_id": guild.id,
            "guild": {"id": guild.id, "locale": "en-US", "features": []},
            "guild_locale": "en-US",
            "member": {**guild.members[person["id"]], "permissions": allowed},
            "app_permissions": str(guild.permissions(self.bot["id"], place)),
            "authorizing_integration_owners": {"0": guild.id},
            "context": 0,
        }


def _all_optional(command: Payload) -> Payload:
    options = [_all_optional(option) | {"required": False} for option in command.get("options") or ()]
    return {**command, "options": options}


def _with_button(message: Payload, custom_id: str) -> Payload:
    button = {"type": int(ComponentType.BUTTON), "style": 2, "label": "Stale", "custom_id": custom_id}
    row = {"type": int(ComponentType.ROW), "components": [button]}
    return {**message, "components": [*message["components"], row]}


def _pressable(message: Payload, name: str) -> Payload:
    return _usable(message, name, (ComponentType.BUTTON,))


def _usable(message: Payload, name: str, kinds: tuple[int, ...] | range) -> Payload:
    """Return the one component of these kinds with that custom id or label that can be used."""
    known = [one for one in components(message) if one["type"] in kinds and "custom_id" in one]
    for component in known:
        if name in (component["custom_id"], component.get("label"), component.get("placeholder")):
            assert not component.get("disabled"), f"{name!r} is greyed out"
            return component
    offered = [(one["custom_id"], one.get("label")) for one in known]
    raise AssertionError(f"nothing on the message is {name!r} but {offered}; it says {text_of(message)!r}")
