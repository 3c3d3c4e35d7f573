import asyncio
from pathlib import Path

import discord
import pytest

from bot.app.client import RefereeBot
from bot.cogs.watching import watch
from bot.cogs.watching.members import Members
from bot.errors import DiscordUnreachable
from tests.fakes.discord_bench import open_discord


class Asked:
    """Stand in for the request of one guild, held until it is let go; nothing else of the guild is asked."""

    def __init__(self, guild: discord.Guild, monkeypatch: pytest.MonkeyPatch) -> None:
        self.users: list[int] = []
        self.go = asyncio.Event()
        monkeypatch.setattr(discord.Guild, "fetch_member", self._fetch)
        self.guild = guild

    async def _fetch(self, user: int) -> discord.Member:
        self.users.append(user)
        await self.go.wait()
        assert self.guild.me is not None
        return self.guild.me


def guild_of(bot: RefereeBot, guild: int) -> discord.Guild:
    found = bot.get_guild(guild)
    assert found is not None
    return found


async def test_many_questions_about_one_member_are_one_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    async with open_discord(tmp_path, watch.setup) as bench:
        guild = guild_of(bench.bot, bench.guild.id)
        asked, members = Asked(guild, monkeypatch), Members()
        questions = [asyncio.create_task(members.find(guild, 77)) for _ in range(500)]
        await asyncio.sleep(0)
        questions[0].cancel()
        asked.go.set()
        answers = await asyncio.gather(*questions, return_exceptions=True)

    assert asked.users == [77]
    assert [type(answer).__name__ for answer in answers] == ["CancelledError"] + ["Member"] * 499


async def test_a_flood_of_strangers_keeps_nobody_waiting_for_thousands_of_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async with open_discord(tmp_path, watch.setup) as bench:
        guild = guild_of(bench.bot, bench.guild.id)
        asked, members = Asked(guild, monkeypatch), Members()
        questions = [asyncio.create_task(members.find(guild, user)) for user in range(1000, 1100)]
        for _ in range(3):
            await asyncio.sleep(0)
        assert len(asked.users) == 20
        asked.go.set()
        answers = await asyncio.gather(*questions, return_exceptions=True)
        assert sum(isinstance(answer, DiscordUnreachable) for answer in answers) == 80
        assert await members.find(guild, 1099) == guild.me
