"""A message's components as a page of HTML, in the style of Discord's dark theme."""

from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import Any

from docs.pictures.markdown import Reader, to_html
from docs.pictures.scene import Components, Sent

_STYLES = {1: "primary", 2: "secondary", 3: "success", 4: "danger", 5: "secondary"}
_CSS = Path(__file__).with_name("page.css")

Component = Mapping[str, Any]


class UnknownComponent(Exception):
    """Say that the bot sent a kind of component that pictures do not know yet."""


def page(sent: Sent, reader: Reader) -> str:
    """Return a message as a whole page; raise UnknownComponent."""
    css = _CSS.read_text(encoding="utf-8")
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Referee</title><style>{css}</style>'
        f'<body><div class="message">{_asked(sent, reader)}<div class="avatar">R</div><div class="body">'
        f'<div class="head"><b>Referee</b><span class="app">APP</span><span class="when">{_when(sent, reader)}</span>'
        f"</div>{components_html(sent.components, reader)}{_only_you(sent)}</div></div></body></html>"
    )


def components_html(components: Components, reader: Reader) -> str:
    """Return components as HTML, every text in them escaped; raise UnknownComponent."""
    return "".join(component_html(component, reader) for component in components)


def component_html(component: Component, reader: Reader) -> str:
    """Return one component with what is in it as HTML; raise UnknownComponent."""
    kind = component.get("type")
    if kind not in _KINDS:
        raise UnknownComponent(f"Pictures know no component of type {kind!r}: add it to docs/pictures/page.py.")
    return _KINDS[kind](component, reader)


def _container(component: Component, reader: Reader) -> str:
    colour = component.get("accent_color")
    style = "" if colour is None else f' style="border-left-color:#{int(colour):06x}"'
    return f'<div class="container"{style}>{_inside(component, reader)}</div>'


def _row(component: Component, reader: Reader) -> str:
    return f'<div class="row">{_inside(component, reader)}</div>'


def _button(component: Component, reader: Reader) -> str:
    style = _STYLES.get(component.get("style", 2), "secondary")
    emoji = (component.get("emoji") or {}).get("name") or ""
    label = " ".join(escape(word) for word in (emoji, component.get("label") or "") if word)
    disabled = " disabled" if component.get("disabled") else ""
    return f'<button class="{style}"{disabled}>{label}</button>'


def _section(component: Component, reader: Reader) -> str:
    beside = component_html(component["accessory"], reader) if "accessory" in component else ""
    return f'<div class="section"><div>{_inside(component, reader)}</div>{beside}</div>'


def _text(component: Component, reader: Reader) -> str:
    return f'<div class="text">{to_html(component.get("content", ""), reader)}</div>'


def _separator(component: Component, reader: Reader) -> str:
    return f'<div class="{"line" if component.get("divider", True) else "gap"}"></div>'


def _inside(component: Component, reader: Reader) -> str:
    return components_html(component.get("components", ()), reader)


_KINDS: Mapping[object, Callable[[Component, Reader], str]] = {
    1: _row,
    2: _button,
    9: _section,
    10: _text,
    14: _separator,
    17: _container,
}


def _asked(sent: Sent, reader: Reader) -> str:
    if not sent.answers:
        return ""
    who = escape(reader.names.get(sent.to, "somebody").removeprefix("@"))
    return f'<div class="asked"><b>{who}</b> used <span class="link">{escape(sent.answers)}</span></div>'


def _only_you(sent: Sent) -> str:
    if not sent.answers:
        return ""
    return '<div class="private">Only you can see this · <span class="link">Dismiss message</span></div>'


def _when(sent: Sent, reader: Reader) -> str:
    return escape(reader.moment(int(sent.at.timestamp()), "t"))
