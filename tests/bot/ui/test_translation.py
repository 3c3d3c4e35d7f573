"""Descriptions of commands in other languages."""

from pathlib import Path
from typing import Any

import discord
import pytest

from bot.app import sync
from bot.app.client import RefereeBot
from bot.app.setup import STEPS
from bot.cogs.governing import policy
from bot.errors import InputError
from bot.ui import translation
from bot.ui.translation import LONGEST, CatalogueTranslator, read_catalogues, shipped
from tests.fakes.discord_bench import DiscordBench, open_discord

PARTS = [step for step in STEPS if step is not sync.setup]
"""Everything that adds commands; the bench sends them itself."""

NOT_TRANSLATED = {"csv", "json"}
"""Choices that are the same in every language."""

LONGEST_MENU = 32


def texts(spec: dict[str, Any]) -> set[str]:
    """Return every description and choice below a command, as it is sent to Discord; a menu has its name alone."""
    if spec["type"] in (discord.AppCommandType.message.value, discord.AppCommandType.user.value):
        return {spec["name"]}
    return _described(spec)


def _described(spec: dict[str, Any]) -> set[str]:
    choices = {choice["name"] for choice in spec.get("choices", [])}
    return {spec["description"]}.union(choices, *(_described(option) for option in spec.get("options", [])))


def untranslated(spec: dict[str, Any]) -> set[str]:
    """Return the descriptions and choices, as Discord was sent them, that have no German."""
    own = set() if "de" in (spec.get("description_localizations") or {}) else {spec["description"]}
    choices = {
        choice["name"] for choice in spec.get("choices", []) if "de" not in (choice.get("name_localizations") or {})
    }
    return own.union(choices, *(untranslated(option) for option in spec.get("options", [])))


async def test_every_catalogue_covers_the_commands_and_nothing_else(tmp_path: Path):
    async with open_discord(tmp_path, *PARTS) as bench:
        tree = bench.bot.tree
        used = set[str]().union(*(texts(command.to_dict(tree)) for command in tree.get_commands()))

    for locale, catalogue in read_catalogues(shipped()).items():
        assert used - catalogue.keys() == NOT_TRANSLATED, f"{locale} lacks the others"
        assert catalogue.keys() - used == set(), f"no command uses these of {locale}"


async def test_discord_is_sent_the_whole_tree_in_german_but_for_what_is_typed(tmp_path: Path):
    async with open_discord(tmp_path, *PARTS) as bench:
        sent = [bench.env.backend.find_command(name, bench.guild.id, type=kind) for name, kind in known(bench)]

    slash = [spec for spec in sent if spec["type"] == discord.AppCommandType.chat_input.value]
    assert {spec["name"] for spec in slash} >= {"referee", "policy", "incidents", "toxcheck", "privacy"}
    assert set[str]().union(*(untranslated(spec) for spec in slash)) == NOT_TRANSLATED
    assert [found for spec in slash for found in named(spec)] == []


async def test_menus_are_sent_in_german_as_short_as_discord_takes_them(tmp_path: Path):
    async with open_discord(tmp_path, *PARTS) as bench:
        menus = [name for name, kind in known(bench) if kind == discord.AppCommandType.message.value]
        sent = {name: bench.env.backend.find_command(name, bench.guild.id, type=3) for name in menus}

    assert sent["Check toxicity"]["name_localizations"] == {"de": "Toxizität prüfen"}
    for catalogue in read_catalogues(shipped()).values():
        assert [menu for menu in sent if not 0 < len(catalogue[menu]) <= LONGEST_MENU] == []


async def test_no_command_is_hidden_from_moderators_who_are_so_by_a_role_that_was_set_up(tmp_path: Path):
    async with open_discord(tmp_path, *PARTS) as bench:
        sent = [bench.env.backend.find_command(name, bench.guild.id, type=kind) for name, kind in known(bench)]

    assert [spec["name"] for spec in sent if spec["default_member_permissions"] is not None] == []


def known(bench: DiscordBench) -> list[tuple[str, int]]:
    """Return the name and the type of each command."""
    specs = [command.to_dict(bench.bot.tree) for command in bench.bot.tree.get_commands()]
    return [(spec["name"], spec["type"]) for spec in specs]


def named(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the translated names of a command, of its parts and of their options."""
    own = [spec["name_localizations"]] if spec.get("name_localizations") else []
    return [*own, *(found for option in spec.get("options", []) for found in named(option))]


async def test_discord_is_sent_german_descriptions_and_choices_but_english_names(tmp_path: Path):
    async with open_discord(tmp_path, translation.setup, policy.setup) as bench:
        spec = bench.env.backend.find_command("policy", bench.guild.id, type=1)
        preset = next(option for option in spec["options"] if option["name"] == "preset")

        assert preset["description_localizations"]["de"] == "Wählen, wie weit Referee gehen darf."
        shadow = preset["options"][0]["choices"][0]
        assert (shadow["name"], shadow["name_localizations"]["de"]) == ("shadow", "shadow (nur zeigen)")
        assert preset["options"][0]["description_localizations"].keys() == {"de"}
        assert not preset.get("name_localizations")
        assert not spec.get("name_localizations")


async def test_names_stay_english_whatever_a_catalogue_says(tmp_path: Path):
    async def translated(bot: RefereeBot) -> None:
        await bot.tree.set_translator(CatalogueTranslator({discord.Locale.german: {"policy": "regeln", "mode": "art"}}))

    async with open_discord(tmp_path, translated, policy.setup) as bench:
        spec = bench.env.backend.find_command("policy", bench.guild.id, type=1)

    assert "regeln" not in str(spec)
    assert "'art'" not in str(spec)


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("klingon.toml", '"a" = "b"', "not named after a language"),
        ("fr.toml", "no toml", "cannot be read"),
        ("fr.toml", '"a" = 1', "no text"),
        ("fr.toml", '"a" = ""', "no text"),
        ("fr.toml", f'"a" = "{"x" * (LONGEST + 1)}"', "no text"),
    ],
)
def test_a_catalogue_that_discord_would_refuse_is_named(tmp_path: Path, name: str, content: str, why: str):
    (tmp_path / name).write_text(content)

    with pytest.raises(InputError, match=why) as caught:
        read_catalogues(tmp_path)
    assert name in str(caught.value)


def test_catalogues_are_found_by_language_and_other_files_are_left_alone(tmp_path: Path):
    (tmp_path / "pt-BR.toml").write_text('"Save" = "Salvar"')
    (tmp_path / "README.md").write_text("no catalogue")

    assert read_catalogues(tmp_path) == {discord.Locale.brazil_portuguese: {"Save": "Salvar"}}
