"""The event loop stays even: events give way to others, and garbage is collected when nothing waits."""

import asyncio
import gc
import sys
from collections.abc import Iterator
from pathlib import Path

import discord.client
import pytest
from discord.gateway import DiscordWebSocket

from bot.app.evenness import EvenWebSocket, give_way, spare_the_heap
from tests.fakes.discord_bench import open_discord


@pytest.fixture
def heap() -> Iterator[None]:
    """Leave the collector as it was."""
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


async def nothing(_socket: DiscordWebSocket) -> None:
    return


async def test_a_run_of_events_that_are_all_there_gives_way_to_others(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(DiscordWebSocket, "poll_event", nothing)
    monkeypatch.setattr("bot.app.evenness._BREATH_S", 0.0)
    socket, turns = EvenWebSocket.__new__(EvenWebSocket), 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(others())
    for _ in range(50):
        await socket.poll_event()
    beside.cancel()

    assert turns >= 40


def test_the_library_connects_through_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(discord.client, "DiscordWebSocket", DiscordWebSocket)
    give_way()
    assert sys.modules["discord.client"].DiscordWebSocket is EvenWebSocket


@pytest.mark.usefixtures("heap")
async def test_what_a_start_leaves_behind_is_not_looked_through_again(tmp_path: Path):
    async with open_discord(tmp_path) as bench:
        spare_the_heap(bench.bot)
        before = gc.get_freeze_count()
        bench.bot.dispatch("ready")
        await bench.env.settle()

        assert gc.get_freeze_count() > before + 10_000
        assert gc.get_threshold()[2] >= 1000
