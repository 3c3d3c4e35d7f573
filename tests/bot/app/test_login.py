"""How the process starts, and what it says where it cannot."""

import asyncio
from pathlib import Path

import pytest

from tests.bot.app.asked import free_port
from tests.bot.app.played import play
from tests.loopback.process import RefereeProcess
from tests.loopback.world import World

MESSAGE_CONTENT, MEMBERS = 1 << 15, 1 << 1
WRONG = "not-the-one"
GUILDS, GUILD_MESSAGES, AUTOMOD = 1, 1 << 9, 1 << 21


async def refused(world: World, folder: Path, *, lines: int = 1, **settings: str | None) -> str:
    """Return the line with which the process gives up, the last of so many."""
    async with RefereeProcess(world, folder, settings=settings) as referee:
        assert await referee.wait_exit(60) == 2, referee.output
        said = [line for line in referee.stderr.splitlines() if line.strip()]
        assert len(said) == lines, referee.output
        return said[-1]


async def test_the_intents_asked_for_are_exactly_those_needed(discord_world: World, tmp_path: Path) -> None:
    async with play(discord_world, tmp_path) as played:
        asked = discord_world.gateway.identifies[-1]["intents"]
        assert asked == GUILDS | GUILD_MESSAGES | MESSAGE_CONTENT | AUTOMOD
        await played.referee.stop()


async def test_watching_names_asks_for_members_as_well(discord_world: World, tmp_path: Path) -> None:
    async with play(discord_world, tmp_path, watch_names="true"):
        assert discord_world.gateway.identifies[-1]["intents"] & MEMBERS


async def test_a_token_that_is_not_accepted_is_one_line_with_the_fix(discord_world: World, tmp_path: Path) -> None:
    line = await refused(discord_world, tmp_path, REFEREE_DISCORD_TOKEN=WRONG)

    assert "REFEREE_DISCORD_TOKEN" in line
    assert "Reset Token" in line
    assert WRONG not in line


@pytest.mark.parametrize("token", [None, "", "  "])
async def test_no_token_is_one_line_with_the_fix(discord_world: World, tmp_path: Path, token: str | None) -> None:
    assert "REFEREE_DISCORD_TOKEN is not set" in await refused(discord_world, tmp_path, REFEREE_DISCORD_TOKEN=token)
    assert discord_world.calls == []


async def test_an_intent_that_is_switched_off_is_named_in_one_line(discord_world: World, tmp_path: Path) -> None:
    discord_world.forbidden_intents = MESSAGE_CONTENT

    line = await refused(discord_world, tmp_path)

    assert "Switch on Message Content Intent under Privileged Gateway Intents" in line
    assert "Server Members" not in line


async def test_a_server_that_does_not_answer_is_one_line(discord_world: World, tmp_path: Path) -> None:
    line = await refused(discord_world, tmp_path, REFEREE_DISCORD_API="http://127.0.0.1:1/api/v10")

    assert "http://127.0.0.1:1/api/v10 cannot be reached" in line


async def test_commands_are_sent_once_and_again_only_when_they_change(discord_world: World, tmp_path: Path) -> None:
    async with play(discord_world, tmp_path) as played:
        names = {command["name"] for command in discord_world.commands[None]}
        assert {"toxcheck", "incidents", "policy", "referee", "privacy"} <= names
        assert {"Check toxicity", "Report to moderators"} <= names
        await played.referee.stop()
        await played.referee.start()
        await discord_world.online(60)
        assert len(discord_world.made("PUT", r"/applications/\d+/commands")) == 1


async def test_a_server_without_commands_is_watched_all_the_same(discord_world: World, tmp_path: Path) -> None:
    discord_world.fail("PUT", r"/applications/\d+/commands", 404, {"message": "404: Not Found", "code": 0}, times=None)
    async with play(discord_world, tmp_path) as played:
        await discord_world.say("alice", "you worthless idiot")
        await played.kept(lambda: played.rows("id"), "an incident")


async def test_a_long_rate_limit_at_the_start_is_one_line(discord_world: World, tmp_path: Path) -> None:
    limited = {"message": "You are being rate limited.", "retry_after": 300.0, "global": False}
    discord_world.fail("GET", "/users/@me", 429, limited, {"Via": "1.1 loopback"}, times=None)

    assert "asks to wait 300 s" in await refused(discord_world, tmp_path, lines=2)


async def test_commands_that_may_not_be_sent_for_long_do_not_keep_it_from_watching(
    discord_world: World, tmp_path: Path
) -> None:
    limited = {"message": "You are being rate limited.", "retry_after": 300.0, "global": False}
    discord_world.fail("PUT", r"/applications/\d+/commands", 429, limited, {"Via": "1.1 loopback"}, times=None)
    async with play(discord_world, tmp_path) as played:
        assert "the commands could not be sent" in played.referee.stderr


async def test_a_stop_during_the_login_is_quiet(discord_world: World, tmp_path: Path) -> None:
    held = discord_world.hold("GET", "/oauth2/applications/@me")
    async with RefereeProcess(discord_world, tmp_path) as referee:
        await discord_world.call("GET", "/oauth2/applications/@me", within=60)
        await referee.stop()
        held.drop()
        assert referee.stderr == ""


async def test_a_stop_while_the_model_is_loaded_is_a_clean_end(discord_world: World, tmp_path: Path) -> None:
    port = free_port()
    async with RefereeProcess(discord_world, tmp_path, settings={"REFEREE_STATUS_PORT": str(port)}) as referee:
        await listening(port)
        await referee.stop()
        assert referee.stderr == ""


async def test_a_stop_while_python_still_imports_is_a_clean_end(discord_world: World, tmp_path: Path) -> None:
    importing = ("-X", "importtime", "-m", "bot", "run")
    async with RefereeProcess(discord_world, tmp_path, arguments=importing) as referee:
        await referee.printed("discord.enums", within=60)
        await referee.stop()
        assert "connecting" not in referee.stdout
        assert "Traceback" not in referee.stderr


async def listening(port: int) -> None:
    """Wait until a port is listened on, which is before the model is loaded."""
    async with asyncio.timeout(60):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return
