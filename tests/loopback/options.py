"""What a person types into a command becomes what Discord sends, by the command tree that the bot registered."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from tests.loopback.guild import Guild
from tests.loopback.snowflakes import Payload
from tests.loopback.state import State


class OptionType(IntEnum):
    """Number the kinds of option."""

    SUBCOMMAND = 1
    GROUP = 2
    STRING = 3
    INTEGER = 4
    BOOLEAN = 5
    USER = 6
    CHANNEL = 7
    ROLE = 8
    MENTIONABLE = 9
    NUMBER = 10
    ATTACHMENT = 11


@dataclass(slots=True)
class Resolved:
    """Collect the objects that the ids in an interaction stand for."""

    state: State
    guild: Guild
    data: Payload = field(default_factory=dict)

    def add(self, kind: int, value: Any) -> str:
        """Add what a person picked, by name, id or payload, and return its id."""
        adders = {
            OptionType.USER: self.user,
            OptionType.CHANNEL: self.channel,
            OptionType.ROLE: self.role,
            OptionType.MENTIONABLE: self.mentionable,
            OptionType.ATTACHMENT: self.attachment,
        }
        return adders[OptionType(kind)](value)

    def user(self, who: str | Payload) -> str:
        """Add a user, and the member where it is one."""
        person = self.state.user(who)
        self._put("users", person)
        member = self.guild.members.get(person["id"])
        if member is not None:
            known = {key: value for key, value in member.items() if key not in ("user", "deaf", "mute")}
            known["permissions"] = str(self.guild.permissions(person["id"]))
            self.data.setdefault("members", {})[person["id"]] = known
        return str(person["id"])

    def channel(self, channel: str | Payload) -> str:
        """Add a channel or thread."""
        place = channel if not isinstance(channel, str) else self.state.channel_by_id(channel)
        return self._put("channels", (place or self.guild.channel(str(channel))) | {"permissions": "0"})

    def role(self, role: str | Payload) -> str:
        """Add a role."""
        if isinstance(role, str):
            role = self.guild.roles.get(role) or self.guild.role(role)
        return self._put("roles", role)

    def mentionable(self, value: str | Payload) -> str:
        """Add a user or a role."""
        names = {role["name"] for role in self.guild.roles.values()} | set(self.guild.roles)
        is_role = value in names if isinstance(value, str) else "permissions" in value
        return self.role(value) if is_role else self.user(value)

    def attachment(self, attachment: Payload) -> str:
        """Add an uploaded file."""
        return self._put("attachments", attachment)

    def message(self, message: Payload) -> str:
        """Add a message."""
        return self._put("messages", message)

    def _put(self, table: str, thing: Payload) -> str:
        self.data.setdefault(table, {})[thing["id"]] = thing
        return str(thing["id"])


def registered(state: State, guild: Guild, name: str, kind: int = 1) -> Payload:
    """Return the command of that name that the guild offers."""
    offered: list[Payload] = [*state.commands.get(guild.id, ()), *state.commands.get(None, ())]
    for command in offered:
        if command["name"] == name and command["type"] == kind:
            return command
    raise AssertionError(f"no command {name!r} of type {kind} is registered: {[one['name'] for one in offered]}")


def typed(command: Payload, path: list[str], values: dict[str, Any], resolved: Resolved) -> list[Payload]:
    """Return the options of a call of `command`, down the path of groups and subcommands."""
    known = {option["name"]: option for option in command.get("options") or ()}
    if path:
        step = known.get(path[0])
        assert step is not None, f"{command['name']!r} has no subcommand {path[0]!r}: {sorted(known)}"
        inner = typed(step, path[1:], values, resolved)
        return [{"name": step["name"], "type": step["type"], "options": inner}]
    below = sorted(name for name, option in known.items() if option["type"] <= OptionType.GROUP)
    assert not below, f"{command['name']!r} wants a subcommand: {below}"
    unknown = sorted(set(values) - set(known))
    assert not unknown, f"{command['name']!r} has no option {unknown}: {sorted(known)}"
    missing = [name for name, option in known.items() if option.get("required") and name not in values]
    assert not missing, f"{command['name']!r} needs {missing}"
    return [_option(known[name], value, resolved) for name, value in values.items()]


def _option(option: Payload, value: Any, resolved: Resolved) -> Payload:
    kind = OptionType(option["type"])
    allowed = [choice["value"] for choice in option.get("choices") or ()]
    assert not allowed or value in allowed, f"{option['name']!r} offers {allowed}, not {value!r}"
    if kind is OptionType.CHANNEL and option.get("channel_types"):
        snowflake = resolved.add(kind, value)
        found = resolved.data["channels"][snowflake]["type"]
        assert found in option["channel_types"], f"{option['name']!r} takes no channel of type {found}"
        return {"name": option["name"], "type": int(kind), "value": snowflake}
    plain = kind in (OptionType.STRING, OptionType.INTEGER, OptionType.BOOLEAN, OptionType.NUMBER)
    return {"name": option["name"], "type": int(kind), "value": value if plain else resolved.add(kind, value)}


def focused(options: list[Payload], name: str, written: str) -> list[Payload]:
    """Return the options with one more that is still being typed, in the innermost subcommand."""
    if options and options[0]["type"] <= OptionType.GROUP:
        return [{**options[0], "options": focused(options[0]["options"], name, written)}]
    return [*options, {"name": name, "type": int(OptionType.STRING), "value": written, "focused": True}]
