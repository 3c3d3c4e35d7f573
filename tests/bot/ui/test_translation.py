"""Descriptions of commands in other languages."""

from pathlib import Path
from typing import Any

import discord
import pytest

from bot.app.client import RefereeBot
from bot.cogs import policy, setup_guide, status
from bot.errors import InputError
from bot.ui import translation
from bot.ui.translation import LONGEST, CatalogueTranslator, read_catalogues, shipped
from tests.fakes.discord_bench import open_discord

TRANSLATED = (policy.setup, setup_guide.setup, status.setup)
"""The parts whose commands the catalogues cover; add a part with its entries."""


def texts(spec: dict[str, Any]) -> set[str]:
    """Return every description and choice below a command, as it is sent to Discord."""
    own = {spec["description"]} if spec.get("description") else set()
    choices = {choice["name"] for choice in spec.get("choices", [])}
    return own.union(choices, *(texts(option) for option in spec.get("options", [])))


async def test_every_catalogue_covers_the_commands_and_nothing_else(tmp_path: Path):
    async with open_discord(tmp_path, *TRANSLATED) as bench:
        tree = bench.bot.tree
        used = set[str]().union(*(texts(command.to_dict(tree)) for command in tree.get_commands()))

    for locale, catalogue in read_catalogues(shipped()).items():
        assert used - catalogue.keys() == set(), f"{locale} lacks these"
        assert catalogue.keys() - used == set(), f"no command uses these of {locale}"


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
