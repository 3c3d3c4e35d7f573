"""A private answer of several blocks: in Discord's newer layout, or as plain text where a server does not know that."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import discord
from discord import ui

_LAYOUT_ROOM, _PLAIN_ROOM = 3800, 1900
"""Discord takes 4,000 characters of text in a layout, and 2,000 in plain content."""

_LEFT_OUT = "-# There is more, but no room for it here."


@dataclass(frozen=True, slots=True)
class Panel:
    """Hold the text of an answer in blocks, the most important first, and its colour."""

    blocks: tuple[str, ...]
    colour: int

    def layout(self) -> ui.LayoutView:
        """Return it in the newer layout."""
        box: ui.Container[Any] = ui.Container(accent_colour=self.colour)
        for block in fitting(self.blocks, _LAYOUT_ROOM):
            box.add_item(ui.TextDisplay(block))
        view = ui.LayoutView(timeout=None)
        view.add_item(box)
        return view

    def plain(self) -> str:
        """Return it as plain text."""
        return "\n".join(fitting(self.blocks, _PLAIN_ROOM))


async def send_panel(interaction: discord.Interaction[Any], panel: Panel) -> None:
    """Answer a deferred interaction with a panel that only its user sees; raise discord.HTTPException."""
    nobody = discord.AllowedMentions.none()
    try:
        await interaction.followup.send(view=panel.layout(), ephemeral=True, allowed_mentions=nobody)
    except discord.HTTPException as error:
        if error.status != 400:
            raise
        await interaction.followup.send(panel.plain(), ephemeral=True, allowed_mentions=nobody)


def fitting(blocks: Sequence[str], room: int) -> tuple[str, ...]:
    """Return the blocks that fit, whole: a block that is cut could leave its spoiler open."""
    kept = tuple(_fitting([block for block in blocks if block], room - len(_LEFT_OUT) - 1))
    return kept if len(kept) == sum(map(bool, blocks)) else (*kept, _LEFT_OUT)


def _fitting(blocks: Sequence[str], room: int) -> Iterator[str]:
    for block in blocks:
        size = units(block) + 1
        if size <= room:
            room -= size
            yield block


def units(text: str) -> int:
    """Return the number of UTF-16 units: whichever of the two Discord counts, there are no more characters."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
