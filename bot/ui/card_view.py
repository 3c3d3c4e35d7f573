"""A card as a message: in Discord's newer layout, or as plain text where a server does not know that."""

from collections.abc import Sequence
from typing import Any

from discord import ui

from bot.ui.buttons import CardButton, buttons_of
from bot.ui.face import Face, Sight, face_of

_LAYOUT_ROOM, _PLAIN_ROOM = 3800, 1900
"""Discord takes 4,000 characters of text in a layout, and 2,000 in plain content."""


def layout_of(sight: Sight) -> ui.LayoutView:
    """Return a card in the newer layout; a new object each time, as discord.py needs for buttons that last."""
    face = face_of(sight, _LAYOUT_ROOM)
    return _boxed(face, buttons_of(sight.case))


def plain_of(sight: Sight) -> tuple[str, ui.View]:
    """Return a card as plain text with the same buttons."""
    view = ui.View(timeout=None)
    for button in buttons_of(sight.case):
        view.add_item(button)
    return "\n".join(face_of(sight, _PLAIN_ROOM).blocks), view


def note_layout(text: str) -> ui.LayoutView:
    """Return a card that only says something, such as that what it was about is gone."""
    return _boxed(Face((text,), 0x80848E), ())


def _boxed(face: Face, buttons: Sequence[CardButton]) -> ui.LayoutView:
    box: ui.Container[Any] = ui.Container(accent_colour=face.colour)
    for number, block in enumerate(face.blocks):
        if number == 1:
            box.add_item(ui.Separator())
        box.add_item(ui.TextDisplay(block))
    if buttons:
        box.add_item(ui.ActionRow(*buttons))
    view = ui.LayoutView(timeout=None)
    view.add_item(box)
    return view
