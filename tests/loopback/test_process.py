"""Starting, killing and stopping a process on a loopback Discord."""

import os
from pathlib import Path

import pytest

from tests.loopback.process import RefereeProcess
from tests.loopback.world import World

SLEEPER = """
import os, signal, sys, time
def leave(*_):
    print("bye", flush=True)
    sys.exit({code})
signal.signal(signal.SIGTERM, leave)
print(sorted(key for key in os.environ if key.startswith("REFEREE_")), os.getcwd(), flush=True)
print("ready", file=sys.stderr, flush=True)
while True:
    time.sleep(60)
"""

BOT = """
import os, discord, yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route
Route.BASE = os.environ["REFEREE_DISCORD_API"]
DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(os.environ["REFEREE_DISCORD_GATEWAY"])
class Client(discord.Client):
    async def on_ready(self):
        channel = self.guilds[0].text_channels[0]
        said = [one.content async for one in channel.history() if one.author != self.user]
        await channel.send(f"back after {said}")
Client(intents=discord.Intents(guilds=True), guild_ready_timeout=0.01).run(os.environ["REFEREE_DISCORD_TOKEN"])
"""


def sleeper(world: World, folder: Path, code: int = 0, **settings: str | None) -> RefereeProcess:
    return RefereeProcess(world, folder, arguments=("-c", SLEEPER.format(code=code)), settings=settings)


async def test_a_process_is_given_its_own_settings_and_folder(
    discord_world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REFEREE_MODEL", "from the caller")
    async with sleeper(discord_world, tmp_path, REFEREE_LOG_LEVEL="INFO", REFEREE_DISCORD_TOKEN=None) as process:
        await process.printed("ready")
        await process.stop()

    assert "REFEREE_MODEL" not in process.stdout
    assert "REFEREE_DISCORD_TOKEN" not in process.stdout
    assert "REFEREE_LOG_LEVEL" in process.stdout
    assert "REFEREE_DISCORD_GATEWAY" in process.stdout
    assert str(tmp_path) in process.stdout
    assert "bye" in process.stdout


async def test_a_killed_process_says_nothing_more_and_can_be_started_again(
    discord_world: World, tmp_path: Path
) -> None:
    async with sleeper(discord_world, tmp_path) as process:
        await process.printed("ready")
        first = process.pid
        assert await process.kill() == -9
        await process.start()
        assert process.pid != first

    assert not process.running
    assert "bye" not in process.stdout
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


async def test_a_stop_that_is_not_clean_fails_with_the_output(discord_world: World, tmp_path: Path) -> None:
    async with sleeper(discord_world, tmp_path, code=3) as process:
        await process.printed("ready")
        with pytest.raises(AssertionError, match=r"(?s)ended with 3.*bye"):
            await process.stop()


async def test_a_process_that_does_not_end_is_killed(discord_world: World, tmp_path: Path) -> None:
    async with sleeper(discord_world, tmp_path) as process:
        with pytest.raises(AssertionError, match="did not end"):
            await process.wait_exit(within=0.05)
        assert not process.running


async def test_a_bot_of_its_own_process_is_killed_and_catches_up(discord_world: World, tmp_path: Path) -> None:
    async with RefereeProcess(discord_world, tmp_path, arguments=("-c", BOT)) as process:
        await discord_world.message("general", lambda one: one["content"] == "back after []")
        await process.kill()
        assert not discord_world.gateway.connected
        await discord_world.say("alice", "missed")
        await process.start()
        await discord_world.message("general", lambda one: one["content"] == "back after ['missed']")

    assert len(discord_world.gateway.identifies) == 2
