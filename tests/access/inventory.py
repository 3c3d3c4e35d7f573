"""Everything of the bot that somebody can use, read off the bot itself."""

import typing
from collections.abc import Iterator, Mapping
from typing import Any

import discord
from discord import app_commands, ui

from bot.app.client import RefereeBot


def commands_of(bot: RefereeBot) -> dict[str, app_commands.Command[Any, ..., Any]]:
    """Return every slash command and subcommand by its full name."""
    walked = bot.tree.walk_commands(type=discord.AppCommandType.chat_input)
    return {each.qualified_name: each for each in walked if isinstance(each, app_commands.Command)}


def menus_of(bot: RefereeBot) -> dict[str, int]:
    """Return every menu of a message or a member by its name, with its kind."""
    kinds = (discord.AppCommandType.message, discord.AppCommandType.user)
    return {each.name: kind.value for kind in kinds for each in bot.tree.get_commands(type=kind)}


def offers_of(bot: RefereeBot) -> set[tuple[str, str]]:
    """Return every option, as Discord names it, that offers something while somebody types."""
    return {
        (name, option.display_name)
        for name, command in commands_of(bot).items()
        for option in command.parameters
        if option.autocomplete
    }


def items_of(bot: RefereeBot) -> dict[Any, type[ui.DynamicItem[Any]]]:
    """Return the lasting buttons and lists by the pattern of their ids; discord.py has no public list of them."""
    found: Mapping[Any, type[ui.DynamicItem[Any]]] = bot._connection._view_store._dynamic_items
    return dict(found)


def is_select(item: type[ui.DynamicItem[Any]]) -> bool:
    """Tell whether a lasting item is a list."""
    (wrapped,) = typing.get_args(item.__orig_bases__[0])  # type: ignore[attr-defined]
    return typing.get_origin(wrapped) is ui.Select


def views() -> set[type[Any]]:
    """Return the classes of the bot's own views and forms, those that somebody sees at all."""
    return {each for each in _below(ui.View, ui.LayoutView, ui.Modal) if each.__module__.startswith("bot.")}


def _below(*kinds: type[Any]) -> Iterator[type[Any]]:
    for kind in kinds:
        yield from kind.__subclasses__()
        yield from _below(*kind.__subclasses__())
