"""Filling in a form (a modal) that the bot opened."""

from collections.abc import Callable
from enum import IntEnum
from typing import Any

from tests.loopback.answers import components
from tests.loopback.options import OptionType, Resolved
from tests.loopback.snowflakes import Payload


class ComponentType(IntEnum):
    """Number the components that take input, and those that hold them."""

    ROW = 1
    BUTTON = 2
    STRING_SELECT = 3
    TEXT_INPUT = 4
    USER_SELECT = 5
    ROLE_SELECT = 6
    MENTIONABLE_SELECT = 7
    CHANNEL_SELECT = 8
    TEXT = 10
    LABEL = 18
    FILE_UPLOAD = 19
    RADIO = 21
    CHECKBOXES = 22
    CHECKBOX = 23


C = ComponentType
_RESOLVING = {
    C.USER_SELECT: OptionType.USER,
    C.ROLE_SELECT: OptionType.ROLE,
    C.MENTIONABLE_SELECT: OptionType.MENTIONABLE,
    C.CHANNEL_SELECT: OptionType.CHANNEL,
    C.FILE_UPLOAD: OptionType.ATTACHMENT,
}
_LISTS = (*_RESOLVING, C.STRING_SELECT, C.CHECKBOXES)


def picked(kind: int, values: list[Any], resolved: Resolved) -> list[Any]:
    """Return the values that a select sends, ids for what has one."""
    option = _RESOLVING.get(C(kind))
    return [resolved.add(option, value) for value in values] if option else values


def filled_in(form: Payload, values: dict[str, Any], resolved: Resolved) -> list[Payload]:
    """Return the components of a submission; what `values` (by custom id) leaves out stays as it was shown."""
    known = {component["custom_id"] for component in components(form) if "custom_id" in component}
    unknown = sorted(set(values) - known)
    assert not unknown, f"the form has no field {unknown}: {sorted(known)}"
    return [_holder(component, lambda field: _field(field, values, resolved)) for component in form["components"]]


def _holder(component: Payload, fill: Callable[[Payload], Payload]) -> Payload:
    base = {"type": component["type"], "id": component.get("id", 1)}
    if component["type"] == C.LABEL:
        return base | {"component": fill(component["component"])}
    if component["type"] == C.ROW:
        return base | {"components": [fill(inner) for inner in component["components"]]}
    return base


def _field(component: Payload, values: dict[str, Any], resolved: Resolved) -> Payload:
    kind, name = C(component["type"]), component["custom_id"]
    base = {"type": int(kind), "id": component.get("id", 1), "custom_id": name}
    if kind in _LISTS:
        chosen = values.get(name, _preset(component))
        return base | {"values": picked(kind, chosen, resolved)}
    if kind is C.CHECKBOX:
        return base | {"value": values.get(name, component.get("default", False))}
    if kind is C.RADIO:
        return base | {"value": values.get(name, next(iter(_preset(component)), None))}
    return base | {"value": values.get(name, component.get("value") or "")}


def _preset(component: Payload) -> list[Any]:
    return [option["value"] for option in component.get("options") or () if option.get("default")]
