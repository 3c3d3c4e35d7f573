"""`/healthz`, `/readyz` and `/metrics` of the real bot, as a process on a Discord of our own."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import cast

from bot.app.client import RefereeBot
from bot.app.health import Health
from tests.bot.app.asked import Said, ask, free_port
from tests.bot.app.played import CLEAN, RUDE, START_S, WORSE, Played, play
from tests.loopback.process import RefereeProcess
from tests.loopback.world import World

_AGAIN_S = 0.1


async def told(port: int, path: str, holds: Callable[[Said], object], within: float = START_S) -> Said:
    """Ask until the answer is as expected."""
    said: Said | str = "nothing was answered"
    try:
        async with asyncio.timeout(within):
            while True:
                try:
                    said = await ask(port, path)
                    if holds(said):
                        return said
                except OSError as error:
                    said = repr(error)
                await asyncio.sleep(_AGAIN_S)
    except TimeoutError:
        raise AssertionError(f"{path} did not become so within {within} s: {said}") from None


async def test_after_some_messages_every_count_is_exact(discord_world: World, tmp_path: Path) -> None:
    port = free_port()
    async with play(discord_world, tmp_path, status_port=str(port)) as played:
        await played.set_up("standard")
        await (await discord_world.slash("admin", "policy set", category="insult", ladder="timeout:10m")).final()
        await told(port, "/readyz", lambda said: said.status == 200)
        before = await ask(port, "/metrics")
        assert before.value("referee_messages_seen_total") == 0
        assert before.value("referee_ready") == 1
        for text in (CLEAN, RUDE, "gg", WORSE):
            await discord_world.say("alice" if text == CLEAN else "bob", text)

        await told(port, "/metrics", lambda said: said.value("referee_messages_seen_total") == 4)
        await played.kept(lambda: [row for row in played.rows("outcome") if row[0] == "done"], "an action")
        said = await told(
            port, "/metrics", lambda said: said.value("referee_incidents_total") == 2 and agrees(said, played)
        )

    assert said.value("referee_messages_scored_total") == 4
    assert said.value("referee_incidents_total") == 2
    assert said.value("referee_messages_flagged_total", category="insult") == 2
    assert said.value("referee_actions_total", action="timeout", outcome="done") >= 1
    assert said.value("referee_incidents_not_kept_total") == 0
    assert said.value("referee_decision_latency_seconds_count") == 4
    assert said.value("referee_decision_latency_seconds_bucket", le="+Inf") == 4
    assert said.value("referee_scoring_latency_seconds_count") >= 4
    assert said.value("referee_communities") == 1
    assert said.value("referee_database_up") == 1
    assert said.value("referee_database_size_bytes") >= 4096
    assert said.value("referee_gateway_up") == 1
    assert said.value("referee_gateway_sessions_total") == 1
    assert said.value("referee_gateway_events_total") > 4
    assert said.value("referee_event_loop_lag_seconds_count") > 0
    assert said.value("process_resident_memory_bytes") > 1 << 20
    for hidden in (discord_world.guild.id, discord_world.users["bob"]["id"], "bob", "idiot", discord_world.token):
        assert hidden not in said.body


def agrees(said: Said, played: Played) -> bool:
    """Tell whether the actions that are counted are those that the database holds."""
    done = sum(outcome == "done" for (outcome,) in played.rows("outcome"))
    counted = said.value("referee_actions_total", action="timeout", outcome="done")
    return counted == done == said.value("referee_action_latency_seconds_count")


async def test_it_is_alive_and_not_ready_until_it_is_connected(discord_world: World, tmp_path: Path) -> None:
    port = free_port()
    held = discord_world.hold("GET", "/oauth2/applications/@me")
    settings = {"REFEREE_STATUS_PORT": str(port), "REFEREE_THREADS": "1"}
    async with RefereeProcess(discord_world, tmp_path, settings=settings):
        await held.reached(START_S)

        alive, unready = await ask(port, "/healthz"), await told(port, "/readyz", lambda said: "gateway" in said.body)
        assert (alive.status, alive.told) == (200, {"alive": True})
        assert (unready.status, unready.told["ready"]) == (503, False)
        assert unready.told["missing"] == ["gateway: not connected to Discord"]

        held.release()
        ready = await told(port, "/readyz", lambda said: said.status == 200)
        assert ready.told == {"ready": True, "missing": []}


async def test_a_lost_connection_makes_it_unready_until_it_is_back(discord_world: World, tmp_path: Path) -> None:
    port = free_port()
    async with play(discord_world, tmp_path, status_port=str(port)):
        await told(port, "/readyz", lambda said: said.status == 200)
        async with discord_world.gateway.outage(4000):
            await told(port, "/readyz", lambda said: said.status == 503 and "gateway" in said.body)
            assert (await ask(port, "/healthz")).status == 200
            lost = await ask(port, "/metrics")
            assert lost.value("referee_gateway_up") == 0
            assert lost.value("referee_ready") == 0
        await told(port, "/readyz", lambda said: said.status == 200)
        back = await ask(port, "/metrics")
        assert back.value("referee_gateway_disconnects_total") == 1
        assert back.value("referee_gateway_resumes_total") + back.value("referee_gateway_sessions_total") == 2


async def test_a_database_that_is_held_makes_it_unready_and_is_counted(discord_world: World, tmp_path: Path) -> None:
    port = free_port()
    async with play(discord_world, tmp_path, status_port=str(port)) as played:
        await told(port, "/readyz", lambda said: said.status == 200)
        with sqlite3.connect(played.folder / "referee.db") as other:
            other.execute("DROP TABLE meta")
            other.commit()

        unready = await told(port, "/readyz", lambda said: said.status == 503)
        assert "database: it does not answer" in unready.told["missing"]
        assert (await ask(port, "/metrics")).value("referee_database_up") == 0
        assert (await ask(port, "/metrics")).value("referee_database_errors_total") >= 1


async def test_a_stopped_process_is_not_alive_and_says_so(discord_world: World, tmp_path: Path) -> None:
    """The event loop is kept from turning; the thread that answers is not."""
    port = free_port()
    stall = "import sys, time; sys.argv[1:] = ['run']; from tests.bot.app import stalling; stalling.main()"
    process = RefereeProcess(
        discord_world,
        tmp_path,
        arguments=("-c", stall),
        settings={"REFEREE_STATUS_PORT": str(port), "REFEREE_THREADS": "1"},
    )
    async with process:
        await discord_world.online(START_S)
        await discord_world.say("alice", "stall now")

        said = await told(port, "/healthz", lambda said: said.status == 503)
        assert said.told == {"alive": False}
        assert "event loop" in (await ask(port, "/readyz")).body


async def test_a_port_that_is_taken_is_one_line_with_the_fix(discord_world: World, tmp_path: Path) -> None:
    port = free_port()
    settings = {"REFEREE_STATUS_PORT": str(port)}
    listening = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", port)
    async with listening, RefereeProcess(discord_world, tmp_path, settings=settings) as referee:
        assert await referee.wait_exit(60) == 2

        assert f"REFEREE_STATUS_PORT: 127.0.0.1:{port} cannot be listened on" in referee.stderr
        assert len(referee.stderr.splitlines()) == 1
    assert discord_world.calls == []


async def test_a_process_that_stands_by_again_says_so_instead_of_telling_of_the_bot_that_it_was() -> None:
    health = Health()
    health.attach(cast("RefereeBot", object()))
    health.stage("watch: another process watches, this one stands by")

    assert await health.look() == "watch: another process watches, this one stands by"
