"""`referee doctor --live`: the way to Discord, on one of our own, and the bot that runs."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from email.utils import formatdate
from pathlib import Path

import pytest

from bot.console.findings_running import counts_of, told
from tests.bot.app.asked import free_port
from tests.bot.app.played import RUDE, START_S, play
from tests.bot.console.conftest import Ran
from tests.loopback.world import World

Process = Callable[..., Awaitable[Ran]]
ME, APPLICATION = "/users/@me", "/oauth2/applications/@me"
CONTENT, MEMBERS = 1 << 18, 1 << 15
SECRET = "not-to-be-repeated"  # noqa: S105


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """Serve a Discord whose application has its intents on."""
    async with World(token=SECRET) as made:
        made.fail("GET", APPLICATION, 200, application(made, CONTENT), times=None)
        yield made


def application(world: World, flags: int) -> dict[str, object]:
    return {
        "id": world.application_id,
        "name": "Referee",
        "icon": None,
        "description": "",
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": "",
        "flags": flags,
        "owner": world.users["owner"],
        "team": None,
        "summary": "",
    }


def settings_for(world: World, **more: str) -> dict[str, str]:
    return {
        "REFEREE_DISCORD_TOKEN": SECRET,
        "REFEREE_DISCORD_API": world.api_url,
        "REFEREE_DISCORD_GATEWAY": world.gateway_url,
        "REFEREE_ATTACHMENT_HOSTS": world.origin,
        **{f"REFEREE_{name.upper()}": value for name, value in more.items()},
    }


async def examined(process: Process, env: dict[str, str]) -> tuple[int, dict[str, dict[str, str]]]:
    ran = await process("doctor", "--live", "--json", env=env)
    assert SECRET not in ran.out + ran.err
    assert ran.err == ""
    return ran.code, {finding["subject"]: finding for finding in json.loads(ran.out)["findings"]}


async def test_a_sound_way_to_discord_is_told_of_part_by_part(process: Process, world: World) -> None:
    code, found = await examined(process, settings_for(world))

    assert code == 0
    assert {name: found[name]["level"] for name in ("token", "intents", "gateway", "clock", "clips", "bot")} == (
        dict.fromkeys(("token", "intents", "gateway", "clock", "clips", "bot"), "ok")
    )
    assert "referee" in found["token"]["text"]
    assert "Message Content Intent: on" in found["intents"]["text"]
    assert "REFEREE_STATUS_PORT is not set" in found["bot"]["text"]
    assert world.gateway.identifies == []


async def test_nothing_is_asked_of_discord_without_live(process: Process, world: World) -> None:
    await process("doctor", "--json", env=settings_for(world))

    assert world.calls == []


async def test_a_token_that_is_refused_is_a_problem_with_the_fix(process: Process, world: World) -> None:
    code, found = await examined(process, settings_for(world) | {"REFEREE_DISCORD_TOKEN": "another"})

    assert (code, found["token"]["level"]) == (1, "problem")
    assert "Reset Token" in found["token"]["advice"]


async def test_no_token_is_a_problem(process: Process, world: World) -> None:
    code, found = await examined(process, settings_for(world) | {"REFEREE_DISCORD_TOKEN": ""})

    assert (code, found["token"]["level"]) == (1, "problem")
    assert "is not set" in found["token"]["text"]


@pytest.mark.parametrize(
    ("status", "level", "words"),
    [
        (500, "problem", "status 500"),
        (503, "problem", "status 503"),
        (429, "warning", "asks to wait"),
        (302, "problem", "302"),
    ],
)
async def test_a_discord_in_trouble_is_told_of_without_its_words(
    process: Process, world: World, status: int, level: str, words: str
) -> None:
    world.fail("GET", ME, status, {"message": f"{SECRET} <script>"}, times=None)

    code, found = await examined(process, settings_for(world))

    assert (code, found["token"]["level"]) == (int(level == "problem"), level)
    assert words in found["token"]["text"]
    assert "script" not in found["token"]["text"]


async def test_an_intent_that_is_off_is_a_problem_that_names_it(process: Process, world: World) -> None:
    world.faults.clear()
    world.fail("GET", APPLICATION, 200, application(world, MEMBERS), times=None)

    code, found = await examined(process, settings_for(world, watch_names="true"))

    assert (code, found["intents"]["level"]) == (1, "problem")
    assert found["intents"]["text"] == "Message Content Intent: off"
    assert "Privileged Gateway Intents" in found["intents"]["advice"]


async def test_the_members_intent_is_only_asked_for_where_names_are_watched(process: Process, world: World) -> None:
    code, found = await examined(process, settings_for(world, watch_names="true"))

    assert (code, found["intents"]["text"]) == (1, "Server Members Intent: off")


async def test_without_a_network_every_part_is_one_line(process: Process, world: World) -> None:
    nobody = free_port()
    env = settings_for(
        world,
        discord_api=f"http://127.0.0.1:{nobody}/api/v10",
        discord_gateway=f"ws://127.0.0.1:{nobody}/",
        attachment_hosts=f"http://127.0.0.1:{nobody}",
        status_port=str(nobody),
    )

    code, found = await examined(process, env)

    assert code == 1
    assert {found[name]["level"] for name in ("token", "gateway", "bot")} == {"problem"}
    assert found["clips"]["level"] == "warning"
    for name in ("token", "gateway", "bot", "clips"):
        assert found[name]["advice"]
        assert "\n" not in found[name]["text"]
    assert "start it with `referee run`" in found["bot"]["advice"]


@pytest.mark.parametrize(("hours", "words"), [(2, "behind"), (-2, "ahead of")])
async def test_a_clock_that_is_wrong_is_a_warning(process: Process, world: World, hours: int, words: str) -> None:
    date = formatdate(time.time() + hours * 3600, usegmt=True)
    world.fail("GET", ME, 200, world.bot, {"Date": date}, times=None)

    code, found = await examined(process, settings_for(world))

    assert (code, found["clock"]["level"]) == (0, "warning")
    assert f"s {words} Discord's" in found["clock"]["text"]
    assert "timedatectl" in found["clock"]["advice"]


async def test_too_many_restarts_are_warned_of(process: Process, world: World) -> None:
    limit = {"total": 1000, "remaining": 3, "reset_after": 1, "max_concurrency": 1}
    world.fail("GET", "/gateway/bot", 200, {"url": "x", "session_start_limit": limit}, times=None)

    ran = await process("doctor", "--live", "--json", env=settings_for(world))

    texts = [finding["text"] for finding in json.loads(ran.out)["findings"]]
    assert "Discord lets the bot connect only 3 more times today" in texts


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"\xff\xfe", b"[" * 5000, b'{"alive": "perhaps"'])
async def test_something_else_on_the_port_is_not_taken_for_the_bot(process: Process, world: World, body: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()

    other = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with other:
        port = str(other.sockets[0].getsockname()[1])
        code, found = await examined(process, settings_for(world, status_port=port))

    assert (code, found["bot"]["level"]) == (1, "problem")
    assert "is not answered by Referee" in found["bot"]["text"]


async def test_the_bot_that_runs_is_asked_how_it_is(process: Process, world: World, tmp_path: Path) -> None:
    port = str(free_port())
    async with play(world, tmp_path, status_port=port, speech="false") as played:
        await world.say("bob", RUDE)
        await played.kept(lambda: played.rows("id"), "an incident")
        env = settings_for(world, status_port=port, database_url=f"sqlite+aiosqlite:///{tmp_path / 'referee.db'}")
        async with asyncio.timeout(START_S):
            while True:
                _, found = await examined(process, env)
                if found["bot"]["level"] == "ok":
                    break

    assert "connected, has caught up" in found["bot"]["text"]
    assert "1 messages, 1 scored, 0 not scored" in found["judging"]["text"]
    assert "1 incidents" in found["judging"]["text"]
    assert "Discord was last heard of" in found["queue"]["text"]
    assert found["store"]["level"] == "ok"
    assert "worthless" not in json.dumps(found)


def test_what_was_lost_or_waits_is_a_warning_in_words() -> None:
    page = """
# TYPE referee_messages_seen_total counter
referee_messages_seen_total 50
referee_messages_scored_total 40
referee_messages_not_scored_total{reason="overloaded"} 9
referee_messages_not_scored_total{reason="late"} 1
referee_incidents_total 3
referee_incidents_not_kept_total 2
referee_texts_waiting 300
referee_texts_oldest_wait_seconds 7.5
referee_database_up 0
referee_communities_stopped 1
"""
    found = {finding.subject: finding for finding in told(counts_of(page))}

    assert "10 not scored" in found["judging"].text
    assert "9 overloaded, 1 late" in found["judging"].text
    assert found["judging"].level == "warning"
    assert "300 texts wait, the oldest for 7.5 s" in found["queue"].text
    assert found["queue"].level == "warning"
    assert found["store"].level == "problem"
    assert found["incidents"].level == "problem"
    assert "stopped in 1 servers" in found["brake"].text


@pytest.mark.parametrize("page", ["", "nonsense {{{", "referee_messages_seen_total one", '\x00"', "# TYPE"])
def test_a_page_that_is_none_says_nothing(page: str) -> None:
    assert list(told(counts_of(page))) == []
