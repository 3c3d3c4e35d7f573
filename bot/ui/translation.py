"""Descriptions of commands, and the menus of messages, in other languages, from catalogues that come with the package.

A catalogue is a TOML file named after the language, such as `de.toml`: the English text is the key. Names of commands
and options, which are typed, stay English everywhere, so that the documentation fits every screen.
"""

import tomllib
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.app_commands import TranslationContextLocation as Location

from bot.errors import InputError

if TYPE_CHECKING:
    from bot.app.client import RefereeBot

Catalogues = Mapping[discord.Locale, Mapping[str, str]]

LONGEST = 100
"""How many characters a description or a choice may have."""

_TRANSLATED = frozenset(
    {
        Location.command_description,
        Location.group_description,
        Location.parameter_description,
        Location.choice_name,
    }
)


class CatalogueTranslator(app_commands.Translator):
    """Look descriptions, choices and menus up in catalogues; what a catalogue lacks stays English."""

    def __init__(self, catalogues: Catalogues) -> None:
        self._catalogues = catalogues

    async def translate(
        self, string: app_commands.locale_str, locale: discord.Locale, context: app_commands.TranslationContextTypes
    ) -> str | None:
        """Return a text in a language, None where it stays English."""
        if context.location not in _TRANSLATED and not isinstance(context.data, app_commands.ContextMenu):
            return None
        return self._catalogues.get(locale, {}).get(string.message)


def shipped() -> Traversable:
    """Return the folder of the catalogues that come with the package."""
    return resources.files(__package__).joinpath("locales")


def read_catalogues(folder: Traversable) -> Catalogues:
    """Return every catalogue of a folder by its language; raise InputError, naming the file, where one is unusable."""
    files = [file for file in folder.iterdir() if file.name.endswith(".toml")]
    return {_locale(file.name): _catalogue(file) for file in files}


def _locale(name: str) -> discord.Locale:
    try:
        return discord.Locale(name.removesuffix(".toml"))
    except ValueError as error:
        raise InputError(f"The catalogue {name} is not named after a language of Discord, such as de.toml.") from error


def _catalogue(file: Traversable) -> Mapping[str, str]:
    try:
        entries = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"The catalogue {file.name} cannot be read: {error}.") from error
    wrong = [key for key, text in entries.items() if not isinstance(text, str) or not 0 < len(text) <= LONGEST]
    if wrong:
        raise InputError(f"The catalogue {file.name} has no text of 1 to {LONGEST} letters for {wrong[0]!r:.120}.")
    return entries


async def setup(bot: "RefereeBot") -> None:
    """Have the commands translated by the catalogues that come with the package."""
    await bot.tree.set_translator(CatalogueTranslator(read_catalogues(shipped())))
